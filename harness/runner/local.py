"""Makes a plan's runs one after another in this process.

What is finished is kept, and what was begun goes on from its last checkpoint.
"""

from __future__ import annotations

import math
import shutil
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import keras
import numpy as np

from harness import backend
from harness.compile import Compiled, WeightsError
from harness.errors import HarnessError
from harness.experiment import Json
from harness.follow.listener import Listener, Row
from harness.own.records import own_parts
from harness.plan import ConcreteRun, Plan
from harness.run_result import Code
from harness.runner import make
from harness.runner.job import Job
from harness.store import predictions, staleness
from harness.store.checksums import kept_weights
from harness.store.predictions import Disagreement, Predictions
from harness.store.run_files import PREDICTIONS
from harness.store.snapshot import Snapshot
from harness.store.state import state_of, why_blocked
from harness.store.store import (
    DECISION_GRID,
    WEIGHTS,
    Checkpoint,
    DamagedRun,
    Store,
    StoreError,
    Writer,
)
from harness.system import machine
from harness.system.files import sha256
from harness.training import boundary
from harness.training.cache import ProgramCache
from harness.training.engines import Engines
from harness.training.fit import Outcome, Pausing, Resume
from harness.training.state import State

_WAIT_SECONDS = 0.2
"""Between two looks at runs that other processes work on."""

_LARGEST_SHARE = 0.05
"""How much of the time may go into checkpoints. One follows every epoch (of small networks on small
data: every call of many epochs, under a second), unless it would take more than this."""


_COMPILING = threading.Lock()
"""Held while a run is compiled: what layers draw for themselves depends on generators that all
threads share.
"""

_BACKEND = "backend"
_CODE = "code"
"""What a checkpoint names, beside the state, that it was made with."""


class Interrupted(Exception):
    """A stop was asked for; the current run's state is saved."""


def _none_left(backend: str) -> str:
    return f"no process computes with {backend}"


@dataclass(frozen=True)
class Work:
    """What this process makes runs of, who follows them, and who may stop it.

    Attributes:
        job: What every process of the invocation is told.
        listener: Hears of the runs that are made here.
        stop: Tells whether a stop was asked for.
        none_left: Tells of another backend why no other process is left that computes with it, None
            while there is one.
        programs: Compiled programs, which runs share.
    """

    job: Job
    listener: Listener
    stop: Callable[[], bool]
    none_left: Callable[[str], str | None] = _none_left
    programs: ProgramCache = field(default_factory=ProgramCache)

    @property
    def plan(self) -> Plan:
        """Return the plan that the runs are of."""
        return self.job.plan

    @property
    def store(self) -> Store:
        """Return where the runs are kept."""
        return self.job.store


def execute(work: Work, keys: Sequence[str]) -> None:
    """Bring the runs of `keys`, parents first, to an end: finished, blocked or failed.

    Processes that share a store share the work: each takes what no other has taken, and waits for
    the rest.

    Raises:
        Interrupted: `stop` told so; what is finished is kept, and the current run resumes later.
        StoreError: the store cannot be written.
    """
    begin, left, unmade = time.time(), dict.fromkeys(keys), set[str]()
    before = {key for key in keys if work.store.done(key)}
    # What has ended stays as it is until all have.
    seen = Snapshot(work.store.root)

    def has_ended(key: str) -> bool:
        parent = work.plan.runs[key].parent
        # Nothing of a long chain is looked at before what it starts from has ended.
        return parent not in left and (parent in unmade or ended(work, key, begin))

    while left:
        key = next(filter(has_ended, left), None)
        if key is not None:
            run = work.plan.runs[key]
            result = state_of(work.plan, key, run.run.name, run.seed, seen)
            work.listener.finished(run, result, key in before)
            del left[key]
            if not work.store.done(key):
                unmade.add(key)
        elif work.stop():
            raise Interrupted
        else:
            time.sleep(_WAIT_SECONDS)


def ended(work: Work, key: str, begin: float) -> bool:
    """Make a run where it is free and what it starts from is there, and tell whether it has ended.

    A failure before `begin` (seconds since the epoch, by the clock of the store) is none: the run
    is tried again.

    Raises:
        Interrupted: `stop` told so; the run resumes later.
        StoreError: the store cannot be written.
    """
    store, run = work.store, work.plan.runs[key]
    if store.done(key) or store.failed_since(key, begin):
        return True
    if run.blocked is None and run.parent is not None and not store.done(run.parent):
        # Its parent comes earlier: it is at work elsewhere, or has failed or been blocked.
        return (
            store.failed_since(run.parent, begin) or why_blocked(work.plan, run, store) is not None
        )
    wanted = backend.backend_of(run.run.settings.training, work.job.default_backend)
    here = wanted == keras.backend.backend()
    if not here and run.blocked is None and work.none_left(wanted) is None:
        return False
    with store.lock(key) as held:
        if held and not store.done(key) and why_blocked(work.plan, run, store) is None:
            if here:
                _attempt(work, run)
            else:
                store.save_error(key, str(work.none_left(wanted)))
        return held


def _attempt(work: Work, run: ConcreteRun) -> None:
    if work.stop():
        raise Interrupted
    work.listener.started(run)
    work.store.forget_error(run.key)
    try:
        _run(work, run)
    except (Interrupted, StoreError):
        raise
    except HarnessError as error:
        work.store.save_error(run.key, str(error))
    except Exception as error:
        work.store.save_error(run.key, f"{type(error).__name__}: {error}", traceback.format_exc())


