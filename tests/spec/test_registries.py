"""Every registry of components against the schema: their names, and the parameters of each.

A component is added by its function, its row in a registry and its entry in the schema. The tests
here fail where one of the last two is missing, or where their parameters differ.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Unpack, get_args, get_origin, get_type_hints

import pytest

from harness.authoring.names import REGULARIZERS
from harness.data.augmentation import AUGMENTATIONS
from harness.data.catalog import DATASETS
from harness.data.randomizations import RANDOMIZATIONS
from harness.experiment import Basis, Control, Interval, Json, Statistic
from harness.final_metrics import FINAL
from harness.metrics import BINOMIAL, HISTORY, METRICS, ON_TEST_IMAGES
from harness.models.initialization import INITIALIZATIONS
from harness.models.registry import ELSEWHERE, MODELS
from harness.own.kinds import KINDS, PYTHON
from harness.report.figures import FIGURES
from harness.spec import consistency, schema
from harness.spec.sample import DISTRIBUTIONS
from harness.training.losses import LOSSES, REDUCTIONS
from harness.training.optimizers import OPTIMIZERS
from harness.training.schedules import LENGTH, SCHEDULES

SCHEMA = schema.load_schema()

NAMED: list[tuple[str, Iterable[str]]] = [
    ("dataset", DATASETS),
    ("model", {**MODELS, **ELSEWHERE}),
    ("initialization", INITIALIZATIONS),
    ("randomization", RANDOMIZATIONS),
    ("augmentation", AUGMENTATIONS),
    ("optimizer", OPTIMIZERS),
    ("schedule", SCHEDULES),
    ("figure", FIGURES),
    ("final_metric", [*FINAL, PYTHON]),
    ("distribution", DISTRIBUTIONS),
]
"""By a definition of the schema, whatever has an entry for each of the names that it allows."""

LISTED: list[tuple[str, Iterable[str]]] = [
    ("$defs/training/properties/loss/enum", LOSSES),
    ("$defs/training/properties/loss_reduction/enum", REDUCTIONS),
    ("$defs/run/properties/regularizers/items/enum", REGULARIZERS),
    ("$defs/training/properties/early_stopping/properties/metric/enum", ["auto", *HISTORY]),
    ("properties/baseline/properties/tolerances/propertyNames/anyOf/0/enum", METRICS),
    ("$defs/expectation/properties/basis/enum", [each.value for each in Basis]),
    ("$defs/expectation/properties/statistic/enum", [each.value for each in Statistic]),
    (
        "$defs/expectation/allOf/0/then/properties/interval/enum",
        [each.value for each in Interval],
    ),
    ("properties/control/anyOf/0/enum", [each.value for each in Control]),
]
"""By a place in the schema, where what it lists is kept."""


def at(place: str) -> Json:
    """Return what the schema has at a place."""
    found: Json = SCHEMA
    for part in place.split("/"):
        found = found[int(part)] if isinstance(found, list) else found[part]
    return found


@pytest.mark.parametrize(("definition", "registry"), NAMED)
def test_the_schema_allows_the_names_that_are_registered(
    definition: str, registry: Iterable[str]
) -> None:
    assert sorted(at(f"$defs/{definition}/properties/name/enum")) == sorted(registry)


@pytest.mark.parametrize(("place", "names"), LISTED)
def test_the_schema_lists_the_words_that_there_are(place: str, names: Iterable[str]) -> None:
    assert at(place) == list(names)


def keywords(*functions: Callable[..., object]) -> set[str]:
    """Return the parameters that functions take by their names alone.

    They stand in the signature, or where they are many in a dictionary's type.
    """
    alone = {
        each.name
        for function in functions
        for each in inspect.signature(function).parameters.values()
        if each.kind is inspect.Parameter.KEYWORD_ONLY
    }
    unpacked = (
        hint
        for function in functions
        for hint in get_type_hints(function).values()
        if get_origin(hint) is Unpack
    )
    return alone | {name for hint in unpacked for name in get_type_hints(get_args(hint)[0])}


OWN = {kind.definition for kind in KINDS}

PARAMETERS: list[tuple[str, dict[str, set[str]]]] = [
    (
        "model",
        {name: keywords(row.load()) - {"dropout"} for name, row in {**MODELS, **ELSEWHERE}.items()},
    ),
    ("initialization", {name: keywords(row) for name, row in INITIALIZATIONS.items()}),
    ("randomization", {name: keywords(row.train) for name, row in RANDOMIZATIONS.items()}),
    (
        "augmentation",  # the pipeline adds the size and what is put where something is cut out
        {
            name: keywords(row.decide, row.apply) - {"size", "fill"}
            for name, row in AUGMENTATIONS.items()
        },
    ),
    (
        "optimizer",
        {
            name: (
                keywords(row.update)
                | set(row.scalars)
                | ({"weight_decay"} if row.decays else set())
            )
            - {"step", *at("$defs/strengths/properties")}
            for name, row in OPTIMIZERS.items()
        },
    ),
    (
        "schedule",
        {
            name: keywords(row.factor) | set(LENGTH if row.falls else ())
            for name, row in SCHEDULES.items()
        },
    ),
    ("distribution", {name: keywords(row) for name, row in DISTRIBUTIONS.items()}),
    (
        "figure",
        {name: keywords(pkgutil.resolve_name(row.function)) for name, row in FIGURES.items()},
    ),
    (
        "final_metric",  # which run it is compared with is no parameter of the function
        {
            name: keywords(pkgutil.resolve_name(row.function))
            | ({"with"} if row.between else set())
            for name, row in FINAL.items()
        }
        | {PYTHON: set()},
    ),
]
"""By a definition of the schema, the parameters that each of the registered functions takes."""


@pytest.mark.parametrize(("definition", "registered"), PARAMETERS)
def test_the_schema_allows_the_parameters_that_are_taken(
    definition: str, registered: dict[str, set[str]]
) -> None:
    allowed: dict[str, set[str]] = {name: set() for name in registered}
    for branch in at(f"$defs/{definition}/allOf"):
        name = branch["if"]["properties"]["name"]["const"]
        allowed[name] |= set(branch["then"].get("properties", {}))
    # What a function of one's own takes is looked at by `harness.own.calls`.
    assert allowed.pop(PYTHON, set()) >= ({"call", "parameters"} if definition in OWN else set())
    registered.pop(PYTHON, None)
    assert allowed == registered


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_schema_says_which_regularizers_an_optimizer_has_a_place_for(name: str) -> None:
    (branch,) = (
        each["then"]
        for each in at("$defs/optimizer/allOf")
        if each["if"]["properties"]["name"]["const"] == name
    )
    strengths = at("$defs/strengths/properties")
    assert branch["regularizers"] == [
        each for each in OPTIMIZERS[name].scalars if each in strengths
    ]


def test_a_randomization_of_the_test_set_takes_the_parameters_of_the_training_set() -> None:
    for name, row in RANDOMIZATIONS.items():
        assert row.test is None or keywords(row.test) == keywords(row.train), name


def test_every_word_of_a_statistic_is_described() -> None:
    for place in (
        "$defs/expectation/properties/statistic",
        "$defs/expectation/allOf/0/then/properties/interval",
    ):
        assert len(at(place)["enumDescriptions"]) == len(at(place)["enum"])


def test_metrics_are_named_from_what_is_measured() -> None:
    assert set(BINOMIAL) <= set(ON_TEST_IMAGES) <= set(METRICS)
    figures = at("$defs/figure/allOf")
    assert set(figures[0]["then"]["properties"]["metric"]["examples"]) <= set(METRICS)


def test_the_reader_knows_which_augmentations_mix_examples() -> None:
    mixing = {name for name, row in AUGMENTATIONS.items() if row.mixes}
    assert set(consistency._MIXING_AUGMENTATIONS) == mixing


@pytest.mark.parametrize("definition", ["dataset", "model"])
def test_the_reader_of_the_language_names_no_component(definition: str) -> None:
    """What there is to know of one is asked of its package, so that one more needs no change."""
    names = set(at(f"$defs/{definition}/properties/name/enum"))
    for path in Path(schema.__file__).parent.glob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        assert not names & {node.value for node in nodes if isinstance(node, ast.Constant)}, path
