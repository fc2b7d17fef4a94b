import copy
import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.experiment import Json
from harness.spec import schema
from harness.spec.problems import MOST_FAULTS

SCHEMA = schema.load_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
VALID: Json = {
    "$schema": "s",
    "name": "full",
    "title": "Everything",
    "source": {"citation": "c", "url": "https://example.org", "locator": "l"},
    "requires": {"gpu": False},
    "seeds": [0, 7],
    "defaults": {
        "dataset": {
            "name": "digits",
            "train_examples": 100,
            "test_examples": None,
            "normalize": {"mean": [0.5], "deviation": [0.2]},
            "randomize": [{"name": "confusion", "replicas": 2, "zero_out": 0.5, "unit": "pixel"}],
        },
        "model": {"name": "resnet", "blocks": [1, 1], "width": 8, "block": "basic"},
        "initialization": {"name": "he_normal"},
        "strengths": {
            "augmentation": [{"name": "random_crop", "padding": 1}],
            "momentum": 0.5,
            "l2": 0.1,
        },
        "training": {
            "loss": "cross_entropy",
            "optimizer": {"name": "sgd", "learning_rate": 0.1, "nesterov": True},
            "schedule": {"name": "piecewise", "epochs": [2], "factor": 0.5},
            "batch_size": 10,
            "stop_when": {"train_accuracy": 1, "check_every": 2},
        },
    },
    "runs": {
        "one": {"matrix": {"regularizers": [[], ["l2"]], "size": {"big": {"model": {"width": 9}}}}},
        "two": {
            "initialize_from": "one[none,big]",
            "dataset": {"name": "blobs", "shift": 1},
            "metrics": [
                {"name": "top_k_accuracy", "k": 3, "as": "a_b"},
                {"name": "class_accuracy", "classes": [0, 1]},
                {"name": "sharpness", "iterations": 9, "tolerance": 0.1, "examples": 5},
                {"name": "path_norm", "p": 1},
                {"name": "linear_path", "with": "three", "points": 3},
            ],
            "keep_weights": [2, 4],
        },
        "three": {
            "initialize_from": {"weights": "w.weights.h5"},
            "keep_weights": {"every": 25},
        },
    },
    "expectations": [
        {
            "id": "low",
            "metric": "two.test_accuracy",
            "at_least": 0.5,
            "basis": "hypothesis",
            "source": "s",
        },
        {
            "id": "mid",
            "metric": "two.distance",
            "between": [0, 1],
            "basis": "hypothesis",
            "source": "s",
            "confidence": 0.9,
        },
        {
            "id": "near",
            "metric": "two.distance",
            "published": 2,
            "within": 1,
            "basis": "paper",
            "source": "s",
        }
        | {"citation": "C"},
        {
            "id": "over",
            "metric": "two.distance",
            "published": 2,
            "at_least": 1,
            "basis": "paper",
            "source": "s",
        },
        {"id": "each", "metric": "two.steps", "at_most": 9, "statistic": "worst", "share": 0.5}
        | {"basis": "hypothesis", "source": "s"},
        {
            "id": "half",
            "metric": "two.steps",
            "at_most": 9,
            "statistic": "median",
            "basis": "hypothesis",
            "source": "s",
        },
        {
            "id": "boot",
            "metric": "two.steps",
            "at_most": 9,
            "interval": "bootstrap",
            "basis": "hypothesis",
            "source": "s",
        },
    ],
    "figures": [
        {"name": "by_cell", "metric": "distance", "groups": {"g": "one"}},
        {"name": "decision_regions", "panels": [{"run": "two", "regions": False}], "seed": 7},
        {
            "name": "history",
            "metrics": ["train_loss"],
            "groups": {"g": "two"},
            "x": "epochs",
            "log": True,
            "until": 0.5,
        },
        {
            "name": "against",
            "metrics": ["steps"],
            "axis": "size",
            "groups": {"g": "one"},
            "log_x": True,
        },
        {"name": "linear_path", "groups": {"g": "two"}, "log": True},
        {"name": "class_accuracies", "groups": {"g": "two"}},
    ],
    "baseline": {
        "tolerances": {
            "test_accuracy": {"absolute": 0.02},
            "distance": {"absolute": 1, "relative": 0.1},
        }
    },
}


