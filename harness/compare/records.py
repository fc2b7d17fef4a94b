"""Records of the two sides of a comparison, wherever they were read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import HarnessError, UsageFault
from harness.experiment import Json

DONE = "done"


@dataclass(frozen=True)
class RunRecord:
    """One run of one seed.

    `measurements` holds a number for every metric that was measured, None or a non-finite one where
    it does not exist. `settings` and `parent` (the key of the run that it starts from) are None
    where they are not known, as in older reports.
    """

    key: str
    status: str = DONE
    measurements: Mapping[str, float | None] = field(default_factory=dict)
    settings: Json | None = None
    parent: str | None = None


@dataclass(frozen=True)
class ExpectationRecord:
    """One expectation and what became of it; `terms` are what it asks, `values` one a seed."""

    title: str
    metric: str
    verdict: str
    terms: Mapping[str, Json]
    values: Mapping[int, float]
    mean: float | None
    deviation: float | None


@dataclass(frozen=True)
class ExperimentRecord:
    """The runs of one experiment, by name and seed, its expectations by id, and what it ran with.

    `code` holds the digests of the modules that made the runs, and is empty where they are not
    known.
    """

    title: str
    runs: Mapping[str, Mapping[int, RunRecord]]
    expectations: Mapping[str, ExpectationRecord] = field(default_factory=dict)
    environment: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """All experiments of one side, by name.

    Args:
        name: What a person is shown.
        experiments: By name.
        judged: Whether the side has verdicts.
        single: Whether it is one experiment that was asked for by itself.
        runs_by_key: Every run of a store; one that two experiments share bears the name of one.
        remarks: Which of several runs of one name and seed were taken.
    """

    name: str
    experiments: Mapping[str, ExperimentRecord]
    judged: bool = True
    single: bool = False
    runs_by_key: Mapping[str, RunRecord] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


class ReadError(HarnessError):
    """A side cannot be read; the message says which file, and what is wrong there."""


class UnknownSide(UsageFault):
    """A word names nothing that can be compared; the message says what is accepted."""
