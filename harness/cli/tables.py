"""Tables for a person at a terminal."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from harness.compare.setting_changes import why_run_again
from harness.data import catalog
from harness.data.availability import Availability, availability, why_not_ready
from harness.experiment import Experiment, Json, RunSpec, WeightsFile
from harness.follow.events import Session
from harness.follow.status import SessionStatus, age
from harness.follow.time_left import finished_runs, in_words, time_left
from harness.plan import ConcreteRun, Member, Plan
from harness.report.terminal import show_remarks
from harness.run_result import RunResult, Status
from harness.runner.costs import next_looks
from harness.runner.looks import Stage
from harness.store.state import state_of, why_stale
from harness.store.store import DamagedRun, Store
from harness.system.console import empty_table, heading, literal, say
from harness.words import run_label

_STATES = {
    Status.DONE: "done",
    Status.MISSING: "to do",
    Status.BLOCKED: "blocked",
    Status.ERROR: "error",
}
_HALTED = (Status.BLOCKED, Status.ERROR)

_SHORT = 12
"""Characters of a key that a person is shown; any that begin one key alone name it."""


def show_plan(experiments: Sequence[Experiment], plan: Plan, store: Store) -> None:
    """Show every run of some experiments, its standing, its cost, and the cost of what is left."""
    console = Console()
    kept = [] if all(store.done(key) for key in plan.runs) else list(store.origins().values())
    damaged: set[str] = set()
    stale: set[str] = set()
    for experiment in experiments:
        table = empty_table(
            "run", "starts from", "seeds", "standing", "steps", "images", title=experiment.name
        )
        notes: dict[str, dict[str, None]] = {}
        for name, run in experiment.runs.items():
            keys = [
                plan.members[Member(experiment.name, name, seed)]
                for seed in experiment.seeds_of(name)
            ]
            first = plan.runs[keys[0]]
            cost = ["?" if each is None else f"{each:,}" for each in (first.steps, first.images)]
            results = [
                state_of(plan, key, name, plan.runs[key].seed, store, history=False) for key in keys
            ]
            damaged |= {
                each.key for each in results if each.status is Status.ERROR and store.done(each.key)
            }
            stale |= {each.key for each in results if each.stale}
            standings = _standings(plan, results, store)
            table.add_row(
                literal(name), literal(_start(run)), str(len(keys)), literal(standings), *cost
            )
            for each in results:
                if each.status in _HALTED:
                    notes.setdefault(f"{_STATES[each.status]}: {each.reason}", {})[name] = None
                elif each.stale:
                    notes.setdefault(f"stale: {each.stale}", {})[name] = None
                elif each.status is Status.MISSING and (
                    why := why_run_again(plan, plan.runs[each.key], kept)
                ):
                    notes.setdefault(f"to do, because {why}", {})[name] = None
        console.print(table)
        for reason, names in notes.items():
            say(console, f"{', '.join(names)} {reason}")
    show_remarks(console, plan)
    console.print(f"\n{_summary(plan, store, len(damaged), stale)}", highlight=False)


def show_looks(stages: Sequence[Stage], whole: Plan, store: Store) -> None:
    """Show what the next looks at undecided expectations would add, and the likely cost.

    Only of experiments whose seeds are added look after look.
    """
    open_ = [each for each in stages if each.experiment.seed_plan]
    took = list(finished_runs(store)) if open_ else []
    console = Console()
    for each in open_:
        for sentence in next_looks(each, whole, store, took):
            say(console, sentence)


def _start(run: RunSpec) -> str:
    if isinstance(run.initialize_from, WeightsFile):
        return run.initialize_from.path.name
    return run.initialize_from or ""


def _state(plan: Plan, result: RunResult, store: Store) -> str:
    epoch = store.progress(result.key) if result.status is Status.MISSING else None
    ended = "stale" if result.stale else _STATES[result.status]
    state = ended if epoch is None else f"unfinished at epoch {epoch:g}"
    return f"{state} (shared)" if plan.shared(result.key) else state


def _standings(plan: Plan, results: Sequence[RunResult], store: Store) -> str:
    states = [_state(plan, result, store) for result in results]
    counted = [(states.count(state), state) for state in dict.fromkeys(states)]
    return "; ".join(
        state if count == len(states) else f"{count} {state}" for count, state in counted
    )


def _summary(plan: Plan, store: Store, damaged: int, stale: Collection[str]) -> str:
    waiting = [run for key, run in plan.runs.items() if key in stale or not store.done(key)]
    left = [run for run in waiting if run.blocked is None]
    again = sum(run.key in stale for run in left)
    return (
        f"{len(plan.runs)} runs: {len(plan.runs) - len(waiting) - damaged} done, {len(left)} to do"
        f"{f' ({again} of them again, because they are stale)' if again else ''}, "
        f"{len(waiting) - len(left)} blocked{f', {damaged} damaged' if damaged else ''}; "
        f"left at most {_total(left, 'steps')} steps, {_total(left, 'images')} images"
    )


def _total(runs: Sequence[ConcreteRun], what: str) -> str:
    known = [getattr(run, what) for run in runs if getattr(run, what) is not None]
    return f"{sum(known):,}" + ("" if len(known) == len(runs) else " and more")


def show_runs(store: Store, pattern: str) -> list[str]:
    """Show the finished runs whose label fits a pattern, with what they reached and took.

    Returns:
        What is wrong with runs that cannot be used, whatever their labels are.

    Raises:
        StoreError: the store cannot be read.
    """
    table = empty_table("key", "run", "train", "test", "seconds", "size", "")
    reasons: dict[str, int] = {}
    faults: list[str] = []
    kept = store.keys()
    for key in kept:
        try:
            origin, result = store.finished(key, history=False)
        except DamagedRun as error:
            faults.append(str(error))
            continue
        label = run_label(origin.experiment, origin.run, origin.seed)
        if not fnmatch.fnmatchcase(label, f"*{pattern.replace('[', '[[]')}*"):
            continue
        train, test = (
            _percent(result.measurements.get(name)) for name in ("train_accuracy", "test_accuracy")
        )
        size = sum(path.lstat().st_size for path in store.folder(key).iterdir())
        stale = why_stale(store, result, origin.parent)
        reasons |= {stale: reasons.get(stale, 0) + 1} if stale else {}
        seconds = f"{result.seconds:.1f}"
        table.add_row(
            literal(key[:_SHORT]),
            literal(label),
            train,
            test,
            seconds,
            decimal(size),
            "stale" if stale else "",
        )
    console = Console()
    console.print(table)
    for reason, count in reasons.items():
        say(console, f"stale, {count} of them: {reason}")
    say(console, f"{table.row_count} runs in {store.root}")
    return faults


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def show_standings(standings: Sequence[SessionStatus], root: Path) -> None:
    """Show the invocations that are at work on a store, what each does, and how long it takes."""
    console = Console()
    if not standings:
        say(console, f"no event log in {root}: nothing was run there yet")
    for each in standings:
        session = each.session
        say(console, f"{session.host}, process {session.pid}, {_life(session)}: {_progress(each)}")
        if session.alive and session.current:
            table = empty_table("run", "epoch", "train", "test", "heard")
            for run in session.current:
                row = run.row or {}
                epoch = f"{row.get('epoch', 0)} of {run.epochs}"
                accuracies = (
                    _percent(row.get(name)) for name in ("train_accuracy", "test_accuracy")
                )
                table.add_row(
                    literal(run.label),
                    literal(epoch),
                    *accuracies,
                    f"{in_words(age(run.heard))} ago",
                )
            console.print(table)


def _life(session: Session) -> str:
    if session.alive:
        return f"running for {in_words(age(session.started))}"
    return f"ended {in_words(age(session.heard))} ago ({session.ended or 'it was killed'})"


def _progress(standing: SessionStatus) -> str:
    others = {"failed": standing.failed, "blocked": standing.blocked}
    parts = [
        f"{standing.done} of {standing.total} runs done",
        *(f"{n} {what}" for what, n in others.items() if n),
    ]
    if standing.session.alive:
        parts.append(time_left(standing.seconds_left, standing.unknown))
    return ", ".join(parts)


def show_sources(data_dir: Path) -> None:
    """Show every data set, whether it is ready, and how to get it."""
    console = Console()
    table = empty_table("name", "ready", "what", "size", "licence")
    table.title = literal(f"data folder: {data_dir}")
    notes = []
    for name, info in catalog.DATASETS.items():
        named_by = info.origin.named_by
        why_not = None if named_by else why_not_ready(name, {}, data_dir)
        ready = f"by {named_by}" if named_by else "no" if why_not else "yes"
        notes += [why_not] if why_not else []
        table.add_row(name, ready, literal(info.title), literal(info.size), literal(info.licence))
    console.print(table)
    for note in notes:
        say(console, note)


def show_status(names: Sequence[str], data_dir: Path, parameters: Json | None = None) -> None:
    """Show of each data set what it is, where and how large it is, and what to do next.

    `parameters` are those of the one that is named, where some are given.
    """
    console = Console()
    for name in names:
        info, status = catalog.DATASETS[name], availability(name, data_dir, parameters)
        title = heading(f"{name}: {info.title}")
        table = Table(title=title, title_justify="left", box=None, show_header=False)
        table.add_column()
        table.add_column(overflow="fold")
        rows = [
            *_standing(status),
            ("size", info.size),
            ("licence", info.licence),
            ("cite", info.citation),
        ]
        for label, value in rows:
            table.add_row(label, literal(value))
        console.print(table)
        if status.next_step:
            say(console, f"next: {status.next_step}")


def _standing(status: Availability) -> Iterator[tuple[str, str]]:
    """Yield whether a data set is ready, and where it and its archives lie or must lie."""
    if status.folder is None:
        yield "ready", "by what a specification names; give it here with --set"
        return
    yield "ready", "no" if status.next_step else "yes"
    there = decimal(status.prepared_bytes) if status.prepared_bytes else "nothing there yet"
    yield "prepared", f"{status.folder} ({there})"
    if status.remark:
        yield "left out", status.remark
    for archive in status.archives:
        found = next((path for path in status.found if path.name == archive), None)
        places = ", ".join(map(str, status.searched)) or "HARNESS_ARCHIVES, which names no folder"
        yield (
            "archive",
            (
                f"{found} ({decimal(found.stat().st_size)})"
                if found
                else f"{archive}, not in {places}"
            ),
        )