def accepts(instance: Json) -> bool:
    return not list(VALIDATOR.iter_errors(instance))


def subschemas(node: Json, path: str = "#") -> Iterator[tuple[str, Json]]:
    """Every subschema, by the JSON Schema keywords that hold some."""
    yield path, node
    for keyword in ("properties", "$defs"):
        for name, part in node.get(keyword, {}).items():
            yield from subschemas(part, f"{path}/{keyword}/{name}")
    for keyword in ("allOf", "anyOf", "oneOf", "prefixItems"):
        for index, part in enumerate(node.get(keyword, ())):
            yield from subschemas(part, f"{path}/{keyword}/{index}")
    for keyword in ("if", "then", "else", "items", "additionalProperties", "propertyNames"):
        if isinstance(node.get(keyword), dict):
            yield from subschemas(node[keyword], f"{path}/{keyword}")


def documented() -> dict[str, Json]:
    """Every property that a person may write, what it refers to merged in; conditions and
    restrictions left out.
    """
    found = {}
    for path, node in subschemas(SCHEMA):
        if path.endswith("/if") or "/if/" in path or path.startswith("#/$defs/complete_"):
            continue
        for name, part in node.get("properties", {}).items():
            found[f"{path}/{name}"] = (
                schema.definition(part["$ref"].removeprefix("#/$defs/")) if "$ref" in part else {}
            ) | part
    return found


def required_somewhere() -> set[str]:
    return {name for _, node in subschemas(SCHEMA) for name in node.get("required", ())}


def test_the_schema_is_a_valid_one_and_the_example_has_everything() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert accepts(VALID)
    assert not list(schema.faults("experiment", VALID))
    assert len(documented()) > 60


@pytest.mark.parametrize("path", documented())
def test_every_property_explains_itself(path: str) -> None:
    part = documented()[path]
    assert part["title"]
    assert part["description"].endswith((".", ")"))
    assert part["examples"]
    assert "default" in part or path.rpartition("/")[2] in required_somewhere() | {
        "dataset",
        "model",
    }


@pytest.mark.parametrize("path", documented())
def test_defaults_and_examples_are_valid(path: str) -> None:
    part = documented()[path]
    validator = jsonschema.Draft202012Validator(part | {"$defs": SCHEMA["$defs"]})
    for example in part["examples"]:
        validator.validate(example)
    # A default of null stands for "not there" where null itself is not written.
    if part.get("default") is not None:
        validator.validate(part["default"])


def test_every_object_is_closed() -> None:
    opened = []
    for path, node in subschemas(SCHEMA):
        types = node.get("type", ())
        closed = (
            node.get("additionalProperties", node.get("unevaluatedProperties", True)) is not True
        )
        if ("object" in ([types] if isinstance(types, str) else types)) and not closed:
            opened.append(path)
        used = [part.get("$ref") for part in (node, *node.get("allOf", ()))]
        if "#/$defs/run" in used and not path.endswith("/allOf/0"):
            assert node.get("unevaluatedProperties") is False, path
    # Every use of `run` is closed where it stands, because runs have a matrix besides.
    assert opened == ["#/$defs/run"]


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, part in SCHEMA["$defs"].items()
        if "allOf" in part and "name" in part["properties"]
    ],
)
def test_every_branch_is_of_a_name(name: str) -> None:
    part = SCHEMA["$defs"][name]
    branches = {branch["if"]["properties"]["name"]["const"] for branch in part["allOf"]}
    assert branches <= set(part["properties"]["name"]["enum"])


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, part in SCHEMA["$defs"].items()
        if "enum" in part.get("properties", {}).get("name", {})
    ],
)
def test_editors_describe_every_name_as_its_branch_does(name: str) -> None:
    part = SCHEMA["$defs"][name]
    names = part["properties"]["name"]
    described = dict(zip(names["enum"], names["enumDescriptions"], strict=True))
    assert all(described.values())
    branches = {
        branch["if"]["properties"]["name"]["const"]: branch["then"] for branch in part["allOf"]
    }
    titled = {
        of: branch["description"] for of, branch in branches.items() if "description" in branch
    }
    assert {of: described[of] for of in titled} == titled


