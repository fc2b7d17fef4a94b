"""Valid specifications, generated, and one or two epochs of the runs that they describe.

`python -m tests.training.one_step EXAMPLES` with `KERAS_BACKEND=jax` tries as many with JAX.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from harness.data import catalog
from harness.experiment import Json, RunSpec
from harness.spec import schema
from harness.spec.load import load_file
from harness.spec.problems import SpecError
from tests.training.backend_cases import SMALL, quickly_built, using

Schema = dict[str, Any]

LARGE = [1, 2, 3, 1000, 10_000_000, 2**53 - 1, 4294967295]
REAL = [0, 0.0, 1, 1.0, 2, -1, 1e-300, 1e-8, 0.5, 0.999, 1e30, 1e300]
LEFT_OUT = {
    "backend",
    "epochs",
    "steps",
    "train_examples",
    "test_examples",
    "train_per_class",
    "test_per_class",
    "replicas",
    "copies",
}
"""What decides how long a run takes, or on what; the rest is drawn from what the schema allows."""

OWN = ("python", "keras")
"""Names that stand for a person's own code and files, of which there are none here."""


def values(part: Schema) -> st.SearchStrategy[Json]:
    """Give what a part of the schema allows, corners rather than the middle."""
    if "$ref" in part:
        return values(schema.load_schema()["$defs"][part["$ref"].removeprefix("#/$defs/")])
    if "anyOf" in part:
        return st.one_of(*map(values, part["anyOf"]))
    if "const" in part or "enum" in part:
        allowed_values = part.get("enum", [part.get("const")])
        return st.sampled_from([each for each in allowed_values if each not in OWN])
    kinds = part["type"] if isinstance(part["type"], list) else [part["type"]]
    return st.one_of(*(_of_kind(kind, part) for kind in kinds))


def _of_kind(kind: str, part: Schema) -> st.SearchStrategy[Json]:
    if kind == "integer":
        whole = [each for each in [part.get("minimum", 0), *LARGE] if allowed(part, each)]
        return st.sampled_from([*whole, *map(float, whole)])
    if kind == "array":
        unique = json.dumps if part.get("uniqueItems") else None
        most = min(3, part.get("maxItems", 3))
        return st.lists(
            values(part["items"]), min_size=part.get("minItems", 0), max_size=most, unique_by=unique
        )
    simple: dict[str, Callable[[], st.SearchStrategy[Json]]] = {
        "null": st.none,
        "boolean": st.booleans,
        "string": lambda: st.sampled_from(part.get("examples", ["a"])),
        "number": lambda: st.sampled_from([each for each in REAL if allowed(part, each)]),
        "object": lambda: objects(part),
    }
    return simple[kind]()


def allowed(part: Schema, number: float) -> bool:
    """Tell whether a number is within the bounds of its schema."""
    above = (
        part.get("minimum", -math.inf) <= number
        and part.get("exclusiveMinimum", -math.inf) < number
    )
    return (
        above
        and number <= part.get("maximum", math.inf)
        and number < part.get("exclusiveMaximum", math.inf)
    )


@st.composite
def objects(draw: st.DrawFn, part: Schema, fixed: Json = None) -> Json:
    """Draw an object: its name first, where it has one, then some of the properties that belong to
    it.
    """
    found = dict(fixed or {})
    if "name" in part["properties"] and "name" not in found:
        found["name"] = draw(values(part["properties"]["name"]))
    needed = {name for each in schema.applicable(part, found) for name in each.get("required", ())}
    for name, own in schema.properties(part, found).items():
        if name not in found and name not in LEFT_OUT and (name in needed or draw(st.booleans())):
            found[name] = draw(values(dict(own)))
    return found


@st.composite
def runs(draw: st.DrawFn) -> Json:
    """Draw the settings of a run on very few examples, with a small network."""
    definition = schema.definition
    few = draw(st.integers(1, 6))
    points = draw(st.booleans())
    data = (
        {"name": "blobs", "train_per_class": few}
        if points
        else {"name": "digits", "train_examples": 2 * few}
    )
    name = "perceptron" if points else draw(st.sampled_from(sorted(SMALL)))
    dataset = draw(
        objects(dict(definition("dataset")), data | {"test_examples": draw(st.integers(1, 3))})
    )
    model = {"name": name, **SMALL[name]}
    budget = draw(st.sampled_from([{"epochs": 1}, {"epochs": 2}, {"epochs": 2.0}, {"steps": 2}]))
    training = draw(objects(dict(definition("training")), budget))
    run = {
        "dataset": dataset,
        "model": draw(objects(dict(definition("model")), model)),
        "training": training,
    }
    for section in ("initialization", "strengths", "regularizers"):
        if draw(st.booleans()):
            run[section] = draw(values(dict(definition("run")["properties"][section])))
    return run


def valid(run: Json, folder: Path) -> RunSpec | None:
    """Return the run without the settings of it that do not go together, or None where nothing is
    left of it.
    """
    path = folder / "generated.json"
    for _ in range(20):
        path.write_text(json.dumps({"name": "a", "title": "A", "runs": {"one": run}}))
        try:
            return load_file(path).runs["one"]
        except SpecError as error:
            for problem in error.problems:
                pointer = problem.pointer.split("/")[3:]
                # center_crop left too little of the images for the model, or the batches no step
                if not pointer or pointer in (["model"], ["training"]):
                    return None
                _drop(run, pointer)
    return None


def _drop(value: Json, pointer: list[str]) -> None:
    for part in pointer[:-1]:
        value = value[int(part) if isinstance(value, list) else part] if value else {}
    if isinstance(value, list):
        del value[int(pointer[-1]) :]
    else:
        value.pop(pointer[-1], None)


def trained(run: RunSpec, engine: str, run_seed: int) -> None:
    """Train a run; what is raised but a loss that is not finite is a fault of the harness."""
    from harness.compile import compile_run
    from harness.training.fit import NonFiniteLoss, train

    with quickly_built():
        made = compile_run(run.settings, run_seed, None, catalog.data_dir())
    convolutions = any(len(weight.shape) > 2 for weight in made.model.trainable_weights)
    with using("streamed" if convolutions else engine):
        try:
            outcome = train(
                run.settings.training, made.model, made.pipeline, report=lambda rows, state: None
            )
        except NonFiniteLoss:
            return
    assert outcome.state.step >= 1
    assert outcome.history[-1]["epoch"] == outcome.state.epoch <= 2


def check(examples: int) -> int:
    """Try so many generated runs, the same every time; returns how many were trained."""
    count = 0
    seeds = st.sampled_from([0, 1, 4294967295])

    @seed(5)
    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(runs(), st.sampled_from(["compiled", "streamed"]), seeds)
    def every(run: Json, engine: str, run_seed: int) -> None:
        nonlocal count
        with tempfile.TemporaryDirectory() as folder:
            found = valid(run, Path(folder))
        if found is not None:
            trained(found, engine, run_seed)
            count += 1

    every()
    return count


if __name__ == "__main__":
    from harness.backend import prepare_backend

    prepare_backend()
    print(check(int(sys.argv[1])))
