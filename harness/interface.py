"""The Python interface: what the commands do, for notebooks and programs.

Records are flat dictionaries with the same members each, so that `pandas.DataFrame(records)` is a
table of them. What a command prints is printed here too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.experiment import Json

if TYPE_CHECKING:
    from harness.experiment import Experiment
    from harness.judging.check import Judgement
    from harness.plan import ConcreteRun
    from harness.run_result import RunResult
    from harness.runner.stating import Ledgers
    from harness.spec.problems import Problem
    from harness.store.store import Store

Paths = str | Path | Iterable[str | Path]
"""A specification, a folder of specifications, or several of these."""

Record = dict[str, Json]
"""A row of a table: names to numbers, texts, booleans or None."""

STORE = Path(".harness/store")
REPORTS = Path("reports")
TRIAL_REPORTS = Path(".harness/reports")


@dataclass(frozen=True)
class Outcome:
    """What running or checking came to.

    Attributes:
        exit_code: The exit code of the command: 0 where all pass, 1 a fail, 3 an error, 4 where
            nothing failed but something is blocked, inconclusive or stale.
        verdicts: A record for each expectation: "experiment", "expectation" (its id), "title",
            "metric", "lower" and "upper" (its bounds), "basis", "verdict", "mean" and "deviation"
            over "seeds" seeds, "limit_low" and "limit_high" (the confidence limits that decided),
            "message" and "stale" (why it does not pass, or is stale; else empty).
        runs: A record for each run and seed, as `results` gives them.
    """

    exit_code: int
    verdicts: list[Record] = field(repr=False)
    runs: list[Record] = field(repr=False)

    @property
    def passed(self) -> bool:
        """Tell whether all expectations pass."""
        return self.exit_code == 0


def load(
    paths: Paths, *, changes: Mapping[str, Json] | None = None, seeds: Sequence[int] | None = None
) -> tuple[Experiment, ...]:
    """Load every specification at and below the paths.

    Args:
        paths: Files and folders.
        changes: Values by path, as `--set` takes them: `{"defaults.training.epochs": 3}`.
        seeds: What takes the place of the specifications' own seeds.

    Returns:
        An experiment for each specification, complete, with its defaults filled in.

    Raises:
        SpecError: something is wrong with them; its `problems` are what `validate` returns.
        ValueError: a path in `changes` is not one.
    """
    from harness.spec.load import load as load_specifications

    return load_specifications(_paths(paths), _patches(changes), seeds)


def validate(
    paths: Paths, *, changes: Mapping[str, Json] | None = None, seeds: Sequence[int] | None = None
) -> tuple[Problem, ...]:
    """Find every fault of every specification at and below the paths.

    Args:
        paths: Files and folders.
        changes: Values by path, as for `load`.
        seeds: Seeds, as for `load`.

    Returns:
        The faults, each with its file, line, column and message, which `str` puts together; none
        where all are valid.
    """
    from harness.spec.problems import SpecError

    try:
        load(paths, changes=changes, seeds=seeds)
    except SpecError as error:
        return error.problems
    return ()


def plan_runs(
    paths: Paths,
    *,
    changes: Mapping[str, Json] | None = None,
    seeds: Sequence[int] | None = None,
    store: str | Path = STORE,
) -> list[Record]:
    """Plan the runs of the specifications, and look up which of them are done.

    Args:
        paths: Files and folders.
        changes: Values by path, as for `load`.
        seeds: Seeds, as for `load`.
        store: The folder of all runs.

    Returns:
        A record for each run and seed: "experiment", "run", "seed", "status" ("done", "missing",
        "blocked" or "error"), "reason" (why it is blocked, failed or stale; else empty), "stale",
        "starts_from" (the run whose weights it starts from, or None), the largest number of "steps"
        and "images" that it may train on (None where that is not known), and "key".

    Raises:
        SpecError: something is wrong with the specifications.
    """
    from harness.data import catalog
    from harness.runner.looks import plan_all, stage
    from harness.store.standing import standing
    from harness.system import machine

    experiments, kept = load(paths, changes=changes, seeds=seeds), _store(store)
    whole = plan_all(experiments, catalog.data_dir(), machine.gpus())
    plan = whole.narrowed([stage(each, whole, kept).following for each in experiments])
    return [
        _planned(
            member.experiment,
            plan.runs[key],
            standing(plan, key, member.run, member.seed, kept, history=False),
        )
        for member, key in plan.members.items()
    ]


def run(
    paths: Paths,
    *,
    changes: Mapping[str, Json] | None = None,
    seeds: Sequence[int] | None = None,
    store: str | Path = STORE,
    reports: str | Path | None = None,
    processes: int = 1,
) -> Outcome:
    """Train what is not done yet, check the expectations and write the reports.

    It is `python -m harness run` in this process, which imports Keras: a run of the other backend
    is made in a process of its own.

    Args:
        paths: Files and folders.
        changes: Values by path, as for `load`; they make it a trial.
        seeds: Seeds, as for `load`; they make it a trial.
        store: The folder of all runs.
        reports: The folder of the reports; where it is None, `reports`, and `.harness/reports` for
            a trial.
        processes: How many runs go on side by side.

    Raises:
        SpecError: something is wrong with the specifications; nothing was trained.
        StoreError: the store or the reports cannot be written.
        OverwriteError: the reports would replace a file that the harness did not write.
        BackendError: the backend that was asked for is not there.
        KeyboardInterrupt: a stop was asked for; finished runs are kept.
    """
    from harness.runner.stating import Ledgers

    experiments, kept = load(paths, changes=changes, seeds=seeds), _store(store)
    trial = bool(changes) or seeds is not None
    folder = Path(reports) if reports is not None else TRIAL_REPORTS if trial else REPORTS
    ledgers = None if trial else Ledgers(folder, write=True)
    return _outcome(experiments, kept, _run(experiments, kept, folder, ledgers, processes))


def check(
    paths: Paths,
    *,
    changes: Mapping[str, Json] | None = None,
    seeds: Sequence[int] | None = None,
    store: str | Path = STORE,
) -> Outcome:
    """Judge the stored runs again, without training: `python -m harness check`.

    Args:
        paths: Files and folders.
        changes: Values by path, as for `load`.
        seeds: Seeds, as for `load`.
        store: The folder of all runs.

    Raises:
        SpecError: something is wrong with the specifications.
    """
    from harness.runner.stating import Ledgers

    experiments, kept = load(paths, changes=changes, seeds=seeds), _store(store)
    trial = bool(changes) or seeds is not None
    ledgers = None if trial else Ledgers(REPORTS)
    return _outcome(experiments, kept, _check(experiments, kept, ledgers))


def results(source: str | Path = REPORTS) -> list[Record]:
    """Return what was measured, wherever it is kept.

    Args:
        source: A folder of reports, one report's JSON, a store, or a git revision such as `main`
            or `HEAD~3:reports`.

    Returns:
        A record for each run and seed: "experiment", "run", "seed", "status" ("done", "missing",
        "blocked" or "error"), "key", and every metric of `harness.metrics`, None where it was not
        measured.

    Raises:
        UnknownSide: the source is none of these.
        ReadError: it cannot be read.
    """
    from harness.compare.read import side

    found = side(str(source))
    return [
        _measured((experiment, run, seed), each.status, each.key, each.measurements)
        for experiment, known in found.experiments.items()
        for run, by_seed in known.runs.items()
        for seed, each in by_seed.items()
    ]


def _run(
    experiments: Sequence[Experiment],
    store: Store,
    reports: Path,
    ledgers: Ledgers | None,
    processes: int,
) -> int:
    """Run experiments as the command does, and return its exit code."""
    from harness.data import catalog
    from harness.runner.session import run_experiments

    return run_experiments(
        experiments,
        lambda _plan, _member: True,
        store,
        catalog.data_dir(),
        reports,
        (),
        processes=processes,
        ledgers=ledgers,
    )


def _check(experiments: Sequence[Experiment], store: Store, ledgers: Ledgers | None) -> int:
    """Check experiments as the command does, and return its exit code."""
    from harness.data import catalog
    from harness.runner.conclude import check_experiments

    return check_experiments(experiments, store, catalog.data_dir(), None, (), ledgers=ledgers)


def _outcome(experiments: Sequence[Experiment], store: Store, exit_code: int) -> Outcome:
    """Put together what experiments came to, as it stands in the store now."""
    from harness.data import catalog
    from harness.runner.conclude import judge_stored
    from harness.runner.looks import plan_as_it_stands
    from harness.system import machine

    now, plan = plan_as_it_stands(experiments, catalog.data_dir(), machine.gpus(), store)
    conclusions = [judge_stored(each, plan, store, history=False) for each in now]
    return Outcome(
        exit_code,
        [
            _verdict(each.experiment.name, judgement)
            for each in conclusions
            for judgement in each.judgements
        ],
        [
            _measured(
                (each.experiment.name, result.run, result.seed),
                result.status.value,
                result.key,
                result.measurements,
            )
            for each in conclusions
            for result in each.results
        ],
    )


def _verdict(experiment: str, judgement: Judgement) -> Record:
    expectation, (low, high) = judgement.expectation, judgement.interval
    return {
        "experiment": experiment,
        "expectation": expectation.id,
        "title": expectation.title,
        "metric": expectation.metric,
        "lower": expectation.lower,
        "upper": expectation.upper,
        "basis": expectation.basis.value,
        "verdict": judgement.verdict.value,
        "mean": judgement.mean,
        "deviation": judgement.deviation,
        "seeds": len(judgement.values),
        "limit_low": low,
        "limit_high": high,
        "message": judgement.message,
        "stale": judgement.stale,
    }


def _planned(experiment: str, planned: ConcreteRun, found: RunResult) -> Record:
    start = planned.run.initialize_from
    return {
        "experiment": experiment,
        "run": found.run,
        "seed": found.seed,
        "status": found.status.value,
        "reason": found.reason or found.stale,
        "stale": bool(found.stale),
        "starts_from": start if start is None or isinstance(start, str) else start.path.as_posix(),
        "steps": planned.steps,
        "images": planned.images,
        "key": planned.key,
    }


def _measured(
    place: tuple[str, str, int],
    status: str,
    key: str,
    measurements: Mapping[str, float | None],
) -> Record:
    from harness.metrics import METRICS

    experiment, run, seed = place
    return {
        "experiment": experiment,
        "run": run,
        "seed": seed,
        "status": status,
        "key": key,
        **dict.fromkeys(METRICS),
        **measurements,
    }


def _paths(paths: Paths) -> list[Path]:
    return [Path(each) for each in ([paths] if isinstance(paths, str | Path) else paths)]


def _patches(changes: Mapping[str, Json] | None) -> list[Json]:
    from harness.spec.patch import parse_assignment

    return [
        parse_assignment(f"{path}={json.dumps(value)}") for path, value in (changes or {}).items()
    ]


def _store(root: str | Path) -> Store:
    from harness.store.store import Store

    return Store(Path(root))
