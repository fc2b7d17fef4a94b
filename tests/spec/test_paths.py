"""The files and folders that settings name."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment import (
    Json,
    WeightsFile,
)
from harness.spec import paths
from harness.spec.load import load_file
from harness.system.files import sha256

Write = Callable[..., Path]
Faults = Callable[..., list[str]]


def test_paths_start_at_the_specifications_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")

    def folder(path: str) -> Json:
        return (
            load_file(
                write(
                    defaults={
                        "dataset": {"name": "image_folder", "path": path},
                        "model": {"name": "convnet"},
                    }
                )
            )
            .runs["one"]
            .settings.dataset.source.parameters["path"]
        )

    assert folder("images") == str(tmp_path / "images")
    assert folder("/data/images") == "/data/images"
    assert folder("~/images") == "/home/someone/images"


def test_a_weights_file_is_known_by_its_bytes(write: Write, tmp_path: Path) -> None:
    (tmp_path / "w.weights.h5").write_bytes(b"weights")
    start = (
        load_file(write(runs={"one": {"initialize_from": {"weights": "w.weights.h5"}}}))
        .runs["one"]
        .initialize_from
    )
    assert start == WeightsFile(tmp_path / "w.weights.h5", hashlib.sha256(b"weights").hexdigest())


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a\0b", "this can be no path: embedded null byte"),
        ("a" * 300, "this can be no path: it is too long"),
        (
            "~nobody-of-this-name/x",
            (
                "there is no home folder '~nobody-of-this-name'; a folder of that name is"
                " './~nobody-of-this-name'"
            ),
        ),
    ],
)
def test_what_can_be_no_path_is_told(write: Write, faults: Faults, path: str, message: str) -> None:
    defaults = {"dataset": {"name": "image_folder", "path": path}, "model": {"name": "convnet"}}
    assert faults(write(defaults=defaults)) == [f"/defaults/dataset/path {message}"]


def test_a_weights_file_of_many_cells_is_read_once(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "w.weights.h5").write_bytes(b"weights")
    opened: list[Path] = []

    def opening(path: Path) -> str:
        opened.append(path)
        return sha256(path)

    monkeypatch.setattr(paths, "sha256", opening)
    cells = {
        "matrix": {"training.epochs": [1, 2, 3]},
        "initialize_from": {"weights": "w.weights.h5"},
    }
    assert len(load_file(write(runs={"one": cells})).runs) == 3
    assert opened == [tmp_path / "w.weights.h5"]
