"""Work out the difference of two sides: records in, records out."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from harness.compare.causes import code_causes, rank
from harness.compare.records import DONE, ExpectationRecord, ExperimentRecord, RunRecord, Side
from harness.compare.setting_changes import unknown_settings_changed
from harness.compare.significance import Comparison, Outcome, Values, compare_all
from harness.experiment import Json
from harness.expression import ExpressionError, parse, references
from harness.metrics import METRICS
from harness.rounding import is_finite_number

ABSENT = "not there"
"""The status of a run, or the value of a setting, that one side does not have."""

Explain = Callable[[RunRecord, RunRecord], str]
"""Says why two runs of the same name and seed have different keys."""


class Presence(enum.Enum):
    """The sides on which something is."""

    BOTH = "both"
    ADDED = "added"
    REMOVED = "removed"


class Change(NamedTuple):
    """Something by its name, before and after."""

    name: str
    before: Json
    after: Json


@dataclass(frozen=True)
class RunDifference:
    """What differs in a run: the status of its seeds, its settings and its numbers.

    `statuses` are of the seeds that finished on one side only or not at all.
    """

    name: str
    presence: Presence
    statuses: tuple[Change, ...] = ()
    settings: tuple[str, ...] = ()
    numbers: Mapping[str, Comparison] | None = None

    @property
    def changes(self) -> bool:
        """Tell whether more than settings changed."""
        return (
            self.presence is not Presence.BOTH
            or bool(self.statuses)
            or any(comparison.outcome.changes for comparison in (self.numbers or {}).values())
        )


@dataclass(frozen=True)
class ExpectationDifference:
    """What differs in an expectation: its verdict, what it asks, and its value.

    `comparison` is None where the two sides ask of different metrics.
    """

    id: str
    presence: Presence
    before: ExpectationRecord | None
    after: ExpectationRecord | None
    terms: tuple[Change, ...] = ()
    comparison: Comparison | None = None

    @property
    def verdict_changed(self) -> bool:
        """Tell whether the verdict is another one, or is there on one side only."""
        return (
            self.before is None or self.after is None or self.before.verdict != self.after.verdict
        )

    @property
    def changes(self) -> bool:
        """Tell whether more than its terms changed."""
        return self.verdict_changed or (
            self.comparison is not None and self.comparison.outcome.changes
        )


@dataclass(frozen=True)
class ExperimentDifference:
    """What differs in one experiment; `code` says which modules that made its runs changed."""

    name: str
    title: str
    presence: Presence
    runs: tuple[RunDifference, ...] = ()
    expectations: tuple[ExpectationDifference, ...] = ()
    environment: tuple[Change, ...] = ()
    code: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Tell whether anything counts as a change."""
        return (
            self.presence is not Presence.BOTH
            or any(run.changes for run in self.runs)
            or any(expectation.changes for expectation in self.expectations)
        )


@dataclass(frozen=True)
class Difference:
    """All differences, and the confidence with which they were told from chance.

    `remarks` say which runs of a store were compared, where it has several of one name and seed.
    """

    before: str
    after: str
    confidence: float
    experiments: tuple[ExperimentDifference, ...]
    remarks: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Tell whether anything counts as a change: a verdict, a run, or a number beyond chance."""
        return any(experiment.changes for experiment in self.experiments)

    def comparisons(self) -> list[Comparison]:
        """Return the comparisons of all numbers of runs and of expectations."""
        return [
            comparison for experiment in self.experiments for comparison in _comparisons(experiment)
        ]


class _Pair(NamedTuple):
    """The experiments of one name; None where a side has none."""

    before: ExperimentRecord | None
    after: ExperimentRecord | None


class _Place(NamedTuple):
    """The place of a number: a run's metric, or an expectation."""

    experiment: str
    kind: str
    of: str
    metric: str = ""


def compare_sides(
    before: Side,
    after: Side,
    confidence: float,
    metrics: Sequence[str] = (),
    explain: Explain | None = None,
) -> Difference:
    """Compare two sides; of the runs' numbers only those of `metrics`, where any are named.

    The p-values of all experiments are corrected together. `explain` says why the keys of two runs
    differ, where their settings are known.
    """
    paired = dict(_paired(*_both_judged(before, after)))
    places = {
        place: values
        for name, (first, second) in paired.items()
        if first is not None and second is not None
        for place, values in _numbers(name, first, second, metrics)
    }
    sizes = {
        _Place(name, "expectation", id_): _largest_operand(each.metric, first, second)
        for name, (first, second) in paired.items()
        if first is not None and second is not None
        for id_, each in first.expectations.items()
    }
    numbers = compare_all(places, confidence, sizes)
    experiments = [
        _experiment(name, *pair, numbers, explain or unknown_settings_changed)
        for name, pair in paired.items()
    ]
    experiments.sort(key=_weight_of_experiment, reverse=True)
    remarks = (*before.remarks, *after.remarks)
    return Difference(
        before.name, after.name, confidence, tuple(experiments), tuple(dict.fromkeys(remarks))
    )


