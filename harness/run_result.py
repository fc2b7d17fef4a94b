"""The record of what is known of one concrete run, which the store gives to all others."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.experiment import Json


class Status(enum.Enum):
    """How far a concrete run has come."""

    DONE = "done"
    BLOCKED = "blocked"
    ERROR = "error"
    MISSING = "missing"


class Detail(enum.IntEnum):
    """How much is read of a finished run; each has what stands before it too.

    `NUMBERS` are what was measured in the end and with what the run was made, `IMAGES` the test
    images that the network classifies right, `HISTORY` the measured epochs and the decision grid.
    """

    NUMBERS = 0
    IMAGES = 1
    HISTORY = 2


_DIGITS = 16
"""Hexadecimal digits that are kept of a digest of code."""


@dataclass(frozen=True)
class Loaded:
    """How many examples of which classes a run was given, before its training set was randomized.

    `content` identifies the content of the data set, None where its parameters do. `version` is
    that of a data set which TFDS has prepared and a person named, else None.
    The validation examples are not among the training examples; there may be none.
    """

    train_examples: int
    test_examples: int
    classes: tuple[str, ...]
    content: str | None = None
    version: str | None = None
    validation_examples: int = 0

    def to_json(self) -> Json:
        """Return the record as JSON; what most data sets lack is there only where it is."""
        record = {**asdict(self), "classes": list(self.classes)}
        rare = ("version", "validation_examples")
        return {name: value for name, value in record.items() if name not in rare or value}


@dataclass(frozen=True)
class RightImages:
    """Which images of a test set a network classifies right.

    `bits` are `examples` of them, from the highest of each byte on.
    """

    test_set: str
    examples: int
    bits: bytes

    @classmethod
    def of(cls, test_set: str, right: NDArray[np.bool_]) -> RightImages:
        """Pack the rights and wrongs [n] of a network."""
        return cls(test_set, len(right), np.packbits(right).tobytes())

    @property
    def right(self) -> NDArray[np.bool_]:
        """Return which images are classified right, bool [n]."""
        return np.unpackbits(np.frombuffer(self.bits, np.uint8), count=self.examples).astype(
            np.bool_
        )


@dataclass(frozen=True)
class Code:
    """What made a run: short digests of modules by their names, versions of packages by theirs."""

    modules: Mapping[str, str]
    packages: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Return one digest of it all."""
        lines = [
            f"{name} {value}\n"
            for each in (self.modules, self.packages)
            for name, value in sorted(each.items())
        ]
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:_DIGITS]

    def to_json(self) -> Json:
        """Return the record as JSON."""
        return {
            "digest": self.digest,
            "modules": dict(self.modules),
            "packages": dict(self.packages),
        }


@dataclass(frozen=True)
class RunResult:
    """What is known of one run of one seed.

    How much is read of a finished one, `Detail` says: the rest is as if it had not been kept.

    - `reason`: why it is blocked, or what went wrong.
    - `measurements`: a number for every name in `harness.metrics.METRICS` that was measured; None
      where it does not exist, such as `epochs_to_fit` of a run that never fitted.
    - `history`: by column ("epoch", "step", "seconds", "learning_rate" and the names in
      `harness.metrics.HISTORY`) one value a measured epoch.
    - `decision_grid`: an `.npz` file, written for two-dimensional inputs.
    - `data`, `code`: what was loaded for it and what made it, None in records from before these.
    - `start`: the SHA-256 of the file with the weights that it started from.
    - `stale`: why a finished run may not be what the present code would make, else empty.
    - `predicted`: whether what the network says of the test images was kept.
    - `tested`: which test images the network classifies right, None where that was not kept.
    - `kept_weights`: the epochs after which its weights are kept, besides the final ones.
    - `again`: why a finished run is to be made again, though nothing is wrong with its numbers.
    - `unmeasured`: why it has no number of a final metric that was asked for, by the number's name;
      the numbers of others are among the `measurements`.
    - `curves`: what final metrics measured along a line, by the label of each, column by column.
    """

    run: str
    seed: int
    key: str
    status: Status
    reason: str = ""
    measurements: Mapping[str, float | None] = field(default_factory=dict)
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    environment: Mapping[str, Json] = field(default_factory=dict)
    seconds: float = 0.0
    images_per_second: float = 0.0
    parameters: int = 0
    weights: Path | None = None
    decision_grid: Path | None = None
    data: Loaded | None = None
    code: Code | None = None
    start: str | None = None
    stale: str = ""
    predicted: bool = False
    tested: RightImages | None = None
    kept_weights: tuple[int, ...] = ()
    again: str = ""
    unmeasured: Mapping[str, str] = field(default_factory=dict)
    curves: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
