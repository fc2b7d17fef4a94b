"""Every network against its own construction in PyTorch, written from the papers: same weights,
same results.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.experiment import Component, Training
from harness.models.initialization import initialize
from harness.models.registry import MODELS, build
from harness.training.step import Weights, evaluation, network, training_step

if TYPE_CHECKING:
    from tests.models.pytorch_networks import Net

Tensor = Any

OURS_TO_THEIRS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


@pytest.fixture(autouse=True, scope="module")
def _with_pytorch() -> None:
    """Import it where these tests run: it takes two seconds of every other process."""
    pytest.importorskip("torch")


def test_every_network_has_a_description() -> None:
    from tests.models.pytorch_networks import DESCRIPTIONS

    assert {description.__name__ for description in DESCRIPTIONS} == set(MODELS)


def twins(component: Component, side: int, rule: str = "fan_in_uniform") -> tuple[keras.Model, Net]:
    """Our network with weights drawn by `rule`, and theirs with the same weights."""
    import torch

    from tests.models.pytorch_networks import DESCRIPTIONS, Net

    model = build(component, (side, side, 3), 10)
    initialize(model, Component(rule), 3)
    (description,) = (each for each in DESCRIPTIONS if each.__name__ == component.name)
    net = Net(description, component.parameters)
    with torch.no_grad():
        net(torch.zeros(2, 3, side, side))
        for ours, theirs in pairs(model, net):
            theirs.copy_(torch.from_numpy(to_theirs(ours.numpy())))
    return model, net.eval()


def pairs(model: keras.Model, net: Net) -> list[tuple[keras.Variable, Tensor]]:
    """Our variables and their tensors; none is left over on either side."""
    layers = [layer for layer in model.layers if layer.weights]
    assert {layer.name for layer in layers} == set(net.parts)
    found = [
        (variable, getattr(net.parts[layer.name], OURS_TO_THEIRS[variable.name]))
        for layer in layers
        for variable in layer.weights
    ]
    trained = [tensor for tensor in net.parameters() if tensor.requires_grad]
    statistics = [
        tensor for tensor in net.buffers() if tensor.ndim
    ]  # PyTorch counts batches besides
    assert {id(tensor) for _, tensor in found} == {id(tensor) for tensor in trained + statistics}
    return found


def to_theirs(array: np.ndarray) -> np.ndarray:
    axes = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[array.ndim]
    return np.ascontiguousarray(array.transpose(axes))


def images(count: int, side: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, side, side, 3)).astype(np.float32)


def logits_of(net: Net, x: np.ndarray) -> Tensor:
    import torch

    return net(torch.from_numpy(x).permute(0, 3, 1, 2))


TRAINING = Training(
    loss="cross_entropy",
    loss_reduction="mean",
    optimizer=Component("sgd", {"learning_rate": 0.1, "nesterov": False}),
    momentum=0.9,
    l2=5e-4,
    schedule=Component("constant"),
    batch_size=8,
    last_batch="keep",
    epochs=1,
    stop_when=None,
    measure_every=1,
)

SMALL: dict[str, tuple[str, Mapping[str, Any], int]] = {
    # name of the case: network, parameters, side of the images
    "perceptron": ("perceptron", {"hidden": [7, 5]}, 4),
    "convnet": ("convnet", {"width": 4}, 8),
    "vgg": ("vgg", {"convolutions": [1, 2, 1], "width": 4, "batch_norm": True}, 9),
    "vgg without BatchNorm": ("vgg", {"convolutions": [2, 1], "width": 4, "batch_norm": False}, 9),
    "resnet, basic": ("resnet", {"blocks": [1, 1], "width": 4, "block": "basic"}, 8),
    "resnet, bottleneck": ("resnet", {"blocks": [1, 1], "width": 4, "block": "bottleneck"}, 8),
    "wide_resnet": ("wide_resnet", {"depth": 10, "widen_factor": 1, "width": 4}, 8),
    "wide_resnet, widened": ("wide_resnet", {"depth": 16, "widen_factor": 2, "width": 3}, 8),
    "densenet": (
        "densenet",
        {"layers": [2, 2, 1], "growth": 3, "reduction": 0.5, "bottleneck": True},
        9,
    ),
    "densenet, plain": (
        "densenet",
        {"layers": [2, 2], "growth": 3, "reduction": 0.7, "bottleneck": False},
        8,
    ),
    # Sides that are even once and odd once where they are halved: both kinds of padding.
    "small_inception": ("small_inception", {"batch_norm": True, "width_multiplier": 0.06}, 10),
    "small_inception, no BatchNorm": (
        "small_inception",
        {"batch_norm": False, "width_multiplier": 0.06},
        10,
    ),
    "small_alexnet": ("small_alexnet", {"width": 12, "hidden": [9, 7]}, 10),
}


@pytest.mark.parametrize("case", SMALL)
def test_two_steps_and_an_evaluation_against_pytorch(case: str) -> None:
    import torch
    from torch.nn import functional

    name, parameters, side = SMALL[case]
    model, net = twins(Component(name, parameters), side)
    net.train()
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
    ours = network(model, TRAINING)
    trainable = [tf.constant(variable.numpy()) for variable in model.trainable_variables]
    statistics = [tf.constant(variable.numpy()) for variable in model.non_trainable_variables]
    weights = Weights(trainable, statistics, [tf.zeros_like(tensor) for tensor in trainable])
    values = {"learning_rate": 0.1, "momentum": 0.9, "l2": 5e-4}
    scalars = {name: tf.constant(value) for name, value in values.items()}
    for step in range(2):  # the second step has momentum
        x, y = (
            images(8, side, step),
            np.random.default_rng(step).integers(0, 10, 8).astype(np.int32),
        )
        weights, loss = training_step(ours, weights, tf.constant(x), tf.constant(y), scalars)
        optimizer.zero_grad()
        expected = functional.cross_entropy(logits_of(net, x), torch.from_numpy(y).long())
        expected.backward()
        optimizer.step()
        assert float(loss) == pytest.approx(expected.item(), rel=1e-5)

    theirs = {id(variable): tensor for variable, tensor in pairs(model, net)}
    moved = [*model.trainable_variables, *model.non_trainable_variables]
    for variable, value in zip(moved, [*weights.trainable, *weights.non_trainable], strict=True):
        close(value, theirs[id(variable)], variable.path)
    for variable, velocity in zip(model.trainable_variables, weights.slots, strict=True):
        close(
            velocity,
            optimizer.state[theirs[id(variable)]]["momentum_buffer"],
            f"velocity of {variable.path}",
        )

    net.eval()
    values = evaluation(ours, weights, tf.constant(x), tf.constant(y)).numpy()
    logits = logits_of(net, x)
    summed = functional.cross_entropy(logits, torch.from_numpy(y).long(), reduction="sum")
    assert values[0] == pytest.approx(summed.item(), rel=1e-4)
    assert values[1] == int((logits.argmax(1).numpy() == y).sum())


def close(ours: Tensor, theirs: Tensor, what: str) -> None:
    np.testing.assert_allclose(
        to_theirs(ours.numpy()), theirs.detach().numpy(), rtol=1e-4, atol=2e-6, err_msg=what
    )


FULL: dict[str, tuple[str, Mapping[str, Any], int]] = {
    "VGG16": ("vgg", {"convolutions": [2, 2, 3, 3, 3], "width": 64, "batch_norm": True}, 32),
    "ResNet18": ("resnet", {"blocks": [2, 2, 2, 2], "width": 64, "block": "basic"}, 32),
    "DenseNet40": (
        "densenet",
        {"layers": [6, 6, 6], "growth": 12, "reduction": 0.5, "bottleneck": True},
        32,
    ),
    "WRN 28-1": ("wide_resnet", {"depth": 28, "widen_factor": 1, "width": 16}, 32),
    "small Inception": ("small_inception", {"batch_norm": True, "width_multiplier": 1.0}, 28),
    "small Alexnet": ("small_alexnet", {"width": 64, "hidden": [384, 192]}, 28),
}


@pytest.mark.parametrize("case", FULL)
def test_logits_at_full_size_against_pytorch(case: str) -> None:
    import torch

    name, parameters, side = FULL[case]
    model, net = twins(Component(name, parameters), side, "he_normal")
    x = images(2, side)
    with torch.no_grad():
        expected = logits_of(net, x).numpy()
    np.testing.assert_allclose(
        model(x, training=False).numpy(), expected, atol=1e-5 * np.abs(expected).max()
    )
