"""Learning rates by epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.spec.records import Component


def constant(epoch: int) -> float:
    """Give 1 in every epoch."""
    return 1.0


def piecewise(epoch: int, *, epochs: Sequence[int], factor: float) -> float:
    """Give factor**k, k being how many of `epochs` are completed before the epoch begins.

    >>> [piecewise(epoch, epochs=[2, 3], factor=0.5) for epoch in range(5)]
    [1.0, 1.0, 0.5, 0.25, 0.25]
    """
    return float(factor ** sum(boundary <= epoch for boundary in epochs))


def exponential(epoch: int, *, factor: float) -> float:
    """Give factor**epoch.

    >>> [exponential(epoch, factor=0.5) for epoch in range(3)]
    [1.0, 0.5, 0.25]
    """
    return float(factor**epoch)


SCHEDULES: dict[str, Callable[..., float]] = {
    "constant": constant,
    "piecewise": piecewise,
    "exponential": exponential,
}
"""What multiplies the initial learning rate in an epoch, by name; epochs are counted from 0."""


def learning_rate(component: Component, initial: float, epoch: int) -> float:
    """Give the learning rate of an epoch, counted from 0."""
    return initial * SCHEDULES[component.name](epoch, **component.parameters)