def test_defaults_are_filled_in_at_every_depth() -> None:
    run = {
        "dataset": {"name": "blobs", "shift": 2, "randomize": [{"name": "confusion"}]},
        "model": {"name": "resnet"},
    }
    before = copy.deepcopy(run)
    assert schema.fill_defaults(schema.definition("complete_run"), run) == {
        "dataset": {
            "name": "blobs",
            "classes": None,
            "shift": 2,
            "train_per_class": 50,
            "test_per_class": 50,
            "data_seed": 0,
            "train_examples": None,
            "test_examples": None,
            "normalize": None,
            "center_crop": None,
            "validation": None,
            "randomize": [
                {
                    "name": "confusion",
                    "replicas": 1,
                    "zero_out": 0.1,
                    "unit": "channel",
                    "seed": None,
                }
            ],
        },
        "model": {"name": "resnet", "blocks": [2, 2, 2, 2], "width": 64, "block": "basic"},
        "initialization": {"name": "fan_in_uniform", "gamma": "one"},
        "initialize_from": None,
        "strengths": {"augmentation": [], "momentum": 0.9, "l2": 0.0005, "dropout": 0.5},
        "regularizers": [],
        "metrics": [],
        "keep_weights": [],
        "training": {
            "loss": "cross_entropy",
            "loss_reduction": "mean",
            "optimizer": {
                "name": "sgd",
                "learning_rate": 0.1,
                "nesterov": False,
                "momentum_rule": "pytorch",
                "weight_decay": 0,
            },
            "schedule": {"name": "constant"},
            "batch_size": 128,
            "accumulate": 1,
            "last_batch": "keep",
            "epochs": 100,
            "steps": None,
            "warm_up": None,
            "clip_norm": None,
            "average": None,
            "sharpness_aware": None,
            "stop_when": None,
            "measure_every": 1,
            "early_stopping": None,
            "label_smoothing": 0,
            "precision": "float32",
            "deterministic": True,
            "backend": None,
        },
    }
    assert run == before


@pytest.mark.parametrize(
    ("factor", "expected"),
    [({"name": "piecewise", "epochs": [3]}, 0.1), ({"name": "exponential"}, 0.95)],
)
def test_a_default_is_that_of_the_named_kind(factor: Json, expected: float) -> None:
    assert schema.fill_defaults(schema.definition("schedule"), factor)["factor"] == expected


def test_whole_numbers_are_integers_however_they_are_written() -> None:
    filled = schema.fill_defaults(
        schema.definition("training"),
        {"batch_size": 64.0, "epochs": 1e2, "stop_when": {"train_accuracy": 1.0}},
    )
    assert [type(filled[name]) for name in ("batch_size", "epochs")] == [int, int]
    assert (filled["batch_size"], filled["epochs"]) == (64, 100)
    assert isinstance(filled["stop_when"]["train_accuracy"], float)
    assert schema.fill_defaults(
        schema.definition("model"), {"name": "perceptron", "hidden": [8.0]}
    )["hidden"] == [8]


def test_a_number_that_may_have_a_fraction_is_a_float_in_what_a_run_takes() -> None:
    """What is recorded of the run stays as a person wrote it."""
    training = {
        "optimizer": {"name": "sgd", "learning_rate": 1},
        "batch_size": 64.0,
        "stop_when": {"train_accuracy": 1},
    }
    dataset = {"name": "digits", "normalize": {"mean": [0], "deviation": [1]}}
    found = schema.Sections().of(
        {"training": training, "dataset": dataset, "model": {"name": "perceptron"}}
    )
    typed = found["training"].typed
    for number in (
        typed["optimizer"]["learning_rate"],
        typed["label_smoothing"],
        typed["stop_when"]["train_accuracy"],
    ):
        assert isinstance(number, float)
    assert [type(each) for each in found["dataset"].typed["normalize"]["mean"]] == [float]
    assert [type(typed[name]) for name in ("batch_size", "epochs", "deterministic")] == [
        int,
        int,
        bool,
    ]
    assert schema.compact(found["training"].complete["optimizer"]["learning_rate"]) == "1"


