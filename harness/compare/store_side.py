"""Read a store as one side of a comparison, choosing among several runs of one name and seed.

A store keeps what every setting gave that was ever tried. Runs of one experiment, name and seed,
but of other settings, are other runs: those count that the present specification plans, or else
those with the settings of the newest. So no run is compared with what it was under a setting that
was given up since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import experiment
from harness.compare.records import DONE, ExperimentRecord, ReadError, RunRecord, Side
from harness.compare.setting_changes import changed_settings
from harness.data import catalog
from harness.plan import Plan, make_plan
from harness.report.environment import code_digests
from harness.run_result import Detail, RunResult
from harness.spec.find import MOST_BYTES, below
from harness.spec.load import load_file
from harness.spec.problems import SpecError
from harness.store.run_files import Origin
from harness.store.store import Store, StoreError
from harness.system import machine

SPECIFICATIONS = Path("specs")
"""Where the specification of an experiment is looked for."""


@dataclass(frozen=True)
class _StoredRun:
    """A finished run as the store has it."""

    origin: Origin
    result: RunResult

    @property
    def run(self) -> RunRecord:
        return RunRecord(
            self.origin.key,
            DONE,
            self.result.measurements,
            dict(self.origin.settings),
            self.origin.parent,
        )


def of_store(store: Store, word: str) -> Side:
    """Read the finished runs of a store by the experiment, run and seed that they bear.

    Raises:
        ReadError: it cannot be read, or has no finished runs.
    """
    try:
        found = [
            _StoredRun(*store.finished(key, Detail.NUMBERS))
            for key in sorted(store.keys(), key=store.moment)
        ]
    except StoreError as error:
        raise ReadError(str(error)) from error
    if not found:
        raise ReadError(f"the store {store.root} has no finished runs")
    experiments: dict[str, ExperimentRecord] = {}
    remarks: list[str] = []
    for name in sorted({each.origin.experiment for each in found}):
        experiments[name], remark = _experiment(
            name, [each for each in found if each.origin.experiment == name]
        )
        remarks += [f"{word}: {remark}"] if remark else []
    runs = {each.origin.key: each.run for each in found}
    return Side(word, experiments, judged=False, runs_by_key=runs, remarks=tuple(remarks))


def _experiment(name: str, found: Sequence[_StoredRun]) -> tuple[ExperimentRecord, str]:
    """Return an experiment of the runs that count, the newest last, and a remark on them."""
    by_run: dict[str, list[_StoredRun]] = {}
    for each in found:
        by_run.setdefault(each.origin.run, []).append(each)
    several = [run for run, of in by_run.items() if _needs_choice(of)]
    specification = _specification(name) if several else None
    plan = _plan_of(specification) if specification is not None else None
    chosen, planned = dict(by_run), []
    for run in several:
        named = [each for each in by_run[run] if plan is not None and each.origin.key in plan.runs]
        planned += [run] if named else []
        chosen[run] = named or _with_newest_settings(by_run[run])
    taken = [each for of in chosen.values() for each in of]
    runs = {run: {each.origin.seed: each.run for each in of} for run, of in chosen.items()}
    environment = {what: tuple(sorted(values)) for what, values in _environment(taken).items()}
    where = specification.path.as_posix() if specification is not None else ""
    remark = "; ".join(_remarks(planned, [run for run in several if run not in planned], where))
    return ExperimentRecord(
        "", runs, environment=environment, code=code_digests([each.result for each in taken])
    ), (f"{name}: {remark}" if remark else "")


def _needs_choice(found: Sequence[_StoredRun]) -> bool:
    """Tell whether the runs of one name are of several settings, or several of one seed."""
    return len({each.origin.seed for each in found}) < len(found) or len(
        _with_newest_settings(found)
    ) < len(found)


def _with_newest_settings(found: Sequence[_StoredRun]) -> list[_StoredRun]:
    newest = found[-1].origin.settings
    return [
        each
        for each in found
        if each.origin.settings == newest or changed_settings(each.origin.settings, newest) == []
    ]


def _remarks(planned: Sequence[str], newest: Sequence[str], where: str) -> Iterator[str]:
    if planned:
        yield f"of several runs of {', '.join(planned)} those are compared that {where} plans"
    if newest:
        yield (
            f"of several runs of {', '.join(newest)} those with the settings of the newest are"
            " compared"
        )


def _environment(found: Sequence[_StoredRun]) -> Mapping[str, set[str]]:
    surroundings: dict[str, set[str]] = {}
    for each in found:
        for what, value in each.result.environment.items():
            if not isinstance(value, Mapping):
                surroundings.setdefault(what, set()).add(str(value))
    return surroundings


def _specification(name: str) -> experiment.Experiment | None:
    """Return the specification of a name that lies here; None where none does or it has faults."""
    for path in below(SPECIFICATIONS).specifications if SPECIFICATIONS.is_dir() else ():
        try:
            if path.stat().st_size <= MOST_BYTES and f'"{name}"' in path.read_text():
                found = load_file(path)
                if found.name == name:
                    return found
        except (SpecError, OSError, ValueError):
            continue
    return None


def _plan_of(experiment: experiment.Experiment) -> Plan:
    return make_plan([experiment], catalog.data_dir(), machine.gpus())
