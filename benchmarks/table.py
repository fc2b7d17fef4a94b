"""What was measured as Markdown: a table a group, what it means where a target is missed, and on
what machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figures import Row, Spread, Target
from harness.report.markdown import bullets, fence, table

COMMAND = "python -m benchmarks"


@dataclass(frozen=True)
class Group:
    """The benchmarks of one file: the first paragraph of its docstring, on what they ran, and their
    rows.
    """

    name: str
    title: str
    environment: Mapping[str, str]
    rows: Sequence[Row]


def page(groups: Sequence[Group], why: Mapping[str, str]) -> str:
    """The whole page; `why` explains rows, by name, that miss their target."""
    rows = [row for group in groups for row in group.rows]
    judged = [row for row in rows if row.met is not None]
    met = sum(bool(row.met) for row in judged)
    return (
        "\n\n".join(
            [
                "# Benchmarks",
                f"Targets met: {met} of {len(judged)}. Written by `{COMMAND}`, never by hand.",
                (
                    "Ratios are taken between rounds that take turns within one run (A B A B ...),"
                    " so that what slows the machine down slows both sides; a ratio is the median"
                    " of the pairs, with their quartiles in brackets."
                ),
                *(section(group, why) for group in groups),
                "## Environment",
                environment(groups),
                "## To repeat",
                fence(
                    "python -m pip install -e"
                    f" '.[test,benchmark,reference,jax]'\n{COMMAND}\n{COMMAND} --only input --only"
                    f" pytorch   # some groups: into .harness/benchmarks\n{COMMAND} --quick        "
                    "               # see that all still run; the figures mean nothing",
                    "sh",
                ),
                "The machine should do nothing else meanwhile. `results.json` has every round.",
            ]
        )
        + "\n"
    )


def section(group: Group, why: Mapping[str, str]) -> str:
    """The table of a group, with a sentence for each target that is missed."""
    lines = [
        [
            row.what,
            quantity(row.figure, row.unit),
            row.against,
            ratio(row.ratio),
            target(row.target),
            verdict(row),
        ]
        for row in group.rows
    ]
    parts = [
        f"## {group.name.capitalize()}",
        group.title,
        table(["what", "figure", "against", "ratio", "target", ""], lines, "<><><<"),
    ]
    missed = [row for row in group.rows if row.met is False]
    if missed:
        parts.append(
            bullets(
                [f"**{row.what}**: {why.get(row.name, 'not explained yet.')}" for row in missed]
            )
        )
    return "\n\n".join(parts)


def environment(groups: Sequence[Group]) -> str:
    """What all groups ran on; what differs between them, such as the load at their start, is listed
    by group.
    """
    names = list(dict.fromkeys(name for group in groups for name in group.environment))
    lines = []
    for name in names:
        values = {group.name: group.environment.get(name, "unknown") for group in groups}
        alike = len(set(values.values())) == 1
        told = (
            next(iter(values.values()))
            if alike
            else "; ".join(f"{key}: {value}" for key, value in values.items())
        )
        lines.append([name, told])
    return table(["", ""], lines)


def quantity(value: float, unit: str) -> str:
    """A number with its unit: three digits, and thousands separated."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:,.{digits}f}"
    return f"{text}%" if unit == "%" else f"{text} {unit}".strip()


def ratio(over: Spread | None) -> str:
    """The median and, where they differ from it, the quartiles."""
    if over is None:
        return ""
    median, low, high = (quantity(value, "") for value in (over.median, over.low, over.high))
    return median if low == median == high else f"{median} [{low}, {high}]"


def target(wanted: Target | None) -> str:
    """The bound in words."""
    if wanted is None:
        return ""
    words = [
        f"{word} {bound:,g}"
        for word, bound in (("at least", wanted.at_least), ("at most", wanted.at_most))
        if bound is not None
    ]
    return " and ".join(words)


def verdict(row: Row) -> str:
    """Whether the target is met."""
    return {None: "", True: "met", False: "**missed**"}[row.met]
