"""What every process is told that makes runs of one invocation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.plan import Plan
from harness.runner.cluster.needs import Needs
from harness.store.store import Store
from harness.system import machine


@dataclass(frozen=True)
class Job:
    """The plan, where results and data lie, and how each process computes; it can be pickled.

    Attributes:
        plan: All runs that may come to be made.
        store: Where they are kept.
        data_dir: Where prepared data sets lie.
        threads: How many threads each run may use, None for as many as the backend likes.
        deterministic: Whether the backend is asked for deterministic operations.
        default_backend: The backend of runs that name none.
        devices: How many devices at most share a batch.
        slots: How many runs go on at once.
        side_by_side: How many small runs each process makes at once.
        log: The event log, whose name is also that of the lock that the first process holds.
        tensorboard: The folder for TensorBoard's logs, None where none are written.
        folder: Where the first process was started, for relative paths on other machines.
        software: The versions that other machines must have, by package.
        needs: What each run, by key, needs of a node of a cluster.
    """

    plan: Plan
    store: Store
    data_dir: Path
    threads: int | None = None
    deterministic: bool = True
    default_backend: str = machine.BACKENDS[0]
    devices: int = 1
    slots: int = 1
    side_by_side: int = 1
    log: Path = Path()
    tensorboard: Path | None = None
    folder: Path = Path()
    software: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, Needs] = field(default_factory=dict)
