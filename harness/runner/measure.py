"""Measures final metrics of finished runs that are missing; nothing is trained."""

from __future__ import annotations

import math
import pkgutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness import backend
from harness.errors import HarnessError
from harness.experiment import Experiment
from harness.final_metrics import NUMBER, row_of
from harness.measuring.found import Found, Unmeasurable
from harness.own.permission import why_not_called
from harness.plan import Member, Plan
from harness.run_result import Detail, RunResult, Status
from harness.store import staleness
from harness.store.measured import FinalMeasurement, Subject
from harness.store.predictions import Predictions
from harness.store.snapshot import Snapshot
from harness.store.state import present_measurement, state_of, subject_of, why_unmeasurable
from harness.store.store import Store
from harness.system.crash import internal_error
from harness.words import run_label

if TYPE_CHECKING:
    from harness.measuring.trained import Trained

Say = Callable[[str], None]
"""Tells a person one line."""


@dataclass(frozen=True)
class Missing:
    """A final metric that is to be measured, of a run at its place in an experiment."""

    subject: Subject
    member: Member

    @property
    def label(self) -> str:
        """Return what a person calls it."""
        run = run_label(self.member.experiment, self.member.run, self.member.seed)
        metric = self.subject.metric
        if metric.own is not None:
            return f"{run}: {metric.label}"
        return f"{run}: {metric.name}{f' with {metric.partner}' if metric.partner else ''}"

    @property
    def of_weights(self) -> bool:
        """Tell whether it is measured of weights, for which the backend is needed."""
        return row_of(self.subject.metric).source == "weights"


def missing(experiments: Sequence[Experiment], plan: Plan, store: Store) -> list[Missing]:
    """Return what can be measured now and is not, each once, a run's metrics together."""
    found: dict[tuple[str, str], Missing] = {}
    store = Snapshot.of(store)
    for experiment in experiments:
        for member, key in plan.members.items():
            if member.experiment != experiment.name or not experiment.runs[member.run].metrics:
                continue
            result = state_of(plan, key, member.run, member.seed, store, Detail.NUMBERS)
            for each in _missing_of(experiment, member, result, plan, store):
                found.setdefault((key, repr(each.subject)), each)
    return list(found.values())


def _missing_of(
    experiment: Experiment, member: Member, result: RunResult, plan: Plan, store: Store
) -> Iterator[Missing]:
    if result.status is not Status.DONE:
        return
    for metric in experiment.runs[member.run].metrics:
        subject = subject_of(metric, member, plan)
        if subject is None or why_unmeasurable(result, metric):
            continue
        if why_not_called([metric], experiment.allow_python):
            continue
        partner_is_there = subject.partner is None or store.done(subject.partner)
        if partner_is_there and present_measurement(subject, store) is None:
            yield Missing(subject, member)


@dataclass
class Measuring:
    """Measures what is missing of a plan's runs, and keeps it in the store.

    The network that was built last is kept, as a run's metrics follow one another. `say` is told
    what cannot be measured and, where `numbers` are wanted, what came of the rest.
    """

    plan: Plan
    store: Store
    data_dir: Path
    say: Say
    numbers: bool = True

    def __post_init__(self) -> None:
        self._built: tuple[str, Trained] | None = None

    def measure(self, wanted: Sequence[Missing], stop: Callable[[], bool] = lambda: False) -> None:
        """Measure one after another; what cannot be measured is said, and stops no other.

        Raises:
            StoreError: the store cannot be written.
            KeyboardInterrupt: `stop` told so; what is measured is kept.
        """
        _prepare(wanted)
        for each in wanted:
            if stop():
                raise KeyboardInterrupt
            try:
                found = self._measured(each)
            except HarnessError as error:  # such as data that are not here: it may come to be
                self.say(f"{each.label}: {error}")
                continue
            except Exception as error:  # whatever the function stumbles over
                what = f"{each.label} cannot be measured"
                self.say(str(internal_error(error, self.store.root, what)))
                continue
            self.store.save_measurement(each.subject, found)
            if self.numbers or found.why_none:
                self.say(f"{each.label}: {_words(found)}")

    def _measured(self, wanted: Missing) -> FinalMeasurement:
        code = staleness.measuring(wanted.subject.metric, _backend_of(wanted))
        try:
            found = self._found(wanted)
        except Unmeasurable as error:
            return FinalMeasurement(code, why_none=str(error))
        columns = (found.values.values(), *found.curves.values())
        if not all(math.isfinite(number) for column in columns for number in column):
            return FinalMeasurement(code, why_none="what was measured is not finite")
        return FinalMeasurement(code, found.values, found.curves)

    def _found(self, wanted: Missing) -> Found:
        """Call the metric's function on what is kept of its runs."""
        subject = wanted.subject
        metric = subject.metric
        function = pkgutil.resolve_name(row_of(metric).function)
        read = self._trained if wanted.of_weights else self._predictions
        keys = [key for key in (subject.key, subject.partner) if key is not None]
        found: Found = function(*metric.leading, *map(read, keys), **metric.parameters)
        return found

    def _predictions(self, key: str) -> Predictions:
        found = self.store.predictions(key)
        if found is None:
            raise Unmeasurable("a run kept no predictions of the test images")
        return found

    def _trained(self, key: str) -> Trained:
        from harness.measuring.trained import Trained
        from harness.runner import make

        if self._built is None or self._built[0] != key:
            run = self.plan.runs[key]
            if run.forbidden is not None:
                raise HarnessError(run.forbidden)
            settings = run.run.settings
            # Derivatives in bfloat16 would be noise.
            training = replace(settings.training, precision="float32")
            whole = replace(run.run, settings=replace(settings, training=training))
            start = self.store.weights(key)
            compiled = make.compiled(replace(run, run=whole), start, self.data_dir)
            self._built = key, Trained.of(compiled, training, run.seed)
        return self._built[1]


def _prepare(wanted: Sequence[Missing]) -> None:
    """Import and set up the backend, where it is needed and nobody has done so."""
    if any(each.of_weights for each in wanted) and "keras" not in sys.modules:
        backend.import_backend(backend.chosen())
        backend.prepare_backend()


def _backend_of(wanted: Missing) -> str | None:
    if not wanted.of_weights:
        return None
    import keras

    return str(keras.backend.backend())


def _words(found: FinalMeasurement) -> str:
    if found.why_none:
        return found.why_none
    numbers = {name: f"{value:.6g}" for name, value in found.values.items()}
    return ", ".join(f"{name} {text}" if name != NUMBER else text for name, text in numbers.items())
