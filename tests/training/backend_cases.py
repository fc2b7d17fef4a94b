"""What is computed with both backends and compared.

The process that runs the tests has TensorFlow; another, `python -m tests.training.backend_cases
FILE` with `KERAS_BACKEND=jax`, writes what the same functions give there to FILE.
"""

from __future__ import annotations

import contextlib
import io
import sys
import unittest.mock
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from harness.compile import _policy
from harness.data.batches import training_batches
from harness.data.pipeline import Pipeline, decisions, make_batch
from harness.data.records import Split
from harness.experiment import (
    PER_IMAGE,
    Average,
    Component,
    EarlyStopping,
    Normalization,
    SharpnessAware,
    Standardization,
    StopRule,
    Training,
    WarmUp,
)
from harness.measuring.linear_path import linear_path
from harness.measuring.on_weights import gradient_norm, sharpness
from harness.measuring.path_norm import path_norm
from harness.measuring.trained import Trained
from harness.models.initialization import initialize, seed_dropout
from harness.models.registry import MODELS, build
from harness.spec import schema
from harness.training import engines, fit, optimizers
from harness.training.backend import accelerator_memory, on_jax, xla_program
from harness.training.engines import Engines
from harness.training.fit import NonFiniteLoss, Outcome, Resume, State
from harness.training.step import Weights, evaluation, network, training_step

Arrays = dict[str, np.ndarray[Any, Any]]

STEPS = 3

SETTINGS = Training(
    loss="cross_entropy",
    loss_reduction="mean",
    optimizer=Component(
        "sgd", {"learning_rate": 0.05, "nesterov": False, "momentum_rule": "pytorch"}
    ),
    momentum=0.9,
    l2=0.01,
    schedule=Component("piecewise", {"epochs": [2], "factor": 0.5}),
    batch_size=8,
    last_batch="keep",
    epochs=4,
    stop_when=None,
    measure_every=1,
)

ENGINES = Engines()
"""What the cases share, so that each program is compiled once."""

ON_DEVICE = Engines(way="on the device")
"""The same of what is computed as on an accelerator with all data in its memory."""

LONG = replace(SETTINGS, epochs=60, schedule=Component("constant"))

SMALL: dict[str, dict[str, Any]] = {
    "perceptron": {"hidden": [5, 4]},
    "convnet": {"width": 2},
    "vgg": {"convolutions": [1, 1], "width": 4},
    "resnet": {"blocks": [1], "width": 4},
    "wide_resnet": {"depth": 10, "width": 2},
    "densenet": {"layers": [1, 1], "growth": 4},
    "small_inception": {"width_multiplier": 0.1},
    "small_alexnet": {"width": 4, "hidden": [5, 4]},
}

RULES = {
    f"{loss}-{rule}{'-nesterov' if nesterov else ''}": replace(
        SETTINGS,
        loss=loss,
        label_smoothing=0.1 if nesterov else 0.0,
        optimizer=Component(
            "sgd", {"learning_rate": 0.05, "nesterov": nesterov, "momentum_rule": rule}
        ),
    )
    for loss in ("cross_entropy", "binary_cross_entropy")
    for rule in ("pytorch", "keras")
    for nesterov in (False, True)
}

RULES |= {
    name: replace(SETTINGS, optimizer=Component(name, {"learning_rate": 0.05, **own}), momentum=0.0)
    for name, own in {
        "adam": {"beta_1": 0.5},
        "adamw": {"weight_decay": 0.1},
        "nadam": {},
        "rmsprop": {"epsilon": 0.01},
        "adagrad": {},
        "lion": {"weight_decay": 0.1},
    }.items()
}

EVERYTHING = replace(
    SETTINGS,
    schedule=Component("cosine", {"final": 0.1, "length": None, "per": "step"}),
    warm_up=WarmUp(3, None, "step"),
    batch_size=4,
    accumulate=2,
    epochs=None,
    steps=11,
    clip_norm=0.5,
    average=Average(0.75),
    sharpness_aware=SharpnessAware(0.05),
)
"""Of the last epoch's three steps, two are made."""

AUGMENTATION = (
    Component("random_crop", {"padding": 1}),
    Component("random_flip"),
    Component("gaussian_noise", {"deviation": 0.05}),
)

MIXED = (
    Component("cutout", {"length": 3, "fill": (60.0, 70.0, 80.0)}),
    Component("cutmix", {"alpha": 1.0, "probability": 0.7}),
    Component("color_jitter", {"brightness": 0.2, "contrast": 0.3, "saturation": 0.4, "hue": 0.1}),
)

