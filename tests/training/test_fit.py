import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from harness.data.pipeline import Pipeline, decisions
from harness.data.records import Split
from harness.data.rows import Chosen, whole
from harness.experiment import (
    Average,
    Component,
    EarlyStopping,
    SharpnessAware,
    StopRule,
    Training,
    WarmUp,
)
from harness.metrics import HISTORY, METRICS, ON_VALIDATION
from harness.models.initialization import initialize
from harness.models.registry import build
from harness.training import engines, fit
from harness.training.cache import ProgramCache
from harness.training.engines import Engines
from harness.training.fit import Outcome, Resume, State, train

SETTINGS = Training(
    loss="binary_cross_entropy",
    loss_reduction="sum",
    optimizer=Component("sgd", {"learning_rate": 0.05, "nesterov": False}),
    momentum=0.9,
    l2=0.01,
    schedule=Component("piecewise", {"epochs": [2, 4], "factor": 0.5}),
    batch_size=4,
    last_batch="keep",
    epochs=6,
    stop_when=None,
    measure_every=1,
)
ENGINES = ["compiled", "streamed"]

SHARED = Engines(programs=ProgramCache(1000))
"""What the runs of the tests share, as those of an invocation do: each program is compiled once."""


@pytest.fixture
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(engines, "suits", lambda net, pipeline: request.param == "compiled")
    return str(request.param)


def points(seed: int = 0, augmentation: tuple[Component, ...] = ()) -> Pipeline:
    random = np.random.default_rng(0)

    def split(count: int) -> Split:
        labels = np.arange(count, dtype=np.int32) % 2
        return Split(
            (random.normal(size=(count, 2)) + 2 * labels[:, None]).astype(np.float32), labels
        )

    return Pipeline(split(18), split(7), ("a", "b"), 1.0, None, augmentation, seed)


def network() -> keras.Model:
    model = build(Component("perceptron", {"hidden": [5]}), (2,), 1)
    initialize(model, Component("fan_in_uniform"), 0)
    return model


def run(settings: Training, pipeline: Pipeline | None = None, **options: Any) -> Outcome:
    options = dict[str, Any](report=lambda rows, state: None, engines=SHARED) | options
    return train(settings, network(), pipeline or points(), **options)


def same(one: State, other: State) -> bool:
    ours, theirs = one.arrays(), other.arrays()
    return all(np.array_equal(ours[name], theirs[name]) for name in ours if name != "seconds")