def _run(work: Work, run: ConcreteRun) -> None:
    store = work.store
    start = start_of(run, store)
    work.listener.preparing(run, f"reading the data of {run.run.settings.dataset.source.name}")
    with _COMPILING:
        compiled = make.compiled(run, start, work.job.data_dir)
    recorded = _environment(work, run)  # before training: what fails here must not cost a result
    code = staleness.present(keras.backend.backend())
    checkpoint = _checkpoint(run, store, code)
    history = [dict(row) for row in checkpoint.history] if checkpoint else []
    saved, cost = time.monotonic(), 0.0

    def report(rows: Sequence[Row], state: State) -> None:
        nonlocal saved, cost
        history.extend(dict(row) for row in rows)
        work.listener.advanced(run, rows)
        if state.epoch in run.keep_weights:
            store.save_weights(run.key, state.epoch, partial(compiled.save_state, state))
        asked = work.stop()
        begin = time.monotonic()
        if asked or (begin - saved) * _LARGEST_SHARE >= cost:
            named = {_BACKEND: np.array(keras.backend.backend()), _CODE: np.array(code.digest)}
            store.save_checkpoint(run.key, Checkpoint({**state.arrays(), **named}, history))
            saved = time.monotonic()
            cost = saved - begin
        if asked:
            raise Interrupted

    work.listener.preparing(run, "compiling")
    resume = Resume(State.from_arrays(checkpoint.arrays), list(history)) if checkpoint else None
    pausing = Pausing(report, run.keep_weights)
    made = make.made(run, compiled, pausing, resume, Engines(work.job.devices, work.programs))
    by = {"code": code.to_json(), **({} if start is None else {"start": sha256(start)})}
    environment = machine.with_engine(recorded, made.outcome.way, made.outcome.devices)
    _finish(work, run, compiled, made, {"environment": environment, **by})


def _environment(work: Work, run: ConcreteRun) -> dict[str, str]:
    precision = run.run.settings.training.precision
    return machine.environment(
        keras.backend.backend(), backend.computing(), precision, work.job.deterministic
    )


def _checkpoint(run: ConcreteRun, store: Store, code: Code) -> Checkpoint | None:
    """Load where the run goes on.

    What another backend or other code began is begun again, so that one alone makes all of it, and
    so is what did not keep the weights that are to be kept.
    """
    checkpoint = store.load_checkpoint(run.key)
    if checkpoint is None:
        return None
    backend_then = str(checkpoint.arrays.get(_BACKEND, machine.BACKENDS[0]))
    alike = (
        backend_then == keras.backend.backend()
        and str(checkpoint.arrays.get(_CODE, "")) == code.digest
    )
    reached = int(checkpoint.arrays["epoch"])
    whole = all(
        store.unfinished_weights(run.key, epoch).is_file()
        for epoch in run.keep_weights
        if epoch <= reached
    )
    return checkpoint if alike and whole else None


def start_of(run: ConcreteRun, store: Store) -> Path | None:
    """Return the file with the weights that a run starts from, or None where its weights are drawn.

    Raises:
        WeightsError: they are those of a run whose files are damaged.
    """
    try:
        return make.starting_weights(run, store.weights)
    except DamagedRun as error:
        raise WeightsError(
            f"{run.run.start}, from which it starts, cannot be used: {error}"
        ) from error


def _own(run: ConcreteRun) -> Json:
    found = own_parts(run.run.settings)
    return {"own": {place: asdict(part) for place, part in found.items()}} if found else {}


def _data(compiled: Compiled) -> Json:
    loaded = compiled.pipeline.loaded
    return {"data": loaded.to_json()} if loaded is not None else {}


def _predictions(
    run: ConcreteRun, compiled: Compiled, outcome: Outcome
) -> tuple[Predictions | None, str]:
    """Return what is kept of the test set, or why nothing is."""
    labels, content = compiled.pipeline.test.labels, run.content
    test_set = predictions.identity(run.run.settings.dataset, content, labels)
    accuracy = outcome.measurements["test_accuracy"]
    try:
        return predictions.gathered(outcome.logits(), labels, test_set, accuracy), ""
    except Disagreement as why:
        return None, str(why)


def _finish(
    work: Work, run: ConcreteRun, compiled: Compiled, made: make.Made, recorded: Mapping[str, Json]
) -> None:
    outcome, grid = made.outcome, made.grid
    files: dict[str, Writer] = {WEIGHTS: compiled.save_weights}
    kept, why = _predictions(run, compiled, outcome)
    if kept is not None:
        files[PREDICTIONS] = lambda path: predictions.save(path, kept)
    for epoch in run.keep_weights:
        if epoch <= outcome.state.epoch:
            source = work.store.unfinished_weights(run.key, epoch)
            files[kept_weights(epoch)] = partial(shutil.copyfile, source)
    if grid is not None:
        files[DECISION_GRID] = lambda path: boundary.save(path, grid, compiled.pipeline)
    work.store.finish(
        run.key,
        run={
            "experiment": run.experiment,
            "run": run.run.name,
            "seed": run.seed,
            "parent": run.parent,
            "settings": run.run.resolved,
            **_own(run),
        },
        history=outcome.history,
        measurements=made.measurements,
        environment={
            **recorded,
            "seconds": outcome.seconds,
            "images_per_second": outcome.images_per_second,
            "parameters": sum(
                math.prod(weight.shape) for weight in compiled.model.trainable_variables
            ),
            **_data(compiled),
            **({"no_predictions": why} if why else {}),
        },
        files=files,
    )
