"""The networks that are trained for comparison: what every side trains, with the same arithmetic.

Stochastic gradient descent with momentum 0.9 at a constant learning rate, where all sides' rules
are the same; random inputs and labels, the same for all epochs. Imports no framework.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.experiment import Component, Training

LEARNING_RATE, MOMENTUM = 0.001, 0.9

WARM_UP_SECONDS, ROUND_SECONDS = 2.0, 2.0
"""At least so long every side trains before the first round, and in each."""


@dataclass(frozen=True)
class Case:
    """A network and its training set of `examples` random inputs; `maximum` is the raw value of
    1.0.

    With the loss "binary_cross_entropy" there are two classes and one logit, and losses are summed.
    A call of the bare loops makes a multiple of `epochs_at_once`: of tiny networks many, so that
    calls cost nothing.
    """

    title: str
    network: Component
    shape: tuple[int, ...]
    batch_size: int
    examples: int
    loss: str = "cross_entropy"
    maximum: float = 255.0
    epochs_at_once: int = 1

    @property
    def classes(self) -> int:
        return 2 if self.loss == "binary_cross_entropy" else 10

    @property
    def outputs(self) -> int:
        return 1 if self.classes == 2 else self.classes

    @property
    def reduction(self) -> str:
        return "sum" if self.classes == 2 else "mean"


CIFAR = (32, 32, 3)


def _resnet(title: str, blocks: list[int], width: int, batch_size: int, examples: int) -> Case:
    parameters = {"blocks": blocks, "width": width, "block": "basic"}
    return Case(title, Component("resnet", parameters), CIFAR, batch_size, examples)


_VGG16 = Component("vgg", {"convolutions": [2, 2, 3, 3, 3], "width": 64, "batch_norm": True})
_DENSENET40 = Component(
    "densenet", {"layers": [6, 6, 6], "growth": 12, "reduction": 0.5, "bottleneck": True}
)

CASES = {
    "resnet18": _resnet("ResNet18", [2, 2, 2, 2], 64, 128, 4 * 128),
    "vgg16": Case("VGG16", _VGG16, CIFAR, 128, 5 * 128),
    "densenet40": Case("DenseNet40", _DENSENET40, CIFAR, 128, 4 * 128),
    "resnet18-16": _resnet("ResNet18, width 16", [2, 2, 2, 2], 16, 128, 16 * 128),
    "resnet10-8": _resnet(
        "ResNet of specs/cifar10_small (4 blocks, width 8, batch 64)", [1, 1, 1, 1], 8, 64, 96 * 64
    ),
    "digits": Case(
        "digits perceptron (quickstart)",
        Component("perceptron", {"hidden": [256, 256]}),
        (8, 8, 1),
        64,
        500,
        maximum=16.0,
        epochs_at_once=16,
    ),
    "toy": Case(
        "toy perceptron (quickstart)",
        Component("perceptron", {"hidden": [100, 100]}),
        (2,),
        10,
        100,
        loss="binary_cross_entropy",
        maximum=1.0,
        epochs_at_once=16,
    ),
}
"""By name. An epoch of a large network is a few steps, which a round of a few seconds has time
for.
"""


def quick(case: Case) -> Case:
    """The case with batches of 8 and two steps an epoch."""
    return replace(case, batch_size=8, examples=16)


def training(case: Case) -> Training:
    """The settings of a run that goes on for as long as it is asked to, and measures nothing on the
    way.
    """
    never = 10**9
    return Training(
        loss=case.loss,
        loss_reduction=case.reduction,
        optimizer=Component("sgd", {"learning_rate": LEARNING_RATE, "nesterov": False}),
        momentum=MOMENTUM,
        l2=0.0,
        schedule=Component("constant"),
        batch_size=case.batch_size,
        last_batch="keep",
        epochs=never,
        stop_when=None,
        measure_every=never,
    )


def examples(case: Case, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random raw inputs, images uint8 or points float32, [count, ...], and labels, int32
    [count].
    """
    random = np.random.default_rng(0)
    labels = random.integers(0, case.classes, count).astype(np.int32)
    if len(case.shape) == 1:
        return random.normal(size=(count, *case.shape)).astype(np.float32), labels
    return random.integers(0, int(case.maximum) + 1, (count, *case.shape), dtype=np.uint8), labels


def scaled_examples(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The training set as networks take it: inputs about standard normal, float32, in whole
    batches' order.
    """
    random = np.random.default_rng(0)
    _, labels = examples(case, case.examples)
    return random.normal(size=(case.examples, *case.shape)).astype(np.float32), labels
