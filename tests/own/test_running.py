"""Functions of one's own are imported from the folder that they were found in, unchanged."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.own.running import OwnPartError, function, keywords
from harness.own.sources import identified
from tests.own.conftest import Write
from tests.support.own_modules import forgotten


@pytest.fixture(autouse=True)
def _restored(tmp_path: Path) -> Iterator[None]:
    with forgotten(tmp_path):
        yield


def test_two_folders_may_have_modules_of_one_name(tmp_path: Path) -> None:
    parts = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "nets.py").write_text("from inner import word\n\ndef tiny(): return word\n")
        (folder / "inner.py").write_text(f"word = {name!r}\n")
        parts.append(identified("nets:tiny", folder))
    assert [function(part)() for part in parts] == ["first", "second"]
    assert [function(part)() for part in reversed(parts)] == ["second", "first"]
    assert [path for path in sys.path if path.startswith(str(tmp_path))] == [
        str(tmp_path / "second")
    ]


BUILDER = """
import tensorflow_datasets as tfds

class Tiles(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")
    def _info(self): pass
    def _split_generators(self, dl_manager): pass
    def _generate_examples(self): pass

def tiles(): return tfds.builder_cls("tiles").__module__, {word!r}
"""


def test_two_folders_may_have_builders_of_one_name(tmp_path: Path) -> None:
    parts = []
    for module in ("first", "second"):
        folder = tmp_path / module
        folder.mkdir()
        (folder / f"{module}.py").write_text(BUILDER.replace("{word!r}", repr(module)))
        parts.append(identified(f"{module}:tiles", folder))
    assert [function(part)() for part in parts] == [("first", "first"), ("second", "second")]
    function.cache_clear()
    assert function(parts[0])() == ("first", "first")


def test_code_that_changed_since_is_not_run(modules: Write) -> None:
    part = identified("nets:tiny", modules(nets="def tiny(): return 1\n"))
    modules(nets="def tiny(): return 2\n")
    with pytest.raises(OwnPartError, match="not what it was when the run was planned"):
        function(part)
    modules(nets="def other(): return 2\n")
    with pytest.raises(OwnPartError, match="defines no function tiny"):
        function(part)


def test_code_that_was_edited_in_a_session_is_imported_anew(modules: Write) -> None:
    nets = "from inner import word\n\ndef tiny(): return word\n"
    before = identified("nets:tiny", modules(nets=nets, inner="word = 'first'\n"))
    assert function(before)() == "first"
    after = identified("nets:tiny", modules(inner="word = 'and second'\n"))
    assert function(after)() == "and second"


def test_what_happens_when_it_is_imported_is_told(modules: Write) -> None:
    part = identified("broken:tiny", modules(broken="import nowhere\n\ndef tiny(): pass\n"))
    with pytest.raises(OwnPartError, match="broken cannot be imported: ModuleNotFoundError"):
        function(part)


def test_a_module_that_python_has_already_is_told(modules: Write) -> None:
    part = identified("pytest:main", modules(pytest="def main(): pass\n"))
    with pytest.raises(OwnPartError, match="another module pytest already"):
        function(part)


def test_parameters_are_given_by_their_names(modules: Write) -> None:
    folder = modules(nets="def tiny(): pass\n")
    part = identified("nets:tiny", folder, (str(folder / "nets.py"),))
    named = {"call": "nets:tiny", "parameters": {"width": 2}, "replicas": 1}
    assert keywords(part, named) == {"width": 2, "files": [str(folder / "nets.py")]}
    assert keywords(part, {"width": 3}) == {"width": 3}
