"""What training takes on an accelerator that holds all data, against the bare program of an epoch.

python -m benchmarks.on_device

With JAX. The bare program gathers, crops, flips and normalizes images that lie on the device, draws
what is random there, and makes the harness's training step on them: no seeded decisions, no
measurement, no state, no records. The harness trains as `harness run` does, measured every five
epochs, in its two ways: with all data on the device, and with batches streamed to it.

`--check` compares numbers instead: the two ways with each other, and each with itself.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from benchmarks import harness_side
from benchmarks.cases import CASES, Case, training
from harness.experiment import Training

if TYPE_CHECKING:
    import keras

    from harness.training.engine import Way
    from harness.training.fit import Outcome
    from harness.training.measure import Row
    from harness.training.state import State
    from harness.training.step import Network, Weights

TESTS = 10_000
MEASURE_EVERY = 5
TARGET = 0.97
"""Of the bare program's images a second."""

PADDING = 4


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option(
    "--network", type=click.Choice(["resnet18", "resnet18-16", "resnet10-8"]), default="resnet18"
)
@click.option("--examples", type=click.IntRange(1), default=50_000, show_default=True)
@click.option(
    "--epochs",
    type=click.IntRange(2 * MEASURE_EVERY),
    default=3 * MEASURE_EVERY,
    show_default=True,
    help=f"Of which all but the first {MEASURE_EVERY} are timed.",
)
@click.option(
    "--precision",
    type=click.Choice(["mixed_bfloat16", "float32"]),
    default="mixed_bfloat16",
    show_default=True,
)
@click.option("--deterministic", is_flag=True, help="Only operations that repeat their bits.")
@click.option("--check", is_flag=True, help="Compare numbers, in two epochs each, and no times.")
def main(
    network: str, examples: int, epochs: int, precision: str, deterministic: bool, check: bool
) -> None:
    """Print images a second of each, and ratios; or how far numbers differ."""
    from harness.backend import device, import_backend, prepare_backend

    import_backend("jax")
    prepare_backend(deterministic=deterministic)
    case = replace(CASES[network], examples=examples)
    case = replace(case, title=f"{case.title}, batch {case.batch_size}, {precision}")
    settings = replace(training(case), epochs=epochs, measure_every=MEASURE_EVERY, l2=5e-4)
    click.echo(f"{case.title}, {examples:,} images, on {device()}")
    if check:
        _compare(case, replace(settings, epochs=2, measure_every=1), precision)
    else:
        _time(case, settings, precision)


def _time(case: Case, settings: Training, precision: str) -> None:
    bare = _bare(case, settings, precision)
    bare()  # compiles
    rates = {"bare program": [bare(), bare()]}
    for way in ("on the device", "streamed"):
        rates[way] = [_rate(case, settings, precision, way)]
    rates["bare program"] += [bare(), bare()]
    against = statistics.median(rates["bare program"])
    for name, found in rates.items():
        rate = statistics.median(found)
        click.echo(f"{name:14} {rate:9,.0f} images/s  {rate / against:.3f} of the bare program")
    click.echo(f"target: at least {TARGET} on the device")


def _model(case: Case, precision: str) -> keras.Model:
    import keras

    keras.config.set_dtype_policy(precision)
    try:
        return harness_side.model_of(case)
    finally:
        keras.config.set_dtype_policy("float32")


def _train(
    case: Case,
    settings: Training,
    precision: str,
    way: Way,
    report: Callable[[Sequence[Row], State], None],
) -> Outcome:
    from harness.training.engines import Engines
    from harness.training.fit import train

    pipeline = harness_side.pipeline_of(case, harness_side.CROP_AND_FLIP, TESTS)
    model = _model(case, precision)
    return train(settings, model, pipeline, report=report, engines=Engines(way=way))


def _rate(case: Case, settings: Training, precision: str, way: Way) -> float:
    """Return images a second from the first measurement to the last, all between them included."""
    times: dict[int, float] = {}
    begun = time.perf_counter()

    def report(_rows: Sequence[Row], state: State) -> None:
        times[state.epoch] = time.perf_counter()

    from harness.training.fit import Pausing

    first = MEASURE_EVERY
    _train(case, settings, precision, way, Pausing(report, [first]))
    last = max(times)
    click.echo(f"{way}: {times[min(each for each in times if each)] - begun:.1f} s to epoch 1")
    return (last - first) * case.examples / (times[last] - times[first])