MIXUP = (Component("mixup", {"alpha": 0.7}),)

Case = tuple[str, str, Training, tuple[Component, ...]]

RUNS: dict[str, Case] = {
    # the engine, the network, how it is trained, its augmentation
    "compiled": ("compiled", "perceptron", SETTINGS, ()),
    "compiled-weaker": ("compiled", "perceptron", replace(SETTINGS, momentum=0.5, l2=0.0), ()),
    "compiled-augmented": ("compiled", "perceptron", SETTINGS, AUGMENTATION),
    "compiled-drop": (
        "compiled",
        "perceptron",
        replace(SETTINGS, last_batch="drop", measure_every=3),
        (),
    ),
    "compiled-mixed": ("compiled", "perceptron", replace(SETTINGS, label_smoothing=0.1), MIXED),
    "compiled-mixup-drop": (
        "compiled",
        "perceptron",
        replace(SETTINGS, last_batch="drop", measure_every=3),
        MIXUP,
    ),
    "streamed": ("streamed", "perceptron", SETTINGS, ()),
    "streamed-mixed": ("streamed", "resnet", SETTINGS, MIXED),
    "streamed-mixup": ("streamed", "perceptron", SETTINGS, MIXUP),
    "streamed-augmented": ("streamed", "convnet", SETTINGS, AUGMENTATION),
    "streamed-drop": ("streamed", "perceptron", replace(SETTINGS, last_batch="drop"), AUGMENTATION),
    "streamed-keep": ("streamed", "resnet", SETTINGS, AUGMENTATION),
    "compiled-everything": ("compiled", "perceptron", EVERYTHING, ()),
    "streamed-everything": ("streamed", "perceptron", EVERYTHING, ()),
    "compiled-everything-mixed": ("compiled", "perceptron", EVERYTHING, MIXED),
    "streamed-everything-mixup": ("streamed", "perceptron", EVERYTHING, MIXUP),
    "device-mixed": ("device", "perceptron", replace(SETTINGS, label_smoothing=0.1), MIXED),
    "device-everything-mixup": ("device", "perceptron", EVERYTHING, MIXUP),
    "device-validation-stop": (
        "device",
        "perceptron",
        replace(LONG, stop_when=StopRule(None, 2, 0.6)),
        (),
    ),
    **{
        f"{engine}-{name}": (engine, "perceptron", settings, ())
        for engine in ("compiled", "streamed")
        for name, settings in {
            "stop": replace(LONG, stop_when=StopRule(0.6, 2)),
            "early": replace(LONG, early_stopping=EarlyStopping("test_loss", 3, 0.0, "min")),
            "validation-stop": replace(LONG, stop_when=StopRule(None, 2, 0.6)),
        }.items()
    },
}


@contextlib.contextmanager
def quickly_built() -> Iterator[None]:
    """Let Keras build a network with weights of NumPy's, which `initialize` replaces.

    JAX compiles a program for every shape that it draws or fills, which takes half of all the time.
    """
    if not on_jax():
        yield
        return
    import jax

    def drawn(_key: Any, shape: Any, dtype: Any, **_bounds: Any) -> np.ndarray[Any, Any]:
        return np.full(shape, 0.5, dtype)

    with (
        unittest.mock.patch.object(jax.random, "uniform", drawn),
        unittest.mock.patch.object(jax.numpy, "zeros", np.zeros),
        unittest.mock.patch.object(jax.numpy, "ones", np.ones),
    ):
        yield


def model(
    name: str, outputs: int = 3, seed: int = 0, dropout: float = 0.0, precision: str = "float32"
) -> keras.Model:
    """Build a small network with its initial weights."""
    filled = schema.fill_defaults(schema.definition("model"), {"name": name, **SMALL[name]})
    parameters = {key: value for key, value in filled.items() if key != "name"}
    with _policy(precision), quickly_built():
        made = build(Component(name, parameters), (8, 8, 3), outputs, dropout)
    initialize(made, Component("fan_in_uniform"), seed)
    if dropout:
        seed_dropout(made, seed)
    return made


def pipeline(
    augmentation: tuple[Component, ...] = (),
    seed: int = 0,
    examples: int = 19,
    held_out: bool = False,
) -> Pipeline:
    """Make images whose brightness depends on their class; batches of eight leave three of them."""
    random = np.random.default_rng(0)

    def split(count: int) -> Split:
        labels = np.arange(count, dtype=np.int32) % 3
        images = random.integers(0, 120, (count, 8, 8, 3)) + 40 * labels[:, None, None, None]
        return Split(images.astype(np.uint8), labels)

    train, test, validation = split(examples), split(7), split(9)
    pipeline = Pipeline(train, test, ("a", "b", "c"), 255.0, None, augmentation, seed)
    return replace(pipeline, validation=validation) if held_out else pipeline


