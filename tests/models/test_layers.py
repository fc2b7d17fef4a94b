from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from harness.models.layers import BatchNormalization, LocalResponseNormalization, convolution


def test_trap_padding_of_a_stride_two_convolution() -> None:
    inputs = keras.Input((4, 4, 1))
    model = keras.Model(inputs, convolution(inputs, 1, 3, stride=2, bias=False, name="conv"))
    model.set_weights([np.ones((3, 3, 1, 1), np.float32)])
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    # Sums of 3x3 windows centred at rows and columns 0 and 2, zeros outside; Keras's "same" would
    # centre at 1 and 3.
    expected = [[0 + 1 + 4 + 5, 1 + 2 + 3 + 5 + 6 + 7], [4 + 5 + 8 + 9 + 12 + 13, 9 * 10]]
    np.testing.assert_array_equal(model(image).numpy()[0, :, :, 0], expected)


def test_trap_zero_padding() -> None:
    inputs = keras.Input((3, 3, 1))
    model = keras.Model(inputs, convolution(inputs, 1, 3, bias=False, name="conv"))
    model.set_weights([np.ones((3, 3, 1, 1), np.float32)])
    # Of nine ones, a corner sees four, an edge six: what lies outside counts as zero, not as its
    # neighbour.
    seen = model(np.ones((1, 3, 3, 1), np.float32)).numpy()[0, :, :, 0]
    np.testing.assert_array_equal(seen, [[4, 6, 4], [6, 9, 6], [4, 6, 4]])


SHAPES = [(2, 1), (2, 1, 1, 1)]  # images take another road than the rest


@pytest.mark.parametrize("shape", SHAPES)
def test_trap_batch_normalization_momentum(shape: tuple[int, ...]) -> None:
    layer = BatchNormalization()
    for expected in (0.8, 1.52):  # with Keras's 0.99 it would be 0.08 and 0.1592
        layer(np.full(shape, 8, np.float32), training=True)
        np.testing.assert_allclose(layer.moving_mean.numpy(), [expected], rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_trap_batch_normalization_epsilon(shape: tuple[int, ...]) -> None:
    x = np.array([1e-3, -1e-3], np.float32).reshape(shape)
    expected = 1e-3 / (1e-6 + 1e-5) ** 0.5  # 0.302; with Keras's epsilon of 1e-3 it would be 0.032
    np.testing.assert_allclose(
        BatchNormalization()(x, training=True).numpy().ravel(), [expected, -expected], rtol=1e-5
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_trap_batch_normalization_unbiased_variance(shape: tuple[int, ...]) -> None:
    layer = BatchNormalization()
    y = layer(np.array([3, 5], np.float32).reshape(shape), training=True)
    np.testing.assert_allclose(
        y.numpy().ravel(), [-1, 1], rtol=1e-4
    )  # normalized by the biased variance, 1
    np.testing.assert_allclose(
        layer.moving_variance.numpy(), [0.9 * 1 + 0.1 * 2], rtol=1e-6
    )  # not 0.1 * 1


def test_batch_normalization_from_the_definition() -> None:
    x = np.random.default_rng(0).normal(3, 2, (5, 2, 3, 4)).astype(np.float32)
    layer = BatchNormalization()
    y = layer(x, training=True).numpy()
    rows = x.reshape(-1, 4).astype(np.float64)
    mean, variance, count = rows.mean(0), rows.var(0), len(rows)
    np.testing.assert_allclose(
        y.reshape(-1, 4), (rows - mean) / np.sqrt(variance + 1e-5), atol=1e-5
    )
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(
        layer.moving_variance.numpy(), 0.9 + 0.1 * variance * count / (count - 1), rtol=1e-5
    )
    running = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    at_rest = layer(x, training=False).numpy()
    np.testing.assert_allclose(at_rest, (x - running[0]) / np.sqrt(running[1] + 1e-5), atol=1e-4)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), running[0])