def test_paths_are_those_that_the_schema_marks() -> None:
    run: Json = {"dataset": {"name": "image_folder", "path": "x"}, "model": {"name": "convnet"}}
    run |= {"initialize_from": {"weights": "w.weights.h5"}}
    found = schema.Sections().of(run)
    assert found["dataset"].paths == (("dataset", "path"),)
    assert found["initialize_from"].paths == (("initialize_from", "weights"),)
    assert schema.Sections().of(run | {"initialize_from": "x"})["initialize_from"].paths == ()


@pytest.mark.parametrize(
    ("number", "valid"), [(2.0**53 - 1, True), (2.0**53, False), (1e22, False), (1.5, False)]
)
def test_an_integer_is_one_that_every_program_reads_as_the_same(number: float, valid: bool) -> None:
    found = list(schema.faults("training", {"measure_every": number}))
    assert found == ([] if valid else [(("measure_every",), found[0][1])])
    if number == 1e22:
        assert found[0][1] == "expected an integer of at most 9007199254740991, found 1e+22"


@pytest.mark.parametrize("items", [[1, "1"], [True, 1], [[0], [1]], [{"a": 1}, {"a": 2}]])
def test_items_of_any_kinds_are_distinct_where_json_says_so(items: list[Json]) -> None:
    for instance in (items, [*items, items[0]], [*items, 1.0 if items[0] == 1 else items[0]]):
        found = [
            message
            for pointer, message in schema.faults("experiment", VALID | {"seeds": instance})
            if len(pointer) == 1
        ]
        assert bool(found) == (len(instance) > len(items))


def test_a_list_that_is_too_long_is_one_fault_and_its_items_are_not_looked_at() -> None:
    found = list(schema.faults("experiment", VALID | {"seeds": ["x"] * 10_001}))
    assert found == [(("seeds",), "expected at most 10,000 items, found 10,001")]
    runs = {f"R{number}": 5 for number in range(10_001)}
    found = list(schema.faults("experiment", VALID | {"runs": runs}))
    assert found == [(("runs",), "expected at most 10,000 members, found 10,001")]


def test_very_many_faults_are_told_in_part() -> None:
    found = list(schema.faults("experiment", VALID | {"seeds": ["x"] * 5000}))
    assert len(found) == MOST_FAULTS == len(set(found))


def test_a_large_value_is_shown_in_part_and_not_written_whole() -> None:
    class Endless(dict[str, Json]):
        def items(self) -> Iterator[tuple[str, Json]]:  # type: ignore[override]
            for number in range(1000):
                assert number < 20, "what is not shown was read"
                yield f"key{number}", number

    shown = schema.show(Endless(a=1))
    assert shown.startswith('{"key0": 0, "key1": 1')
    assert len(shown) == 60
    assert schema.show("x" * 10**6) == '"' + "x" * 56 + "..."
    assert schema.show([1, "a"]) == '[1, "a"]'