def numpy_steps(pipeline: Pipeline, rates: Iterable[float]) -> Iterator[list[np.ndarray]]:
    """Train the 2-5-1 perceptron with the summed loss in float64, written from the formulas.

    Yields the weights after every step; an epoch has five.
    """
    w1, b1, w2, b2 = (array.astype(np.float64) for array in network().get_weights())
    velocity = [np.zeros_like(array) for array in (w1, b1, w2, b2)]
    orders = (decisions(pipeline, epoch)["order"] for epoch in itertools.count())
    batches = (order[start : start + 4] for order in orders for start in range(0, 18, 4))
    for rate, chosen in zip(rates, batches, strict=False):
        x, y = whole(pipeline.train.inputs)[chosen], pipeline.train.labels[chosen]
        before = x @ w1 + b1
        hidden = np.maximum(before, 0)
        error = 1 / (1 + np.exp(-(hidden @ w2 + b2))) - y[:, None]
        back = error @ w2.T * (before > 0)
        gradients = [x.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
        velocity = [
            0.9 * old + gradient + 0.01 * weight
            for old, gradient, weight in zip(velocity, gradients, (w1, b1, w2, b2), strict=True)
        ]
        w1, b1, w2, b2 = (w - rate * v for w, v in zip((w1, b1, w2, b2), velocity, strict=True))
        yield [w1, b1, w2, b2]


def numpy_measured(split: Split, weights: list[np.ndarray]) -> tuple[float, float]:
    """Give the mean loss of a set, and the share of it that is classified right."""
    w1, b1, w2, b2 = weights
    z = (np.maximum(whole(split.inputs) @ w1 + b1, 0) @ w2 + b2)[:, 0]
    loss = np.mean(np.logaddexp(0, z) - split.labels * z)
    return float(loss), float(np.mean((z > 0) == split.labels))


HALVED_TWICE = [0.05] * 10 + [0.025] * 10 + [0.0125] * 10
"""The learning rates of the settings above."""


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_against_numpy(engine: str) -> None:
    outcome = run(SETTINGS)
    steps = list(numpy_steps(points(), HALVED_TWICE))
    weights, train = steps[-1], points().train
    losses = [numpy_measured(train, each)[0] for each in steps[4::5]]
    for ours, expected in zip(outcome.state.trainable, weights, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)
    assert [row["train_loss"] for row in outcome.history[1:]] == pytest.approx(losses, rel=1e-4)
    first = network().get_weights()
    distance = np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(weights, first, strict=True)))
    assert outcome.measurements["distance"] == pytest.approx(distance, rel=1e-4)
    assert outcome.measurements["relative_distance"] == pytest.approx(
        distance / np.sqrt(sum(np.sum(a**2) for a in first)), rel=1e-4
    )
    assert [row["learning_rate"] for row in outcome.history] == [0.05] * 3 + [0.025] * 2 + [
        0.0125
    ] * 2


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_each_set_is_measured_by_its_own_examples(engine: str) -> None:
    """Sets that are not alike: of the test set some labels are wrong, of the validation set all."""
    data = points()
    test, held_out = data.test, whole(data.train.inputs)[3:14]
    pipeline = replace(
        data,
        test=Split(test.inputs, np.where(np.arange(7) < 3, 1 - test.labels, test.labels)),
        validation=Split(held_out, 1 - data.train.labels[3:14]),
    )
    outcome = run(SETTINGS, pipeline)
    sets = {"train": pipeline.train, "test": pipeline.test, "validation": pipeline.validation}
    for row, weights in zip(
        outcome.history[1:], list(numpy_steps(data, HALVED_TWICE))[4::5], strict=True
    ):
        for name, split in sets.items():
            assert split is not None
            expected = numpy_measured(split, weights)
            assert (row[f"{name}_loss"], row[f"{name}_accuracy"]) == pytest.approx(
                expected, rel=1e-4
            )