def steps(made: keras.Model, settings: Training) -> Arrays:
    """Make some steps on one batch of six images; gives the losses, the weights after them, and an
    evaluation.
    """
    random = np.random.default_rng(1)
    x = keras.ops.convert_to_tensor(random.random((6, 8, 8, 3)).astype(np.float32))
    classes = 2 if settings.loss == "binary_cross_entropy" else 3
    y = keras.ops.convert_to_tensor(np.arange(6, dtype=np.int32) % classes)
    net = network(made, settings)
    trainable = [
        keras.ops.convert_to_tensor(variable.numpy()) for variable in made.trainable_variables
    ]
    others = [
        keras.ops.convert_to_tensor(variable.numpy()) for variable in made.non_trainable_variables
    ]
    empty = optimizers.empty_slots(settings, tuple(np.asarray(each) for each in trainable))
    weights = Weights(trainable, others, [keras.ops.convert_to_tensor(each) for each in empty])
    evaluate, step = partial(evaluation, net), partial(training_step, net)
    if on_jax():  # where an operation at a time is slow
        evaluate, step = xla_program(evaluate), xla_program(step)
    found = {"evaluation": np.array(evaluate(weights, x, y))}
    losses = []
    for _ in range(STEPS):
        weights, loss = step(weights, x, y, optimizers.scalars(settings, 0.05))
        losses.append(float(loss))
    found["losses"] = np.array(losses)
    for group, arrays in weights._asdict().items():
        found |= {f"{group}{place}": np.array(array) for place, array in enumerate(arrays)}
    return found


def network_steps(name: str, precision: str = "float32") -> Arrays:
    """Make steps of a network."""
    return steps(model(name, precision=precision), SETTINGS)


def rule_steps(settings: Training) -> Arrays:
    """Make steps by the settings' rule."""
    return steps(model("perceptron", 1 if settings.loss == "binary_cross_entropy" else 3), settings)


@contextlib.contextmanager
def using(engine: str) -> Iterator[None]:
    """Train with this engine, whatever suits."""
    with unittest.mock.patch.object(engines, "suits", lambda net, pipeline: engine == "compiled"):
        yield


def train(case: str, made: keras.Model | None = None, **options: Any) -> Outcome:
    """Train as a case says."""
    engine, name, settings, augmentation = RUNS[case]
    options.setdefault("report", lambda rows, state: None)
    options.setdefault("engines", ON_DEVICE if engine == "device" else ENGINES)
    with using(engine):
        data = pipeline(augmentation, held_out="validation" in case)
        return fit.train(settings, made or model(name), data, **options)


def outcome_arrays(outcome: Outcome) -> Arrays:
    """Give a history, the last measurements, the final weights and the logits of the test set."""
    history = {
        f"history/{name}": np.array([row[name] for row in outcome.history])
        for name in outcome.history[0]
        if name != "seconds"
    }
    weights = {f"weights{place}": array for place, array in enumerate(outcome.state.final)}
    known = {name: value for name, value in outcome.measurements.items() if value is not None}
    measured = {f"end/{name}": np.array(value) for name, value in known.items()}
    return history | measured | weights | {"logits": np.concatenate(list(outcome.logits()))}


def run(case: str) -> Arrays:
    """Give the history and the final weights of a case."""
    return outcome_arrays(train(case))


def where_it_ends(engine: str) -> Arrays:
    """Train until the loss is not finite."""
    wild = replace(
        SETTINGS,
        optimizer=Component("sgd", {**SETTINGS.optimizer.parameters, "learning_rate": 1e25}),
    )
    try:
        with using(engine):
            engines = ON_DEVICE if engine == "device" else None
            fit.train(
                wild,
                model("perceptron"),
                pipeline(),
                report=lambda rows, state: None,
                engines=engines,
            )
    except NonFiniteLoss as error:
        return {"at": np.array([error.epoch, error.step])}
    raise AssertionError("the loss stayed finite")


def final_metrics(name: str) -> Arrays:
    """Measure the final metrics of two networks' weights."""
    first, second = (untrained(name, seed) for seed in (0, 1))
    along = linear_path(first, second, points=3)
    norms = gradient_norm(first, examples=None), path_norm(first, p=2)
    curved = sharpness(first, iterations=1000, tolerance=1e-6, examples=10)
    return {
        **{each: np.array(value) for found in norms for each, value in found.values.items()},
        **{each: np.array(column) for each, column in along.curves.items()},
        # It has settled to a millionth an iteration; what is left adds up.
        "sharpness": np.array(np.round(curved.values["sharpness"], 3)),
    }