def _weight_of_experiment(experiment: ExperimentDifference) -> tuple[int, float]:
    """Return how much an experiment's changes matter: changed verdicts, then the largest change."""
    turned = sum(each.verdict_changed for each in experiment.expectations)
    return turned, max((weight(each) for each in _comparisons(experiment)), default=0.0)


def weight(comparison: Comparison | None) -> float:
    """Return how much a change matters: the difference in half-widths of its interval.

    Nothing for a difference within chance. For one seed, which has no interval, it is the share of
    the larger number. It is infinite for a number that some seeds have on one side only, and for
    one that changed by the same amount in all seeds.
    """
    if comparison is None or not comparison.outcome.changes:
        return 0.0
    if comparison.outcome in (Outcome.EXISTENCE, Outcome.ALIKE) or comparison.difference is None:
        return math.inf
    if comparison.half_width is not None:
        return (
            abs(comparison.difference) / comparison.half_width
            if comparison.half_width
            else math.inf
        )
    return abs(comparison.difference) / max(
        abs(side.mean or 0.0) for side in (comparison.before, comparison.after)
    )


def _both_judged(before: Side, after: Side) -> tuple[Side, Side]:
    """Leave the verdicts out where one side, such as a store, has none."""
    if before.judged and after.judged:
        return before, after
    return _unjudged(before), _unjudged(after)


def _unjudged(side: Side) -> Side:
    return replace(
        side,
        experiments={
            name: replace(each, expectations={}) for name, each in side.experiments.items()
        },
    )


def only_changes(difference: Difference) -> Difference:
    """Return the difference without what did not change, and without numbers within chance.

    Other surroundings, such as another version of a library, are shown only beside changes.
    """
    kept = [_only_changes(experiment) for experiment in difference.experiments]
    shown = [each for each in kept if each.changes or each.runs or each.expectations]
    return replace(difference, experiments=tuple(shown))


def _only_changes(experiment: ExperimentDifference) -> ExperimentDifference:
    runs = [
        replace(
            run,
            numbers={
                name: number
                for name, number in (run.numbers or {}).items()
                if number.outcome.changes
            },
        )
        for run in experiment.runs
        if run.changes or run.settings
    ]
    expectations = [each for each in experiment.expectations if each.changes or each.terms]
    return replace(experiment, runs=tuple(runs), expectations=tuple(expectations))


def _comparisons(experiment: ExperimentDifference) -> Iterator[Comparison]:
    for run in experiment.runs:
        yield from (run.numbers or {}).values()
    yield from (each.comparison for each in experiment.expectations if each.comparison is not None)


def _paired(before: Side, after: Side) -> Iterator[tuple[str, _Pair]]:
    """Yield the experiments of both sides by name.

    Two that were each asked for by itself are a pair whatever their names are. Where only one was
    asked for by itself, the others of the other side do not count.
    """
    if before.single and after.single:
        (first_name, first), (second_name, second) = (
            *before.experiments.items(),
            *after.experiments.items(),
        )
        name = first_name if first_name == second_name else f"{first_name} -> {second_name}"
        yield (
            name,
            _Pair(
                _with_shared_runs(first, second, before), _with_shared_runs(second, first, after)
            ),
        )
        return
    single = before if before.single else after if after.single else None
    for name in (
        single.experiments if single else _names_of_both(before.experiments, after.experiments)
    ):
        first_, second_ = before.experiments.get(name), after.experiments.get(name)
        yield (
            name,
            _Pair(
                _with_shared_runs(first_, second_, before),
                _with_shared_runs(second_, first_, after),
            ),
        )


def _with_shared_runs(
    own: ExperimentRecord | None, other: ExperimentRecord | None, side: Side
) -> ExperimentRecord | None:
    """Return an experiment of a side, with the runs that the side has under another name.

    The other side's experiment tells which runs are wanted.
    """
    if other is None or not side.runs_by_key:
        return own
    runs = {name: dict(seeds) for name, seeds in own.runs.items()} if own else {}
    for name, seeds in other.runs.items():
        kept = {
            seed: side.runs_by_key[run.key]
            for seed, run in seeds.items()
            if run.key in side.runs_by_key
        }
        if kept or name in runs:
            runs[name] = kept | runs.get(name, {})
    if not runs:
        return own
    return replace(own, runs=runs) if own else ExperimentRecord(other.title, runs)


_Item = TypeVar("_Item")


def _names_of_both(before: Mapping[str, _Item], after: Mapping[str, _Item]) -> list[str]:
    """Return the names of both, each once, those of `before` first."""
    return list(dict.fromkeys([*before, *after]))


def _presence(before: object | None, after: object | None) -> Presence:
    return (
        Presence.ADDED if before is None else Presence.REMOVED if after is None else Presence.BOTH
    )


