"""The page of one experiment: its report, its contents, and curves that can be zoomed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.site.curves import curves_json
from harness.site.frame import Frame
from harness.site.images import Images
from harness.site.markdown import Heading, Rendered, Surroundings, render
from harness.site.markup import join, tag, text
from harness.site.reading import Report

CURVES = "site-curves"
_AFTER = ("figures", "verdicts")
"""After which section the curves come: the first of these that there is."""


@dataclass(frozen=True)
class Page:
    """A page's HTML, and the anchors that others may lead to."""

    html: bytes
    anchors: Sequence[str]


def report_page(
    report: Report, frame: Frame, page: Callable[[str], str | None], images: Images, numbers: int
) -> Page:
    """Return the page of a report; a report without Markdown has its curves alone.

    Args:
        report: What its files say.
        frame: Where the page is.
        page: Returns the address of the page that a file of the folder leads to.
        images: Those of the report, which are chosen here.
        numbers: How many its curves may have.
    """
    source = report.markdown or f"# {report.name}\n\nThere is no text of this report.\n"
    rendered = render(source, Surroundings(page, images.place))
    sections = [images.settle(section) for section in rendered.sections]
    data = curves_json(report.histories, report.starts, numbers)
    headings = list(rendered.headings)
    if data:
        place = _place(rendered)
        sections.insert(place, _curves(data))
        second = [index for index, each in enumerate(headings) if each.level == 2]
        before = second[place - 1] if place - 1 < len(second) else len(headings)
        headings.insert(before, Heading(2, "Curves to zoom", CURVES))
    main = tag("div", _contents(headings) + tag("article", join(sections)), class_="with-contents")
    scripts = ("uPlot.iife.min.js", "curves.js") if data else ()
    return Page(frame.page(rendered.title or report.title, main, scripts), rendered.anchors)


def _place(rendered: Rendered) -> int:
    """Return at which place among the sections the curves come."""
    second = [each.anchor for each in rendered.headings if each.level == 2]
    found = next((second.index(anchor) for anchor in _AFTER if anchor in second), len(second) - 1)
    return found + 2


def _contents(headings: Sequence[Heading]) -> str:
    links = join(
        tag("li", tag("a", text(each.words), href=f"#{each.anchor}"))
        for each in headings
        if each.level == 2
    )
    if not links:
        return ""
    return tag(
        "nav",
        tag("details", tag("summary", "On this page") + tag("ul", links), open=True),
        class_="contents",
        aria_label="On this page",
    )


def _curves(data: str) -> str:
    """Return the section that the script fills; the data are no script, and run nothing."""
    heading = tag(
        "h2",
        "Curves to zoom"
        + tag(
            "a",
            "#",
            class_="permalink",
            href=f"#{CURVES}",
            aria_label="Link to this section: Curves to zoom",
        ),
        id=CURVES,
    )
    words = tag(
        "p",
        "A line is the mean over seeds, its band their smallest and largest value; a seed that"
        " stopped early counts with its last value from then on. Drag over the plot to zoom, and"
        " click twice to see all again.",
    )
    without = tag(
        "noscript",
        tag("p", "These curves need JavaScript; the training curves above or below are a picture."),
    )
    shown = tag("div", "", class_="curves", id="site-plot")
    safe = data.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    stored = f'<script type="application/json" id="site-data">{safe}</script>'
    return tag("section", heading + words + without + shown + stored, class_="zoom")
