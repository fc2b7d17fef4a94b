"""The language explained: every property, by every path that a person may type."""

from __future__ import annotations

import json
import shlex

import pytest

from harness.authoring.explain import Entry, UnknownPath, _index, explain, names_below
from harness.experiment import Json
from harness.metrics import METRICS
from harness.spec import schema
from harness.spec.patch import merge_patch, parse_assignment


def every_property(node: Json) -> set[int]:
    """The identity of each property's part in the schema, wherever it is, without conditions."""
    found: set[int] = set()
    for name, part in (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    ):
        if name == "properties":
            found |= {id(each) for each in part.values()}
        if name not in ("if", "examples", "default", "complete_run", "complete_sample"):
            found |= every_property(part)
    return found


def test_every_property_of_the_schema_is_explained() -> None:
    root = schema.load_schema()
    restricted = {id(part) for part in root["else"]["properties"].values()}
    matrix_of_runs = {
        id(part["properties"]["matrix"])
        for part in [root["properties"]["runs"]["additionalProperties"]["anyOf"][0]]
    }
    assert every_property(root) - restricted - {id(node.part) for node in _index()} == set()
    assert matrix_of_runs <= {id(node.part) for node in _index()}


@pytest.mark.parametrize("path", [node.name for node in _index()])
def test_every_path_is_found_again_and_told(path: str) -> None:
    entry = explain(path)
    assert entry.path == path
    assert entry.title
    assert entry.description
    assert entry.type or entry.kinds or entry.where
    assert entry.example or entry.path.endswith("*")


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("", ""),
        ("defaults.training.optimizer", "defaults.training.optimizer"),
        ("training.optimizer", "defaults.training.optimizer"),
        ("optimizer", "defaults.training.optimizer"),
        ("optimizer.sgd", "defaults.training.optimizer.sgd"),
        ("momentum_rule", "defaults.training.optimizer.sgd.momentum_rule"),
        ("optimizer.momentum_rule", "defaults.training.optimizer.sgd.momentum_rule"),
        ("defaults.training.optimizer.rho", "defaults.training.optimizer.rmsprop.rho"),
        ("adam.learning_rate", "defaults.training.optimizer.adam.learning_rate"),
        ("training.steps", "defaults.training.steps"),
        ("training.warm_up.per", "defaults.training.warm_up.per"),
        ("runs.*.initialize_from", "runs.*.initialize_from"),
        ("runs.random.training.epochs", "runs.*.training.epochs"),
        ("runs.one.matrix", "runs.*.matrix"),
        ("matrix.size.small.model.name", "runs.*.matrix.*.*.model.name"),
        ("initialize_from.weights", "defaults.initialize_from.weights"),
        ("expectations.at_least", "expectations.at_least"),
        ("expectations.0.at_least", "expectations.at_least"),
        ("expectations[0].at_least", "expectations.at_least"),
        ("expectations.*.at_least", "expectations.at_least"),
        ("expectation.paper", "expectations.paper"),
        ("published", "expectations.paper.published"),
        ("randomized", "defaults.dataset.validation.randomized"),
        ("training.schedule", "defaults.training.schedule"),
        ("model.resnet", "defaults.model.resnet"),
        ("randomization.confusion.unit", "defaults.dataset.randomize.confusion.unit"),
        ("figure.history", "figures.history"),
        ("source.url", "source.url"),
        ("run", "defaults"),
        ("test_accuracy", "expectations.metric.test_accuracy"),
    ],
)
def test_a_path_may_be_short(path: str, canonical: str) -> None:
    assert explain(path).path == canonical


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "training.optimiser",
            "unknown property 'training.optimiser'; did you mean 'defaults.training.optimizer'?",
        ),
        ("lerning_rate", "did you mean 'defaults.training.optimizer.sgd.learning_rate'?"),
        ("learning_rate", "there are 7 of 'learning_rate': defaults.training.optimizer.sgd."),
        ("defaults.traning", "did you mean 'defaults.training'?"),
        ("zzz", "unknown property 'zzz'; explain alone lists what there is"),
        ("name.first", "unknown property 'name.first'"),
        ("*", "of '*': defaults.sample.draw.*, defaults.sample.draw.*.changes.changes.*, runs.*, "),
        (
            "model.width",
            (
                "there are 5 of defaults.model.width: defaults.model.convnet.width,"
                " defaults.model.vgg.width"
            ),
        ),
        ("replicas.x", "unknown property"),
    ],
)
def test_a_wrong_path_is_told_the_nearest(path: str, message: str) -> None:
    with pytest.raises(UnknownPath) as told:
        explain(path)
    assert message in str(told.value)


