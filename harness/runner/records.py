"""What is known of runs and verdicts as flat records, for programs.

The Python interface returns them, and the documents that commands print with `--json` hold them:
the same members, so that what was written for one reads the other.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.experiment import Json
from harness.judging.judgement import Judgement
from harness.metrics import METRICS
from harness.plan import ConcreteRun, Member, Plan
from harness.run_result import Detail, RunResult
from harness.store.snapshot import Snapshot
from harness.store.state import state_of
from harness.store.store import Store

Record = dict[str, Json]
"""A row of a table: names to numbers, texts, booleans or None."""


def planned(plan: Plan, store: Store) -> list[Record]:
    """Return a record for each run and seed of a plan: how it stands, and what it costs at most."""
    store = Snapshot.of(store)
    return [
        _planned(
            member,
            plan.runs[key],
            state_of(plan, key, member.run, member.seed, store, Detail.NUMBERS),
        )
        for member, key in plan.members.items()
    ]


def measured(
    member: Member, status: str, key: str, measurements: Mapping[str, float | None]
) -> Record:
    """Return what was measured of a run, None for each metric that was not."""
    return {
        "experiment": member.experiment,
        "run": member.run,
        "seed": member.seed,
        "status": status,
        "key": key,
        **dict.fromkeys(METRICS),
        **measurements,
    }


def verdict(experiment: str, judgement: Judgement) -> Record:
    """Return a verdict with its expectation and the numbers that decided."""
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
        "seeds": judgement.seeds,
        "limit_low": low,
        "limit_high": high,
        "message": judgement.message,
        "stale": judgement.stale,
    }


def _planned(member: Member, run: ConcreteRun, found: RunResult) -> Record:
    start = run.run.initialize_from
    return {
        "experiment": member.experiment,
        "run": found.run,
        "seed": found.seed,
        "status": found.status.value,
        "reason": found.reason or found.stale or found.again,
        "stale": bool(found.stale),
        "starts_from": start if start is None or isinstance(start, str) else start.path.as_posix(),
        "starts_after_epoch": run.run.start_epoch,
        "steps": run.steps,
        "images": run.images,
        "key": run.key,
    }
