"""What is known of one concrete run, as the store hands it to the checks and the reports."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.data.loaded import Loaded
from harness.predictions import RightImages
from harness.spec.records import Json
from harness.staleness import Code


class Status(enum.Enum):
    """How far a concrete run has come."""

    DONE = "done"
    BLOCKED = "blocked"
    ERROR = "error"
    MISSING = "missing"


@dataclass(frozen=True)
class RunResult:
    """One run of one seed.

    `reason` says why it is blocked or what went wrong; `measurements` holds a number for every
    name in `harness.measurements.METRICS` that was measured (None where it does not exist, such
    as `epochs_to_fit` of a run that never fitted); `history` is column-wise: "epoch", "step",
    "seconds", "learning_rate" and the names in `harness.measurements.HISTORY`, one value a
    measured epoch. `decision_grid` is an `.npz` file written for two-dimensional inputs. `data` is
    what was loaded for it, `code` what made it, both None in records that are older than these;
    `start` is the SHA-256 of the file with the weights that it started from. `stale` says why a
    finished run does not tell what this code would come to, and is empty where it does. `tested` says
    which test images the network classifies right, None where its predictions were not kept.
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
    tested: RightImages | None = None
