"""One optimizer step of a small residual network against the same network written in PyTorch."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.models.initialization import initialize
from harness.models.registry import build
from harness.spec.records import Component, Training
from harness.training.step import Strengths, Weights, evaluation, network, norms, training_step


def settings(loss: str = "cross_entropy", reduction: str = "mean") -> Training:
    return Training(
        loss=loss,
        loss_reduction=reduction,
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


def tensors(model: keras.Model) -> Weights:
    trainable = [tf.constant(variable.numpy()) for variable in model.trainable_variables]
    statistics = [tf.constant(variable.numpy()) for variable in model.non_trainable_variables]
    return Weights(trainable, statistics, [tf.zeros_like(tensor) for tensor in trainable])


def theirs(torch: Any, block: str) -> Any:
    """Two stages of one block, written from the paper's description alone."""
    nn, functional = torch.nn, torch.nn.functional

    class Block(nn.Module):  # type: ignore[name-defined]
        def __init__(self, inside: int, width: int, stride: int) -> None:
            super().__init__()
            if block == "basic":
                shapes = [(inside, width, 3, stride), (width, width, 3, 1)]
            else:
                shapes = [(inside, width, 1, 1), (width, width, 3, stride), (width, 4 * width, 1, 1)]
            self.depth = len(shapes)
            if stride != 1 or inside != shapes[-1][1]:
                shapes.append((inside, shapes[-1][1], 1, stride))
            self.convs = nn.ModuleList(nn.Conv2d(i, o, k, s, k // 2, bias=False) for i, o, k, s in shapes)
            self.norms = nn.ModuleList(nn.BatchNorm2d(o) for _, o, _, _ in shapes)

        def forward(self, x: Any) -> Any:
            y = x
            for place in range(self.depth):
                y = self.norms[place](self.convs[place](y))
                y = functional.relu(y) if place < self.depth - 1 else y
            if len(self.convs) > self.depth:
                x = self.norms[-1](self.convs[-1](x))
            return functional.relu(x + y)

    class Net(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            expansion = 1 if block == "basic" else 4
            self.conv, self.norm = nn.Conv2d(3, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
            self.blocks = nn.Sequential(Block(4, 4, 1), Block(4 * expansion, 8, 2))
            self.dense = nn.Linear(8 * expansion, 10)

        def forward(self, x: Any) -> Any:
            x = self.blocks(functional.relu(self.norm(self.conv(x))))
            return self.dense(x.mean(dim=(2, 3)))

    return Net()


def pairs(model: keras.Model, net: Any, depth: int) -> list[tuple[str, Any, tuple[int, ...] | None]]:
    """(Keras path, PyTorch tensor, permutation to Keras's axes)."""
    found: list[tuple[str, Any, tuple[int, ...] | None]] = []

    def pair(name: str, conv: Any, norm: Any) -> None:
        found.append((f"{name}_conv/kernel", conv.weight, (2, 3, 1, 0)))
        for ours, other in {"gamma": norm.weight, "beta": norm.bias}.items():
            found.append((f"{name}_norm/{ours}", other, None))
        found.append((f"{name}_norm/moving_mean", norm.running_mean, None))
        found.append((f"{name}_norm/moving_variance", norm.running_var, None))

    pair("stem", net.conv, net.norm)
    for stage, block in enumerate(net.blocks, start=1):
        names = [str(place + 1) for place in range(depth)] + ["shortcut"]
        for name, conv, norm in zip(names, block.convs, block.norms, strict=False):
            pair(f"stage{stage}_block1_{name}", conv, norm)
    found += [("logits/kernel", net.dense.weight, (1, 0)), ("logits/bias", net.dense.bias, None)]
    assert len(found) == len(model.weights)
    return found


@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_steps_of_a_residual_network_against_pytorch(block: str) -> None:
    torch = pytest.importorskip("torch")
    model = build(Component("resnet", {"blocks": [1, 1], "width": 4, "block": block}), (8, 8, 3), 10)
    initialize(model, Component("fan_in_uniform"), 3)
    other = theirs(torch, block)
    matched = pairs(model, other, 2 if block == "basic" else 3)
    by_path = {variable.path: variable for variable in model.weights}
    with torch.no_grad():
        for path, tensor, axes in matched:
            array = by_path[path].numpy()
            tensor.copy_(torch.from_numpy(array if axes is None else array.transpose(np.argsort(axes)).copy()))

    random = np.random.default_rng(0)
    optimizer = torch.optim.SGD(other.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
    net, weights = network(model, settings()), tensors(model)
    strengths = Strengths(*(tf.constant(value) for value in (0.1, 0.9, 5e-4)))
    for _ in range(2):  # the second step has momentum
        x, y = random.normal(size=(8, 8, 8, 3)).astype(np.float32), random.integers(0, 10, 8).astype(np.int32)
        weights, loss = training_step(net, weights, tf.constant(x), tf.constant(y), strengths)
        optimizer.zero_grad()
        expected = torch.nn.functional.cross_entropy(
            other(torch.from_numpy(x).permute(0, 3, 1, 2)), torch.from_numpy(y).long()
        )
        expected.backward()
        optimizer.step()
        assert float(loss) == pytest.approx(expected.item(), rel=1e-5)

    for variable, value in zip(
        [*model.trainable_variables, *model.non_trainable_variables],
        [*weights.trainable, *weights.non_trainable],
        strict=True,
    ):
        variable.assign(value)
    for path, tensor, axes in matched:
        array = tensor.detach().numpy()
        wanted = array if axes is None else array.transpose(axes)
        np.testing.assert_allclose(by_path[path].numpy(), wanted, rtol=1e-4, atol=2e-6, err_msg=path)

    other.eval()
    values = evaluation(net, weights, tf.constant(x), tf.constant(y)).numpy()
    logits = other(torch.from_numpy(x).permute(0, 3, 1, 2))
    summed = torch.nn.functional.cross_entropy(logits, torch.from_numpy(y).long(), reduction="sum")
    assert values[0] == pytest.approx(summed.item(), rel=1e-4)
    assert values[1] == int((logits.argmax(1).numpy() == y).sum())


def test_norms_by_hand() -> None:
    weights = Weights([tf.constant([3.0, 0.0]), tf.constant([[4.0]])], [], [])
    initial = [tf.constant([3.0, 5.0]), tf.constant([[-8.0]])]
    np.testing.assert_allclose(norms(weights, initial), [5, 13])


def test_a_summed_loss_moves_as_many_times_further() -> None:
    model = build(Component("perceptron", {"hidden": [3]}), (2,), 1)
    x, y = tf.constant([[1.0, 2.0], [0.5, -1.0]]), tf.constant([0, 1])
    strengths = Strengths(*(tf.constant(value) for value in (0.1, 0.0, 0.0)))
    start = tensors(model)
    mean, total = (
        training_step(network(model, settings("binary_cross_entropy", kind)), start, x, y, strengths)[0]
        for kind in ("mean", "sum")
    )
    for before, one, other in zip(start.trainable, mean.trainable, total.trainable, strict=True):
        np.testing.assert_allclose(2 * (one - before), other - before, atol=1e-6)
