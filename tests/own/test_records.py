"""What identifies parts of one's own comes back from the store as it was."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from harness.experiment import Component, OwnPart
from harness.own.records import own_part, own_parts, with_own_parts
from harness.plan import content_key
from harness.spec.load import load_file
from harness.spec.settings import stored_run
from harness.system.json_value import WrongForm, parse
from tests.support import specifications

PART = OwnPart("nets:tiny", "/folder", "12ab", "package 1.0", ("/a.csv", "/b.csv"))


def test_a_record_is_read_as_it_was_written() -> None:
    assert own_part(parse(json.dumps(asdict(PART)).encode())) == PART
    with pytest.raises(WrongForm):
        own_part(parse(json.dumps({**asdict(PART), "sha256": 1}).encode()))


def test_a_stored_run_has_the_key_that_it_was_made_under(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text("def tiny(input_shape, outputs): pass\n")
    (tmp_path / "net.json").write_text(
        '{"class_name": "Sequential", "module": "keras", "config": {"layers": []}}'
    )
    document = specifications.small(
        runs={
            "own": {"model": {"name": "python", "call": "nets:tiny"}},
            "file": {"model": {"name": "keras", "path": "net.json"}},
        }
    )
    del document["defaults"]["model"]
    runs = load_file(specifications.write(tmp_path / "a.json", document)).runs
    for run in runs.values():
        kept = stored_run(run.name, run.resolved, own_parts(run.settings))
        assert kept is not None
        keys = {content_key(each.settings, 0, None, None) for each in (run, kept)}
        assert len(keys) == 1


def test_where_a_part_lies_is_not_in_a_key_and_what_it_is_is(tmp_path: Path) -> None:
    path = specifications.write(tmp_path / "a.json", specifications.small())
    settings = load_file(path).runs["one"].settings

    def key(part: OwnPart | None) -> str:
        model = Component("python", {"call": "nets:tiny", "parameters": {}}, part)
        return content_key(replace(settings, model=model), 0, None, None)

    same = replace(PART, place="/other", files=("/c.csv",))
    others = [None, replace(PART, sha256="0"), replace(PART, distribution="package 1.1")]
    assert key(PART) == key(same)
    assert len({key(each) for each in [PART, *others]}) == 4


def test_parts_are_found_by_their_places(tmp_path: Path) -> None:
    path = specifications.write(tmp_path / "a.json", specifications.small())
    settings = load_file(path).runs["one"].settings
    assert own_parts(settings) == {}
    assert own_parts(with_own_parts(settings, {"model": PART})) == {"model": PART}