def untrained(name: str, seed: int) -> Trained:
    made = model(name, seed=seed)
    trainable = [variable.numpy() for variable in made.trainable_variables]
    others = [variable.numpy() for variable in made.non_trainable_variables]
    return Trained(network(made, SETTINGS), Weights(trainable, others, []), pipeline(), seed)


ENDS = ("compiled", "device", "streamed")

CASES: dict[str, Callable[[], Arrays]] = {
    **{f"network-{name}": partial(network_steps, name) for name in MODELS},
    **{
        f"bfloat16-{name}": partial(network_steps, name, "mixed_bfloat16")
        for name in ("perceptron", "resnet", "small_alexnet")
    },
    **{f"rule-{name}": partial(rule_steps, settings) for name, settings in RULES.items()},
    **{f"run-{name}": partial(run, name) for name in RUNS},
    **{f"final-{name}": partial(final_metrics, name) for name in ("convnet", "resnet")},
    **{f"ends-{engine}": partial(where_it_ends, engine) for engine in ENDS},
}
"""What both processes compute."""


def same(one: Outcome, other: Outcome) -> bool:
    """Tell whether two runs have the same bits."""
    ours, theirs = one.state.arrays(), other.state.arrays()
    return all(np.array_equal(ours[each], theirs[each]) for each in ours if each != "seconds")


def resumed(case: str, dropout: float) -> bool:
    """Tell whether a run that is interrupted after its second epoch, kept in a file, and resumed,
    has the same bits.
    """
    _, name, _, _ = RUNS[case]
    rows: list[dict[str, float]] = []
    kept: list[tuple[State, list[dict[str, float]]]] = []

    def interrupt(new: Sequence[dict[str, float]], state: State) -> None:
        rows.extend(new)
        if state.epoch >= 2:
            file = io.BytesIO()
            np.savez(file, **state.arrays())  # type: ignore[arg-type]
            kept.append((State.from_arrays(dict(np.load(io.BytesIO(file.getvalue())))), list(rows)))
            raise KeyboardInterrupt

    whole = train(case, model(name, dropout=dropout))
    try:
        train(case, model(name, dropout=dropout), report=interrupt)
    except KeyboardInterrupt:
        state, history = kept[0]
    anew = {"engines": Engines()} if case == "compiled" else {}
    again = train(case, model(name, dropout=dropout), resume=Resume(state, history), **anew)
    return 2 <= state.epoch < 4 and same(whole, again)


def wide_floats(name: str) -> list[str]:
    """List the float64 arrays of a training step with JAX that hold more than a number for each
    class or example.
    """
    import jax

    made = model(name)
    net = network(made, SETTINGS)
    trainable = [variable.numpy() for variable in made.trainable_variables]
    others = [variable.numpy() for variable in made.non_trainable_variables]
    weights = Weights(trainable, others, [np.zeros_like(each) for each in trainable])
    x, y = np.zeros((6, 8, 8, 3), np.float32), np.zeros(6, np.int32)
    scalars = optimizers.scalars(SETTINGS, 0.1)

    def values(jaxpr: Any) -> Iterator[Any]:
        for equation in jaxpr.eqns:
            yield from equation.outvars
            for parameter in jax.tree.leaves(
                equation.params, is_leaf=lambda each: hasattr(each, "jaxpr")
            ):
                if hasattr(parameter, "jaxpr"):
                    yield from values(parameter.jaxpr)

    traced = jax.make_jaxpr(lambda *arguments: training_step(net, *arguments))(
        weights, x, y, scalars
    )
    found = [value.aval for value in values(traced.jaxpr)]
    assert len(found) > 20
    narrow = [(), (3,), (6,), (6, 1), (6, 3)]
    return [str(each) for each in found if each.dtype == np.float64 and each.shape not in narrow]


CROPPED = (Component("random_crop", {"padding": 2}), Component("random_flip"))
JITTER = {"brightness": 0.2, "contrast": 0.0, "saturation": 0.4, "hue": 0.1}

