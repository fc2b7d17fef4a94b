"""Each rule once, beside its nearest neighbour that holds."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.data.facts import Facts
from harness.experiment import Json
from harness.spec.consistency import examples
from harness.spec.load import load_file
from harness.spec.metrics import NEEDS_VALIDATION
from tests.data.preparing import LABEL, image_feature, pretend_prepared

Write = Callable[..., Path]
Faults = Callable[..., list[str]]


IMAGES: Json = {"dataset": {"name": "digits"}, "model": {"name": "convnet"}}
POINTS: Json = {"dataset": {"name": "blobs"}, "model": {"name": "perceptron"}}
CASES: list[tuple[Json, str, Json, Json, str]] = [
    # defaults, where, a setting that holds, one that does not, and what is said of it
    (IMAGES, "dataset/train_examples", 500, 501, "digits has 500 of them, fewer than 501"),
    (IMAGES, "dataset/test_examples", 1297, 1298, "digits has 1297 of them, fewer than 1298"),
    (POINTS, "dataset/train_examples", 100, 101, "blobs has 100 of them, fewer than 101"),
    (
        POINTS,
        "model/name",
        "perceptron",
        "convnet",
        "convnet needs images, but blobs gives vectors of 2 values",
    ),
    (
        POINTS,
        "model/name",
        "perceptron",
        "resnet",
        "resnet needs images, but blobs gives vectors of 2 values",
    ),
    (
        IMAGES,
        "dataset/randomize",
        [{"name": "confusion"}],
        [{"name": "noisy_copies"}],
        "noisy_copies needs real-valued inputs, but digits gives images of 8x8 pixels",
    ),
    (
        IMAGES,
        "dataset/normalize",
        {"mean": [0], "deviation": [1]},
        {"mean": [0, 1], "deviation": [1]},
        "expected 1 values, one a channel, found 2",
    ),
    (
        POINTS,
        "dataset/normalize",
        {"mean": [0, 0], "deviation": [1, 1]},
        {"mean": [0, 0], "deviation": [1]},
        "expected 2 values, one a channel, found 1",
    ),
    (POINTS, "training/loss", "binary_cross_entropy", None, ""),
    (
        IMAGES,
        "training/loss",
        "cross_entropy",
        "binary_cross_entropy",
        "binary_cross_entropy needs two classes, but digits has 10",
    ),
    (
        IMAGES,
        "training",
        {"last_batch": "drop", "batch_size": 500},
        {"last_batch": "drop", "batch_size": 501},
        "no batch of 501 can be filled from 500 examples",
    ),
    (IMAGES, "training", {"last_batch": "keep", "batch_size": 501}, None, ""),
    (
        IMAGES,
        "training",
        {"last_batch": "drop", "batch_size": 100, "accumulate": 5},
        {"last_batch": "drop", "batch_size": 100, "accumulate": 6},
        "no step of 6 times a batch of 100 can be filled from 500 examples",
    ),
    (
        IMAGES | {"training": {"optimizer": {"name": "adam"}}},
        "regularizers",
        ["l2"],
        ["l2", "momentum"],
        "momentum is on, but adam has no place for it (these have: sgd, rmsprop)",
    ),
    (
        IMAGES | {"training": {"optimizer": {"name": "rmsprop"}}},
        "regularizers",
        ["momentum"],
        None,
        "",
    ),
    (
        IMAGES | {"strengths": {"augmentation": [{"name": "random_flip"}]}},
        "regularizers",
        ["augmentation"],
        None,
        "",
    ),
    (
        IMAGES,
        "regularizers",
        ["l2"],
        ["augmentation"],
        "augmentation is on, but strengths.augmentation lists none",
    ),
    (
        POINTS | {"regularizers": ["augmentation"]},
        "strengths/augmentation",
        [{"name": "gaussian_noise"}],
        [{"name": "random_crop"}],
        "random_crop needs images, but blobs gives vectors of 2 values",
    ),
    (
        POINTS | {"regularizers": ["augmentation"]},
        "strengths/augmentation",
        [{"name": "gaussian_noise"}],
        [{"name": "random_flip"}],
        "random_flip needs images, but blobs gives vectors of 2 values",
    ),
    *(
        (
            POINTS | {"regularizers": ["augmentation"]},
            "strengths/augmentation",
            [{"name": "mixup"}],
            [{"name": name}],
            f"{name} needs images, but blobs gives vectors of 2 values",
        )
        for name in ("cutout", "cutmix", "color_jitter")
    ),
    (
        IMAGES | {"regularizers": ["augmentation"]},
        "strengths/augmentation",
        [{"name": "mixup"}, {"name": "cutout"}],
        [{"name": "mixup"}, {"name": "cutmix"}],
        "mixup mixes the examples already, and cutmix would mix them again",
    ),
    (
        IMAGES,
        "dataset/validation",
        {"examples": 499},
        {"examples": 500},
        "it holds out 500 of 500 training examples, and either part needs one",
    ),
    (
        IMAGES,
        "dataset/validation",
        {"share": 0.002},
        {"share": 0.0019},
        "it holds out 0 of 500 training examples, and either part needs one",
    ),
    (
        IMAGES,
        "dataset/validation",
        {"share": 0.1},
        {"share": 0.1, "examples": 50},
        "expected exactly one of 'share' and 'examples'",
    ),
    (
        IMAGES | {"dataset": {"name": "digits", "validation": {"examples": 100}}},
        "training",
        {"last_batch": "drop", "batch_size": 400},
        {"last_batch": "drop", "batch_size": 401},
        "no batch of 401 can be filled from 400 examples",
    ),
    *(
        (
            IMAGES | {"training": training},
            "training/" + place,
            holds,
            holds.replace("train", "validation") if isinstance(holds, str) else 0.9,
            f"validation_{'loss' if holds == 'train_loss' else 'accuracy'} {NEEDS_VALIDATION}",
        )
        for place, holds, training in (
            ("early_stopping/metric", "train_loss", {"early_stopping": {}}),
            ("schedule/metric", "train_accuracy", {"schedule": {"name": "plateau"}}),
            ("stop_when/validation_accuracy", None, {"stop_when": {"train_accuracy": 0.5}}),
        )
    ),
    # 8 pixels, halved three times: one pixel.
    (IMAGES, "model", {"name": "resnet", "blocks": [1, 1, 1, 1]}, None, ""),
    (
        IMAGES,
        "model",
        {"name": "vgg", "convolutions": [1, 1, 1], "width": 2},
        {"name": "vgg", "convolutions": [1, 1, 1, 1], "width": 2},
        "this vgg halves images of 8 pixels below one, it needs 16",
    ),
    (
        IMAGES | {"dataset": {"name": "digits", "center_crop": 3}},
        "model",
        {"name": "resnet", "blocks": [1, 1]},
        {"name": "resnet", "blocks": [1, 1, 1]},
        "this resnet halves images of 3 pixels below one, it needs 4",
    ),
    (
        IMAGES,
        "dataset/center_crop",
        8,
        9,
        "no square of 9 pixels can be cut, but digits gives images of 8x8 pixels",
    ),
    (
        POINTS,
        "dataset/center_crop",
        None,
        1,
        "no square of 1 pixels can be cut, but blobs gives vectors of 2 values",
    ),
    (
        IMAGES | {"regularizers": ["augmentation"]},
        "strengths/augmentation",
        [{"name": "random_crop", "padding": 1}],
        [{"name": "random_crop", "padding": 0}],
        "without padding, random_crop needs a dataset.center_crop that is smaller than the images",
    ),
    (
        IMAGES
        | {"dataset": {"name": "digits", "center_crop": 7}, "regularizers": ["augmentation"]},
        "strengths/augmentation",
        [{"name": "random_crop", "padding": 0}],
        None,
        "",
    ),
    (
        IMAGES | {"model": {"name": "resnet", "blocks": [1]}},
        "regularizers",
        ["momentum"],
        ["dropout"],
        "dropout is on, but this resnet has no place for it",
    ),
]


class Case(NamedTuple):
    """A setting at a place of a run, and what is told where it does not go with the defaults."""

    defaults: Json
    place: str
    right: Json
    wrong: Json
    message: str


def nested(place: str, value: Json) -> Json:
    for name in reversed(place.split("/")):
        value = {name: value}
    return value


@pytest.mark.parametrize("case", map(Case._make, CASES))
def test_settings_that_cannot_go_together_are_told(
    write: Write, faults: Faults, case: Case
) -> None:
    right = {"one": nested(case.place, case.right)}
    assert len(load_file(write(defaults=case.defaults, runs=right)).runs) == 1
    if case.wrong is not None:
        wrong = {"one": nested(case.place, case.wrong)}
        (found,) = faults(write(defaults=case.defaults, runs=wrong))
        assert found.startswith(f"/runs/one/{case.place}")
        assert found.endswith(f" {case.message}")


def test_a_weights_file_that_cannot_be_read_is_told(
    write: Write, faults: Faults, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.weights.h5")
    (tmp_path / "zero.weights.h5").symlink_to("/dev/zero")
    for name, message in (
        ("no.weights.h5", f"no such file: {tmp_path / 'no.weights.h5'}"),
        ("\0.weights.h5", "this can be no path: embedded null byte"),
        ("n" * 300 + ".weights.h5", "this can be no path: it is too long"),
        ("pipe.weights.h5", f"{tmp_path / 'pipe.weights.h5'} is no regular file"),
        ("zero.weights.h5", f"{tmp_path / 'zero.weights.h5'} is no regular file"),
    ):
        (found,) = faults(write(runs={"one": {"initialize_from": {"weights": name}}}))
        assert found == f"/runs/one/initialize_from/weights {message}"


REPLICAS = [{"name": "confusion", "replicas": 1000}]
# 2**30 examples are the most. Of 500 images, 1000 copies of 1000 are 5 * 10**8, and each once more
# 10**9; thrice more are 1.5 * 10**9. A layer of 32,768 units after one of 32,760 has nearly 2**30
# weights, after one of 32,768 all of them, to which the first and the last layer add.
LARGE: list[tuple[Json, str, Json, Json, str]] = [
    (
        POINTS,
        "dataset/shift",
        3e38,
        -1e300,
        "-1e+300 is too large: runs compute in float32, up to 3.4e+38",
    ),
    (
        IMAGES,
        "dataset/normalize",
        {"mean": [0], "deviation": [1e-37]},
        {"mean": [0], "deviation": [1e-300]},
        "a deviation of 1e-300 is 0 in float32, and nothing can be divided by it",
    ),
    (
        IMAGES,
        "dataset/randomize",
        [*REPLICAS, *REPLICAS, {"name": "confusion", "replicas": 2}],
        [*REPLICAS, *REPLICAS, {"name": "confusion", "replicas": 3}],
        "these randomizations make more than 1,073,741,824 training examples",
    ),
    (
        {"dataset": {"name": "image_folder", "path": "nowhere"}, "model": {"name": "convnet"}},
        "dataset/randomize",
        [*REPLICAS] * 3,
        [*REPLICAS] * 20,
        "these randomizations make more than 1,073,741,824 training examples",
    ),
    (
        POINTS,
        "model/hidden",
        [32760, 32760],
        [32768, 32768],
        "this perceptron has about 1.1e+09 weights, 1,073,741,824 is the most",
    ),
    (
        # 3.4e38 is 2**128: 0.1 * 2**131 is 2.7e38, and 0.1 * 2.01**131 is 5.2e38.
        POINTS | {"training": {"epochs": 132}},
        "training/schedule",
        {"name": "exponential", "factor": 2},
        {"name": "exponential", "factor": 2.01},
        "its learning rate grows beyond 3.4e+38, the largest float32",
    ),
    (
        POINTS,
        "training/schedule",
        {"name": "piecewise", "epochs": [2], "factor": 1e38},
        {"name": "piecewise", "epochs": [2, 3], "factor": 1e38},
        "its learning rate grows beyond 3.4e+38, the largest float32",
    ),
    (
        # A hundred points are two steps of 50 an epoch: 263 steps begin epoch 132.
        POINTS | {"training": {"steps": 263, "batch_size": 50}},
        "training/schedule",
        {"name": "exponential", "factor": 2},
        {"name": "exponential", "factor": 2.01},
        "its learning rate grows beyond 3.4e+38, the largest float32",
    ),
    (
        POINTS,
        "training/measure_every",
        10,
        9,
        "10,000,000 epochs are measured 1,111,111 times, 1,000,000 is the most",
    ),
]


@pytest.mark.parametrize("case", map(Case._make, LARGE))
def test_what_no_machine_can_hold_is_refused(write: Write, faults: Faults, case: Case) -> None:
    defaults = {"training": {"epochs": 10_000_000, "measure_every": 10}} | case.defaults
    right, wrong = ({"one": nested(case.place, each)} for each in (case.right, case.wrong))
    assert len(load_file(write(defaults=defaults, runs=right)).runs) == 1
    (found,) = faults(write(defaults=defaults, runs=wrong))
    assert found.startswith(f"/runs/one/{case.place.removesuffix('/hidden')}")
    assert found.endswith(f" {case.message}")


@pytest.mark.parametrize("rule", ["stop_when", "early_stopping"])
def test_a_run_that_stops_by_itself_may_have_any_number_of_epochs(write: Write, rule: str) -> None:
    training = {"epochs": 10_000_000, rule: {}}
    assert len(load_file(write(defaults=POINTS | {"training": training})).runs) == 1


def test_a_fault_of_the_defaults_is_told_once(write: Write, faults: Faults) -> None:
    defaults = IMAGES | {"training": {"loss": "binary_cross_entropy"}}
    assert faults(write(defaults=defaults, runs={"one": {}, "two": {}})) == [
        "/defaults/training/loss binary_cross_entropy needs two classes, but digits has 10"
    ]


CLASSES: list[tuple[Json, str]] = [
    (["kat", "dog"], "0 unknown class 'kat'; did you mean 'cat'? (allowed: airplane, automobile, "),
    ([0, 10], "1 cifar10 has no class 10: its classes are 0 to 9"),
    (["cat", 5, 3], "2 3 and cat are the same class of cifar10"),
]


@pytest.mark.parametrize(("classes", "message"), CLASSES)
def test_an_unknown_class_is_told_at_its_place(
    write: Write, faults: Faults, classes: Json, message: str
) -> None:
    defaults = {"dataset": {"name": "cifar10", "classes": classes}, "model": {"name": "convnet"}}
    (found,) = faults(write(defaults=defaults))
    assert found.startswith(f"/defaults/dataset/classes/{message}")


def test_the_classes_that_are_used_count(write: Write, faults: Faults) -> None:
    two = {"dataset": {"name": "cifar10", "classes": ["cat", "dog"]}, "model": {"name": "convnet"}}
    binary = {"training": {"loss": "binary_cross_entropy"}}
    assert len(load_file(write(defaults=two | binary)).runs) == 1
    runs = {"ten": {"dataset": {"classes": None}}, "two": {"initialize_from": "ten"}}
    (found,) = faults(write(defaults=two, runs=runs))
    assert "ten has another number of outputs (10) than two (2)" in found
    many = nested("dataset/train_examples", 10_001)
    (found,) = faults(write(defaults=two, runs={"one": many}))
    assert found.endswith("cifar10 has 10000 of them, fewer than 10001")


def test_what_the_data_do_not_have_is_told_at_each_place(
    write: Write, faults: Faults, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("width,height,kind\n1,2,x\n3,4,x\n")
    columns = ["width", "heigth"]
    dataset = {"name": "csv", "train": "a.csv", "label": "kin", "columns": columns}
    found = faults(write(defaults={"dataset": dataset, "model": {"name": "perceptron"}}))
    known = "(allowed: width, height, kind)"
    assert found == [
        "/defaults/dataset nothing tells what is for testing: either test, another file, or "
        "test_share, a part of each class",
        f"/defaults/dataset/label unknown column 'kin'; did you mean 'kind'? {known}",
        f"/defaults/dataset/columns/1 unknown column 'heigth'; did you mean 'height'? {known}",
    ]


def test_two_test_sets_are_one_too_many(write: Write, faults: Faults, tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("a,kind\n1,x\n3,x\n")
    dataset = {"name": "csv", "train": "a.csv", "test": "b.csv", "label": "kind", "test_share": 0.5}
    (found,) = faults(write(defaults={"dataset": dataset, "model": {"name": "perceptron"}}))
    assert found.startswith("/defaults/dataset/test_share two settings tell what is for testing")
    same = dataset | {"test": "a.csv", "test_share": None}
    (found,) = faults(write(defaults={"dataset": same, "model": {"name": "perceptron"}}))
    assert found.endswith("a.csv is the training set: no network is tested on it")
    folder = {"name": "image_folder", "path": ".", "test_share": 0.5}
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
    (found,) = faults(write(defaults=IMAGES | {"dataset": folder}))
    assert found.startswith("/defaults/dataset/test_share the folder ")


def test_splits_and_features_of_tfds_are_told_at_their_places(
    write: Write, faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    pretend_prepared(tmp_path / "data/mine/1.0.0", {"train": [100], "test": [20]})

    def found(**changes: Json) -> list[str]:
        dataset = {"name": "tfds", "dataset": "mine", **changes}
        return faults(write(defaults=IMAGES | {"dataset": dataset}))

    assert found(train_split="trian", test_split="tset", inputs=["image"], label="lable") == [
        "/defaults/dataset/train_split unknown split 'trian'; did you mean 'train'? "
        "(allowed: train, test)",
        "/defaults/dataset/test_split unknown split 'tset'; did you mean 'test'? "
        "(allowed: train, test)",
        "/defaults/dataset/inputs/0 "
        f"{tmp_path}/data/mine/1.0.0: its feature image (Image, uint8 [28, 28, 1]) cannot be an "
        "input: of several, numbers and vectors are read",
        "/defaults/dataset/label unknown feature 'lable'; did you mean 'label'? (allowed: image, "
        "label)",
    ]
    (overlap,) = found(train_split="train[:80%]", test_split="train[79%:]")
    assert overlap.startswith("/defaults/dataset/test_split train[79%:] has examples of train[:80")
    (few,) = found(train_split="train[:80%]", train_examples=81)
    assert few.endswith("tfds has 80 of them, fewer than 81")
    pretend_prepared(
        tmp_path / "data/mine/2.0.0",
        {"train": [100], "test": [20]},
        {"image": image_feature(-1, -1, 3), "label": LABEL},
    )
    (vary,) = found()
    assert vary.startswith("/defaults/dataset ")
    assert vary.endswith("its feature image vary in size, and `resize` makes them one size")
    (wide,) = found(resize=[8, 8], center_crop=9)
    assert wide.startswith("/defaults/dataset/center_crop no square of 9 pixels can be cut")
    (form,) = found(test_split="test[0]")
    assert form.endswith("(a split such as test, or a part of one such as train[80%:])")


def test_data_that_are_not_there_are_no_fault(write: Write, tmp_path: Path) -> None:
    dataset = {"name": "image_folder", "path": "nowhere", "train_examples": 10**6}
    run = load_file(write(defaults=IMAGES | {"dataset": dataset})).runs["one"]
    assert run.settings.dataset.source.parameters["path"] == str(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("dataset", "count"),
    [
        ({}, 500),
        ({"train_examples": 30}, 30),
        ({"train_examples": 30, "randomize": [{"name": "confusion", "replicas": 4}]}, 120),
        ({"train_examples": 30, "randomize": [{"name": "label_corruption"}]}, 30),
        (
            {
                "train_examples": 30,
                "randomize": [
                    {"name": "confusion", "replicas": 2},
                    {"name": "confusion", "replicas": 3},
                ],
            },
            180,
        ),
    ],
)
def test_an_epoch_has_every_replica(write: Write, dataset: Json, count: int) -> None:
    settings = load_file(write(runs={"one": {"dataset": dataset}})).runs["one"].settings
    assert examples(settings, Facts((8, 8, 1), 10, 500, 1297)) == count


def test_an_epoch_has_every_copy_and_the_original(write: Write) -> None:
    dataset = {"randomize": [{"name": "noisy_copies", "copies": 2}]}
    settings = (
        load_file(write(defaults=POINTS, runs={"one": {"dataset": dataset}})).runs["one"].settings
    )
    assert examples(settings, Facts((2,), 2, 100, 100)) == 300