def test_batch_normalization_against_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).normal(-1, 3, (4, 3, 3, 2)).astype(np.float32)
    theirs, ours = torch.nn.BatchNorm2d(2), BatchNormalization()
    for _ in range(3):
        expected = (
            theirs(torch.from_numpy(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).detach().numpy()
        )
        np.testing.assert_allclose(ours(x, training=True).numpy(), expected, atol=1e-5)
        x = x * 1.5 + 1
    np.testing.assert_allclose(ours.moving_mean.numpy(), theirs.running_mean.numpy(), rtol=1e-5)
    np.testing.assert_allclose(ours.moving_variance.numpy(), theirs.running_var.numpy(), rtol=1e-5)


@pytest.mark.parametrize("shape", [(6, 2), (6, 3, 3, 2)])
def test_batch_normalization_without_a_scale_is_that_with_a_scale_of_one(
    shape: tuple[int, ...],
) -> None:
    x = np.random.default_rng(2).normal(4, 2, shape).astype(np.float32)
    plain, scaled = BatchNormalization(scale=False), BatchNormalization()
    for layer in (plain, scaled):
        layer.build(shape)
        layer.beta.assign([0.5, -2.0])
    assert [weight.name for weight in plain.weights] == ["beta", "moving_mean", "moving_variance"]
    for training in (True, False):
        np.testing.assert_array_equal(
            plain(x, training=training).numpy(), scaled(x, training=training).numpy()
        )
    for one, other in zip(plain.weights, scaled.weights[1:], strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize("shape", [(6, 2), (6, 3, 3, 2)])
def test_batch_normalization_in_bfloat16_keeps_its_statistics_in_float32(
    shape: tuple[int, ...],
) -> None:
    x = np.random.default_rng(2).normal(4, 2, shape).astype(np.float32)
    half, full = BatchNormalization(dtype="mixed_bfloat16"), BatchNormalization()
    y = half(x, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    np.testing.assert_allclose(
        y.numpy().astype(np.float32), full(x, training=True).numpy(), atol=0.02
    )
    for one, other in zip(half.weights, full.weights, strict=True):
        assert one.dtype == "float32"
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=0.01)


def test_weights_load_into_plain_keras(tmp_path: Path) -> None:
    def network(kind: type[keras.layers.Layer]) -> keras.Model:
        inputs = keras.Input((2, 2, 3), name="input")
        return keras.Model(inputs, kind(epsilon=1e-5, name="norm")(inputs))

    ours, plain = network(BatchNormalization), network(keras.layers.BatchNormalization)
    ours.set_weights([np.full(3, value, np.float32) for value in (1, 2, 3, 4)])
    ours.save_weights(tmp_path / "norm.weights.h5")
    plain.load_weights(tmp_path / "norm.weights.h5")
    for one, other in zip(ours.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def channels_by_hand(
    x: np.ndarray, radius: int, bias: float, alpha: float, beta: float
) -> np.ndarray:
    """Local response normalization, a channel at a time, in float64."""
    x, y = x.astype(np.float64), np.empty(x.shape)
    for channel in range(x.shape[-1]):
        near = x[..., max(0, channel - radius) : channel + radius + 1]
        y[..., channel] = x[..., channel] / (bias + alpha * (near**2).sum(-1)) ** beta
    return y


CONSTANTS: list[dict[str, Any]] = [
    {},
    {"radius": 1, "bias": 2.0, "alpha": 0.5, "beta": 0.3},
    {"radius": 0},
]


@pytest.mark.parametrize("channels", [3, 20])
@pytest.mark.parametrize("constants", CONSTANTS)
def test_local_response_normalization_from_the_definition(
    channels: int, constants: dict[str, Any]
) -> None:
    x = np.random.default_rng(3).normal(0, 20, (2, 3, 4, channels)).astype(np.float32)
    wanted = {"radius": 4, "bias": 1.0, "alpha": 0.001 / 9, "beta": 0.75} | constants
    normalized = LocalResponseNormalization(**constants)(x).numpy()
    np.testing.assert_allclose(normalized, channels_by_hand(x, **wanted), rtol=1e-5)


def test_local_response_normalization_against_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(4).normal(0, 30, (2, 3, 4, 13)).astype(np.float32)
    # PyTorch divides its alpha by the number of channels in a window.
    theirs = torch.nn.LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1.0)
    expected = theirs(torch.from_numpy(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(LocalResponseNormalization()(x).numpy(), expected, rtol=1e-5)


def test_local_response_normalization_survives_its_configuration() -> None:
    layer = LocalResponseNormalization(radius=2, bias=3.0, alpha=0.1, beta=0.5, name="lrn")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    x = np.random.default_rng(5).normal(size=(2, 7)).astype(np.float32)
    np.testing.assert_array_equal(again(x).numpy(), layer(x).numpy())


def test_local_response_normalization_keeps_the_number_format() -> None:
    x = np.full((1, 5), 100, np.float32)
    y = LocalResponseNormalization(dtype="mixed_bfloat16")(x)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    np.testing.assert_allclose(
        y.numpy().astype(np.float32), LocalResponseNormalization()(x).numpy(), rtol=0.01
    )