FAULTS: list[tuple[str, Json, str, str]] = [
    # what is patched in at which place of the full example, the pointer and the message that follow
    ("title", 5, "/title", "expected a string, found 5"),
    ("seeds", "0", "/seeds", 'expected an array or an object, found "0"'),
    ("seeds", [], "/seeds", "expected at least 1 item, found 0"),
    ("seeds", [1, 1], "/seeds", "expected distinct items, found [1, 1]"),
    ("seeds", [True], "/seeds/0", "expected an integer, found true"),
    (
        "defaults/training",
        {"epochs": 3, "steps": 5},
        "/defaults/training/epochs",
        "'epochs' and 'steps' exclude each other: take one away",
    ),
    (
        "defaults/training/warm_up",
        {"steps": 5, "per": "epoch"},
        "/defaults/training/warm_up/per",
        "'per' and 'steps' exclude each other: take one away",
    ),
    ("seeds", [-1], "/seeds/0", "expected at least 0, found -1"),
    ("seeds", [2**32], "/seeds/0", "expected at most 4294967295, found 4294967296"),
    ("title", "", "/title", "expected a text, found an empty string"),
    ("title", "x" * 201, "/title", "expected at most 200 characters, found 201"),
    ("name", "No Name", "/name", '"No Name" does not have the form ^[a-z0-9][a-z0-9-]{0,79}$'),
    ("name", "full\n", "/name", '"full\\n" does not have the form'),
    ("source", {}, "/source", "'citation' is missing"),
    ("source/url", "http://example.org", "/source/url", "does not have the form ^https://"),
    ("requires/gpu", "yes", "/requires/gpu", 'expected true or false, found "yes"'),
    (
        "nmae",
        1,
        "/nmae",
        "unknown property 'nmae'; did you mean 'name'? (allowed: $schema, extends, name, title,",
    ),
    ("runs", {}, "/runs", "expected at least one member, found none"),
    ("runs/Bad", {}, "/runs/Bad", '"Bad" does not have the form ^[a-z]'),
    ("runs/one", [], "/runs/one", "expected an object or null, found []"),
    ("runs/one/matrx", {}, "/runs/one/matrx", "unknown property 'matrx'; did you mean 'matrix'?"),
    ("runs/one/matrix", {}, "/runs/one/matrix", "expected at least one member, found none"),
    (
        "runs/one/matrix/x",
        5,
        "/runs/one/matrix/x",
        "expected an array or an object or null, found 5",
    ),
    ("runs/one/matrix/x", [], "/runs/one/matrix/x", "expected at least 1 item, found 0"),
    ("runs/one/matrix/size/b c", {}, "/runs/one/matrix/size/b c", '"b c" does not have the form'),
    (
        "runs/one/matrix/size/big/modle",
        {},
        "/runs/one/matrix/size/big/modle",
        "unknown property 'modle'; did you mean 'model'?",
    ),
    (
        "runs/two/initialize_from",
        5,
        "/runs/two/initialize_from",
        "expected a string or null or an object, found 5",
    ),
    (
        "runs/two/initialize_from",
        {"weights": "w.h5"},
        "/runs/two/initialize_from/weights",
        '"w.h5" does not have the form',
    ),
    ("defaults/matrix", {}, "/defaults/matrix", "unknown property 'matrix'"),
    (
        "defaults/dataset/name",
        "digit",
        "/defaults/dataset/name",
        "unknown value 'digit'; did you mean 'digits'? (allowed: digits, blobs,",
    ),
    ("defaults/dataset/name", 5, "/defaults/dataset/name", "expected a string, found 5"),
    ("defaults/dataset/shift", 1, "/defaults/dataset/shift", "unknown property 'shift'"),
    (
        "defaults/dataset/train_examples",
        0,
        "/defaults/dataset/train_examples",
        "expected at least 1, found 0",
    ),
    (
        "defaults/dataset/train_examples",
        1.5,
        "/defaults/dataset/train_examples",
        "expected an integer or null, found 1.5",
    ),
    (
        "defaults/dataset/normalize/deviation",
        [0],
        "/defaults/dataset/normalize/deviation/0",
        "expected more than 0, found 0",
    ),
    (
        "defaults/model",
        {"name": "wide_resnet", "depth": 12},
        "/defaults/model/depth",
        "unknown value '12'; did you mean",
    ),
    (
        "defaults/model",
        {"name": "wide_resnet", "depth": "12"},
        "/defaults/model/depth",
        'expected an integer, found "12"',
    ),
    (
        "defaults/dataset/normalize",
        "per_pixel",
        "/defaults/dataset/normalize",
        'expected "per_image", found "per_pixel"',
    ),
    (
        "defaults/model/blocks",
        [1] * 5,
        "/defaults/model/blocks",
        "expected at most 4 items, found 5",
    ),
    (
        "defaults/strengths/momentum",
        1,
        "/defaults/strengths/momentum",
        "expected less than 1, found 1",
    ),
    (
        "defaults/training/schedule",
        {"name": "piecewise"},
        "/defaults/training/schedule",
        "'epochs' is missing",
    ),
    (
        "defaults/training",
        "x" * 99,
        "/defaults/training",
        'expected an object, found "' + "x" * 56 + "...",
    ),
    (
        "expectations/0/at_most",
        1,
        "/expectations/0",
        "expected exactly one of 'at_least', 'at_most', 'between', 'within'",
    ),
    (
        "expectations/1/between",
        [1],
        "/expectations/1/between",
        "expected at least 2 items, found 1",
    ),
    (
        "expectations/1/between",
        [1, 2, 3],
        "/expectations/1/between",
        "expected no more items, found [1, 2, 3]",
    ),
    (
        "expectations/1/confidence",
        0.5,
        "/expectations/1/confidence",
        "expected more than 0.5, found 0.5",
    ),
    ("expectations/0/published", 1, "/expectations/0/published", "unknown property 'published'"),
    ("expectations/2/within", 0, "/expectations/2/within", "expected more than 0, found 0"),
    ("expectations/2/published", "2", "/expectations/2/published", 'expected a number, found "2"'),
    (
        "expectations/3/within",
        1,
        "/expectations/3",
        "expected exactly one of 'at_least', 'at_most', 'between', 'within'",
    ),
    ("expectations/0/share", 0.5, "/expectations/0/share", "unknown property 'share'"),
    ("expectations/4/share", 1, "/expectations/4/share", "expected less than 1, found 1"),
    (
        "expectations/4/interval",
        "student",
        "/expectations/4/interval",
        "unknown property 'interval'",
    ),
    ("expectations/5/share", 0.5, "/expectations/5/share", "unknown property 'share'"),
    ("expectations/5/statistic", "mode", "/expectations/5/statistic", "unknown value 'mode'"),
    ("expectations/6/interval", "normal", "/expectations/6/interval", "unknown value 'normal'"),
    ("figures/0/panels", [], "/figures/0/panels", "unknown property 'panels'"),
    (
        "figures/2/x",
        "step",
        "/figures/2/x",
        "unknown value 'step'; did you mean 'steps'? (allowed: steps, epochs)",
    ),
    ("figures/2/until", 0, "/figures/2/until", "expected more than 0, found 0"),
    ("figures/2/metrics", [], "/figures/2/metrics", "expected at least 1 item, found 0"),
    ("figures/2/groups", {}, "/figures/2/groups", "expected at least one member, found none"),
    ("figures/3/log", True, "/figures/3/log", "unknown property 'log'; did you mean 'log_x'?"),
    (
        "figures/3/metrics",
        ["a", "a"],
        "/figures/3/metrics",
        'expected distinct items, found ["a", "a"]',
    ),
    ("figures/1", {"title": "t"}, "/figures/1", "'name' is missing"),
]


