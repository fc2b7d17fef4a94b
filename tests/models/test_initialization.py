import math
from typing import Any

import keras
import numpy as np
import pytest
from scipy import stats

from harness.data import randomness
from harness.data.randomness import Stream
from harness.experiment import Component
from harness.models.initialization import INITIALIZATIONS, initialize, seed_dropout
from harness.models.registry import build
from harness.own.kinds import PYTHON

RESNET = Component("resnet", {"blocks": [1], "width": 8, "block": "basic"})


PARAMETERS: dict[str, dict[str, Any]] = {"fan_out_normal": {"dense": "fan_in_uniform"}}
"""What a rule must be told."""


def weights(
    name: str, seed: int = 0, component: Component = RESNET, **parameters: Any
) -> list[np.ndarray]:
    model = build(component, (8, 8, 3), 10)
    initialize(model, Component(name, PARAMETERS.get(name, {}) | parameters), seed)
    return list(model.get_weights())


@pytest.mark.parametrize("name", sorted({*INITIALIZATIONS} - {PYTHON}))
def test_weights_depend_on_the_seed_alone(name: str) -> None:
    for _ in range(3):
        keras.layers.Dense(1)  # moves Keras's counters
    first, again, other = weights(name), weights(name), weights(name, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    kernels = [index for index, array in enumerate(first) if array.ndim > 1]
    assert not any(np.array_equal(first[index], other[index]) for index in kernels)


def test_one_number_by_hand() -> None:
    kernel, bias = weights("fan_in_uniform", 7, Component("perceptron", {"hidden": []}))
    fan_in = 8 * 8 * 3
    drawn = randomness.uniforms(Stream(7, "initialization/1"), 0, 3, 4).ravel()[:10]
    np.testing.assert_array_equal(bias, ((2 * drawn - 1) / math.sqrt(fan_in)).astype(np.float32))
    assert kernel.shape == (fan_in, 10)


def test_distributions() -> None:
    wide = Component("perceptron", {"hidden": [400, 300]})
    for name, deviation in {
        "fan_in_uniform": 1 / math.sqrt(3 * 400),
        "he_normal": math.sqrt(2 / 400),
        "glorot_uniform": math.sqrt(2 / 700),
        "glorot_normal": math.sqrt(2 / 700),
    }.items():
        kernel, bias = weights(name, component=wide)[2:4]
        assert kernel.mean() == pytest.approx(0, abs=5 * deviation / math.sqrt(kernel.size))
        assert kernel.std() == pytest.approx(deviation, rel=0.01)
        assert (bias.std() > 0) == (name == "fan_in_uniform")
    assert np.abs(weights("fan_in_uniform", component=wide)[2]).max() <= 1 / 20


def looks_like(values: np.ndarray, distribution: Any) -> bool:
    return bool(stats.kstest(values.ravel(), distribution.cdf).pvalue > 0.01)


def plus_minus(bound: float) -> Any:
    return stats.uniform(-bound, 2 * bound)


VGG = Component("vgg", {"convolutions": [2], "width": 32, "batch_norm": False})


def test_trap_initial_weights_of_pytorch_layers() -> None:
    kernel, bias = weights("fan_in_uniform", component=VGG)[2:4]
    bound = 1 / math.sqrt(3 * 3 * 32)
    assert kernel.shape == (3, 3, 32, 32)
    assert looks_like(kernel, plus_minus(bound))
    assert looks_like(bias, plus_minus(bound))
    dense, offset = weights("fan_in_uniform", component=Component("perceptron", {"hidden": [400]}))[
        :2
    ]
    assert looks_like(dense, plus_minus(1 / math.sqrt(8 * 8 * 3)))
    assert looks_like(offset, plus_minus(1 / math.sqrt(8 * 8 * 3)))


def test_trap_initial_weights_of_pytorch_layers_against_pytorch() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = torch.nn.Conv2d(32, 32, 3)
    kernel, bias = weights("fan_in_uniform", component=VGG)[2:4]
    for ours, other in ((kernel, theirs.weight), (bias, theirs.bias)):
        assert stats.ks_2samp(ours.ravel(), other.detach().numpy().ravel()).pvalue > 0.01


def test_trap_initial_weights_of_the_densenet() -> None:
    parameters = {"layers": [2], "growth": 16, "reduction": 0.5, "bottleneck": True}
    model = build(Component("densenet", parameters), (8, 8, 3), 400)
    initialize(model, Component("fan_out_normal", {"dense": "fan_in_uniform"}), 0)
    wide, square = (
        model.get_layer(f"block1_layer2{name}_conv").kernel.numpy() for name in ("_bottleneck", "")
    )
    assert (wide.shape, square.shape) == ((1, 1, 48, 64), (3, 3, 64, 16))
    assert looks_like(wide, stats.norm(0, math.sqrt(2 / 64)))
    assert looks_like(square, stats.norm(0, math.sqrt(2 / (3 * 3 * 16))))
    kernel, bias = (weight.numpy() for weight in model.get_layer("logits").weights)
    assert looks_like(kernel, plus_minus(1 / 8))  # fan_in is 32 + 2 * 16
    assert not bias.any()


def test_trap_initial_weights_of_the_demonstration_code() -> None:
    hidden, bias, logits, _ = weights(
        "glorot_normal", component=Component("perceptron", {"hidden": [300]})
    )
    assert looks_like(hidden, stats.norm(0, math.sqrt(2 / (8 * 8 * 3 + 300))))
    assert looks_like(logits, stats.norm(0, math.sqrt(2 / (300 + 10))))
    assert not bias.any()
    wide = weights("fan_out_normal", component=VGG, dense="glorot_normal")
    assert looks_like(wide[2], stats.norm(0, math.sqrt(2 / (3 * 3 * 32))))
    assert looks_like(wide[-2], stats.norm(0, math.sqrt(2 / sum(wide[-2].shape))))
    assert not any(array.any() for array in wide if array.ndim == 1)


def test_glorot_normal_counts_the_pixels_of_a_convolution() -> None:
    kernel = weights("glorot_normal", component=VGG)[2]
    assert looks_like(kernel, stats.norm(0, math.sqrt(2 / (3 * 3 * (32 + 32)))))


def test_trap_gamma_of_early_pytorch_is_uniform() -> None:
    model = build(RESNET, (8, 8, 3), 10)
    initialize(model, Component("fan_in_uniform", {"gamma": "uniform"}), 0)
    norms = [layer for layer in model.layers if layer.name.endswith("norm")]
    gammas = np.concatenate([layer.gamma.numpy() for layer in norms])
    assert looks_like(gammas, stats.uniform(0, 1))
    assert not any(layer.beta.numpy().any() for layer in norms)
    initialize(model, Component("fan_in_uniform", {"gamma": "one"}), 0)
    assert all((layer.gamma.numpy() == 1).all() for layer in norms)


def test_gamma_changes_no_other_weight() -> None:
    one, uniform = (weights("fan_in_uniform", gamma=name) for name in ("one", "uniform"))
    differ = [not np.array_equal(a, b) for a, b in zip(one, uniform, strict=True)]
    assert differ == [weight.name == "gamma" for weight in build(RESNET, (8, 8, 3), 10).weights]


RESNET18 = Component("resnet", {"blocks": [2, 2, 2, 2], "width": 64, "block": "basic"})
RESNET50 = Component("resnet", {"blocks": [3, 4, 6, 3], "width": 64, "block": "bottleneck"})
VGG16 = Component("vgg", {"convolutions": [2, 2, 3, 3, 3], "width": 64, "batch_norm": True})


@pytest.mark.parametrize(
    ("network", "gamma", "norm"),
    [
        (RESNET18, "uniform", 56.6),
        (RESNET18, "one", 80.0),
        (RESNET50, "uniform", 133.1),
        (RESNET50, "one", 188.2),
        (VGG16, "uniform", 53.1),
        (VGG16, "one", 75.1),
    ],
)
def test_initial_weight_norms_are_those_of_the_authors_networks(
    network: Component, gamma: str, norm: float
) -> None:
    model = build(network, (32, 32, 3), 10)
    initialize(model, Component("fan_in_uniform", {"gamma": gamma}), 0)
    squares = sum(
        float((weight.numpy().astype(np.float64) ** 2).sum())
        for weight in model.trainable_variables
    )
    assert math.sqrt(squares) == pytest.approx(norm, rel=0.01)


def test_normalization_without_a_scale_starts_from_identity() -> None:
    model = build(Component("small_inception", {"width_multiplier": 0.05}), (8, 8, 3), 10)
    initialize(model, Component("he_normal"), 0)
    assert [float(array.mean()) for array in model.get_layer("stem_norm").get_weights()] == [
        0,
        0,
        1,
    ]


def test_batch_normalization_starts_from_identity() -> None:
    model = build(RESNET, (8, 8, 3), 10)
    initialize(model, Component("he_normal"), 0)
    layer = model.get_layer("stem_norm")
    assert [float(array.mean()) for array in layer.get_weights()] == [1, 0, 0, 1]


def test_a_weight_without_a_rule_is_named() -> None:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.PReLU(name="slope")(inputs))
    with pytest.raises(ValueError, match="slope/alpha"):
        initialize(model, Component("he_normal"), 0)


