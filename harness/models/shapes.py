"""The shapes that a network has to fit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shapes:
    """What the data ask of a network: the shape of one example, and how many logits it gets."""

    example: tuple[int, ...]
    outputs: int