FALLING = Component("linear", {"final": 0.0, "length": None, "per": "step"})


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("count", [12, 14, 15])
def test_a_budget_of_steps_with_a_rate_a_step_against_numpy(engine: str, count: int) -> None:
    """Of the last epoch's five steps, the last with two examples, two, four or five are made."""
    settings = replace(SETTINGS, epochs=None, steps=count, schedule=FALLING)
    outcome = run(settings)
    rates = [0.05 * (1 - step / count) for step in range(count)]
    steps = list(numpy_steps(points(), rates))
    assert [(row["epoch"], row["step"]) for row in outcome.history] == [
        (0, 0),
        (1, 5),
        (2, 10),
        (3, count),
    ]
    for ours, expected in zip(outcome.state.trainable, steps[-1], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)
    assert [row["learning_rate"] for row in outcome.history] == pytest.approx(
        [rates[0], rates[4], rates[9], rates[-1]]
    )
    images = 2 * 18 + {12: 8, 14: 16, 15: 18}[count]
    assert outcome.images_per_second == pytest.approx(images / outcome.seconds)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_averaged_weights_are_what_is_measured_and_kept(engine: str) -> None:
    model = network()
    settings = replace(SETTINGS, average=Average(0.75))
    outcome = train(settings, model, points(), report=lambda rows, state: None, engines=SHARED)
    average = [array.astype(np.float64) for array in network().get_weights()]
    losses = []
    for number, weights in enumerate(numpy_steps(points(), HALVED_TWICE), start=1):
        average = [0.75 * old + 0.25 * now for old, now in zip(average, weights, strict=True)]
        losses += [numpy_measured(points().train, average)[0]] if number % 5 == 0 else []
    for now, ours, kept, mean in zip(
        outcome.state.trainable, weights, model.get_weights(), average, strict=True
    ):
        np.testing.assert_allclose(now, ours, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(kept, mean, rtol=1e-4, atol=1e-5)
    assert [row["train_loss"] for row in outcome.history[1:]] == pytest.approx(losses, rel=1e-4)
    distance = np.sqrt(
        sum(np.sum((a - b) ** 2) for a, b in zip(average, network().get_weights(), strict=True))
    )
    assert outcome.measurements["distance"] == pytest.approx(distance, rel=1e-4)
    w1, b1, w2, b2 = average
    logits = np.maximum(whole(points().test.inputs) @ w1 + b1, 0) @ w2 + b2
    np.testing.assert_allclose(np.concatenate(list(outcome.logits())), logits, atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize(
    ("size", "times", "last"), [(2, 2, "drop"), (4, 4, "keep"), (3, 3, "keep"), (5, 9, "keep")]
)
def test_accumulated_batches_make_the_step_of_a_larger_one(
    engine: str, size: int, times: int, last: str
) -> None:
    """Of the 18 examples, two are left, or none, or all are less than a step."""
    settings = replace(SETTINGS, last_batch=last, epochs=3)
    whole_steps = run(replace(settings, batch_size=size * times))
    parts = run(replace(settings, batch_size=size, accumulate=times))
    assert [row["step"] for row in parts.history] == [row["step"] for row in whole_steps.history]
    for one, other in zip(parts.state.trainable, whole_steps.state.trainable, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_batch_larger_than_the_training_set_is_one_short_batch(engine: str) -> None:
    """The weights are those of batches of exactly that size."""
    examples = len(points().train)
    larger, exact = (run(replace(SETTINGS, batch_size=size)) for size in (examples + 1, examples))
    assert [row["step"] for row in larger.history] == [row["epoch"] for row in larger.history]
    for ours, expected in zip(larger.state.trainable, exact.state.trainable, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_rows_and_measurements(engine: str) -> None:
    reported: list[dict[str, float]] = []
    outcome = run(
        replace(SETTINGS, measure_every=4, last_batch="drop"),
        report=lambda rows, state: reported.extend(rows),
    )
    assert [(row["epoch"], row["step"]) for row in outcome.history] == [(0, 0), (4, 16), (6, 24)]
    assert reported == outcome.history
    measured = set(HISTORY) - set(ON_VALIDATION)
    assert set(outcome.history[0]) == {"epoch", "step", "seconds", "learning_rate", *measured}
    assert set(outcome.measurements) == set(METRICS) - {
        "boundary_length",
        "augmented_train_accuracy",
        *ON_VALIDATION,
    }
    assert outcome.history[0]["distance"] == 0
    assert outcome.seconds == outcome.history[-1]["seconds"] > 0
    assert outcome.images_per_second == pytest.approx(6 * 16 / outcome.seconds)


NOISE = (Component("gaussian_noise", {"deviation": 3.0}),)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_training_accuracy_on_augmented_examples(engine: str) -> None:
    pipeline = points(augmentation=NOISE)
    outcome = run(SETTINGS, pipeline)
    drawn = decisions(
        pipeline, SETTINGS.epochs or 0
    )  # as the epoch after the last one augments them
    x = whole(pipeline.train.inputs)[drawn["order"]] + 3.0 * drawn["0/noise"]
    w1, b1, w2, b2 = outcome.state.trainable
    z = (np.maximum(x @ w1 + b1, 0) @ w2 + b2)[:, 0]
    expected = np.mean((z > 0) == pipeline.train.labels[drawn["order"]])
    assert outcome.measurements["augmented_train_accuracy"] == pytest.approx(expected, abs=1e-12)
    assert expected < outcome.measurements["train_accuracy"]


MIXUP = (Component("mixup", {"alpha": 0.7}),)


def mixed_epoch(
    pipeline: Pipeline, epoch: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The mixed points of an epoch, both labels and the first one's share, from the paper."""
    drawn = decisions(pipeline, epoch)
    order, share = drawn["order"][:-1], drawn["0/share"][:-1].astype(np.float64)
    following = np.roll(order, -1)
    x, labels = whole(pipeline.train.inputs).astype(np.float64), pipeline.train.labels
    mixed = share[:, None] * x[order] + (1 - share)[:, None] * x[following]
    return mixed, labels[order], labels[following], share


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("last_batch", ["keep", "drop"])
def test_mixed_examples_are_learned_with_mixed_targets(engine: str, last_batch: str) -> None:
    """In float64, from the paper: the target is share * y + (1 - share) * the other y."""
    pipeline = points(augmentation=MIXUP)
    schedule = Component("constant")
    settings = replace(SETTINGS, epochs=3, schedule=schedule, last_batch=last_batch)
    outcome = run(settings, pipeline)
    weights = [array.astype(np.float64) for array in network().get_weights()]
    velocity = [np.zeros_like(array) for array in weights]
    for epoch in range(3):
        x, own, other, share = mixed_epoch(pipeline, epoch)
        target = (share * own + (1 - share) * other)[:, None]
        for start in range(0, 18 if last_batch == "keep" else 16, 4):
            batch, y = x[start : start + 4], target[start : start + 4]
            w1, b1, w2, b2 = weights
            before = batch @ w1 + b1
            hidden = np.maximum(before, 0)
            error = 1 / (1 + np.exp(-(hidden @ w2 + b2))) - y
            back = error @ w2.T * (before > 0)
            gradients = [batch.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
            velocity = [
                0.9 * old + gradient + 0.01 * weight
                for old, gradient, weight in zip(velocity, gradients, weights, strict=True)
            ]
            weights = [w - 0.05 * v for w, v in zip(weights, velocity, strict=True)]
    for ours, expected in zip(outcome.state.trainable, weights, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_accuracy_on_mixed_examples_counts_each_label_with_its_share(engine: str) -> None:
    pipeline = points(augmentation=MIXUP)
    outcome = run(SETTINGS, pipeline)
    x, own, other, share = mixed_epoch(pipeline, outcome.state.epoch)
    w1, b1, w2, b2 = outcome.state.trainable
    predicted = (np.maximum(x @ w1 + b1, 0) @ w2 + b2)[:, 0] > 0
    expected = np.mean(share * (predicted == own) + (1 - share) * (predicted == other))
    assert outcome.measurements["augmented_train_accuracy"] == pytest.approx(expected, abs=1e-6)
    assert expected < outcome.measurements["train_accuracy"]


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_resumed_run_on_mixed_examples_is_the_same_bit_by_bit(engine: str) -> None:
    resumed(replace(SETTINGS, epochs=6), lambda: points(augmentation=MIXUP), 2)


PLATEAU = {"metric": "train_loss", "factor": 0.5, "patience": 2, "min_delta": 0.005}


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_plateau_is_that_of_the_measured_history(engine: str) -> None:
    settings = replace(SETTINGS, schedule=Component("plateau", PLATEAU), epochs=20, l2=0.2)
    rows = run(settings).history
    best, since, rate, expected = rows[0]["train_loss"], 0, 0.05, [0.05]
    for row in rows[1:]:
        expected.append(rate)
        if row["train_loss"] < best - 0.005:
            best, since = row["train_loss"], int(row["epoch"])
        elif row["epoch"] - since >= 2:
            rate, since = rate / 2, int(row["epoch"])
    assert [row["learning_rate"] for row in rows] == pytest.approx(expected)
    assert len(set(expected)) > 2
    resumed(settings, points, 7)


def test_what_looks_at_the_history_cuts_a_chunk_short_where_it_can_decide(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fit, "CHUNK_SECONDS", 1e9)
    plateau = Component("plateau", {**PLATEAU, "metric": "train_accuracy", "patience": 20})
    rule = EarlyStopping("train_accuracy", 33, 0.0, "max")
    settings = replace(SETTINGS, epochs=200, l2=0.0, schedule=plateau, measure_every=2)
    ends: list[int] = []

    def report(rows: Sequence[dict[str, float]], state: State) -> None:
        ends.append(state.epoch)

    whole = run(replace(settings, early_stopping=rule), report=report)
    accuracies = [row["train_accuracy"] for row in whole.history]
    best = 2 * accuracies.index(max(accuracies))
    assert max(accuracies) == accuracies[-1] == 1  # it cannot improve any more
    assert ends[-1] == whole.state.epoch == best + 34  # the first measured, 33 epochs after
    assert best + 20 in ends  # where the rate falls
    assert len(ends) < 10 < len(whole.history)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_model_holds_the_final_weights(engine: str) -> None:
    model = network()
    outcome = train(SETTINGS, model, points(), report=lambda rows, state: None, engines=SHARED)
    for variable, array in zip(model.trainable_variables, outcome.state.trainable, strict=True):
        np.testing.assert_array_equal(variable.numpy(), array)


def resumed(settings: Training, pipeline: Callable[[], Pipeline], epoch: int) -> None:
    shared = Engines()
    whole = run(settings, pipeline(), engines=shared)
    kept: list[tuple[bytes, list[dict[str, float]]]] = []
    rows: list[dict[str, float]] = []

    def interrupt(new: Sequence[dict[str, float]], state: State) -> None:
        rows.extend(new)
        if state.epoch >= epoch:
            file = io.BytesIO()
            np.savez(file, **state.arrays())  # type: ignore[arg-type]
            kept.append((file.getvalue(), list(rows)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(settings, pipeline(), report=interrupt, engines=shared)
    state = State.from_arrays(dict(np.load(io.BytesIO(kept[0][0]))))
    again = run(settings, pipeline(), resume=Resume(state, kept[0][1]), engines=shared)
    assert same(whole.state, again.state)
    wanted = [{**row, "seconds": 0} for row in whole.history]
    assert [{**row, "seconds": 0} for row in again.history] == wanted


@pytest.mark.usefixtures("own_programs")
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_a_resumed_run_is_the_same_bit_by_bit(engine: str, epoch: int) -> None:
    resumed(replace(SETTINGS, epochs=12, measure_every=5), points, epoch)


ALL_AT_ONCE = replace(
    SETTINGS,
    optimizer=Component("adamw", {"learning_rate": 0.02, "weight_decay": 0.1}),
    momentum=0.0,
    schedule=Component("cosine", {"final": 0.1, "length": None, "per": "step"}),
    warm_up=WarmUp(7, None, "step"),
    batch_size=3,
    accumulate=2,
    epochs=None,
    steps=29,
    clip_norm=0.5,
    average=Average(0.9),
    sharpness_aware=SharpnessAware(0.05),
)
"""Three steps an epoch: the tenth epoch has two."""


@pytest.mark.usefixtures("own_programs")
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("epoch", [1, 8])
def test_a_resumed_run_with_everything_is_the_same_bit_by_bit(engine: str, epoch: int) -> None:
    resumed(ALL_AT_ONCE, points, epoch)


def test_both_engines_agree_on_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = []
    for chosen in ENGINES:
        monkeypatch.setattr(
            engines, "suits", lambda net, pipeline, chosen=chosen: chosen == "compiled"
        )
        outcomes.append(run(ALL_AT_ONCE))
    assert outcomes[0].state.step == outcomes[1].state.step == 29
    for one, other in zip(*(each.state.final for each in outcomes), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_resumed_residual_network_is_the_same_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    def small() -> keras.Model:
        model = build(
            Component("resnet", {"blocks": [1, 1], "width": 4, "block": "basic"}), (8, 8, 3), 3
        )
        initialize(model, Component("fan_in_uniform"), 0)
        return model

    random = np.random.default_rng(0)
    images = Split(
        random.integers(0, 256, (10, 8, 8, 3)).astype(np.uint8), np.arange(10, dtype=np.int32) % 3
    )
    monkeypatch.setitem(globals(), "network", small)
    settings = replace(
        SETTINGS, loss="cross_entropy", loss_reduction="mean", epochs=3, average=Average(0.9)
    )
    resumed(settings, lambda: Pipeline(images, images, ("a", "b", "c"), 255.0, None, (), 0), 2)


def test_a_call_of_many_epochs_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    for seconds in (0.0, 100.0):
        monkeypatch.setattr(fit, "CHUNK_SECONDS", seconds)
        states.append(run(replace(SETTINGS, epochs=40)).state)
    assert same(*states)


def test_inputs_that_are_read_train_as_those_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(split: Split) -> Split:
        return Split(Chosen(split.inputs, np.arange(len(split))), split.labels)

    in_memory = points(augmentation=(Component("gaussian_noise", {"deviation": 0.1}),))
    late = replace(in_memory, train=read(in_memory.train), test=read(in_memory.test))
    found = run(SETTINGS, late)  # which no compiled program takes
    monkeypatch.setattr(engines, "suits", lambda net, pipeline: False)
    expected = run(SETTINGS, in_memory)
    assert same(found.state, expected.state)
    assert [row["test_loss"] for row in found.history] == [
        row["test_loss"] for row in expected.history
    ]


def test_both_ways_agree_with_augmentation(monkeypatch: pytest.MonkeyPatch) -> None:
    augmentation = (Component("gaussian_noise", {"deviation": 0.3}),)
    outcomes = []
    for chosen in ENGINES:
        monkeypatch.setattr(
            engines, "suits", lambda net, pipeline, chosen=chosen: chosen == "compiled"
        )
        outcomes.append(run(SETTINGS, points(augmentation=augmentation)))
    for one, other in zip(outcomes[0].state.trainable, outcomes[1].state.trainable, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    plain = run(SETTINGS)
    assert not np.allclose(plain.state.trainable[0], outcomes[0].state.trainable[0], rtol=1e-3)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("measure_every", [1, 1000])
def test_the_stopping_rule(engine: str, measure_every: int) -> None:
    settings = replace(SETTINGS, epochs=60, momentum=0.0, l2=0.0, schedule=Component("constant"))
    every = run(replace(settings, epochs=30)).history
    reached = next(
        row["epoch"]
        for row in every[1:]
        if row["epoch"] % 3 == 0 and row["train_accuracy"] >= 17 / 18
    )
    stop = StopRule(train_accuracy=17 / 18, check_every=3)
    outcome = run(replace(settings, stop_when=stop, measure_every=measure_every))
    assert (
        outcome.state.epoch
        == outcome.history[-1]["epoch"]
        == outcome.measurements["epochs"]
        == reached
    )
    assert outcome.history[-1]["train_accuracy"] == every[int(reached)]["train_accuracy"]
    # A stopped run that is asked to go on is over.
    again = run(replace(settings, stop_when=stop), resume=Resume(outcome.state, outcome.history))
    assert same(again.state, outcome.state)


def validated(augmentation: tuple[Component, ...] = ()) -> Pipeline:
    """The points, and a validation set of eleven others."""
    random = np.random.default_rng(1)
    labels = np.arange(11, dtype=np.int32) % 2
    inputs = (random.normal(size=(11, 2)) + labels[:, None]).astype(np.float32)
    return replace(points(augmentation=augmentation), validation=Split(inputs, labels))


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_validation_set_is_measured_and_changes_nothing_else(engine: str) -> None:
    pipeline = validated()
    weights: list[tuple[np.ndarray, ...]] = []
    outcome = run(SETTINGS, pipeline, report=lambda rows, state: weights.append(state.trainable))
    plain = run(SETTINGS)
    assert pipeline.validation is not None
    x, labels = whole(pipeline.validation.inputs), pipeline.validation.labels
    w1, b1, w2, b2 = (array.astype(np.float64) for array in outcome.state.trainable)
    z = (np.maximum(x @ w1 + b1, 0) @ w2 + b2)[:, 0]
    loss, accuracy = np.mean(np.logaddexp(0, z) - labels * z), np.mean((z > 0) == labels)
    for found in (outcome.history[-1], outcome.measurements):
        assert found["validation_loss"] == pytest.approx(loss, rel=1e-5)
        assert found["validation_accuracy"] == pytest.approx(accuracy, abs=1e-12)
    assert same(outcome.state, plain.state)
    for row, expected in zip(outcome.history, plain.history, strict=True):
        assert set(row) - set(expected) == set(ON_VALIDATION)
        assert {name: row[name] for name in expected if name != "seconds"} == {
            name: value for name, value in expected.items() if name != "seconds"
        }


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("train_accuracy", [None, 17 / 18])
@pytest.mark.parametrize("measure_every", [1, 1000])
def test_a_stopping_rule_may_look_at_the_validation_set(
    engine: str, train_accuracy: float | None, measure_every: int
) -> None:
    settings = replace(SETTINGS, epochs=60, momentum=0.0, l2=0.0, schedule=Component("constant"))
    every = run(replace(settings, epochs=30), validated()).history
    best = max(row["validation_accuracy"] for row in every[1:])
    assert every[0]["validation_accuracy"] < best
    reached = next(
        row["epoch"]
        for row in every[1:]
        if row["epoch"] % 2 == 0
        and row["validation_accuracy"] >= best
        and row["train_accuracy"] >= (train_accuracy or 0)
    )
    stop = StopRule(train_accuracy, check_every=2, validation_accuracy=best)
    rule = replace(settings, stop_when=stop, measure_every=measure_every)
    outcome = run(rule, validated())
    assert outcome.state.epoch == outcome.history[-1]["epoch"] == reached
    again = run(rule, validated(), resume=Resume(outcome.state, outcome.history))
    assert same(again.state, outcome.state)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_early_stopping_and_the_plateau_look_at_the_validation_set(engine: str) -> None:
    plateau = Component("plateau", {**PLATEAU, "metric": "validation_loss"})
    rule = EarlyStopping("validation_loss", 3, 0.0, "min")
    settings = replace(SETTINGS, epochs=60, schedule=plateau, early_stopping=rule)
    rows = run(settings, validated()).history
    losses = [row["validation_loss"] for row in rows]
    assert rows[-1]["epoch"] == losses.index(min(losses)) + 3 < 60
    assert len({row["learning_rate"] for row in rows}) > 1


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_loss_that_is_not_finite(engine: str) -> None:
    wild = replace(SETTINGS, optimizer=Component("sgd", {"learning_rate": 1e25, "nesterov": False}))
    with pytest.raises(fit.NonFiniteLoss, match=r"at step \d+ \(epoch 1\)") as caught:
        run(wild)
    assert 1 < caught.value.step <= 5


def test_states_that_do_not_fit() -> None:
    state = run(replace(SETTINGS, epochs=1)).state
    with pytest.raises(ValueError, match="history"):
        run(SETTINGS, resume=Resume(state, []))
    wrong = replace(state, trainable=state.trainable[::-1])
    with pytest.raises(ValueError, match="shapes"):
        run(SETTINGS, resume=Resume(wrong, [{}]))


@pytest.mark.usefixtures("own_programs")
def test_settings_that_are_tensors_share_a_program() -> None:
    shared = Engines()
    run(SETTINGS, engines=shared)
    run(replace(SETTINGS, momentum=0.0, l2=0.0, epochs=3), points(seed=5), engines=shared)
    (program,) = shared.programs
    assert program.train.experimental_get_tracing_count() == 1
    run(replace(SETTINGS, batch_size=5), engines=shared)
    assert len(shared.programs) == 2


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_early_stopping_stops_where_the_history_says_and_so_does_a_resumed_run(engine: str) -> None:
    rule = EarlyStopping("weight_norm", 4, 0.0, "min")
    settings = replace(SETTINGS, epochs=60, l2=0.0, measure_every=2, early_stopping=rule)
    states: list[tuple[State, int]] = []
    seen: list[dict[str, float]] = []

    def report(rows: Sequence[dict[str, float]], state: State) -> None:
        seen.extend(rows)
        states.append((state, len(seen)))

    whole = run(settings, report=report)
    norms = [row["weight_norm"] for row in whole.history]
    best = min(range(len(norms)), key=norms.__getitem__)
    assert whole.history[-1]["epoch"] == whole.history[best]["epoch"] + 4 < 60
    for state, count in states:
        resumed = run(settings, resume=Resume(state, seen[:count]))
        assert same(resumed.state, whole.state)
        assert [row["epoch"] for row in resumed.history] == [row["epoch"] for row in whole.history]
