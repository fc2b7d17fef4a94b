"""Which files the digest of a function covers: an edit of one that counts is a new digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.own.sources import identified
from tests.own.conftest import Write

SOURCES = {
    "nets": "import math\nimport layers\nfrom package import deep\n\n\ndef tiny(a, b): pass\n",
    "layers": "def dense(): from late import constant\n",
    "late": "constant = 1\n",
    "package__deep": "from . import near\nfrom .near import thing\nfrom .. import beyond\n",
    "package__near": "thing = 1\n",
    "unused": "other = 1\n",
}


def digest(folder: Path, *data: str) -> str:
    return identified("nets:tiny", folder, data).sha256


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("nets", True),
        ("layers", True),
        ("late", True),
        ("package__deep", True),
        ("package__near", True),
        ("unused", False),
    ],
)
def test_modules_of_the_folder_count_that_are_imported(
    modules: Write, name: str, counts: bool
) -> None:
    before = digest(modules(**SOURCES))
    assert (digest(modules(**{name: f"{SOURCES[name]}more = 2\n"})) != before) is counts


def test_the_packages_that_a_module_lies_in_count(modules: Write) -> None:
    folder = modules(own__nets="def tiny(a, b): pass\n")
    before = identified("own.nets:tiny", folder).sha256
    (folder / "own" / "__init__.py").write_text("more = 1\n")
    assert identified("own.nets:tiny", folder).sha256 != before


def test_comments_docstrings_and_places_do_not_count(modules: Write) -> None:
    before = digest(modules(**SOURCES))
    text = '"""A module."""\n\n' + SOURCES["nets"].replace("pass", "pass  # nothing")
    assert digest(modules(nets=text)) == before


def test_where_the_files_lie_does_not_count(modules: Write, tmp_path: Path) -> None:
    before = identified("nets:tiny", modules(**SOURCES))
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    assert digest(moved) == before.sha256
    assert identified("nets:tiny", moved).identity == before.identity


def test_elsewhere_only_the_same_package_counts(
    modules: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = modules(**SOURCES)
    monkeypatch.syspath_prepend(folder)
    before = digest(tmp_path / "empty")
    modules(layers="changed = 1\n")
    assert digest(tmp_path / "empty") == before
    modules(nets="def tiny(a, b, c=1): pass\n")
    assert digest(tmp_path / "empty") != before


def test_the_content_of_data_files_counts_and_their_paths_do_not(modules: Write) -> None:
    folder = modules(**SOURCES)
    first, second = folder / "a.csv", folder / "b.csv"
    first.write_text("1")
    second.write_text("1")
    before = digest(folder, str(first))
    assert before == digest(folder, str(second)) != digest(folder)
    first.write_text("2")
    assert digest(folder, str(first)) != before


def test_an_installed_package_is_named_with_its_version(tmp_path: Path) -> None:
    part = identified("click.core:batch", tmp_path)
    name, version = str(part.distribution).split()
    assert name == "click"
    assert version[0].isdigit()
