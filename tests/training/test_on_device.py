"""Which runs are computed on an accelerator with all of their data in its memory."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.data.pipeline import Pipeline
from harness.data.records import Split
from harness.data.rows import Chosen
from harness.experiment import Average, Component, OwnPart, Training
from harness.training import backend, compiled, engines, on_device
from harness.training.engine import ON_DEVICE, ONE_PROGRAM, STREAMED, Way
from harness.training.engines import Engines
from harness.training.step import Network, network
from harness.training.streamed import StreamedEngine

PLENTY = 2**34

SETTINGS = Training(
    loss="cross_entropy",
    loss_reduction="mean",
    optimizer=Component("sgd", {"learning_rate": 0.05, "nesterov": False}),
    momentum=0.9,
    l2=0.0,
    schedule=Component("constant"),
    batch_size=128,
    last_batch="keep",
    epochs=62_500,
    stop_when=None,
    measure_every=1,
)
"""Two and a half million images, of the forty in the training set."""


def convolutional() -> keras.Model:
    """Build a network of 54 + 2 * 3 weights, with 108 + 72 + 2 + 3 outputs an example."""
    inputs = keras.Input((6, 6, 3))
    maps = keras.layers.Conv2D(2, 3, padding="same", use_bias=False)(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    return keras.Model(inputs, keras.layers.Dense(3, use_bias=False)(pooled))


def images(**changes: object) -> Pipeline:
    def split(count: int) -> Split:
        return Split(np.zeros((count, 6, 6, 3), np.uint8), np.zeros(count, np.int32))

    pipeline = Pipeline(split(40), split(10), ("a", "b", "c"), 255.0, None, (), 0)
    return replace(pipeline, **changes)  # type: ignore[arg-type]


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """What is free of the accelerator."""
    memory: list[int | None] = [PLENTY]
    monkeypatch.setattr(backend, "accelerator_memory", lambda: memory[0])
    return memory


@pytest.fixture(scope="module")
def net() -> Network:
    return network(convolutional(), SETTINGS)


def test_the_outputs_of_all_layers_are_counted(net: Network) -> None:
    assert on_device.values_an_example(net.model) == 108 + 72 + 2 + 3
    outer = keras.Sequential([keras.Input((6, 6, 3)), convolutional()])
    assert on_device.values_an_example(outer) == 108 + 72 + 2 + 3


def test_a_network_that_is_no_graph_of_layers_has_no_estimate() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, x: tf.Tensor) -> tf.Tensor:
            return self.dense(x)

    own = Own()
    own(np.zeros((1, 4), np.float32))
    assert on_device.values_an_example(own) is None


def test_what_a_run_takes_is_worked_out_by_hand(net: Network) -> None:
    data = 50 * (108 + 4)
    kept = 60 + 60  # weights, and the momentum's slots
    numbers = 2 * kept + 2 * 60 + 500 * 185
    expected = data + 2 * 4 * 2**20 + 4 * numbers
    assert on_device.bytes_needed(net, SETTINGS, images()) == expected
    averaged = replace(SETTINGS, average=Average(0.9))
    assert on_device.bytes_needed(net, averaged, images()) == expected + 4 * 2 * 60
    wide = replace(SETTINGS, batch_size=300)
    assert on_device.bytes_needed(net, wide, images()) == expected + 4 * 100 * 185


def test_it_is_chosen_where_there_is_room_and_time(net: Network, free: list[int | None]) -> None:
    assert on_device.suits(net, SETTINGS, images())
    needed = on_device.bytes_needed(net, SETTINGS, images())
    assert needed is not None
    free[0] = 2 * needed - 1
    assert not on_device.suits(net, SETTINGS, images())
    free[0] = 2 * needed
    assert on_device.suits(net, SETTINGS, images())
    assert not on_device.suits(net, replace(SETTINGS, epochs=62_499), images())
    free[0] = None  # on the CPU
    assert not on_device.suits(net, SETTINGS, images())


@pytest.mark.usefixtures("free")
def test_data_that_are_read_late_are_streamed(net: Network) -> None:
    train = images().train
    read = Split(Chosen(train.inputs, np.arange(40)), train.labels)
    assert not on_device.suits(net, SETTINGS, images(train=read))


@pytest.mark.usefixtures("free")
def test_decisions_that_are_many_are_streamed(
    net: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = images(augmentation=(Component("gaussian_noise", {"deviation": 0.1}),))
    monkeypatch.setattr(compiled, "LARGEST_DECISIONS", 40 * (4 + 4 * 108))
    assert on_device.suits(net, SETTINGS, noisy)
    monkeypatch.setattr(compiled, "LARGEST_DECISIONS", 40 * (4 + 4 * 108) - 1)
    assert not on_device.suits(net, SETTINGS, noisy)


@pytest.mark.parametrize("on_jax", [False, True])
def test_an_augmentation_of_ones_own_is_in_no_program_of_jax(
    on_jax: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip = Component("random_flip")
    part = OwnPart("nets:flip", "", "")
    monkeypatch.setattr(compiled, "on_jax", lambda: on_jax)
    monkeypatch.setattr(compiled, "decision_bytes", lambda pipeline: 0)
    assert compiled.possible(images(augmentation=(flip,)))
    assert compiled.possible(images(augmentation=(replace(flip, own=part),))) == (not on_jax)


@pytest.mark.usefixtures("free")
@pytest.mark.parametrize(
    ("devices", "forced", "small", "expected"),
    [
        (1, None, False, ON_DEVICE),
        (1, None, True, ONE_PROGRAM),
        (4, None, False, STREAMED),
        (1, STREAMED, True, STREAMED),
        (1, ON_DEVICE, True, ON_DEVICE),
        (1, ONE_PROGRAM, False, ONE_PROGRAM),
    ],
)
def test_the_way_is_chosen_or_forced(
    devices: int,
    forced: Way | None,
    small: bool,
    expected: Way,
    net: Network,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "suits", lambda net, pipeline: small)
    monkeypatch.setattr(
        StreamedEngine, "__init__", lambda self, *given: None
    )  # which would build programs for several devices
    assert Engines(devices, way=forced).engine(net, SETTINGS, images()).way == expected


def test_the_memory_of_a_gpu_of_tensorflow_is_taken_to_be_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert backend.accelerator_memory() is None
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", lambda name: {"current": 1000})
    assert backend.accelerator_memory() == 4 * 2**30 - 1000
