"""Digests of files against hashlib alone, and what of them is kept."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.data import digests
from harness.data.digests import check_unchanged, content_digest, digest_files
from harness.data.errors import DataError

OLD = time.time_ns() - 3600 * 10**9


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files, in a world whose clocks are so fine that what was just written counts as old."""
    monkeypatch.setattr(digests, "COARSEST_CLOCK", 0)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a").write_bytes(b"first")
    (tmp_path / "data/b").write_bytes(b"x" * 2_000_000)
    time.sleep(0.02)
    return tmp_path / "data"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "kept.json"


def hexes(found: tuple[digests.Digest, ...]) -> list[str]:
    return [each.sha256.hex() for each in found]


class TestDigestFiles:
    """`digest_files`"""

    def test_digests_are_those_of_hashlib_in_the_order_of_the_names(self, folder: Path) -> None:
        found = digest_files(folder, ["b", "a", "b"])
        wanted = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in "bab"]
        assert hexes(found) == wanted
        assert [each.path for each in found] == [f"{folder}/{name}" for name in "bab"]

    def test_what_is_kept_is_not_read_again(
        self, folder: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = digest_files(folder, ["a", "b"], kept)
        monkeypatch.setattr(digests, "_read", lambda path: pytest.fail(f"{path} is read again"))
        assert digest_files(folder, ["a", "b"], kept) == first

    @pytest.mark.parametrize("way", ["content", "exchange", "times put back"])
    def test_a_file_that_changed_is_read_again(self, folder: Path, kept: Path, way: str) -> None:
        digest_files(folder, ["a", "b"], kept)
        before = (folder / "a").stat()
        if way == "exchange":
            (folder / "new").write_bytes(b"other")
            (folder / "new").replace(folder / "a")
        else:
            (folder / "a").write_bytes(b"other")
        if way == "times put back":
            os.utime(folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
        found = digest_files(folder, ["a", "b"], kept)
        assert hexes(found)[0] == hashlib.sha256(b"other").hexdigest()

    def test_what_changed_within_the_grain_of_the_clock_is_not_kept(
        self, folder: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(digests, "COARSEST_CLOCK", 3600 * 10**9)
        digest_files(folder, ["a", "b"], kept)
        assert not kept.exists()

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda path: path.write_bytes(b""),
            lambda path: path.write_bytes(b"no\njson"),
            lambda path: path.write_bytes(path.read_bytes()[:-20]),
            lambda path: path.write_bytes(path.read_bytes().replace(b"[", b"{", 1)),
            lambda path: path.unlink(),
        ],
    )
    def test_a_cache_that_is_damaged_is_ignored(
        self, folder: Path, kept: Path, spoil: object
    ) -> None:
        first = digest_files(folder, ["a", "b"], kept)
        whole = kept.read_bytes()
        spoil(kept)  # type: ignore[operator]
        assert digest_files(folder, ["a", "b"], kept) == first
        assert kept.read_bytes() == whole

    def test_a_digest_that_was_changed_in_the_cache_is_not_believed(
        self, folder: Path, kept: Path
    ) -> None:
        first = digest_files(folder, ["a", "b"], kept)
        checksum, body = kept.read_bytes().split(b"\n")
        flipped = body.replace(first[0].sha256.hex().encode(), b"0" * 64)
        assert flipped != body
        kept.write_bytes(checksum + b"\n" + flipped)
        assert digest_files(folder, ["a", "b"], kept) == first

    @pytest.mark.parametrize("body", [[], {"a": 1}, {"a": ["zz", 1, 2, 3, 4, 5]}, {"a": []}, 3])
    def test_a_cache_of_another_form_is_ignored(
        self, folder: Path, kept: Path, body: object
    ) -> None:
        text = json.dumps(body).encode()
        kept.parent.mkdir()
        kept.write_bytes(hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
        assert hexes(digest_files(folder, ["a"], kept)) == [hashlib.sha256(b"first").hexdigest()]

    def test_a_cache_that_cannot_be_written_is_done_without(
        self, folder: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("")
        assert len(digest_files(folder, ["a", "b"], tmp_path / "file" / "kept.json")) == 2

    def test_a_name_that_is_no_text_is_kept_too(self, folder: Path, kept: Path) -> None:
        name = os.fsdecode(b"\xff.png")
        (folder / name).write_bytes(b"1")
        time.sleep(0.02)
        first = digest_files(folder, [name], kept)
        assert kept.is_file()
        assert digest_files(folder, [name], kept) == first

    def test_a_pipe_and_a_device_are_refused_at_once(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe")
        (folder / "zero").symlink_to("/dev/zero")
        for name in ("pipe", "zero"):
            with pytest.raises(DataError, match=rf"cannot read .*/{name}: it is no regular file"):
                digest_files(folder, ["a", name])

    def test_a_file_that_is_not_there_is_named(self, folder: Path) -> None:
        with pytest.raises(DataError, match=r"cannot read .*/c: No such file"):
            digest_files(folder, ["a", "c"])

    def test_a_file_that_is_written_to_meanwhile_is_named(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        count = iter(range(100))
        real = digests._signature
        monkeypatch.setattr(digests, "_signature", lambda status: (*real(status)[:4], next(count)))
        with pytest.raises(DataError, match="/a is being written to"):
            digest_files(folder, ["a"])

    def test_files_are_read_side_by_side(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        together = threading.Barrier(2, timeout=10)
        real = digests._read

        def read(path: str) -> digests.Digest:
            together.wait()  # broken, unless two are here at once
            return real(path)

        monkeypatch.setattr(digests, "_IN_TURN", 1)
        monkeypatch.setattr(digests, "_read", read)
        assert len(digest_files(folder, ["a", "b"])) == 2

    def test_progress_is_shown_on_a_terminal_where_it_takes_long(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        digest_files(folder, ["a", "b"], progress=True)
        assert capsys.readouterr() == ("", "")  # no terminal
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        digest_files(folder, ["a", "b"], progress=True)
        assert capsys.readouterr() == ("", "")  # quick
        monkeypatch.setattr(digests, "QUIET_SECONDS", -1.0)
        digest_files(folder, ["a", "b"])
        assert capsys.readouterr() == ("", "")  # not asked for
        digest_files(folder, ["a", "b"], progress=True)
        assert "reading data" in capsys.readouterr().err


class TestCheckUnchanged:
    """`check_unchanged`"""

    def test_files_that_stay_pass(self, folder: Path) -> None:
        check_unchanged(digest_files(folder, ["a", "b"]))

    @pytest.mark.parametrize("way", ["written", "removed"])
    def test_one_that_changed_is_named(self, folder: Path, way: str) -> None:
        found = digest_files(folder, ["a", "b"])
        if way == "written":
            (folder / "b").write_bytes(b"x" * 2_000_000)
        else:
            (folder / "b").unlink()
        with pytest.raises(DataError, match="/b"):
            check_unchanged(found)


class TestContentDigest:
    """`content_digest`"""

    def test_it_is_that_of_names_and_contents_in_the_order_of_the_names(self, folder: Path) -> None:
        (folder / "b").write_bytes(b"second")
        lines = "".join(
            f"{name}\0{hashlib.sha256(text).hexdigest()}\n"
            for name, text in (("a", b"first"), ("b", b"second"))
        )
        wanted = hashlib.sha256(lines.encode()).hexdigest()
        for names in (["a", "b"], ["b", "a"]):
            assert content_digest(names, digest_files(folder, names)) == wanted
        assert content_digest(["a", "b"], digest_files(folder, ["a", "b"]), "head") != wanted


def test_nothing_heavy_is_imported() -> None:
    names = (
        "harness.data.digests, harness.data.image_files, harness.data.tfds_files,"
        " harness.data.facts"
    )
    code = f"import sys, {names}; print(list(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    for heavy in ("numpy", "tensorflow"):
        assert repr(heavy) not in modules