def changed(place: str, value: Json) -> Json:
    instance = copy.deepcopy(VALID)
    *parents, last = [int(part) if part.isdigit() else part for part in place.split("/")]
    node = instance
    for part in parents:
        node = node[part]
    node[last] = value
    return instance


@pytest.mark.parametrize(("place", "value", "pointer", "message"), FAULTS)
def test_a_fault_is_told_once_at_its_place(
    place: str, value: Json, pointer: str, message: str
) -> None:
    found = [
        ("/" + "/".join(map(str, where)), said)
        for where, said in schema.faults("experiment", changed(place, value))
    ]
    assert len(found) == 1, found
    assert found[0][0] == pointer
    assert message in found[0][1]
    assert not accepts(changed(place, value)) or value == "full\n"  # which Python's `$` lets pass


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("expectations/2", "published"),
        ("expectations/3", "published"),
        ("figures/2", "groups"),
        ("figures/3", "axis"),
        ("figures/3", "metrics"),
    ],
)
def test_what_a_kind_needs_is_missed(place: str, name: str) -> None:
    section, index = place.split("/")
    part = {key: value for key, value in VALID[section][int(index)].items() if key != name}
    found = list(schema.faults("experiment", changed(place, part)))
    assert found == [((section, int(index)), f"'{name}' is missing")]
    assert not accepts(changed(place, part))