def _numbers(
    experiment: str, before: ExperimentRecord, after: ExperimentRecord, metrics: Sequence[str]
) -> Iterator[tuple[_Place, tuple[Values, Values]]]:
    for name in (name for name in before.runs if name in after.runs):
        first, second = _finished(before.runs[name]), _finished(after.runs[name])
        for metric in _metrics([*first.values(), *second.values()]):
            if not metrics or metric in metrics:
                yield (
                    _Place(experiment, "run", name, metric),
                    (_values(first, metric), _values(second, metric)),
                )
    for id_ in (id_ for id_ in before.expectations if id_ in after.expectations):
        first_, second_ = before.expectations[id_], after.expectations[id_]
        if first_.metric == second_.metric and (first_.values or second_.values):
            yield (
                _Place(experiment, "expectation", id_),
                (_of_all_seeds(before, first_), _of_all_seeds(after, second_)),
            )


def _of_all_seeds(experiment: ExperimentRecord, expected: ExpectationRecord) -> Values:
    """Return an expectation's value by seed; None for a seed whose runs are there and give none."""
    seeds = dict.fromkeys(seed for of_run in experiment.runs.values() for seed in of_run)
    return {seed: expected.values.get(seed) for seed in seeds} | dict(expected.values)


def _largest_operand(metric: str, *sides: ExperimentRecord) -> float:
    """Return the largest number that an expression is computed from; 0 for one that has a fault."""
    try:
        used = references(parse(metric))
    except ExpressionError:
        return 0.0
    found = (
        run.measurements.get(each.metric)
        for side in sides
        for each in used
        for run in side.runs.get(each.run, {}).values()
    )
    return max((abs(value) for value in found if is_finite_number(value)), default=0.0)


def _finished(seeds: Mapping[int, RunRecord]) -> dict[int, RunRecord]:
    return {seed: run for seed, run in seeds.items() if run.status == DONE}


def _metrics(runs: Sequence[RunRecord]) -> list[str]:
    """Return the metrics that any of the runs has, in the order of their definition."""
    measured = dict.fromkeys(name for run in runs for name in run.measurements)
    return [
        *(name for name in METRICS if name in measured),
        *sorted(measured.keys() - METRICS.keys()),
    ]


def _values(seeds: Mapping[int, RunRecord], metric: str) -> Values:
    return {seed: run.measurements.get(metric) for seed, run in seeds.items()}


def _experiment(
    name: str,
    before: ExperimentRecord | None,
    after: ExperimentRecord | None,
    numbers: Mapping[_Place, Comparison],
    explain: Explain,
) -> ExperimentDifference:
    present = after or before
    title = present.title if present else ""
    if before is None or after is None:
        return ExperimentDifference(name, title, _presence(before, after))
    runs = [
        _run(run, before.runs.get(run), after.runs.get(run), _of_run(numbers, name, run), explain)
        for run in _names_of_both(before.runs, after.runs)
    ]
    return ExperimentDifference(
        name,
        title,
        Presence.BOTH,
        tuple(runs),
        tuple(_expectations(name, before, after, numbers)),
        _environment(before, after),
        tuple(code_causes(before.code, after.code)),
    )


def _of_run(
    numbers: Mapping[_Place, Comparison], experiment: str, run: str
) -> dict[str, Comparison]:
    return {
        place.metric: comparison
        for place, comparison in numbers.items()
        if place[:3] == (experiment, "run", run)
    }


def _run(
    name: str,
    before: Mapping[int, RunRecord] | None,
    after: Mapping[int, RunRecord] | None,
    numbers: Mapping[str, Comparison],
    explain: Explain,
) -> RunDifference:
    if before is None or after is None:
        return RunDifference(name, _presence(before, after))
    settings = dict.fromkeys(
        explain(before[seed], after[seed])
        for seed in sorted(before.keys() & after.keys())
        if before[seed].key != after[seed].key
    )
    return RunDifference(
        name, Presence.BOTH, tuple(_statuses(before, after)), tuple(settings), numbers
    )


def _statuses(before: Mapping[int, RunRecord], after: Mapping[int, RunRecord]) -> Iterator[Change]:
    for seed in sorted(before.keys() | after.keys()):
        first, second = (side[seed].status if seed in side else ABSENT for side in (before, after))
        if first != second:
            yield Change(f"seed {seed}", first, second)


def _expectations(
    experiment: str,
    before: ExperimentRecord,
    after: ExperimentRecord,
    numbers: Mapping[_Place, Comparison],
) -> Iterator[ExpectationDifference]:
    for id_ in _names_of_both(before.expectations, after.expectations):
        first, second = before.expectations.get(id_), after.expectations.get(id_)
        terms = tuple(_changes(first.terms, second.terms)) if first and second else ()
        comparison = numbers.get(_Place(experiment, "expectation", id_))
        yield ExpectationDifference(id_, _presence(first, second), first, second, terms, comparison)


def _changes(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[Change]:
    for name in _names_of_both(before, after):
        first, second = before.get(name), after.get(name)
        if first != second:
            yield Change(name, first, second)


def _environment(before: ExperimentRecord, after: ExperimentRecord) -> tuple[Change, ...]:
    """Return the surroundings that both sides recorded and in which they differ, packages first."""
    both = sorted(before.environment.keys() & after.environment.keys(), key=rank)
    changes = _changes(
        {name: ", ".join(before.environment[name]) for name in both},
        {name: ", ".join(after.environment[name]) for name in both},
    )
    return tuple(changes)