def test_an_entry_says_what_the_schema_says() -> None:
    entry = explain("sgd.learning_rate")
    assert (entry.title, entry.type, entry.limits) == ("Learning rate", "number", ("more than 0",))
    assert (entry.where, entry.default, entry.required) == ("name is sgd", "0.1", False)
    assert entry.setting == "--set defaults.training.optimizer.learning_rate=0.01"
    kinds = explain("schedule")
    assert [kind.name for kind in kinds.kinds] == [
        "constant",
        "piecewise",
        "exponential",
        "plateau",
        "cosine",
        "linear",
    ]
    assert [child.name for child in kinds.children] == ["name"]
    assert (kinds.default, kinds.type) == ('{"name": "constant"}', "object")
    piecewise = explain("schedule.piecewise")
    assert [(child.name, child.type, child.default) for child in piecewise.children] == [
        ("epochs", "list of integers", "required"),
        ("factor", "number", "0.1"),
    ]
    epochs = explain("training.epochs")
    assert (epochs.where, epochs.default, epochs.required) == ("steps is null", "100", False)
    assert epochs.setting == "--set defaults.training.epochs=350"
    names = explain("dataset.name")
    assert (names.required, names.default) == (True, "")
    assert dict(names.allowed)["mnist"].startswith("70,000 handwritten digits")
    assert explain("initialize_from").type == "string or null or object"
    assert explain("between").type == "list of 2"
    assert [child.name for child in explain("runs").children] == ["*"]
    assert [child.name for child in explain("expectations.metric").children] == list(METRICS)


DEFINITIONS = {
    "randomize": "randomization",
    "figures": "figure",
    "metrics": "final_metric",
    "*": "distribution",
}


@pytest.mark.parametrize(
    "path", [node.name for node in _index() if node.kind and node.where.startswith("name")]
)
def test_the_example_of_a_kind_is_valid(path: str) -> None:
    *_, holder, kind = path.split(".")
    example = json.loads(explain(path).example)
    assert example["name"] == kind
    assert not list(schema.faults(DEFINITIONS.get(holder, holder), example))


SETTINGS = [entry for node in _index() if (entry := explain(node.name)).setting]


@pytest.mark.parametrize("entry", SETTINGS, ids=[entry.path for entry in SETTINGS])
def test_the_option_sets_what_it_says(entry: Entry) -> None:
    option, assignment = shlex.split(entry.setting)
    document: Json = {"name": "x", "title": "x", "runs": {"one": {}}}
    if entry.where.startswith("name is "):  # the kind must be chosen too
        path = assignment.partition("=")[0].rpartition(".")[0]
        document = merge_patch(
            document, parse_assignment(f"{path}.name={entry.where.removeprefix('name is ')}")
        )
    document = merge_patch(document, parse_assignment(assignment))
    assert option == "--set"
    # What else a piecewise schedule or a normalization must have does not come with it.
    faults = [message for _, message in schema.faults("experiment", document)]
    assert [message for message in faults if not message.endswith("is missing")] == []


def test_completion_goes_one_step_at_a_time() -> None:
    names = [name for name, _ in names_below("")]
    assert {"runs", "defaults", "training", "model"} <= set(names)
    assert all("." not in name for name in names)
    assert names_below("training.opt") == [("training.optimizer", "Optimizer")]
    assert [name for name, _ in names_below("training.optimizer.a")] == [
        "training.optimizer.adam",
        "training.optimizer.adamw",
        "training.optimizer.adagrad",
    ]
    assert [name for name, _ in names_below("runs.any.mat")] == ["runs.any.matrix"]
    assert names_below("nothing.at.") == names_below("zzz") == []


@pytest.mark.parametrize(
    ("path", "definition"),
    [
        ("dataset", "dataset"),
        ("model", "model"),
        ("optimizer", "optimizer"),
        ("schedule", "schedule"),
        ("initialization", "initialization"),
        ("augmentation", "augmentation"),
        ("randomize", "randomization"),
        ("figures", "figure"),
    ],
)
def test_every_name_has_a_line(path: str, definition: str) -> None:
    name = schema.definition(definition)["properties"]["name"]
    kinds = explain(path).kinds
    assert [kind.name for kind in kinds] == name["enum"]
    assert all(kind.sentence for kind in kinds)
    assert not any(kind.sentence.endswith(" al") for kind in kinds)


def test_a_name_without_properties_of_its_own_is_explained() -> None:
    entry = explain("mnist")
    assert entry.path == "defaults.dataset.mnist"
    assert entry.description.startswith("70,000 handwritten digits")
    assert entry.example == '{"name": "mnist"}'
