"""The Python interface: what the commands do, for notebooks and programs.

Records are flat dictionaries with the same members each, so that `pandas.DataFrame(records)` is a
table of them. What a command prints is printed here too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.experiment import Json
from harness.system import child

if TYPE_CHECKING:
    from harness.experiment import Experiment
    from harness.runner.records import Record
    from harness.runner.stating import Ledgers
    from harness.spec.problems import Problem
    from harness.store.store import Store

Paths = str | Path | Iterable[str | Path]
"""A specification, a folder of specifications, or several of these."""

STORE = Path(".harness/store")
REPORTS = Path("reports")

_JUDGED = (0, 1, 3, 4)
"""Exit codes after which there are verdicts."""

_PROGRAM = """
from harness.cli import start
from harness.system.child import end_with_the_parent

end_with_the_parent()
start("python -m harness")
"""
"""What the process of a command runs: the command, until it ends or the caller has ended."""


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
    from harness.spec.patch import parse_assignment

    patches = [parse_assignment(each) for each in _assignments(changes)]
    return load_specifications(_paths(paths), patches, seeds)


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
        "starts_from" (the run whose weights it starts from, or None), "starts_after_epoch" (the
        epoch of that run, None for its end), the largest number of "steps" and "images" that it may
        train on (None where that is not known), and "key".

    Raises:
        SpecError: something is wrong with the specifications.
    """
    from harness.data import catalog
    from harness.runner.looks import plan_all, stage
    from harness.runner.records import planned
    from harness.system import machine

    experiments, kept = load(paths, changes=changes, seeds=seeds), _store(store)
    whole = plan_all(experiments, catalog.data_dir(), machine.gpus())
    plan = whole.narrowed([stage(each, whole, kept).following for each in experiments])
    return planned(plan, kept)


def run(
    paths: Paths,
    *,
    changes: Mapping[str, Json] | None = None,
    seeds: Sequence[int] | None = None,
    store: str | Path = STORE,
    reports: str | Path | None = None,
    processes: int | None = None,
) -> Outcome:
    """Train what is not done yet, check the expectations and write the reports.

    It is `python -m harness run`, in a process of its own: the backend's settings, its threads and
    its memory on a GPU are not left behind in this one.

    Args:
        paths: Files and folders.
        changes: Values by path, as for `load`; they make it a trial.
        seeds: Seeds, as for `load`; they make it a trial.
        store: The folder of all runs.
        reports: The folder of the reports; where it is None, `reports`, and `.harness/reports` for
            a trial.
        processes: How many runs go on side by side, each in a process; None leaves it to their
            size, as the command does.

    Raises:
        SpecError: something is wrong with the specifications; nothing was trained.
        RuntimeError: nothing could be trained, or the command broke off; it printed why.
        KeyboardInterrupt: a stop was asked for; finished runs are kept.
    """
    experiments, kept = load(paths, changes=changes, seeds=seeds), _store(store)
    arguments = [f"--set={each}" for each in _assignments(changes)]
    arguments += [] if seeds is None else [f"--seeds={','.join(map(str, seeds))}"]
    arguments += [] if reports is None else [f"--reports={reports}"]
    arguments += [] if processes is None else [f"--processes={processes}"]
    arguments += [f"--store={store}", "--", *map(str, _paths(paths))]
    exit_code = _command(["run", *arguments])
    if exit_code not in _JUDGED:
        raise RuntimeError(f"the command ended with exit code {exit_code}; it printed why")
    return _outcome(experiments, kept, exit_code)


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
    from harness.compare.sides import read_side
    from harness.plan import Member
    from harness.runner.records import measured

    found = read_side(str(source))
    return [
        measured(Member(experiment, run, seed), each.status, each.key, each.measurements)
        for experiment, known in found.experiments.items()
        for run, by_seed in known.runs.items()
        for seed, each in by_seed.items()
    ]


def _command(arguments: Sequence[str]) -> int:
    """Run a command in a process of its own, and return its exit code.

    What it prints goes where this process's output goes. A stop that is asked of this process is
    passed on, and waited for; the second one is not.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *arguments],
        stdin=subprocess.PIPE,
        env=environment,
        process_group=0,  # so that Ctrl-C reaches this process alone, which passes it on
    )
    with child.ended(process):
        pass
    return process.returncode


def _check(experiments: Sequence[Experiment], store: Store, ledgers: Ledgers | None) -> int:
    """Check experiments as the command does, and return its exit code."""
    from harness.data import catalog
    from harness.runner.conclude import check_experiments
    from harness.runner.invocation import Invocation

    return check_experiments(Invocation(experiments, store, catalog.data_dir(), ledgers=ledgers))


def _outcome(experiments: Sequence[Experiment], store: Store, exit_code: int) -> Outcome:
    """Put together what experiments came to, as it stands in the store now."""
    from harness.data import catalog
    from harness.plan import Member
    from harness.runner.conclude import judge_stored
    from harness.runner.looks import plan_as_it_stands
    from harness.runner.records import measured, verdict
    from harness.system import machine

    now, plan = plan_as_it_stands(experiments, catalog.data_dir(), machine.gpus(), store)
    conclusions = [judge_stored(each, plan, store, history=False) for each in now]
    return Outcome(
        exit_code,
        [
            verdict(each.experiment.name, judgement)
            for each in conclusions
            for judgement in each.judgements
        ],
        [
            measured(
                Member(each.experiment.name, result.run, result.seed),
                result.status.value,
                result.key,
                result.measurements,
            )
            for each in conclusions
            for result in each.results
        ],
    )


def _paths(paths: Paths) -> list[Path]:
    return [Path(each) for each in ([paths] if isinstance(paths, str | Path) else paths)]


def _assignments(changes: Mapping[str, Json] | None) -> list[str]:
    return [f"{path}={json.dumps(value)}" for path, value in (changes or {}).items()]


def _store(root: str | Path) -> Store:
    from harness.store.store import Store

    return Store(Path(root))