AUGMENTATIONS: dict[str, tuple[Component, ...]] = {
    "nothing": (),
    "cropped": CROPPED,
    "noisy": (*CROPPED, Component("gaussian_noise", {"deviation": 0.1})),
    "cut": (*CROPPED, Component("cutout", {"length": 3, "fill": None})),
    "filled": (Component("cutout", {"length": 3, "fill": (10.0, 20.0, 30.0)}),),
    "mixup": (*CROPPED, *MIXUP),
    "cutmix": (Component("cutmix", {"alpha": 1.0, "probability": 0.8}),),
    "colours": (*CROPPED, Component("color_jitter", JITTER)),
    "contrast": (Component("color_jitter", {**dict.fromkeys(JITTER, 0.0), "contrast": 0.3}),),
}

NORMALIZED = Normalization((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))

PREPARED: dict[str, tuple[tuple[Component, ...], Normalization | Standardization | None]] = {
    **{name: (augmentation, NORMALIZED) for name, augmentation in AUGMENTATIONS.items()},
    "scaled": ((), None),
    "standardized": (CROPPED, PER_IMAGE),
}
"""Ways of making a batch: augmentations and a normalization."""


def batches() -> Arrays:
    """Make an epoch's batch in each way by `tf.data`, and by a program of JAX."""
    import jax

    found: Arrays = {}
    for name, (augmentation, normalize) in PREPARED.items():
        data = replace(pipeline(augmentation, examples=100), normalize=normalize)
        (streamed,) = training_batches(data, range(1), 100, "keep").as_numpy_iterator()
        arrays = (data.train.inputs, data.train.labels, decisions(data, 0))
        made = jax.jit(partial(make_batch, data))(*jax.tree.map(jax.numpy.asarray, arrays))
        for way, batch in (("streamed", streamed), ("compiled", made)):
            found |= {
                f"batch/{name}/{way}/{place}": np.asarray(each)
                for place, each in enumerate(jax.tree.leaves(batch))
            }
    return found


def ways() -> Arrays:
    """Train in the way of an accelerator with all data in its memory, and streamed."""
    found: Arrays = {}
    for name, settings, augmentation in (
        ("perceptron", SETTINGS, AUGMENTATION),
        ("perceptron", EVERYTHING, MIXUP),
        ("convnet", SETTINGS, AUGMENTATION),
    ):
        for way in (ON_DEVICE, Engines(way="streamed")):
            outcome = fit.train(
                settings,
                model(name, dropout=0.3),
                replace(pipeline(augmentation, held_out=True), normalize=NORMALIZED),
                report=lambda rows, state: None,
                engines=way,
            )
            found |= {
                f"way/{name}/{augmentation[0].name}/{outcome.way}/{each}": array
                for each, array in outcome_arrays(outcome).items()
            }
    return found


def memories() -> list[float]:
    """Give what is free of an accelerator that tells it, of one that does not, and of the CPU."""
    import jax

    told = (("gpu", {"bytes_limit": 1000, "bytes_in_use": 300}), ("gpu", None), ("cpu", None))
    found = []
    for platform, stats in told:
        device = unittest.mock.Mock(platform=platform)
        device.memory_stats.return_value = stats
        with unittest.mock.patch.object(jax, "devices", lambda device=device: [device]):
            free = accelerator_memory()
            found.append(np.nan if free is None else float(free))
    return found


def jax_alone() -> Arrays:
    """Check what concerns JAX alone: bits, programs that are shared, dtypes, batches shared
    among devices, and what is computed as on an accelerator.
    """
    found = {
        "same_bits": np.array(
            [same(train(case), train(case)) for case in ("compiled", "streamed-keep")]
        ),
        "resumed": np.array(
            [
                resumed("compiled", 0.3),
                resumed("streamed-augmented", 0.3),
                resumed("streamed-keep", 0.0),
                resumed("compiled-everything", 0.3),
                resumed("device-mixed", 0.3),
            ]
        ),
        "wide": np.array([f"{name}: {each}" for name in MODELS for each in wide_floats(name)], str),
    }
    shared = Engines()
    train("compiled", engines=shared)
    train("compiled-weaker", engines=shared)
    (program,) = shared.programs
    found["traces"] = np.array(program.train._cache_size())
    for devices in (1, 4):
        for case in ("streamed-keep", "streamed-mixed"):
            outcome = train(case, engines=Engines(devices))
            found |= {
                f"devices{devices}/{case}/{name}": array
                for name, array in outcome_arrays(outcome).items()
            }
        found[f"used{devices}"] = np.array(outcome.devices)
    return found | batches() | ways() | {"memories": np.array(memories())}


def main(path: Path) -> None:
    """Compute all, and write it."""
    from harness.backend import prepare_backend

    prepare_backend()
    cases = {**CASES, "alone": jax_alone}
    found = {
        f"{case}:{name}": array
        for case, compute in cases.items()
        for name, array in compute().items()
    }
    np.savez(path, **found)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