def _bare(case: Case, settings: Training, precision: str) -> Callable[[], float]:
    """Return what runs an epoch in one program, and returns its images a second."""
    import jax

    from harness.training.step import network

    model = _model(case, precision)
    net = network(model, settings)
    images, labels = (
        jax.device_put(array) for array in harness_side.pipeline_of(case).train.__dict__.values()
    )
    steps = case.examples // case.batch_size
    epoch = jax.jit(partial(_epoch, net, images, labels, steps), donate_argnums=0)
    weights = _weights(model)
    number = 0

    def run() -> float:
        nonlocal weights, number
        number += 1
        begun = time.perf_counter()
        weights, losses = epoch(weights, jax.random.key(number))
        losses.block_until_ready()
        return steps * case.batch_size / (time.perf_counter() - begun)

    return run


def _weights(model: keras.Model) -> Weights:
    from jax import numpy as jnp

    from harness.training.step import Weights

    trainable = [jnp.asarray(each.numpy()) for each in model.trainable_variables]
    others = [jnp.asarray(each.numpy()) for each in model.non_trainable_variables]
    return Weights(trainable, others, [jnp.zeros_like(each) for each in trainable])


def _epoch(
    net: Network, images: Any, labels: Any, steps: int, weights: Weights, key: Any
) -> tuple[Weights, Any]:
    """Make the steps of an epoch of whole batches."""
    import jax
    from jax import numpy as jnp

    from harness.training.optimizers import of_step, scalars
    from harness.training.step import training_step

    size = net.training.batch_size
    rates = np.full(steps, 0.001)
    first = scalars(net.training, rates)
    order = jax.random.permutation(key, len(images))[: steps * size].reshape(steps, size)
    keys = jax.random.split(key, steps)

    def step(weights: Weights, at: tuple[Any, Any, Any]) -> tuple[Weights, Any]:
        place, chosen, key = at
        x = _prepared(images[chosen], key)
        return training_step(net, weights, x, labels[chosen], of_step(first, place))

    found: tuple[Weights, Any] = jax.lax.scan(step, weights, (jnp.arange(steps), order, keys))
    return found


def _prepared(images: Any, key: Any) -> Any:
    """Crop, flip and normalize a batch, by draws of its own."""
    import jax
    from jax import numpy as jnp

    count, height, width, _ = images.shape
    of_rows, of_columns, of_flips = jax.random.split(key, 3)
    padded = jnp.pad(images, ((0, 0), (PADDING, PADDING), (PADDING, PADDING), (0, 0)))
    tops, lefts = (
        jax.random.randint(each, (count,), 0, 2 * PADDING + 1) for each in (of_rows, of_columns)
    )
    cropped = jax.vmap(
        lambda image, top, left: jax.lax.dynamic_slice(
            image, (top, left, 0), (height, width, image.shape[-1])
        )
    )(padded, tops, lefts)
    flips = jax.random.bernoulli(of_flips, 0.5, (count, 1, 1, 1))
    flipped = jnp.where(flips, cropped[:, :, ::-1], cropped)
    mean, deviation = (
        jnp.asarray(values, "float32")
        for values in (harness_side.CIFAR_MEAN, harness_side.CIFAR_DEVIATION)
    )
    return (flipped.astype("float32") / 255 - mean) / deviation


def _compare(case: Case, settings: Training, precision: str) -> None:
    """Say whether a run repeats its bits in each way, and how far the ways are from each other."""
    ways: tuple[Way, ...] = ("on the device", "streamed")
    found: dict[str, list[Outcome]] = {
        way: [_train(case, settings, precision, way, lambda _rows, _state: None) for _ in range(2)]
        for way in ways
    }
    for way, (one, again) in found.items():
        pairs = zip(one.state.final, again.state.final, strict=True)
        same = all(np.array_equal(first, second) for first, second in pairs)
        click.echo(f"{way}: {'the same bits' if same else 'other bits'} in a second run")
    here, there = (each[0] for each in found.values())
    for row, other in zip(here.history, there.history, strict=True):
        click.echo(
            f"epoch {row['epoch']:g}: "
            + ", ".join(
                f"{name} {row[name]:.6f} and {other[name]:.6f}"
                for name in ("train_loss", "test_loss", "train_accuracy", "distance")
            )
        )


if __name__ == "__main__":
    main()
