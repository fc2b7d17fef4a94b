"""A plan for a person at a terminal: its runs, or a row a specification where they are many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from harness.compare.setting_changes import why_run_again
from harness.follow.time_left import Pace, in_words, remaining, unstarted
from harness.plan import ConcreteRun, Plan
from harness.report.terminal import show_remarks
from harness.run_result import RunResult, Status
from harness.runner.standings import Standing
from harness.store.run_files import Origin
from harness.store.store import Store
from harness.system.console import literal, say
from harness.system.table import Column, show_names, show_table
from harness.words import agreeing, plural

MOST_RUNS = 40
"""So many runs, their seeds aside, are shown one by one; of more, a row a specification."""

_STATES = {
    Status.DONE: "done",
    Status.MISSING: "to do",
    Status.BLOCKED: "blocked",
    Status.ERROR: "error",
}

_RUNS = (
    Column("run"),
    Column("starts from", folds=True),
    Column("seeds", right=True),
    Column("standing", folds=True),
    Column("steps", right=True),
    Column("images", right=True),
)
_HOURS = "hours"


def show_plan(
    standings: Sequence[Standing], plan: Plan, store: Store, pace: Pace, everything: bool = False
) -> None:
    """Show how the runs of some experiments stand, and what is left.

    Where they are few, or `everything` is asked for, every run is shown; else a row an experiment.
    Why runs are blocked, stale or to do once more is told once for all that share the reason.
    """
    console = Console()
    in_full = everything or sum(len(each.results) for each in standings) <= MOST_RUNS
    if in_full:
        for each in standings:
            console.print()
            _show_runs(console, each, plan, store)
    if len(standings) > 1 or not in_full:
        console.print()
        _show_experiments(console, standings)
    for reason in _reasons(standings, plan, store).values():
        console.print()
        say(console, reason.sentence)
        show_names(console, reason.runs(standings) if in_full else reason.experiments)
    if plan.remarks:
        console.print()
        show_remarks(console, plan)
    unmeasured = _unmeasured(standings)
    if unmeasured:
        console.print()
        say(console, unmeasured)
    console.print()
    say(console, _summary(standings, plan, store, pace))
    if not in_full:
        say(console, "--all shows the runs, --json gives them to programs")


def _show_runs(console: Console, standing: Standing, plan: Plan, store: Store) -> None:
    rows: list[list[Text]] = []
    for name, results in standing.results.items():
        first = plan.runs[results[0].key]
        cells = [
            name,
            standing.experiment.runs[name].start,
            str(len(results)),
            _states(plan, results, store),
            *("?" if each is None else f"{each:,}" for each in (first.steps, first.images)),
        ]
        rows.append([literal(cell) for cell in cells])
    show_table(console, _RUNS, rows, literal(standing.experiment.name, "italic"))


def _state(plan: Plan, result: RunResult, store: Store) -> str:
    epoch = store.progress(result.key) if result.status is Status.MISSING else None
    ended = "stale" if result.stale else "to do again" if result.again else _STATES[result.status]
    state = ended if epoch is None else f"unfinished at epoch {epoch:g}"
    return f"{state} (shared)" if plan.shared(result.key) else state


def _states(plan: Plan, results: Sequence[RunResult], store: Store) -> str:
    states = [_state(plan, result, store) for result in results]
    counted = [(states.count(state), state) for state in dict.fromkeys(states)]
    return "; ".join(
        state if count == len(states) else f"{count} {state}" for count, state in counted
    )


def _show_experiments(console: Console, standings: Sequence[Standing]) -> None:
    """Show a row an experiment: how many runs stand how, and the hours that are left."""
    failed = any(each.counts[Status.ERROR] for each in standings)
    headers = ["runs", "done", "stale", *(["failed"] if failed else []), "blocked", "to do", _HOURS]
    columns = [
        Column("experiment"),
        *(Column(header, folds=header == "to do", right=True) for header in headers),
    ]
    rows: list[list[Text]] = []
    for each in standings:
        counts = each.counts
        numbers = [
            len(each.all_results),
            counts[Status.DONE] - each.stale,
            each.stale,
            *([counts[Status.ERROR]] if failed else []),
            counts[Status.BLOCKED],
            counts[Status.MISSING],
        ]
        cells = [each.experiment.name, *map(str, numbers), _hours(each)]
        rows.append([literal(cell) for cell in cells])
    show_table(console, columns, rows)


def _hours(standing: Standing) -> str:
    """Return the hours that are left: "?" is what nothing is known of, nothing is nothing to do."""
    if not standing.waiting:
        return ""
    if standing.unknown == len(standing.waiting):
        return "?"
    hours = standing.seconds_left / 3600
    known = "<0.1" if hours < 0.1 else f"{hours:,.1f}"
    return f"{known}+?" if standing.unknown else known


@dataclass
class _Reason:
    """Why runs stand as they do, and which of which experiments."""

    before: str
    after: str
    keys: set[str] = field(default_factory=set)
    experiments: dict[str, dict[str, None]] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Return how many runs there are, and the reason."""
        count = len(self.keys)
        verb = agreeing(count, *self.before.split("/"))
        return f"{plural(count, 'run')} {verb}{self.after}"

    def runs(self, standings: Sequence[Standing]) -> Iterator[str]:
        """Yield the names of the runs; with that of their experiment, where there are several."""
        for each in standings:
            names = self.experiments.get(each.experiment.name, {})
            if len(standings) == 1:
                yield from names
            elif len(names) == len(each.results):
                yield f"all of {each.experiment.name}"
            else:
                yield from (f"{each.experiment.name} / {name}" for name in names)