TWO_DROPOUTS = Component("perceptron", {"hidden": [50, 50]})


def dropping(seed: int) -> keras.Model:
    model = build(TWO_DROPOUTS, (4,), 3, dropout=0.5)
    initialize(model, Component("he_normal"), 0)
    seed_dropout(model, seed)
    return model


def states(model: keras.Model) -> list[list[int]]:
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    return [layer.seed_generator.state.numpy().tolist() for layer in layers]


def test_dropout_draws_from_the_seed_and_its_place_alone() -> None:
    first, again, other = dropping(7), dropping(7), dropping(8)
    streams = [Stream(7, f"dropout/{place}") for place in (0, 1)]
    drawn = [int(randomness.raw(stream, 0, 1, 1)[0, 0]) >> 32 for stream in streams]
    assert states(first) == states(again) == [[word, 0] for word in drawn]
    assert len({word for model in (first, other) for word, _ in states(model)}) == 4
    x = np.ones((2, 4), np.float32)
    a, b = (first(x, training=True).numpy() for _ in range(2))
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(again(x, training=True).numpy(), a)
    np.testing.assert_array_equal(again(x, training=True).numpy(), b)
    assert not np.array_equal(other(x, training=True).numpy(), a)


def test_dropout_leaves_the_weights_as_they_are() -> None:
    plain = build(TWO_DROPOUTS, (4,), 3)
    initialize(plain, Component("he_normal"), 0)
    seed_dropout(plain, 7)  # has nothing to set
    for one, other in zip(plain.get_weights(), dropping(7).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_initial_weights_do_not_seed_dropout() -> None:
    model = dropping(7)
    before = states(model)
    initialize(model, Component("fan_in_uniform"), 3)
    assert states(model) == before
