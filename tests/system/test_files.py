import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.system import files


class TestReadBytes:
    def test_reads_a_file_and_one_behind_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"abc")
        (tmp_path / "link").symlink_to("a")
        assert files.read_bytes(tmp_path / "a") == b"abc"
        assert files.read_bytes(tmp_path / "link", most=3) == b"abc"

    def test_a_pipe_is_refused_at_once(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(files.NotRegular, match="no regular file"):
            files.read_bytes(tmp_path / "pipe")

    @pytest.mark.parametrize("path", ["/dev/zero", "/"])
    def test_a_device_and_a_folder_are_refused(self, path: str) -> None:
        with pytest.raises(OSError, match=r"regular|directory"):
            files.read_bytes(Path(path))

    def test_a_larger_file_than_allowed_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"abcd")
        with pytest.raises(files.TooLarge, match="larger than 3 bytes"):
            files.read_bytes(tmp_path / "a", most=3)


def _new(path: Path) -> None:
    path.write_text("new")


class TestSha256:
    def test_is_that_of_the_bytes_and_a_pipe_has_none(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"abc")
        # The example of FIPS 180-2, appendix B.1.
        assert (
            files.sha256(tmp_path / "a")
            == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(files.NotRegular):
            files.sha256(tmp_path / "pipe")


class TestReplace:
    def test_puts_the_new_in_the_place_of_the_old(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("old")
        files.replace(tmp_path / "a", _new)
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "new")]

    def test_a_failure_keeps_the_old_and_leaves_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("old")

        def half(path: Path) -> None:
            path.write_text("ne")
            raise OSError("the disk is full")

        with pytest.raises(OSError, match="full"):
            files.replace(tmp_path / "a", half)
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


class TestSweep:
    def test_removes_what_a_dead_process_left_and_nothing_else(self, tmp_path: Path) -> None:
        script = (
            "import sys, pathlib; from harness.system import files;"
            " print(files.temporary_path(pathlib.Path(sys.argv[1])))"
        )
        ended = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "a")],
            capture_output=True,
            text=True,
            check=True,
        )
        left = Path(ended.stdout.strip())
        folder = left.with_name(left.name.replace(".a.", ".b."))
        folder.mkdir()
        (folder / "half").write_text("x")
        own, others = files.temporary_path(tmp_path / "a"), tmp_path / ".a.another-host.1.tmp"
        for path in (left, own, others, tmp_path / ".mine", tmp_path / "a"):
            path.write_text("x")
        files.sweep(tmp_path)
        assert set(tmp_path.iterdir()) == {own, others, tmp_path / ".mine", tmp_path / "a"}


class TestRemove:
    def test_removes_a_folder_with_all_in_it_and_of_a_link_the_link_alone(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "folder" / "below").mkdir(parents=True)
        (tmp_path / "kept").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "kept")
        (tmp_path / "file").touch()
        for name in ("folder", "link", "file"):
            files.remove(tmp_path / name)
        assert [path.name for path in tmp_path.iterdir()] == ["kept"]


class TestTemporaryBeside:
    def test_names_the_processes_numbers_that_a_container_has_for_itself(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Containers may share the name of a host: a number dead in one may live in another."""
        here = files.temporary_path(tmp_path / "a")
        monkeypatch.setattr(Path, "readlink", lambda _: Path("pid:[1]"))
        there = files.temporary_path(tmp_path / "a")
        there.touch()
        assert there != here
        monkeypatch.undo()
        monkeypatch.setattr(files, "alive", lambda _: False)
        files.sweep(tmp_path)
        assert there.exists()
