"""Keys against json and hashlib alone; costs counted by hand."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from harness.experiment import Json
from harness.plan import Member, Plan, make_plan
from harness.spec.load import load
from harness.spec.patch import merge_patch, nest
from tests.support import specifications

BASE: Json = specifications.small(runs={"parent": {}, "child": {"initialize_from": "parent"}})
Planned = Callable[..., Plan]


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    def make(*specs: Json, gpus: int = 0) -> Plan:
        paths = []
        for index, spec in enumerate(specs):
            paths.append(tmp_path / f"{index}.json")
            paths[-1].write_text(json.dumps(spec))
        return make_plan(load(paths), tmp_path / "data", gpus)

    return make


def keys(plan: Plan, seed: int = 0, experiment: str = "a") -> dict[str, str]:
    return {
        m.run: key
        for m, key in plan.members.items()
        if (m.experiment, m.seed) == (experiment, seed)
    }


def spec(place: str = "", value: Json = None, base: Json = BASE) -> Json:
    return merge_patch(base, nest(place.split("/"), value)) if place else base


def test_a_key_is_the_hash_of_what_decides(planned: Planned) -> None:
    content = {
        "dataset": {
            "source": {"name": "digits", "parameters": {}, "content": None},
            "train_examples": None,
            "test_examples": None,
            "normalize": None,
            "randomize": [],
        },
        "model": {"name": "perceptron", "parameters": {"hidden": [512]}},
        "initialization": {"name": "fan_in_uniform", "parameters": {}},
        "augmentation": [],
        "training": {
            "loss": "cross_entropy",
            "loss_reduction": "mean",
            "optimizer": {"name": "sgd", "parameters": {"learning_rate": 0.1, "nesterov": False}},
            # RFC 8785 writes 0.0 as 0.
            "momentum": 0,
            "l2": 0,
            "schedule": {"name": "constant", "parameters": {}},
            "batch_size": 128,
            "last_batch": "keep",
            "epochs": 100,
            "stop_when": None,
            "measure_every": 1,
        },
        "format": 1,
        "seed": 3,
        "start": None,
    }

    def sha256(value: Json) -> str:
        return hashlib.sha256(
            json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest()

    parent = sha256(content)
    child = sha256(content | {"start": parent, "initialization": None})
    assert keys(planned(spec("seeds", [3])), seed=3) == {"parent": parent, "child": child}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("title", "B"),
        ("question", "Why?"),
        ("source", {"citation": "C"}),
        ("seeds", [1, 0]),
        ("requires", {"gpu": True}),
        (
            "expectations",
            [
                {
                    "id": "e",
                    "metric": "child.distance",
                    "at_least": 0,
                    "basis": "hypothesis",
                    "source": "s",
                }
            ],
        ),
        ("figures", [{"name": "by_cell", "metric": "distance", "groups": {"g": "child"}}]),
        (
            "defaults/strengths",
            {"momentum": 0.1, "l2": 0.1, "augmentation": [{"name": "random_flip"}]},
        ),
        ("defaults/training", {"batch_size": 128.0, "epochs": 1e2}),
        (
            "defaults/training",
            {"label_smoothing": 0, "precision": "float32", "early_stopping": None},
        ),
        ("defaults/training", {"optimizer": {"name": "sgd", "momentum_rule": "pytorch"}}),
        ("defaults/training", {"backend": None}),
        ("defaults/training", {"optimizer": {"name": "sgd", "weight_decay": 0}}),
        ("defaults/training", {"steps": None, "accumulate": 1, "warm_up": None}),
        ("defaults/training", {"clip_norm": None, "average": None, "sharpness_aware": None}),
        ("defaults/dataset", {"center_crop": None}),
        ("defaults/dataset", {"classes": None}),
        ("defaults/dataset", {"validation": None}),
        ("defaults/initialization", {"name": "fan_in_uniform", "gamma": "one"}),
        ("runs/another", {}),
        ("runs/child/initialization", {"name": "he_normal"}),
    ],
)
def test_what_decides_nothing_changes_no_key(planned: Planned, place: str, value: Json) -> None:
    changed = keys(planned(spec(place, value)))
    assert {name: changed[name] for name in ("parent", "child")} == keys(planned(BASE))


def test_a_randomization_without_a_seed_of_its_own_enters_the_key_as_before_there_was_one(
    planned: Planned,
) -> None:
    def key(randomization: Json) -> str:
        return keys(planned(spec("defaults/dataset", {"randomize": [randomization]})))["parent"]

    # Worked out once, before randomizations had the settings `seed` and `test`.
    assert key({"name": "label_corruption", "test": False, "seed": None}) == key(
        {"name": "label_corruption"}
    )
    assert key({"name": "label_corruption"}).startswith("33347e45bd13bc9a")
    assert key({"name": "confusion"}).startswith("54c0520063c33935")


DECIDING: list[tuple[str, Json]] = [
    ("dataset/name", "mnist"),
    ("dataset/train_examples", 400),
    ("dataset/test_examples", 400),
    ("dataset/normalize", {"mean": [0.5], "deviation": [1]}),
    ("dataset/randomize", [{"name": "confusion"}]),
    ("dataset/randomize", [{"name": "confusion", "replicas": 2}]),
    ("dataset/randomize", [{"name": "confusion"}, {"name": "confusion"}]),
    ("dataset/randomize", [{"name": "confusion", "seed": 0}]),
    ("dataset/randomize", [{"name": "label_corruption"}]),
    ("dataset/randomize", [{"name": "label_corruption", "test": True}]),
    ("initialization", {"name": "fan_in_uniform", "gamma": "uniform"}),
    ("model/hidden", [513]),
    ("model/bias", False),
    ("model/name", "convnet"),
    ("initialization", {"name": "he_normal"}),
    ("regularizers", ["momentum"]),
    ("regularizers", ["l2"]),
    ("training/loss_reduction", "sum"),
    ("training/optimizer", {"learning_rate": 0.2, "name": "sgd"}),
    ("training/optimizer", {"nesterov": True, "name": "sgd"}),
    ("training/schedule", {"name": "exponential"}),
    ("training/batch_size", 127),
    ("training/last_batch", "drop"),
    ("training/epochs", 99),
    ("training/stop_when", {}),
    ("training/stop_when", {"train_accuracy": 0.5}),
    ("training/stop_when", {"check_every": 2}),
    ("training/measure_every", 2),
    ("dataset/center_crop", 7),
    ("dataset/normalize", "per_image"),
    ("regularizers", ["dropout"]),
    ("training/optimizer", {"momentum_rule": "keras", "name": "sgd"}),
    ("training/backend", "tensorflow"),
    ("training/backend", "jax"),
    ("training/label_smoothing", 0.1),
    ("training/precision", "mixed_bfloat16"),
    ("dataset/validation", {"share": 0.1}),
    ("dataset/validation", {"examples": 50}),
    ("dataset/validation", {"share": 0.1, "split_seed": 0}),
    ("dataset/validation", {"share": 0.1, "randomized": True}),
    ("training/early_stopping", {}),
    ("training/early_stopping", {"metric": "test_loss"}),
    ("training/early_stopping", {"mode": "min"}),
    ("training/early_stopping", {"patience": 3}),
    ("training/early_stopping", {"min_delta": 0.1}),
    ("training/optimizer", {"weight_decay": 0.1, "name": "sgd"}),
    ("training/optimizer", {"name": "adam"}),
    ("training/optimizer", {"name": "adamw"}),
    ("training/optimizer", {"name": "adamw", "weight_decay": 0}),
    ("training/schedule", {"name": "cosine"}),
    ("training/schedule", {"name": "cosine", "per": "epoch"}),
    ("training/schedule", {"name": "linear"}),
    ("training/steps", 400),
    ("training/accumulate", 2),
    ("training/warm_up", {}),
    ("training/warm_up", {"per": "epoch"}),
    ("training/warm_up", {"steps": 20}),
    ("training/clip_norm", 1),
    ("training/average", {}),
    ("training/average", {"decay": 0.5}),
    ("training/sharpness_aware", {}),
    ("training/sharpness_aware", {"rho": 0.5}),
]


def test_every_deciding_setting_changes_the_key_and_its_childrens(planned: Planned) -> None:
    found = [keys(planned(BASE))]
    found += [keys(planned(spec(f"defaults/{place}", value))) for place, value in DECIDING]
    found.append(keys(planned(BASE | {"seeds": [1]}), seed=1))
    for run in ("parent", "child"):
        assert len({each[run] for each in found}) == len(DECIDING) + 2


def test_a_change_of_the_parent_alone_changes_the_child(planned: Planned) -> None:
    before, after = keys(planned(BASE)), keys(planned(spec("runs/parent/training/epochs", 3)))
    assert before["parent"] != after["parent"]
    assert before["child"] != after["child"]


def test_strengths_count_where_their_regularizer_is_on(planned: Planned) -> None:
    on = spec("defaults/regularizers", ["l2", "momentum"])
    again = spec("defaults/regularizers", ["momentum", "l2"])
    stronger = spec("defaults/strengths/l2", 0.5, base=on)
    noisy = spec("defaults/strengths/augmentation", [{"name": "random_flip"}], base=on)
    assert keys(planned(on)) == keys(planned(again)) == keys(planned(noisy))
    assert keys(planned(on))["parent"] != keys(planned(stronger))["parent"]


def test_two_experiments_share_what_is_the_same(planned: Planned) -> None:
    other = spec("runs/child/training/epochs", 3) | {"name": "b", "title": "B"}
    plan = planned(BASE, other)
    first, second = keys(plan), keys(plan, experiment="b")
    assert first["parent"] == second["parent"]
    assert first["child"] != second["child"]
    assert list(plan.runs) == [first["parent"], first["child"], second["child"]]
    assert [plan.shared(key) for key in plan.runs] == [True, False, False]
    assert plan.members[Member("b", "parent", 0)] == first["parent"]


def test_parents_come_first_and_are_named_by_their_key(planned: Planned) -> None:
    runs = {"c": {"initialize_from": "b"}, "b": {"initialize_from": "a"}, "a": {}}
    plan = planned(
        merge_patch(BASE, {"runs": {"parent": None, "child": None, **runs}, "seeds": [0, 1]})
    )
    assert [(run.run.name, run.seed) for run in plan.runs.values()] == [
        (n, s) for s in (0, 1) for n in "abc"
    ]
    one = keys(plan, seed=1)
    assert [plan.runs[one[name]].parent for name in "abc"] == [None, one["a"], one["b"]]
    assert plan.runs[one["b"]].label == "a / b / seed 1"


def test_a_long_chain_of_runs_is_planned_whatever_their_order(planned: Planned) -> None:
    runs: Json = {
        f"r{place}": {"initialize_from": f"r{place - 1}"} for place in range(1500, 0, -1)
    } | {"r0": {}}
    assert [run.run.name for run in planned({**BASE, "runs": runs}).runs.values()] == [
        f"r{place}" for place in range(1501)
    ]


def test_a_weights_file_counts_by_its_bytes(planned: Planned, tmp_path: Path) -> None:
    def key(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        return keys(planned(spec("runs/parent/initialize_from", {"weights": name})))["parent"]

    first = key("a.weights.h5", b"1")
    assert key("b.weights.h5", b"1") == first
    assert key("a.weights.h5", b"2") != first


def folder_of_images(folder: Path) -> None:
    for place in ("train/cat/a.png", "train/dog/b.png", "test/cat/c.png", "test/dog/d.png"):
        (folder / place).parent.mkdir(parents=True)
        Image.new("L", (4, 4)).save(folder / place)


def test_the_epoch_whose_weights_a_run_starts_from_is_in_its_key(planned: Planned) -> None:
    def plan(start: Json) -> Plan:
        return planned(
            {**BASE, "runs": {"a": {"keep_weights": [1, 2]}, "b": {"initialize_from": start}}}
        )

    final = keys(plan("a"))
    assert keys(plan({"run": "a"})) == keys(plan({"run": "a", "after_epoch": None})) == final
    one, two = (keys(plan({"run": "a", "after_epoch": epoch})) for epoch in (1, 2))
    assert one["a"] == two["a"] == final["a"]
    assert len({one["b"], two["b"], final["b"]}) == 3
    child = plan({"run": "a", "after_epoch": 1}).runs[one["b"]]
    assert (child.parent, child.run.start) == (one["a"], "a after epoch 1")


def test_a_folder_counts_by_its_content(planned: Planned, tmp_path: Path) -> None:
    def key(path: str) -> str:
        defaults = {
            "dataset": {"name": "image_folder", "path": path},
            "model": {"name": "perceptron"},
        }
        plan = planned(BASE | {"defaults": defaults})
        assert plan.runs[keys(plan)["parent"]].blocked is None
        return keys(plan)["parent"]

    folder_of_images(tmp_path / "here")
    first = key("here")
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert key("there") == first
    Image.new("L", (4, 4)).save(tmp_path / "there" / "train" / "cat" / "more.png")
    assert key("there") != first


def test_an_image_folder_enters_the_key_as_before_it_had_settings(
    planned: Planned, tmp_path: Path
) -> None:
    folder_of_images(tmp_path / "images")

    def key(**settings: Json) -> str:
        dataset = {"name": "image_folder", "path": "images", **settings}
        plan = planned(BASE | {"defaults": {"dataset": dataset, "model": {"name": "perceptron"}}})
        return keys(plan)["parent"]

    neutral = {"resize": None, "mode": None, "nested": False, "test_share": None, "split_seed": 0}
    changed: list[Json] = [
        {"resize": [4, 4]},
        {"resize": [4, 5]},
        {"mode": "rgb"},
        {"mode": "grayscale"},
        {"nested": True},
        {"classes": ["dog", "cat"]},
        {"classes": ["cat", "dog"]},
    ]
    assert key(**neutral) == key()
    assert len({key(), *(key(**each) for each in changed)}) == 1 + len(changed)


def test_a_subset_of_classes_is_planned_with_its_own_cost(planned: Planned) -> None:
    """Fifty images of each digit are for training: three make 150, and a batch takes 128."""
    plan = planned(spec("defaults/dataset", {"name": "digits", "classes": ["1", "2", "3"]}))
    assert {(run.steps, run.images) for run in plan.runs.values()} == {(2 * 100, 150 * 100)}


def test_the_size_of_a_class_that_only_loading_tells_is_not_known(planned: Planned) -> None:
    dataset = {"name": "restricted_imagenet", "classes": ["dog", "cat"]}
    plan = planned(spec("defaults/dataset", dataset))
    assert {(run.steps, run.images) for run in plan.runs.values()} == {(None, None)}


def images_of(folder: Path, planned: Planned) -> Plan:
    dataset = {"name": "image_folder", "path": folder.name}
    return planned(BASE | {"defaults": {"dataset": dataset, "model": {"name": "perceptron"}}})


def test_images_that_change_places_within_a_class_are_another_content(
    planned: Planned, tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    folder_of_images(folder)
    one, two = folder / "test/cat/c.png", folder / "test/dog/d.png"
    two.write_bytes(one.read_bytes()[:-1] + b"!")
    before = keys(images_of(folder, planned))
    first, second = one.read_bytes(), two.read_bytes()
    assert len(first) == len(second)
    one.write_bytes(second)
    two.write_bytes(first)
    assert keys(images_of(folder, planned))["parent"] != before["parent"]
    one.write_bytes(first)
    two.write_bytes(second)
    assert keys(images_of(folder, planned)) == before


def test_data_that_cannot_be_used_stop_no_other_run_and_are_told(
    planned: Planned, tmp_path: Path
) -> None:
    folder_of_images(tmp_path / "images")
    (tmp_path / "images/train/cat/link.png").symlink_to("/nowhere/1.png")
    images = {
        "dataset": {"name": "image_folder", "path": "images"},
        "model": {"name": "perceptron"},
    }
    plan = planned(BASE | {"name": "b", "defaults": images}, BASE)
    assert {run.blocked for run in plan.runs.values()} == {None}
    assert len(plan.runs) == 4
    (remark,) = plan.remarks
    assert "train/cat/link.png is a link to /nowhere/1.png, which is not there" in remark


def test_what_is_left_out_is_told_once(planned: Planned, tmp_path: Path) -> None:
    folder_of_images(tmp_path / "images")
    before = images_of(tmp_path / "images", planned)
    assert before.remarks == ()
    (tmp_path / "images/train/.ipynb_checkpoints").mkdir()
    after = images_of(tmp_path / "images", planned)
    assert keys(after) == keys(before)
    (remark,) = after.remarks
    assert remark.endswith("1 file or folder is left out as no images: train/.ipynb_checkpoints")


def test_what_is_blocked_blocks_its_children_and_says_why(planned: Planned) -> None:
    plan = planned(spec("runs/parent/dataset", {"name": "image_folder", "path": "nowhere"}))
    parent, child = (plan.runs[keys(plan)[name]].blocked for name in ("parent", "child"))
    assert parent is not None
    assert parent.endswith(
        "nowhere does not exist: put the images there as <split>/<class>/<image>"
    )
    assert child == f"it starts from parent, which is blocked: {parent}"


def test_far_down_a_chain_the_first_cause_is_told_and_not_all_between(planned: Planned) -> None:
    rest = {f"r{at}": {"initialize_from": f"r{at - 1}"} for at in range(1, 300)}
    first = {"r0": {"dataset": {"name": "image_folder", "path": "nowhere"}}}
    plan = planned(BASE | {"runs": first | rest})
    by_name = {run.run.name: run for run in plan.runs.values()}
    why = by_name["r0"].blocked
    assert why is not None
    assert by_name["r2"].blocked == (
        f"it starts from r1, which is blocked: it starts from r0, which is blocked: {why}"
    )
    assert by_name["r299"].blocked == (
        "it starts from r298, which is blocked: by way of others it starts from r0, which is"
        f" blocked: {why}"
    )
    assert [by_name[name].blocked_by for name in ("r0", "r1", "r299")] == [
        None,
        by_name["r0"].key,
        by_name["r0"].key,
    ]


def test_a_missing_gpu_blocks_only_where_it_is_required(planned: Planned) -> None:
    needs = spec("requires/gpu", True)
    assert {run.blocked for run in planned(needs).runs.values()} == {
        "it needs a GPU, and this machine has none"
    }
    assert {run.blocked for run in planned(needs, gpus=1).runs.values()} == {None}
    assert {run.blocked for run in planned(BASE).runs.values()} == {None}
    # The same runs, wanted by another experiment that needs no GPU.
    for pair in ((needs, BASE | {"name": "b"}), (BASE | {"name": "b"}, needs)):
        assert {run.blocked for run in planned(*pair).runs.values()} == {None}


def test_a_backend_that_is_not_installed_blocks_the_runs_that_ask_for_it(
    planned: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "jax" else object()
    )
    asks = planned(spec("runs/parent/training", {"backend": "jax"}))
    parent, child = (asks.runs[keys(asks)[name]].blocked for name in ("parent", "child"))
    assert parent == "JAX is not installed: pip install -e '.[jax]'"
    assert child == f"it starts from parent, which is blocked: {parent}"
    assert {run.blocked for run in planned(BASE).runs.values()} == {None}


@pytest.mark.parametrize(
    ("run", "steps", "images"),
    [
        # 500 = 3 * 128 + 116
        ({"training": {"epochs": 1}}, 4, 500),
        ({"training": {"epochs": 7}}, 28, 3500),
        ({"training": {"epochs": 1, "last_batch": "drop"}}, 3, 384),
        ({"training": {"epochs": 2, "batch_size": 500, "last_batch": "drop"}}, 2, 1000),
        ({"training": {"epochs": 1, "batch_size": 501}}, 1, 500),
        # two epochs, and two whole batches of the third
        ({"training": {"steps": 10}}, 10, 1256),
        ({"training": {"steps": 10, "last_batch": "drop"}}, 10, 1280),
        # 500 = 2 * 200 + 100
        ({"training": {"epochs": 2, "batch_size": 100, "accumulate": 2}}, 6, 1000),
        # 4 * 30 = 120 = 2 * 50 + 20
        (
            {
                "dataset": {
                    "train_examples": 30,
                    "randomize": [{"name": "confusion", "replicas": 4}],
                },
                "training": {"epochs": 3, "batch_size": 50},
            },
            9,
            360,
        ),
        # 2 * 7 points, each once and 2 copies: 42 = 4 * 10 + 2
        (
            {
                "dataset": {
                    "name": "blobs",
                    "train_per_class": 7,
                    "randomize": [{"name": "noisy_copies", "copies": 2}],
                },
                "training": {"epochs": 1, "batch_size": 10, "last_batch": "drop"},
            },
            4,
            40,
        ),
    ],
)
def test_the_cost_is_counted(planned: Planned, run: Json, steps: int, images: int) -> None:
    plan = planned(BASE | {"runs": {"one": run}})
    (concrete,) = plan.runs.values()
    assert (concrete.steps, concrete.images) == (steps, images)


def test_the_cost_of_a_folder_that_is_not_there_is_not_known(planned: Planned) -> None:
    plan = planned(spec("defaults/dataset", {"name": "image_folder", "path": "nowhere"}))
    assert {(run.steps, run.images) for run in plan.runs.values()} == {(None, None)}


@pytest.mark.parametrize(
    ("training", "epochs"),
    [
        ({"epochs": 7}, 7),
        ({"steps": 8}, 2),  # 500 images are four batches
        ({"steps": 9}, 3),
        ({"steps": 9, "last_batch": "drop"}, 3),
        ({"steps": 10, "last_batch": "drop"}, 4),
        ({"steps": 9, "accumulate": 4}, 9),
    ],
)
def test_an_epoch_that_the_budget_cuts_short_counts(
    planned: Planned, training: Json, epochs: int
) -> None:
    plan = planned(spec("runs/parent/training", training))
    assert plan.runs[keys(plan)["parent"]].epochs == epochs


def test_defaults_that_rest_on_other_settings_enter_the_key_as_what_they_come_to(
    planned: Planned,
) -> None:
    held_out = {"share": 0.1}
    pairs: list[tuple[Json, Json]] = [
        ({"early_stopping": {}}, {"early_stopping": {"metric": "test_accuracy"}}),
        ({"stop_when": {}}, {"stop_when": {"train_accuracy": 1.0}}),
        ({"stop_when": {}}, {"stop_when": {"train_accuracy": 1, "check_every": 1}}),
    ]
    for implied, written in pairs:
        one, other = (keys(planned(spec("defaults/training", each))) for each in (implied, written))
        assert one == other
    validated = spec("defaults/dataset", {"validation": held_out})
    metrics = ("auto", "validation_accuracy", "test_accuracy")
    auto, on_validation, on_test = (
        keys(planned(spec("defaults/training", {"early_stopping": {"metric": each}}, validated)))
        for each in metrics
    )
    assert auto == on_validation != on_test


def test_what_is_held_out_is_not_trained_on_and_costs_nothing(planned: Planned) -> None:
    plan = planned(spec("defaults/dataset", {"validation": {"examples": 100}}))
    plain = planned(BASE)
    for key, other in zip(plan.runs.values(), plain.runs.values(), strict=True):
        assert key.images is not None and other.images is not None
        assert key.images * 5 == other.images * 4
