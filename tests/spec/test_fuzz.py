"""Whatever is written in a specification, the answer is a plan or a list of problems, never a
traceback.
"""

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.experiment import Json
from harness.plan import make_plan
from harness.spec import schema
from harness.spec.document import Pointer
from harness.spec.load import load
from harness.spec.problems import SpecError

FEW = 150
INPUTS = int(os.environ.get("HARNESS_FUZZ_INPUTS", FEW))
"""Inputs of each kind: a few, the same every time, or as many as a long test asks for."""

ROOT = Path("specs").resolve()
SHIPPED = {path: path.read_text() for path in sorted(ROOT.rglob("*.json"))}


def whole(path: Path) -> Json:
    """A shipped specification with whatever it extends beside it, so that it can be written
    anywhere.
    """
    document = json.loads(SHIPPED[path])
    if "extends" in document:
        document["extends"] = str((path.parent / document["extends"]).resolve())
    return document


def places(value: Json, at: Pointer = ()) -> Iterator[Pointer]:
    yield at
    pairs: Iterator[tuple[str | int, Json]] = iter(())
    if isinstance(value, dict):
        pairs = iter(value.items())
    elif isinstance(value, list):
        pairs = iter(enumerate(value))
    for key, child in pairs:
        yield from places(child, (*at, key))


def vocabulary(node: Json) -> Iterator[Json]:
    """Every default, example and allowed value of the schema, and every property's name."""
    if isinstance(node, dict):
        yield from node.get("examples", ()) if isinstance(node.get("examples"), list) else ()
        yield from node.get("enum", ()) if isinstance(node.get("enum"), list) else ()
        if "default" in node:
            yield node["default"]
        if isinstance(node.get("properties"), dict):
            yield from node["properties"]
        for child in node.values():
            yield from vocabulary(child)
    elif isinstance(node, list):
        for child in node:
            yield from vocabulary(child)


WORDS = sorted({json.dumps(word) for word in vocabulary(schema.definition("experiment"))})
ODD: list[Json] = [
    None, True, 0, -1, 1e308, -0.0, 2**63, 10**400, 0.1, "", " ", "\u0000", "../../etc/passwd", "/",
    "~", "a" * 5000, "<script>", "run[*].x", "confusion[*]", "[", "]", "*", [], {}, [[]], [None],
    {"": None}, {"name": None}, [1, "a"],
]  # fmt: skip
VALUES = (
    st.sampled_from(WORDS).map(json.loads)
    | st.sampled_from(ODD)
    | st.integers()
    | st.floats(allow_nan=False)
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A shipped specification with some members replaced, dropped, renamed or moved."""
    document = whole(draw(st.sampled_from(sorted(SHIPPED))))
    for _ in range(draw(st.integers(1, 4))):
        *parents, last = draw(
            st.sampled_from([place for place in places(document) if place] or [("name",)])
        )
        node = document
        for part in parents:
            node = node[part]
        act = draw(st.sampled_from(["replace", "drop", "rename", "double", "move"]))
        if act == "replace" or not isinstance(node, dict):
            node[last] = copy.deepcopy(draw(VALUES))  # what comes after may change it in place
        elif act == "move":
            node[last] = copy.deepcopy(document)
        elif act == "double":
            node[f"{last}_2"] = copy.deepcopy(node[last])
        else:
            value = node.pop(last)
            if act == "rename":
                node[
                    draw(
                        st.sampled_from(WORDS)
                        .map(json.loads)
                        .filter(lambda word: isinstance(word, str))
                    )
                ] = value
    return json.dumps(document)


@st.composite
def scribbled(draw: st.DrawFn) -> str:
    """The text of a shipped specification with pieces cut out or put in."""
    text = json.dumps(whole(draw(st.sampled_from(sorted(SHIPPED)))))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = (
            text[:start]
            + draw(st.text(max_size=6) | st.sampled_from(list('{}[]",:\\\n')))
            + text[end:]
        )
    return text


def answers(text: str, folder: Path) -> None:
    path = folder / "fuzz.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        experiments = load([path])
    except SpecError as error:
        assert error.problems
        assert all(problem.message for problem in error.problems)
    else:
        make_plan(experiments, folder, gpus=0)
    assert [item.name for item in folder.iterdir()] == ["fuzz.json"]


@pytest.mark.parametrize("inputs", [mutated(), scribbled()], ids=["mutated", "scribbled"])
def test_every_input_gets_an_answer(
    inputs: st.SearchStrategy[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")

    @settings(
        max_examples=INPUTS,
        derandomize=INPUTS == FEW,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(inputs)
    def every(text: str) -> None:
        answers(text, folder)

    every()