def test_what_must_be_there_is_missed() -> None:
    assert sorted(message for _, message in schema.faults("experiment", {})) == [
        "'name' is missing",
        "'runs' is missing",
        "'title' is missing",
    ]
    assert not list(schema.faults("experiment", {"extends": "base.json"}))


@pytest.mark.parametrize(
    ("run", "pointer"),
    [
        ({}, ()),
        ({"dataset": {}}, ("dataset",)),
        ({"model": {"width": 3}}, ("model",)),
        ({"initialization": {}}, ("initialization",)),
        ({"training": {"optimizer": {"learning_rate": 1}}}, ("training", "optimizer")),
        ({"training": {"schedule": {"factor": 0.5, "epochs": [1]}}}, ("training", "schedule")),
    ],
)
def test_a_complete_run_names_its_parts(run: Json, pointer: tuple[str, ...]) -> None:
    complete = {"dataset": {"name": "digits"}, "model": {"name": "convnet"}} | run if run else {}
    found = list(schema.faults("complete_run", complete))
    missing = (
        [(pointer, "'name' is missing")]
        if run
        else [((), "'dataset' is missing"), ((), "'model' is missing")]
    )
    assert found == missing


def places(node: Json, path: tuple[Json, ...] = ()) -> Iterator[tuple[Json, ...]]:
    pairs = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, child in pairs:
        yield (*path, key)
        yield from places(child, (*path, key))


NAMES = sorted(
    {str(path[-1]) for path in places(VALID)}
    | {"matrix", "path", "hidden", "copies", "unknown", "train_per_class"}
)
WORDS = sorted(
    {
        word
        for _, node in subschemas(SCHEMA)
        for word in node.get("enum", ())
        if isinstance(word, str)
    }
    | {"one", "x", "Big"}
)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-1, 5)
    | st.sampled_from([0.5, 1.0, 1.5, 4294967296])
    | st.sampled_from(WORDS)
    | st.lists(st.integers(0, 2) | st.sampled_from(WORDS), max_size=3)
    | st.dictionaries(
        st.sampled_from(NAMES), st.integers(0, 2) | st.sampled_from(WORDS), max_size=2
    )
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(places(VALID), key=str)),
            st.sampled_from(["set", "drop", "add"]),
            st.sampled_from(NAMES),
            VALUES,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_our_faults_are_those_of_plain_json_schema(
    changes: list[tuple[tuple[Json, ...], str, str, Json]],
) -> None:
    instance = copy.deepcopy(VALID)
    for path, act, name, value in changes:
        node = instance
        try:
            for part in path[:-1]:
                node = node[part]
            if act == "set":
                node[path[-1]] = value
            elif act == "drop":
                del node[path[-1]]
            else:
                node[path[-1]][name] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    assert (not list(schema.faults("experiment", instance))) == accepts(instance)


def test_the_package_holds_the_schema_that_specifications_name() -> None:
    file = Path(schema.__file__).with_name("experiment.schema.json")
    assert json.loads(file.read_text()) == SCHEMA


@pytest.mark.parametrize(
    "run",
    [
        {"dataset": {"name": "digits"}, "model": {"name": "perceptron"}},
        {"dataset": {"name": "digit"}, "training": {"epochs": 0}},
        {"dataset": {}, "model": {"name": "convnet", "hidden": [3]}, "modle": 1},
        {},
    ],
)
def test_a_run_looked_at_section_by_section_has_the_same_faults(run: Json) -> None:
    whole = [
        (pointer, message.partition(" (allowed")[0])
        for pointer, message in schema.faults("complete_run", run)
    ]
    parts = [
        (pointer, message.partition(" (allowed")[0])
        for pointer, message in schema.Sections().faults(run)
    ]
    assert sorted(parts, key=str) == sorted(whole, key=str)
