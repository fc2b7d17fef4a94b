"""Show what differs from a baseline to a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from tabulate import tabulate

from harness.compare.baseline import Baseline
from harness.compare.drift import BaselineComparison
from harness.system.console import literal
from harness.system.table import Column, show_table
from harness.units import number, scale_of, scale_of_difference
from harness.words import seeds_named

_HEADERS = ("run", "metric", "kept", "measured", "difference", "allowed", "seeds", "p", "")


def drift_table(comparisons: Sequence[BaselineComparison]) -> str:
    """Return a table of the comparisons that marks drift, with p-values where any was tested."""
    headers, rows = _cells(comparisons)
    return tabulate(rows, headers, tablefmt="plain", disable_numparse=True)


def show_drift(console: Console, comparisons: Sequence[BaselineComparison]) -> None:
    """Show the same at a terminal, no wider than it is."""
    headers, rows = _cells(comparisons)
    names = ("run", "metric")
    columns = [Column(each, folds=not each, leading=each in names) for each in headers]
    show_table(console, columns, [[literal(cell) for cell in row] for row in rows])


def _cells(comparisons: Sequence[BaselineComparison]) -> tuple[list[str], list[list[str]]]:
    """Return the headers and the rows."""
    rows, headers = [_row(each) for each in comparisons], list(_HEADERS)
    if not any(each.test for each in comparisons):
        rows, headers = [[*row[:-2], row[-1]] for row in rows], [*headers[:-2], headers[-1]]
    return headers, rows


def changes(comparisons: Sequence[BaselineComparison]) -> list[BaselineComparison]:
    """Return the comparisons whose mean is not exactly the kept one, or of other seeds."""
    return [
        each
        for each in comparisons
        if each.measured != each.kept or each.lost or each.gained or each.unusable
    ]


def other_environment(kept: Baseline, now: Baseline) -> list[str]:
    """Say, one line each, in what the surroundings differ, also what one side alone recorded."""
    names = dict.fromkeys([*kept.environment, *now.environment])
    pairs = {
        name: (kept.environment.get(name, "nothing"), now.environment.get(name, "nothing"))
        for name in names
    }
    return [
        f"{name}: {before} -> {after}" for name, (before, after) in pairs.items() if before != after
    ]


def _row(comparison: BaselineComparison) -> list[str]:
    kept, measured, scale = comparison.kept, comparison.measured, scale_of(comparison.metric)
    scale_between = scale_of_difference(scale)
    return [
        comparison.run,
        comparison.metric,
        number(kept, scale),
        number(measured, scale),
        number(measured - kept, scale_between) if kept is not None and measured is not None else "",
        number(comparison.allowed, scale_between) if kept is not None else "",
        _seeds(comparison),
        _probability(comparison),
        ", ".join(_remarks(comparison)),
    ]


def _seeds(comparison: BaselineComparison) -> str:
    """Return how many seeds have a value: "3" for all, "2 of 3", "3 -> 2 of 3" where more had."""
    before, now, all_ = comparison.counts
    counts = str(now) if before == now else f"{before} -> {now}"
    return counts if before == now == all_ else f"{counts} of {all_}"


def _probability(comparison: BaselineComparison) -> str:
    """Return the corrected p-value, where the means were tested."""
    if comparison.test is None:
        return ""
    return "<0.001" if comparison.test.adjusted < 0.0005 else f"{comparison.test.adjusted:.3f}"


def _remarks(comparison: BaselineComparison) -> Iterator[str]:
    if comparison.drifted:
        yield "drifted"
    if comparison.uncertain:
        yield "maybe by chance"
    for what, seeds in (
        ("gone", comparison.lost),
        ("not kept", comparison.gained),
        ("no finite number", comparison.unusable),
    ):
        if seeds:
            yield (
                what if len(seeds) == comparison.counts[-1] else f"{what} for {seeds_named(seeds)}"
            )
