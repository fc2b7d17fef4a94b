"""Repeats the beginning and the end of one stored run, and compares them with its records."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import keras

from harness import backend, budget
from harness.compile import Compiled, WeightsError
from harness.data import availability
from harness.data.errors import DataError
from harness.experiment import WeightsFile
from harness.metrics import ON_VALIDATION
from harness.own.permission import why_not_allowed
from harness.own.running import OwnPartError
from harness.plan import ConcreteRun, content_key, start_identity
from harness.run_result import RunResult
from harness.runner import local, make
from harness.spec.settings import stored_run
from harness.store.run_files import Origin
from harness.store.store import DamagedRun, Store
from harness.system import machine
from harness.system.files import sha256
from harness.training.engine import Way
from harness.training.engines import Engines
from harness.training.fit import Resume, initial_state
from harness.training.measure import Row
from harness.training.schedules import last_learning_rate
from harness.training.state import NonFiniteLoss, State

BITS = "bit by bit"

RELATIVE, SHARE = 1e-4, 2e-3
"""How far numbers, and shares of examples, may differ where hardware or packages do."""

NEAR = (
    f"within {RELATIVE:g} of every number and {SHARE:g} of every accuracy, as hardware or packages"
    " differ"
)

_TIMES = ("seconds",)
_WEIGHTS_TELL = (
    "train_loss",
    "train_accuracy",
    *ON_VALIDATION,
    "test_loss",
    "test_accuracy",
    "weight_norm",
)


class Differs(Exception):
    """A repetition came to something else than is recorded; the message says where and what."""


class CannotRepeat(Exception):
    """A run cannot be repeated here; the message says why."""


class _Enough(Exception):
    """What was to be repeated was."""


def repeat(
    store: Store,
    origin: Origin,
    result: RunResult,
    data_dir: Path,
    epochs: int,
    allow_python: bool,
) -> tuple[int, str]:
    """Repeat a run's first epochs, and all that is measured at its end from its final weights.

    At least so many epochs are repeated, up to the next that was measured, or all where there are
    fewer. The learning rate of every recorded epoch is computed again, and so is where the run
    ends. Python that the settings name runs where `allow_python` or the project says so.

    Returns:
        How many epochs were repeated, and how exactly they agree: `BITS` or `NEAR`.

    Raises:
        Differs: something does not agree.
        CannotRepeat: the run cannot be made here as it was.
    """
    recorded = [
        dict(zip(result.history, row, strict=True))
        for row in zip(*result.history.values(), strict=True)
    ]
    last = next((row["epoch"] for row in recorded if row["epoch"] >= epochs), recorded[-1]["epoch"])
    first = [row for row in recorded if row["epoch"] <= last]
    alike = _alike(origin, result)
    agree, engines = _Agreement(alike), _engines(result) if alike else Engines()
    try:
        run = _run(origin, data_dir, allow_python)
        start = local.start_of(run, store)
        begun = _rows(run, start, data_dir, engines, lambda rows: rows[-1]["epoch"] >= last)
        agree.rows(first, [row for row in begun if row["epoch"] <= last])
        final = store.weights(origin.key)
        compiled = make.compiled(run, final, data_dir)
        _schedule(run, len(compiled.pipeline.train), recorded, agree)
        (ended,) = _rows(run, final, data_dir, engines, lambda rows: True)
        agree.values(
            f"epoch {recorded[-1]['epoch']:g}",
            recorded[-1],
            {name: ended[name] for name in _WEIGHTS_TELL if name in ended},
        )
        agree.values("the end", result.measurements, _end(run, compiled, engines, recorded))
    except (DataError, DamagedRun, OwnPartError, WeightsError) as error:
        raise CannotRepeat(str(error)) from error
    except NonFiniteLoss as error:
        raise Differs(str(error)) from error
    return int(last), agree.words


def _run(origin: Origin, data_dir: Path, allow_python: bool) -> ConcreteRun:
    """Return a stored run as it was planned; its key tells that it is the same."""
    run = stored_run(origin.run, origin.settings, origin.own)
    if run is None:
        raise CannotRepeat("its settings were written in another version of the language")
    not_allowed = why_not_allowed(run.settings, allow_python)
    if not_allowed is not None:
        raise CannotRepeat(not_allowed)
    source = run.settings.dataset.source
    missing = availability.why_unavailable(source.name, source.parameters, data_dir)
    if missing is not None:
        raise CannotRepeat(missing)
    content = availability.content(source.name, source.parameters, data_dir).sha256
    start = start_identity(run, origin.parent)
    if isinstance(run.initialize_from, WeightsFile):
        try:
            start = sha256(run.initialize_from.path)
        except OSError as error:
            raise CannotRepeat(
                f"{run.initialize_from.path} cannot be read: {error.strerror}"
            ) from error
    if content_key(run.settings, origin.seed, start, content) != origin.key:
        raise CannotRepeat(
            "its data are not those of then, or its settings mean something else now"
        )
    return ConcreteRun(
        origin.key, origin.experiment, run, origin.seed, origin.parent, None, None, None, content
    )


def _rows(
    run: ConcreteRun,
    start: Path | None,
    data_dir: Path,
    engines: Engines,
    enough: Callable[[Sequence[Row]], bool],
) -> list[Row]:
    """Train a run from some weights until its history has enough rows, and return them."""
    rows: list[Row] = []

    def report(new: Sequence[Row], state: State) -> None:
        rows.extend(new)
        if rows and enough(rows):
            raise _Enough

    with contextlib.suppress(_Enough):
        make.made(run, make.compiled(run, start, data_dir), report, engines=engines)
    return rows


def _schedule(run: ConcreteRun, examples: int, recorded: Sequence[Row], agree: _Agreement) -> None:
    training = run.run.settings.training
    steps = budget.steps_an_epoch(training, examples)
    for place, row in enumerate(recorded):
        rate = last_learning_rate(training, int(row["step"]), steps, recorded[:place])
        agree.values(f"epoch {row['epoch']:g}", row, {"learning_rate": rate})


def _end(
    run: ConcreteRun, compiled: Compiled, engines: Engines, recorded: Sequence[Row]
) -> Mapping[str, float | None]:
    """Measure what is measured once a run, from its final weights and its history."""
    last = recorded[-1]
    state = replace(
        initial_state(compiled.model, run.run.settings.training),
        epoch=int(last["epoch"]),
        step=int(last["step"]),
        seconds=last["seconds"],
    )

    def report(rows: Sequence[Row], state: State) -> None:
        raise Differs(f"it would not end at epoch {last['epoch']:g}, as it did")

    return make.made(run, compiled, report, Resume(state, recorded), engines).measurements


class _Agreement:
    """Compares numbers, and says how well all agree.

    They must be the same where everything is alike, and else within the tolerance.
    """

    def __init__(self, alike: bool) -> None:
        self._alike = alike
        self.words = BITS

    def rows(self, then: Sequence[Row], now: Sequence[Row]) -> None:
        """See that two histories have the same epochs and agree in each."""
        epochs = [[row["epoch"] for row in rows] for rows in (then, now)]
        if epochs[0] != epochs[1]:
            raise Differs(f"epochs {_listed(epochs[0])} were measured, now {_listed(epochs[1])}")
        for row, new in zip(then, now, strict=True):
            own = {name: value for name, value in new.items() if name in row and name not in _TIMES}
            self.values(f"epoch {row['epoch']:g}", row, own)

    def values(
        self, where: str, then: Mapping[str, float | None], now: Mapping[str, float | None]
    ) -> None:
        """See that numbers agree with those of the same names, as far as these were recorded."""
        for name, value in now.items():
            if name in then and not self._same(name, then[name], value):
                raise Differs(f"{where}: {name} is {value!r} now and was {then[name]!r}")

    def _same(self, name: str, then: float | None, now: float | None) -> bool:
        if then == now:
            return True
        if self._alike or then is None or now is None:
            return False
        self.words = NEAR
        return math.isclose(
            then, now, rel_tol=RELATIVE, abs_tol=SHARE if name.endswith("accuracy") else RELATIVE**2
        )


def _listed(epochs: Sequence[float]) -> str:
    return ", ".join(f"{epoch:g}" for epoch in epochs)


def _engines(result: RunResult) -> Engines:
    """Give the engines that compute a run as it was; what does not record that is chosen again."""
    recorded = result.environment.get("engine")
    return Engines(way=next((way for way in get_args(Way) if way == recorded), None))


def _alike(origin: Origin, result: RunResult) -> bool:
    """Tell whether all that can change a result's bits, but for the harness, is as it was."""
    then = {"devices": "1"} | dict(result.environment)
    deterministic = then.get("deterministic") == "yes"
    now = machine.environment(
        keras.backend.backend(), backend.computing(), str(then.get("precision")), deterministic
    )
    facts = [name for name in machine.DECIDING if name != "harness" and name in now]
    return (
        deterministic
        and then["devices"] == "1"
        and all(then.get(name) == now[name] for name in facts)
    )
