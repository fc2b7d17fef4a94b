import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from harness.data import archives, catalog
from harness.data.availability import content, is_whole
from harness.data.origins import ImageArchive, is_unpacked
from harness.data.records import DataError

Known = Callable[..., Path]


def member(
    name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, "train/cat/0000.jpg"
    return info, content


GOOD = (member("train/cat/0000.jpg", b"image"), member("test/cat/0000.jpg", b"other"))


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Known:
    """Make an archive of the given members that is registered under the name `toy`."""

    def make(*members: tuple[tarfile.TarInfo, bytes], cut: int = 0, limit: int = 100) -> Path:
        path = tmp_path / "toy.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            for info, content in members:
                tar.addfile(info, io.BytesIO(content))
        if cut:
            path.write_bytes(path.read_bytes()[:-cut])
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        lines = "".join(
            f"{info.name}\0{hashlib.sha256(content).hexdigest()}\n"
            for info, content in sorted(members, key=lambda pair: pair[0].name)
        )
        of_images = hashlib.sha256(lines.encode()).hexdigest()
        origin = ImageArchive("toy.tar.gz", sha256, limit, of_images, (1, 1))
        row = replace(catalog.DATASETS["cifar10_jpeg"], origin=origin)
        monkeypatch.setitem(catalog.DATASETS, "toy", row)
        return path

    return make


def test_a_known_archive_is_unpacked_whole(
    known: Known, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = archives.import_archive("toy", known(*GOOD), tmp_path / "data")
    assert (folder / "train/cat/0000.jpg").read_bytes() == b"image"
    assert (folder / "test/cat/0000.jpg").read_bytes() == b"other"
    assert is_unpacked("toy", tmp_path / "data")
    assert capsys.readouterr().out == ""


def test_importing_again_changes_nothing(known: Known, tmp_path: Path) -> None:
    folder = archives.import_archive("toy", known(*GOOD), tmp_path / "data")
    before = (folder / "complete").stat()
    assert archives.import_archive("toy", tmp_path / "gone.tar.gz", tmp_path / "data") == folder
    assert (folder / "complete").stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("content", [None, b"IMAGE"])
def test_one_that_is_not_what_was_unpacked_any_more_is_unpacked_again(
    known: Known, tmp_path: Path, content: bytes | None
) -> None:
    archive = known(*GOOD)
    image = archives.import_archive("toy", archive, tmp_path / "data") / "train/cat/0000.jpg"
    assert is_whole("toy", tmp_path / "data")
    image.unlink() if content is None else image.write_bytes(content)
    assert is_unpacked("toy", tmp_path / "data")
    assert not is_whole("toy", tmp_path / "data")
    archives.import_archive("toy", archive, tmp_path / "data")
    assert image.read_bytes() == b"image"


def test_what_killed_processes_left_is_removed(known: Known, tmp_path: Path) -> None:
    left = tmp_path / "data/harness/.toy.elsewhere.4711.tmp/train"
    left.mkdir(parents=True)
    archives.import_archive("toy", known(*GOOD), tmp_path / "data")
    assert sorted(path.name for path in (tmp_path / "data/harness").iterdir()) == [
        "toy",
        "toy.lock",
    ]


def test_a_pipe_is_no_archive(known: Known, tmp_path: Path) -> None:
    known(*GOOD)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="it is no regular file"):
        archives.import_archive("toy", tmp_path / "pipe", tmp_path / "data")


def test_a_folder_without_its_marker_is_replaced(known: Known, tmp_path: Path) -> None:
    stale = tmp_path / "data/harness/toy/train/dog"
    stale.mkdir(parents=True)
    folder = archives.import_archive("toy", known(*GOOD), tmp_path / "data")
    assert sorted(path.name for path in (folder / "train").iterdir()) == ["cat"]


def test_several_at_once_unpack_once(known: Known, tmp_path: Path) -> None:
    archive = known(*GOOD)
    with ThreadPoolExecutor(4) as pool:
        folders = set(
            pool.map(lambda _: archives.import_archive("toy", archive, tmp_path / "data"), range(8))
        )
    assert len(folders) == 1
    there = {path.name for path in (tmp_path / "data/harness").iterdir() if path.is_dir()}
    assert there - {"digests"} == {"toy"}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ((member("../outside.jpg", b"x"),), "leaves its folder"),
        ((member("/outside.jpg", b"x"),), "leaves its folder"),
        ((member("train/cat/1.jpg", kind=tarfile.SYMTYPE),), "neither file nor folder"),
        ((member("train/cat/1.jpg", kind=tarfile.LNKTYPE),), "neither file nor folder"),
        ((member("a", b"x" * 60), member("b", b"x" * 60)), "more than 100 bytes"),
    ],
)
def test_unsafe_members_are_refused(
    known: Known, tmp_path: Path, members: tuple[tuple[tarfile.TarInfo, bytes], ...], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        archives.import_archive("toy", known(*GOOD, *members), tmp_path / "data")
    assert not is_unpacked("toy", tmp_path / "data")
    assert [path for path in (tmp_path / "data/harness").iterdir() if path.is_dir()] == []
    assert not (tmp_path / "outside.jpg").exists()


def test_a_cut_off_archive_is_refused(known: Known, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cut off or damaged"):
        archives.import_archive("toy", known(*GOOD, cut=30), tmp_path / "data")


def test_another_archive_is_refused(known: Known, tmp_path: Path) -> None:
    archive = known(*GOOD)
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(DataError, match="not the archive that is known"):
        archives.import_archive("toy", archive, tmp_path / "data")


def test_a_missing_archive_and_an_unknown_name_are_named(known: Known, tmp_path: Path) -> None:
    known(*GOOD)
    with pytest.raises(DataError, match=r"no archive .*gone\.tar\.gz"):
        archives.import_archive("toy", tmp_path / "gone.tar.gz", tmp_path / "data")
    with pytest.raises(DataError, match="not read from an archive"):
        archives.import_archive("digits", tmp_path / "gone.tar.gz", tmp_path / "data")


def test_the_real_archive_holds_all_of_cifar10(unpacked_cifar10: Path) -> None:
    for split, images in (("train", 5000), ("test", 1000)):
        counts = [len(list(folder.iterdir())) for folder in (unpacked_cifar10 / split).iterdir()]
        assert counts == [images] * 10


def test_the_real_archive_keeps_its_identity_only_as_long_as_every_image_is_what_it_was(
    unpacked_cifar10: Path, data_dir: Path
) -> None:
    known = catalog.of_origin(ImageArchive)["cifar10_jpeg"].sha256
    assert content("cifar10_jpeg", {}, data_dir).sha256 == known
    image = unpacked_cifar10 / "test/cat/0000.jpg"
    if not image.exists():
        image = next((unpacked_cifar10 / "test/cat").iterdir())
    before = image.read_bytes()
    try:
        image.write_bytes(bytes([before[0], before[1] ^ 1]) + before[2:])
        with pytest.raises(
            DataError, match="all 60,000 images are there, but some have another content"
        ):
            content("cifar10_jpeg", {}, data_dir)
        image.unlink()
        with pytest.raises(
            DataError, match="50,000 of 50,000 training and 9,999 of 10,000 test images"
        ):
            content("cifar10_jpeg", {}, data_dir)
    finally:
        image.write_bytes(before)
    assert content("cifar10_jpeg", {}, data_dir).sha256 == known
