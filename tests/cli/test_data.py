"""The commands on data sets: exit codes and messages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.data import catalog

if TYPE_CHECKING:
    from tests.cli.conftest import Harness


def test_data_sets_are_listed_with_how_to_get_them(harness: Harness) -> None:
    found = harness("data", "list")
    assert found.exit_code == 0
    table, _, notes = found.stdout.partition("cifar10_jpeg is not in")
    ready = {line.split()[0]: line.split()[1] for line in table.splitlines() if line[:1].isalpha()}
    assert (ready["digits"], ready["blobs"], ready["image_folder"], ready["mnist"]) == (
        "yes",
        "yes",
        "by",
        "no",
    )
    assert "get it with: python -m harness data prepare mnist" in notes


def test_the_status_of_data_sets_is_told(harness: Harness) -> None:
    found = harness("data", "status", "cinic10", "digits")
    assert found.exit_code == 0
    assert "CINIC-10.tar.gz, not in" in found.stdout
    assert "then: python -m harness data prepare cinic10\n" in found.stdout
    assert "digits: Optical" in found.stdout
    assert "mnist" not in found.stdout
    every = harness("data", "status")
    assert every.exit_code == 0
    assert all(f"\n{name}: " in every.stdout for name in catalog.DATASETS)


def images(folder: Path, *more: str) -> None:
    for name in ("train/a/1.png", "test/a/1.png", *more):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_the_status_of_a_folder_of_images_counts_what_is_left_out(harness: Harness) -> None:
    images(Path("images"), "train/.ipynb_checkpoints/1.png", "train/a/Thumbs.db")
    found = harness("data", "status", "image_folder", "--set", "path=images")
    assert found.exit_code == 0
    assert (
        "2 files or folders are left out as no images: train/.ipynb_checkpoints, train/a/Thumbs.db"
        in found.stdout
    )
    images(Path("images"), "train/a/2.webp")
    found = harness("data", "status", "image_folder", "--set", "path=images")
    assert (
        "next: images/train/a/2.webp is an image in a format that is not read (WebP)"
        in found.stdout
    )
    assert harness("data", "status", "--set", "path=images").exit_code == 2


def test_looking_at_data_sets_loads_no_backend(tmp_path: Path) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from harness.cli import main;found ="
        " [CliRunner().invoke(main, ['data', *words]) for words in (['list'],"
        " ['status'])];print([each.exit_code for each in found], 'tensorflow' in sys.modules,"
        " 'keras' in sys.modules)"
    )
    environment = {**os.environ, "TFDS_DATA_DIR": str(tmp_path)}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout == "[0, 0] False False\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["restricted_imagenet", "--set", "size=8"], 2, "at size expected at least 16, found 8"),
        (["cinic10", "--set", "size=64"], 2, "at size unknown property 'size'"),
        (
            ["restricted_imagenet", "--set", "size=64"],
            3,
            "restricted_imagenet cannot be prepared: no archive folder",
        ),
        (["digits"], 3, "digits needs no preparation"),
    ],
)
def test_what_cannot_be_prepared_is_told(
    harness: Harness, arguments: list[str], code: int, message: str
) -> None:
    found = harness("data", "prepare", *arguments)
    assert found.exit_code == code
    assert message in found.stderr


def test_a_wrong_archive_ends_with_3_and_a_sentence(harness: Harness) -> None:
    found = harness("data", "import", "cifar10_jpeg", "a.json")
    assert (found.exit_code, found.stdout) == (3, "")
    assert found.stderr.startswith(
        "error: a.json is not the archive that is known, or is cut off or damaged: its SHA-256"
    )
    found = harness("data", "import", "cifar10_jpeg", "nowhere.tar.gz")
    assert (found.exit_code, found.stderr) == (3, "error: there is no archive nowhere.tar.gz\n")
