"""What differs from a baseline, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from harness.numbers import number, scale_of, scale_of_difference
from harness.report.baseline import Baseline, Comparison

_HEADERS = ("run", "metric", "kept", "measured", "difference", "allowed", "")


def drift_table(comparisons: Sequence[Comparison]) -> str:
    """Return a table of the comparisons, those that drifted marked."""
    return tabulate([_row(each) for each in comparisons], _HEADERS, tablefmt="plain", disable_numparse=True)


def changes(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons in which the number is not exactly the kept one."""
    return [each for each in comparisons if each.measured != each.kept]


def other_environment(kept: Baseline, now: Baseline) -> list[str]:
    """Say in lines what took part in measuring that did not before."""
    names = dict.fromkeys([*kept.environment, *now.environment])
    pairs = {name: (kept.environment.get(name, "nothing"), now.environment.get(name, "nothing")) for name in names}
    return [f"{name}: {before} -> {after}" for name, (before, after) in pairs.items() if before != after]


def _row(comparison: Comparison) -> list[str]:
    kept, measured, scale = comparison.kept, comparison.measured, scale_of(comparison.metric)
    apart = scale_of_difference(scale)
    known = kept is not None and measured is not None
    return [
        comparison.run,
        comparison.metric,
        number(kept, scale),
        number(measured, scale),
        number(measured - kept, apart) if kept is not None and measured is not None else "",
        number(comparison.allowed, apart) if kept is not None else "",
        "drifted" if comparison.drifted else "" if known else "new",
    ]
