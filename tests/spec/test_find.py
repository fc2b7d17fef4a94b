"""Which files the commands and pytest take for specifications."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.experiment import Json
from harness.spec import schema
from harness.spec.find import (
    LANGUAGE,
    MOST_BYTES,
    MOST_EXTENDED,
    below,
    expanded,
    is_specification,
    what_else,
)

SPEC: Json = {"name": "a", "title": "A", "runs": {"one": {}}}
RESULT: Json = {
    "format": "reproduction-harness result 1",
    "name": "a",
    "title": "A",
    "runs": {"one": {}},
}
PACKAGE: Json = {"name": "thing", "version": "1.0.0", "source": "src", "scripts": {"test": "x"}}
TSCONFIG: Json = {"extends": "@tsconfig/node18/tsconfig.json", "compilerOptions": {"strict": True}}


def put(path: Path, content: Json) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def found(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in below(folder).specifications]


def test_the_members_of_a_specification_are_those_of_the_schema() -> None:
    assert set(schema.definition("experiment")["properties"]) == LANGUAGE


def test_the_module_needs_the_standard_library_alone() -> None:
    statement = (
        "import sys; before = set(sys.modules); import harness.spec.find; print(*set(sys.modules) -"
        " before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", statement], capture_output=True, text=True, check=True
    )
    foreign = {name.partition(".")[0] for name in done.stdout.split()} - set(
        sys.stdlib_module_names
    )
    assert foreign == {"harness"}


class TestBelow:
    """What a folder has."""

    def test_bases_and_what_is_hidden_are_left_out(self, tmp_path: Path) -> None:
        for name in (
            "b.json",
            "_base.json",
            "sub/a.json",
            "sub/_c.json",
            "notes.txt",
            ".store/run.json",
            "sub/.d.json",
        ):
            put(tmp_path / name, SPEC)
        assert found(tmp_path) == ["b.json", "sub/a.json"]

    def test_other_json_beside_a_specification_is_left_out_and_counted(
        self, tmp_path: Path
    ) -> None:
        put(tmp_path / "spec.json", SPEC)
        others: list[Json] = [
            PACKAGE,
            TSCONFIG,
            RESULT,
            [],
            5,
            {},
            "no JSON",
            {"extends": "a\0b"},
            {"extends": 5},
        ]
        for number, content in enumerate(others):
            put(tmp_path / f"other{number}.json", content)
        put(tmp_path / "surrogate.json", r'{"extends": "\ud800"}')
        (tmp_path / "latin.json").write_bytes('{"runs": "ü"}'.encode("latin-1"))
        (tmp_path / "wide.json").write_bytes(json.dumps(SPEC).encode("utf-16"))
        assert found(tmp_path) == ["spec.json"]
        assert below(tmp_path).others == len(others) + 3
        assert below(tmp_path).unread == ()

    def test_a_file_of_many_bytes_is_not_looked_into(self, tmp_path: Path) -> None:
        put(tmp_path / "large.json", json.dumps(SPEC) + " " * MOST_BYTES)
        put(tmp_path / "largest.json", json.dumps(SPEC).ljust(MOST_BYTES))
        assert found(tmp_path) == ["largest.json"]

    def test_folders_of_other_peoples_code_are_not_entered(self, tmp_path: Path) -> None:
        for folder in ("node_modules", "venv", "x.egg", "build", "own_environment"):
            put(tmp_path / folder / "deep" / "a.json", SPEC)
        put(tmp_path / "own_environment" / "pyvenv.cfg", "")
        put(tmp_path / "own" / "a.json", SPEC)
        assert found(tmp_path) == ["own/a.json"]
        assert found(tmp_path / "build") == ["deep/a.json"]

    def test_linked_folders_are_entered_once(self, tmp_path: Path) -> None:
        put(tmp_path / "elsewhere" / "a.json", SPEC)
        specs = tmp_path / "specs"
        specs.mkdir()
        (specs / "first").symlink_to(tmp_path / "elsewhere")
        (specs / "second").symlink_to(tmp_path / "elsewhere")
        (specs / "round").symlink_to(specs)
        assert found(specs) == ["first/a.json"]

    def test_a_folder_may_be_named_as_a_file_is(self, tmp_path: Path) -> None:
        put(tmp_path / "x.json" / "a.json", SPEC)
        assert found(tmp_path) == ["x.json/a.json"]

    def test_what_cannot_be_read_is_told_and_stops_nothing(self, tmp_path: Path) -> None:
        put(tmp_path / "a.json", SPEC)
        (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
        os.mkfifo(tmp_path / "pipe.json")
        (tmp_path / "zero.json").symlink_to("/dev/zero")
        assert found(tmp_path) == ["a.json"]
        assert [(path.name, reason) for path, reason in below(tmp_path).unread] == [
            ("gone.json", "No such file or directory"),
            ("pipe.json", "it is no regular file"),
            ("zero.json", "it is no regular file"),
        ]


class TestIsSpecification:
    """Which JSON is meant as a specification, valid or not."""

    @pytest.mark.parametrize(
        ("content", "meant"),
        [
            (SPEC, True),
            ({"$schema": "https://example.org/experiment.schema.json"}, True),
            ({"$schema": "../experiment.schema.json"}, True),
            ({"runs": {}, "expectations": []}, True),
            ({"extends": "_base.json"}, True),
            ({"extends": "_defaults.json", "runs": {"one": {}}}, True),
            ({"extends": "not_there.json", "name": "a"}, True),
            ({"extends": "a\0b", "seeds": [1]}, True),
            ('{"$schema": "../experiment.schema.json", "name": ', True),
            ('{"name": "a", "title": "A",, "runs": {}}', True),
            (
                (
                    '{"format": "reproduction-harness result 1", "name": "a", "title": "A",,'
                    ' "runs": {}}'
                ),
                False,
            ),
            ({"extends": "not_there.json"}, False),
            ({"extends": "self.json"}, False),
            ({"extends": ["config:base"]}, False),
            ({"extends": "."}, False),
            ({"extends": "/dev/zero"}, False),
            ({"extends": "~nobody-of-this-name/a.json"}, False),
            ({"runs": [{"tool": {}}], "version": "2.1.0"}, False),
            ({"runs": {"using": "node"}, "name": "action"}, False),
            (RESULT, False),
            ({"fileMatch": "experiment.schema.json"}, False),
            (["experiment.schema.json"], False),
            ("no JSON", False),
        ],
    )
    def test_it_is_known_by_its_members(self, tmp_path: Path, content: Json, meant: bool) -> None:
        put(tmp_path / "_base.json", SPEC)
        put(tmp_path / "_defaults.json", {"name": "a", "title": "A", "defaults": {}})
        assert is_specification(put(tmp_path / "self.json", content)) == meant

    @pytest.mark.parametrize("name", ["nowhere.json", "a\0b.json", "\ud800.json", "n" * 300])
    def test_a_path_that_leads_nowhere_is_none(self, tmp_path: Path, name: str) -> None:
        assert not is_specification(tmp_path / name)

    def test_a_long_chain_is_left_to_the_reader_who_says_that_it_is_too_long(
        self, tmp_path: Path
    ) -> None:
        for number in range(MOST_EXTENDED + 2):
            put(tmp_path / f"{number}.json", {"extends": f"{number + 1}.json"})
        assert is_specification(tmp_path / "0.json")
        assert not is_specification(tmp_path / "20.json")


class TestWhatElse:
    """What is said of a file that somebody names."""

    def test_a_file_of_the_harness_or_of_another_tool_is_told(self, tmp_path: Path) -> None:
        says = "it says of itself that its format is 'reproduction-harness result 1'"
        assert what_else(put(tmp_path / "a.json", RESULT)) == says
        members = "'name', 'version', 'source', 'scripts'"
        assert what_else(put(tmp_path / "a.json", PACKAGE)) == f"it is an object with {members}"
        assert (
            what_else(put(tmp_path / "a.json", TSCONFIG))
            == "it is an object with 'extends', 'compilerOptions'"
        )
        many = {f"key{number}": 1 for number in range(1005)}
        listed = ", ".join(f"'key{number}'" for number in range(5))
        assert (
            what_else(put(tmp_path / "a.json", many))
            == f"it is an object with {listed} and 1,000 other members"
        )

    @pytest.mark.parametrize(
        "content",
        [
            SPEC,
            {},
            {"name": "a"},
            {"extends": "none.json"},
            {"seeds": [1], "wrong": 1},
            {"runs": {}, "x": 1},
            [],
            "{",
        ],
    )
    def test_what_may_be_meant_as_one_is_left_to_the_reader(
        self, tmp_path: Path, content: Json
    ) -> None:
        assert what_else(put(tmp_path / "a.json", content)) is None


def test_a_home_folder_is_meant_by_a_tilde_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert [str(expanded(path)) for path in ("~/x", "~", "./~x", "a/~")] == [
        "/home/someone/x",
        "/home/someone",
        "~x",
        "a/~",
    ]
    with pytest.raises(RuntimeError):
        expanded("~nobody-of-this-name/x")