def _reasons(standings: Sequence[Standing], plan: Plan, store: Store) -> dict[str, _Reason]:
    """Return every reason, in the order in which they are met."""
    kept = _before(standings, plan, store)
    found: dict[str, _Reason] = {}
    for standing in standings:
        for name, results in standing.results.items():
            for each in results:
                reason = _reason(each, plan, kept)
                if reason is not None:
                    known = found.setdefault(reason.after, reason)
                    known.keys.add(each.key)
                    known.experiments.setdefault(standing.experiment.name, {})[name] = None
    return found


def _before(
    standings: Sequence[Standing], plan: Plan, store: Store
) -> Mapping[str, Sequence[Origin]]:
    """Return the finished runs that bear the labels of runs that are to be made, by these."""
    missing = {
        plan.runs[result.key].label
        for each in standings
        for result in each.all_results
        if result.status is Status.MISSING
    }
    found: dict[str, list[Origin]] = defaultdict(list)
    for origin in (store.origins(missing.__contains__) if missing else {}).values():
        found[origin.label].append(origin)
    return found


def _reason(result: RunResult, plan: Plan, kept: Mapping[str, Sequence[Origin]]) -> _Reason | None:
    """Return why a run stands as it does, None where that needs no reason."""
    run = plan.runs[result.key]
    if result.status is Status.BLOCKED:
        first = run if run.blocked_by is None else plan.runs[run.blocked_by]
        return _Reason("is/are", f" blocked: {first.blocked or result.reason}")
    if result.status is Status.ERROR:
        return _Reason("has/have", f" an error: {result.reason}")
    if result.stale:
        return _Reason("is/are", f" stale: {result.stale}")
    if result.again:
        return _Reason("is/are", f" to do again, because {result.again}")
    missing = result.status is Status.MISSING
    why = why_run_again(plan, run, kept.get(run.label, ())) if missing else None
    return _Reason("is/are", f" to do, because {why}") if why else None


def _summary(standings: Sequence[Standing], plan: Plan, store: Store, pace: Pace) -> str:
    results = [each for standing in standings for each in standing.all_results]
    stale = {each.key for each in results if each.stale or each.again}
    why = "" if any(each.again for each in results) else ", because they are stale"
    damaged = len(
        {each.key for each in results if each.status is Status.ERROR and store.done(each.key)}
    )
    waiting = [run for key, run in plan.runs.items() if key in stale or not store.done(key)]
    left = [run for run in waiting if run.blocked is None]
    again = sum(run.key in stale for run in left)
    return (
        f"{len(plan.runs)} runs: {len(plan.runs) - len(waiting) - damaged} done, {len(left)} to do"
        f"{f' ({again} of them again{why})' if again else ''}, "
        f"{len(waiting) - len(left)} blocked{f', {damaged} damaged' if damaged else ''}; "
        f"left at most {_total(left, 'steps')} steps, {_total(left, 'images')} images"
        f"{_time(left, pace)}"
    )


def _unmeasured(standings: Sequence[Standing]) -> str:
    """Return how many numbers of final metrics finished runs lack, nothing where they lack none."""
    count = sum(len(each.unmeasured) for standing in standings for each in standing.all_results)
    there = f"{plural(count, 'number')} of final metrics {agreeing(count, 'is', 'are')} not there"
    return f"{there}: run or measure measures what can be, without training" if count else ""


def _time(left: Sequence[ConcreteRun], pace: Pace) -> str:
    """Return about how long runs take one after another, nothing where that is not known of any."""
    seconds, unknown = remaining(map(unstarted, left), pace, 1)
    if not left or unknown == len(left):
        return ""
    rest = f" without {plural(unknown, 'run')} unlike any in the store" if unknown else ""
    return f", about {in_words(seconds)}{rest}"


def _total(runs: Sequence[ConcreteRun], what: str) -> str:
    known = [getattr(run, what) for run in runs if getattr(run, what) is not None]
    return f"{sum(known):,}" + ("" if len(known) == len(runs) else " and more")
