from pathlib import Path

import keras
import numpy as np
import pytest

from harness.models.layers import BatchNormalization, convolution


def test_stride_two_pads_left_and_above_too() -> None:
    inputs = keras.Input((4, 4, 1))
    model = keras.Model(inputs, convolution(inputs, 1, 3, stride=2, bias=False, name="conv"))
    model.set_weights([np.ones((3, 3, 1, 1), np.float32)])
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    # Sums of 3x3 windows centred at rows and columns 0 and 2, zeros outside; Keras's "same" would centre at 1 and 3.
    expected = [[0 + 1 + 4 + 5, 1 + 2 + 3 + 5 + 6 + 7], [4 + 5 + 8 + 9 + 12 + 13, 9 * 10]]
    np.testing.assert_array_equal(model(image).numpy()[0, :, :, 0], expected)


def test_batch_normalization_from_the_definition() -> None:
    x = np.random.default_rng(0).normal(3, 2, (5, 2, 3, 4)).astype(np.float32)
    layer = BatchNormalization()
    y = layer(x, training=True).numpy()
    rows = x.reshape(-1, 4).astype(np.float64)
    mean, variance, count = rows.mean(0), rows.var(0), len(rows)
    np.testing.assert_allclose(y.reshape(-1, 4), (rows - mean) / np.sqrt(variance + 1e-5), atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.9 + 0.1 * variance * count / (count - 1), rtol=1e-5)
    running = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    at_rest = layer(x, training=False).numpy()
    np.testing.assert_allclose(at_rest, (x - running[0]) / np.sqrt(running[1] + 1e-5), atol=1e-4)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), running[0])


def test_batch_normalization_against_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).normal(-1, 3, (4, 3, 3, 2)).astype(np.float32)
    theirs, ours = torch.nn.BatchNorm2d(2), BatchNormalization()
    for _ in range(3):
        expected = theirs(torch.from_numpy(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).detach().numpy()
        np.testing.assert_allclose(ours(x, training=True).numpy(), expected, atol=1e-5)
        x = x * 1.5 + 1
    np.testing.assert_allclose(ours.moving_mean.numpy(), theirs.running_mean.numpy(), rtol=1e-5)
    np.testing.assert_allclose(ours.moving_variance.numpy(), theirs.running_var.numpy(), rtol=1e-5)


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
