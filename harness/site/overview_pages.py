"""The pages about all reports: experiments with a search, claims, and every run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from harness.metrics import METRICS
from harness.site.frame import Cell, Column, Frame, data_table
from harness.site.markdown import Surroundings, render
from harness.site.markup import join, slug, tag, text
from harness.site.reading import Expected, Folder, Report, Run
from harness.units import NOTHING, number, scale_of
from harness.words import SYMBOLS, Verdict, marked, plural

Addresses = Mapping[str, str]
"""The address of each report's page, by the name of the experiment."""

_RUN_METRICS = ("train_accuracy", "test_accuracy", "train_loss", "relative_distance")


def index_page(
    folder: Folder,
    frame: Frame,
    addresses: Addresses,
    anchor_of: Callable[[Report, Expected], str | None],
) -> bytes:
    """Return the first page: what came out, each experiment, and each expectation to search."""
    every = [each for report in folder.reports for each in report.expectations]
    counts = [
        tag("li", tag("b", str(number_of)) + f" {marked(verdict)}")
        for verdict in Verdict
        if (number_of := sum(each.verdict is verdict for each in every))
    ]
    parts = [
        tag("h1", "Results"),
        tag(
            "p",
            f"{plural(len(folder.reports), 'experiment')}, {plural(len(every), 'expectation')},"
            f" {plural(sum(report.done for report in folder.reports), 'run')} done.",
        ),
        tag("ul", join(counts), class_="counts", aria_label="Verdicts"),
        _section("Experiments", _experiments(folder.reports, addresses)),
        _section("Expectations", _expectations(folder.reports, addresses, anchor_of), "matches"),
        _not_shown(folder.unshown),
    ]
    return frame.page("Results", join(parts, "\n"))


def claims_page(folder: Folder, frame: Frame, page: Callable[[str], str | None]) -> bytes:
    """Return the page with the index that the folder of reports has itself."""
    rendered = render(folder.index, Surroundings(page, lambda _: None))
    return frame.page("Claims", tag("article", join(rendered.sections)))


def runs_page(folder: Folder, frame: Frame, addresses: Addresses) -> bytes:
    """Return the page with every run of every experiment."""
    columns = [
        Column("run"),
        Column("experiment", choices=True),
        Column("seed", number=True),
        Column("standing", choices=True),
        *(Column(METRICS[name].title, number=True) for name in _RUN_METRICS),
        Column("epochs", number=True),
        Column("parameters", number=True),
        Column("seconds", number=True),
    ]
    rows = [
        _run(report, run, addresses[report.name])
        for report in folder.reports
        for run in report.runs
    ]
    parts = [
        tag("h1", "Runs"),
        tag("p", "Every run of every experiment, one a seed. A column is sorted by its heading."),
        data_table("site-runs", "runs", columns, rows),
    ]
    return frame.page("Runs", join(parts, "\n"))


def _section(title: str, content: str, class_: str | None = None) -> str:
    anchor = slug(title)
    permalink = tag(
        "a",
        "#",
        class_="permalink",
        href=f"#{anchor}",
        aria_label=f"Link to this section: {title}",
    )
    return tag("section", tag("h2", title + permalink, id=anchor) + content, class_=class_)


def _experiments(reports: Sequence[Report], addresses: Addresses) -> str:
    columns = [
        Column("experiment"),
        Column("verdicts"),
        Column("data", choices=True),
        Column("network", choices=True),
        Column("runs done", number=True),
        Column("date"),
    ]
    rows = [
        [
            Cell(_experiment(report, addresses[report.name])),
            _verdicts(report.expectations),
            Cell(text(", ".join(report.datasets) or NOTHING)),
            Cell(text(", ".join(report.models) or NOTHING)),
            Cell(f"{report.done} of {report.asked}", str(report.done)),
            Cell(tag("time", text(report.date))),
        ]
        for report in reports
    ]
    return data_table("site-experiments", "experiments", columns, rows)


def _experiment(report: Report, address: str) -> str:
    trial = " (trial)" if report.trial else ""
    link = tag("a", text(report.title) + trial, href=address)
    named = tag("span", text(report.name), class_="name")
    answer = tag("span", text(report.answer), class_="answer") if report.answer else ""
    return link + named + answer


def _verdicts(expectations: Sequence[Expected]) -> Cell:
    """Return how many of each verdict; sorted, the worst come first."""
    counts = [
        (verdict, sum(each.verdict is verdict for each in expectations)) for verdict in Verdict
    ]
    shown = ", ".join(f"{SYMBOLS[v]} {count} {v.value}" for v, count in counts if count)
    passed = sum(each.verdict is Verdict.PASS for each in expectations)
    return Cell(shown or NOTHING, f"{passed / max(len(expectations), 1):.4f}")


def _expectations(
    reports: Sequence[Report],
    addresses: Addresses,
    anchor_of: Callable[[Report, Expected], str | None],
) -> str:
    columns = [
        Column("expectation"),
        Column("verdict", choices=True),
        Column("experiment", choices=True),
        Column("expected"),
        Column("measured"),
    ]
    rows = []
    for report in reports:
        for each in report.expectations:
            anchor = anchor_of(report, each)
            address = addresses[report.name] + (f"#{anchor}" if anchor else "")
            rows.append(
                [
                    Cell(
                        tag("a", text(each.title), href=address)
                        + tag("span", text(each.id), class_="name")
                    ),
                    Cell(marked(each.verdict, each.stale)),
                    Cell(text(report.name)),
                    Cell(text(each.bounds)),
                    Cell(text(f"{each.measured} (n = {each.seeds})")),
                ]
            )
    return data_table("site-expectations", "expectations", columns, rows)


def _run(report: Report, run: Run, address: str) -> list[Cell]:
    standing = f"{run.status} (stale)" if run.stale else run.status
    return [
        Cell(f'<a href="{text(address)}">{text(run.name)}</a>'),
        Cell(text(report.name)),
        Cell(str(run.seed), str(run.seed)),
        Cell(text(standing + (f": {run.reason}" if run.reason else "")), standing),
        *(_number(run.measurements.get(name), name) for name in _RUN_METRICS),
        _number(run.measurements.get("epochs"), ""),
        _number(run.parameters or None, ""),
        _number(run.seconds or None, "", ".4g"),
    ]


def _number(value: float | None, metric: str, form: str = ",.0f") -> Cell:
    """Return a number as a metric is shown, or in a form; what is not there is sorted last."""
    if value is None or math.isnan(value):
        return Cell(NOTHING, "")
    shown = number(value, scale_of(metric)) if metric else f"{value:{form}}"
    return Cell(text(shown), f"{value:.6g}")


def _not_shown(unshown: Sequence[str]) -> str:
    if not unshown:
        return ""
    why = "These files are damaged, or of another version of the harness:"
    listed = tag("ul", join(tag("li", text(each)) for each in unshown))
    return _section("Not shown", tag("p", why) + listed)
