"""What a run may have at once: mixed examples with accumulation, SAM and averaged weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.data.pipeline import Pipeline
from harness.experiment import Average, Component, SharpnessAware, Training
from harness.training import fit
from tests.training import backend_cases
from tests.training.backend_cases import using
from tests.training.test_fit import (
    ENGINES,
    MIXUP,
    SETTINGS,
    mixed_epoch,
    network,
    run,
    validated,
)

Arrays = list[NDArray[np.float64]]

PLAIN = replace(SETTINGS, epochs=3, schedule=Component("constant"))
CUTMIX = (Component("cutmix", {"alpha": 1.0, "probability": 0.7}),)
AWARE = SharpnessAware(0.3)

COMBINED = {
    "sharpness aware": replace(PLAIN, sharpness_aware=AWARE),
    "averaged": replace(PLAIN, average=Average(0.75)),
    "all": replace(PLAIN, accumulate=2, sharpness_aware=AWARE, average=Average(0.75)),
}


def gradient(weights: Arrays, x: NDArray[np.float64], target: NDArray[np.float64]) -> Arrays:
    """Give the gradient of the summed loss of the 2-5-1 perceptron, from the formulas."""
    w1, b1, w2, b2 = weights
    before = x @ w1 + b1
    hidden = np.maximum(before, 0)
    error = 1 / (1 + np.exp(-(hidden @ w2 + b2))) - target
    back = error @ w2.T * (before > 0)
    return [x.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]


def logits(weights: Arrays, x: NDArray[Any]) -> NDArray[np.float64]:
    w1, b1, w2, b2 = weights
    found: NDArray[np.float64] = (np.maximum(x @ w1 + b1, 0) @ w2 + b2)[:, 0]
    return found


def slope(
    training: Training, weights: Arrays, x: NDArray[np.float64], target: NDArray[np.float64]
) -> Arrays:
    """Give the gradient of a batch, with SAM that at the distance uphill."""
    found = gradient(weights, x, target)
    if training.sharpness_aware is None:
        return found
    length = np.sqrt(sum(np.sum(each**2) for each in found))
    far = training.sharpness_aware.rho / length
    uphill = [weight + far * each for weight, each in zip(weights, found, strict=True)]
    return gradient(uphill, x, target)


def learned(training: Training, pipeline: Pipeline) -> Arrays:
    """Train on mixed examples in float64; gives the averages, or the weights themselves."""
    weights: Arrays = [array.astype(np.float64) for array in network().get_weights()]
    velocity, average = [np.zeros_like(each) for each in weights], weights
    decay = training.average.decay if training.average else 0.0
    size = training.batch_size
    for epoch in range(training.epochs or 0):
        x, own, other, share = mixed_epoch(pipeline, epoch)
        target = (share * own + (1 - share) * other)[:, None]
        for start in range(0, len(x), size * training.accumulate):
            end = min(start + size * training.accumulate, len(x))
            rows = [slice(at, min(at + size, end)) for at in range(start, end, size)]
            parts = [slope(training, weights, x[each], target[each]) for each in rows]
            velocity = [
                0.9 * old + sum(slopes) + 0.01 * weight
                for old, weight, *slopes in zip(velocity, weights, *parts, strict=True)
            ]
            weights = [w - 0.05 * v for w, v in zip(weights, velocity, strict=True)]
            average = [decay * a + (1 - decay) * w for a, w in zip(average, weights, strict=True)]
    return average


@pytest.mark.parametrize(
    ("engine", "name"),
    [
        ("compiled", "all"),
        ("streamed", "all"),
        ("compiled", "sharpness aware"),
        ("streamed", "averaged"),
    ],
)
def test_mixup_goes_with_what_else_a_step_has_against_numpy(engine: str, name: str) -> None:
    """Five batches an epoch, the last of two: steps of two batches, and of one.

    The validation set, whose examples are not mixed, is measured with the averages.
    """
    training, pipeline = COMBINED[name], validated(MIXUP)
    with using(engine):
        found = run(training, pipeline)
    expected = learned(training, pipeline)
    for ours, theirs in zip(found.state.final, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    assert pipeline.validation is not None
    z = logits(expected, np.asarray(pipeline.validation.inputs))
    labels = pipeline.validation.labels
    loss = np.mean(np.logaddexp(0, z) - labels * z)
    assert found.measurements["validation_loss"] == pytest.approx(loss, rel=1e-4)
    assert found.measurements["validation_accuracy"] == np.mean((z > 0) == labels)
    changed = "accumulate", "sharpness_aware", "average"
    plain = learned(replace(training, **{each: getattr(PLAIN, each) for each in changed}), pipeline)
    assert not np.allclose(expected[0], plain[0], rtol=1e-2)


@pytest.mark.parametrize("engine", ENGINES)
def test_accumulated_batches_of_cut_and_mixed_images_make_the_step_of_a_larger_one(
    engine: str,
) -> None:
    """Each image's partner may be in the other batch; three of nineteen are left for the last."""
    settings = replace(backend_cases.SETTINGS, epochs=2)
    found = {}
    for size, times in ((4, 2), (8, 1)):
        training = replace(settings, batch_size=size, accumulate=times)
        with using(engine):
            found[times] = fit.train(
                training,
                backend_cases.model("perceptron"),
                backend_cases.pipeline(CUTMIX),
                report=lambda rows, state: None,
            )
    assert found[1].state.step == found[2].state.step == 6
    for one, other in zip(found[1].state.trainable, found[2].state.trainable, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_averages_of_a_run_on_cut_and_mixed_images_are_those_of_its_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One step an epoch, and one epoch a call, so that every step's weights are told."""
    monkeypatch.setattr(fit, "CHUNK_SECONDS", 0.0)
    training = replace(
        backend_cases.SETTINGS, batch_size=19, average=Average(0.75), sharpness_aware=AWARE
    )
    told: list[Sequence[NDArray[np.float32]]] = []
    model = backend_cases.model("perceptron")
    average = [each.astype(np.float64) for each in model.get_weights()]
    with using("compiled"):
        found = fit.train(
            training,
            model,
            backend_cases.pipeline(CUTMIX),
            report=lambda rows, state: told.extend([state.trainable] * bool(rows[-1]["epoch"])),
        )
    assert len(told) == found.state.step == 4
    for weights in told:
        average = [0.75 * old + 0.25 * now for old, now in zip(average, weights, strict=True)]
    for ours, theirs in zip(found.state.final, average, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
