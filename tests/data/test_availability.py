import hashlib
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from harness.data import catalog
from harness.data.availability import (
    availability,
    content,
    why_not_ready,
    why_unavailable,
    why_unusable,
)
from harness.data.errors import DataError
from harness.data.info import Content
from harness.data.origins import ImageArchive, ManualArchives
from harness.spec import schema
from tests.data.preparing import LABEL, image_feature, pretend_prepared


def put(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    return folder


def test_importing_it_imports_no_heavy_library() -> None:
    code = (
        "import sys, harness.data.availability, harness.data.facts;"
        " print(sorted({m.split('.')[0] for m in sys.modules}))"
    )
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    for heavy in ("numpy", "tensorflow", "tensorflow_datasets", "sklearn", "keras", "scipy"):
        assert repr(heavy) not in modules


def test_data_dir_is_the_environment_variable_or_the_default_of_tfds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert catalog.data_dir() == tmp_path
    monkeypatch.delenv("TFDS_DATA_DIR")
    assert catalog.data_dir() == Path.home() / "tensorflow_datasets"


@pytest.mark.parametrize("name", ["digits", "blobs"])
def test_what_is_made_here_is_never_missing(name: str, tmp_path: Path) -> None:
    assert why_unavailable(name, {}, tmp_path) is None
    assert content(name, {}, tmp_path) == Content(None)
    assert why_not_ready(name, {}, tmp_path) is None


COUNTS = {"cifar10": 50_000, "cifar100": 50_000, "mnist": 60_000, "fashion_mnist": 60_000}


def published(
    name: str, data_dir: Path, version: str = "3.0.2", test: int = 10_000, content: bytes = b""
) -> Path:
    """Pretend that a dataset of the catalogue is prepared, with its published numbers."""
    side = image_feature(32, 32, 3) if name.startswith("cifar") else image_feature(28, 28, 1)
    label = LABEL | {"classLabel": {"numClasses": "100" if name == "cifar100" else "10"}}
    splits = {"train": [30_000, COUNTS[name] - 30_000], "test": [test]}
    return pretend_prepared(
        data_dir / name / version, splits, {"image": side, "label": label}, content=content
    )


@pytest.mark.parametrize("name", COUNTS)
def test_a_catalogue_dataset_is_ready_when_a_version_is_whole(name: str, tmp_path: Path) -> None:
    missing = partial(why_unavailable, name)
    put(tmp_path / name, "incomplete.ABC_3.0.2/dataset_info.json", "2.9.9/features.json")
    assert f"python -m harness data prepare {name}" in (missing({}, tmp_path) or "")
    assert content(name, {}, tmp_path) == Content(None)
    folder = published(name, tmp_path)
    assert why_not_ready(name, {}, tmp_path) is None
    shard = folder / f"{name}-train.tfrecord-00001-of-00002"
    shard.unlink()
    assert missing({}, tmp_path) is None  # it is not a thing to wait for, but to mend
    message = why_not_ready(name, {}, tmp_path) or ""
    assert f"1 of the 2 files of its split train are missing, such as {shard.name}" in message
    assert message.endswith(f"remove {folder}, then: python -m harness data prepare {name}")
    with pytest.raises(DataError, match="is not whole"):
        content(name, {}, tmp_path)


def test_other_numbers_than_the_published_ones_are_refused(tmp_path: Path) -> None:
    folder = published("mnist", tmp_path, test=9_999)
    message = why_not_ready("mnist", {}, tmp_path) or ""
    assert f"{folder} is not mnist as it is published: 60,000 instead of 60,000 training" in message
    assert "9,999 instead of 10,000 test examples" in message
    published("cifar10", tmp_path).rename(tmp_path / "elsewhere")
    (tmp_path / "cifar10").rmdir()
    (tmp_path / "fashion_mnist").mkdir()
    (tmp_path / "elsewhere").rename(tmp_path / "fashion_mnist/3.0.2")
    assert "inputs 32x32x3" in (why_not_ready("fashion_mnist", {}, tmp_path) or "")


def test_prepared_data_are_known_by_the_content_of_their_records(tmp_path: Path) -> None:
    def sha256(folder: str) -> str | None:
        return content("mnist", {}, tmp_path / folder).sha256

    for folder in ("one", "two"):
        published("mnist", tmp_path / folder, content=b"12345")
    published("mnist", tmp_path / "other", content=b"12346")
    assert sha256("one") == sha256("two") != sha256("other")
    published("mnist", tmp_path / "one", "3.1.0", content=b"12346")
    assert sha256("one") == sha256("other")  # the latest version is read


def test_an_image_folder_says_what_it_lacks(tmp_path: Path) -> None:
    missing = partial(why_unavailable, "image_folder")
    folder = tmp_path / "images"
    assert "does not exist" in (missing({"path": str(folder)}, tmp_path) or "")
    put(folder, "train/a/1.png", "test/notes.txt")
    assert "no test images" in (missing({"path": str(folder)}, tmp_path) or "")
    put(folder, "test/a/2.webp")
    assert missing({"path": str(folder)}, tmp_path) is None
    assert "not read (WebP)" in (
        why_not_ready("image_folder", {"path": str(folder)}, tmp_path) or ""
    )
    (folder / "test/a/2.webp").rename(folder / "test/a/2.JPG")
    assert why_not_ready("image_folder", {"path": str(folder)}, tmp_path) is None
    assert catalog.DATASETS["image_folder"].origin.location_parameters == ("path",)


def test_an_image_folder_is_known_by_its_names_and_contents(tmp_path: Path) -> None:
    def sha256(folder: Path) -> str | None:
        return content("image_folder", {"path": str(folder)}, tmp_path).sha256

    names = ("train/b/1.png", "train/a/2.png", "test/a/3.jpg", "test/b/4.jpg")
    one, two = put(tmp_path / "one", *names, "notes.txt"), put(tmp_path / "two", *reversed(names))
    of_image = hashlib.sha256(b"12345").hexdigest()
    lines = "".join(f"{name}\0{of_image}\n" for name in sorted(names))
    expected = hashlib.sha256(lines.encode()).hexdigest()
    assert (sha256(one), sha256(two)) == (expected, expected)
    (two / "train/b/1.png").write_bytes(b"12346")  # of the same size
    assert sha256(two) != expected
    (two / "train/b/1.png").write_bytes(b"12345")
    assert sha256(two) == expected
    (two / "train/b/1.png").rename(two / "train/b/0.png")
    assert sha256(two) != expected
    assert sha256(tmp_path / "none") is None


def test_what_is_left_out_does_not_count(tmp_path: Path) -> None:
    folder = put(tmp_path / "images", "train/a/1.png", "test/a/2.png")
    before = content("image_folder", {"path": str(folder)}, tmp_path)
    put(folder, "train/.ipynb_checkpoints/1.png", "train/a/Thumbs.db")
    after = content("image_folder", {"path": str(folder)}, tmp_path)
    assert after.sha256 == before.sha256
    assert (before.remark, "2 files or folders" in (after.remark or "")) == (None, True)


def test_an_archive_is_ready_when_it_is_found_or_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = partial(why_unavailable, "cifar10_jpeg")
    data_dir, empty, full = tmp_path / "data", tmp_path / "empty", tmp_path / "full"
    monkeypatch.setenv("HARNESS_ARCHIVES", f"{empty}")
    assert "python -m harness data import cifar10_jpeg ARCHIVE" in (missing({}, data_dir) or "")
    put(data_dir / "harness" / "cifar10_jpeg", "train/cat/0000.jpg")
    assert missing({}, data_dir) is not None
    put(data_dir / "harness" / "cifar10_jpeg", "complete")
    assert missing({}, data_dir) is None

    put(full, "cifar10_jpeg.tar.gz")
    monkeypatch.setenv("HARNESS_ARCHIVES", f"{empty}:{full}")
    assert catalog.of_origin(ImageArchive)["cifar10_jpeg"].find() == full / "cifar10_jpeg.tar.gz"
    assert missing({}, tmp_path / "other") is None
    known = content("cifar10_jpeg", {}, tmp_path / "other")
    assert known.sha256 == catalog.of_origin(ImageArchive)["cifar10_jpeg"].sha256


def test_an_archive_that_is_not_whole_any_more_is_an_error_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_ARCHIVES", "")
    folder = put(
        tmp_path / "harness/cifar10_jpeg",
        "complete",
        "train/cat/0.jpg",
        "train/cat/1.jpg",
        "test/cat/0.jpg",
    )
    message = why_not_ready("cifar10_jpeg", {}, tmp_path) or ""
    assert (
        f"{folder} is not what was unpacked there: 2 of 50,000 training and 1 of 10,000 test images"
        in message
    )
    assert message.endswith("unpack them again: python -m harness data import cifar10_jpeg ARCHIVE")
    with pytest.raises(DataError, match="2 of 50,000"):
        content("cifar10_jpeg", {}, tmp_path)


def test_a_folder_name_that_no_system_takes_is_a_missing_folder(tmp_path: Path) -> None:
    missing = why_unavailable("image_folder", {"path": str(tmp_path / ("x" * 5000))}, tmp_path)
    assert missing is not None
    assert "does not exist" in missing


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A data folder and an archive folder, both empty."""
    archives = tmp_path / "archives"
    archives.mkdir()
    monkeypatch.setenv("HARNESS_ARCHIVES", str(archives))
    return tmp_path / "data", archives


def test_a_manual_dataset_tells_where_its_archives_must_lie_and_what_comes_then(
    folders: tuple[Path, Path],
) -> None:
    data_dir, archives = folders
    missing = partial(why_unavailable, "restricted_imagenet")
    first = missing({"size": 64}, data_dir) or ""
    assert "no archive folder has ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar" in first
    assert (
        f"bring them from https://image-net.org/download-images to {data_dir}/downloads/manual"
        in first
    )
    assert first.endswith("then: python -m harness data prepare restricted_imagenet --set size=64")
    put(archives, "ILSVRC2012_img_train.tar")
    origin = catalog.of_origin(ManualArchives)["restricted_imagenet"]
    assert origin.find(data_dir) is None
    put(archives, "ILSVRC2012_img_val.tar")
    assert f"its archives are in {archives}: python -m harness data prepare" in (
        missing({"size": 64}, data_dir) or ""
    )
    put(data_dir / "downloads/manual", "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar")
    assert origin.find(data_dir) == data_dir / "downloads/manual"
    put(data_dir / "restricted_imagenet/64x64", "1.0.0/dataset_info.json")
    assert missing({"size": 64}, data_dir) is None
    assert missing({"size": 65}, data_dir) is not None
    assert "1.0.0/features.json: No such file" in (
        why_unusable("restricted_imagenet", {"size": 64}, data_dir) or ""
    )
    assert why_unusable("restricted_imagenet", {"size": 65}, data_dir) is None


def test_a_manual_dataset_without_sizes_is_ready_when_a_version_is_whole(
    folders: tuple[Path, Path],
) -> None:
    data_dir, _ = folders
    missing = partial(why_unavailable, "cinic10")
    put(data_dir / "cinic10", "incomplete.ABC_1.0.0/dataset_info.json")
    assert "python -m harness data prepare cinic10" in (missing({}, data_dir) or "")
    put(data_dir / "cinic10", "2.0.0/dataset_info.json")
    assert missing({}, data_dir) is not None  # not the version of the builder here
    features = {"image": image_feature(32, 32, 3), "label": LABEL}
    folder = pretend_prepared(
        data_dir / "cinic10/1.0.0", {"train": [90_000], "test": [90_000]}, features
    )
    assert missing({}, data_dir) is None
    assert "prepared in another way than array_record" in (
        why_unusable("cinic10", {}, data_dir) or ""
    )
    shutil.rmtree(folder)
    by_index = {"fileFormat": "array_record"}
    pretend_prepared(folder, {"train": [90_000], "test": [90_000]}, features, by_index)
    assert why_not_ready("cinic10", {}, data_dir) is None


def test_the_versions_that_are_read_are_those_of_the_builders() -> None:
    from harness.data.builders.cinic10 import Cinic10
    from harness.data.builders.restricted_imagenet import RestrictedImagenet

    found = {
        "cinic10": str(Cinic10.VERSION),
        "restricted_imagenet": str(RestrictedImagenet.VERSION),
    }
    assert {
        name: manual.version for name, manual in catalog.of_origin(ManualArchives).items()
    } == found


def test_the_default_size_is_that_of_the_schema() -> None:
    from harness.data.builders.restricted_imagenet import RestrictedImagenet

    filled = schema.fill_defaults(schema.definition("dataset"), {"name": "restricted_imagenet"})
    assert (
        filled["size"]
        == RestrictedImagenet.BUILDER_CONFIGS[0].side
        == catalog.of_origin(ManualArchives)["restricted_imagenet"].side
    )


def test_a_status_tells_what_is_there(folders: tuple[Path, Path]) -> None:
    data_dir, archives = folders
    empty = availability("cinic10", data_dir)
    assert (empty.folder, empty.prepared_bytes, empty.found) == (data_dir / "cinic10", 0, ())
    assert empty.archives == ("CINIC-10.tar.gz",)
    assert empty.searched == (data_dir / "downloads/manual", archives)
    put(archives, "CINIC-10.tar.gz", "cifar10_jpeg.tar.gz")
    put(data_dir / "cinic10/1.0.0", "dataset_info.json", "labels-train-label.npz")
    there = availability("cinic10", data_dir)
    assert (there.prepared_bytes, there.found) == (10, (archives / "CINIC-10.tar.gz",))
    assert "features.json: No such file" in (there.next_step or "")

    packed = availability("cifar10_jpeg", data_dir)
    assert (packed.folder, packed.searched) == (data_dir / "harness/cifar10_jpeg", (archives,))
    assert (packed.found, packed.next_step) == ((archives / "cifar10_jpeg.tar.gz",), None)


@pytest.mark.parametrize("name", catalog.DATASETS)
def test_every_dataset_has_a_status(name: str, folders: tuple[Path, Path]) -> None:
    data_dir, _ = folders
    status = availability(name, data_dir)
    by_their_files = ("image_folder", "tfds", "csv", "npz", "python")
    assert (status.folder is None) == (name in by_their_files)
    if status.folder is not None:
        assert status.next_step == why_unavailable(name, {}, data_dir)
    assert not data_dir.exists()


def test_the_status_of_what_a_specification_names_is_told_for_its_parameters(
    folders: tuple[Path, Path],
) -> None:
    data_dir, _ = folders
    images = put(data_dir / "images", "train/a/1.png", "test/a/2.png", "train/a/Thumbs.db")
    there = availability("image_folder", data_dir, {"path": str(images)})
    assert (there.folder, there.prepared_bytes, there.next_step) == (images, 15, None)
    assert "train/a/Thumbs.db" in (there.remark or "")
    own = availability("tfds", data_dir, {"dataset": "my_dataset"})
    assert own.folder == data_dir / "my_dataset"
    assert "tfds build" in (own.next_step or "")


class TestOwnDataset:
    """A person's own data set, prepared by TFDS."""

    def test_where_it_is_not_prepared_it_says_how_to(self, tmp_path: Path) -> None:
        missing = why_not_ready("tfds", {"dataset": "mine"}, tmp_path) or ""
        assert missing.startswith(f"mine is not prepared in {tmp_path / 'mine'}: ")
        assert f"tfds build --data_dir={tmp_path}" in missing
        assert "TFDS_DATA_DIR" in missing

    def test_it_is_ready_where_a_version_is_whole(self, tmp_path: Path) -> None:
        splits = {"train": [6], "test": [3]}
        pretend_prepared(tmp_path / "mine/1.0.0", splits)
        assert why_not_ready("tfds", {"dataset": "mine"}, tmp_path) is None
        other = {"dataset": "mine", "version": "1.0.1"}
        assert "mine, version 1.0.1, is not prepared" in (
            why_not_ready("tfds", other, tmp_path) or ""
        )

    def test_of_several_configurations_one_must_be_named(self, tmp_path: Path) -> None:
        for config in ("large", "small"):
            pretend_prepared(
                tmp_path / "mine" / config / "1.0.0",
                {"train": [6], "test": [3]},
                info={"name": "mine"},
            )
        missing = why_not_ready("tfds", {"dataset": "mine"}, tmp_path) or ""
        assert "give the data set's config, one of large, small" in missing

    def test_another_content_is_another_identity(self, tmp_path: Path) -> None:
        folder = pretend_prepared(
            tmp_path / "mine/1.0.0", {"train": [6], "test": [3]}, content=b"12345"
        )
        first = content("tfds", {"dataset": "mine"}, tmp_path).sha256
        assert first
        swapped = {"dataset": "mine", "train_split": "test", "test_split": "train"}
        assert content("tfds", swapped, tmp_path).sha256 != first
        (folder / "mine-test.tfrecord-00000-of-00001").write_bytes(b"54321")
        assert content("tfds", {"dataset": "mine"}, tmp_path).sha256 != first


def test_without_a_home_folder_data_lie_beside_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_number: int) -> None:
        raise KeyError

    for name in ("HOME", "TFDS_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert catalog.data_dir() == Path(".harness/tensorflow_datasets")
