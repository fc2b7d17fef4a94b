"""Show the plots of a report in Markdown: sharp in light and dark pages, each with its caption."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable

from harness.experiment import Experiment, Figure
from harness.report.curves import PANELS
from harness.report.figures import (
    CAPTION_OF_CURVES,
    CAPTION_OF_OVERVIEW,
    EXPECTED_OF_RUNS,
    FIGURES,
    SETTINGS_DRAWN,
)
from harness.report.folder import CURVES, DARK, OVERVIEW, PNG, SVG, plot_names
from harness.report.markdown import escape
from harness.report.style import axis_label
from harness.report.targets import targets
from harness.system.console import visible

_MOST_NAMES = 6


def overview(experiment: Experiment, images: Collection[str]) -> str:
    """Return the plot of all expectations, and how to read it; nothing where it was not drawn.

    `images` are the names of the files in the report's folder of plots.
    """
    if OVERVIEW + PNG not in images:
        return ""
    shown = image(
        experiment.name,
        OVERVIEW,
        images,
        "every expectation: what was measured, its confidence limits, and the bounds",
    )
    return f"{shown}\n\n{CAPTION_OF_OVERVIEW}{_drawn(experiment)}"


def figures(experiment: Experiment, images: Collection[str]) -> list[str]:
    """Return the figures that the specification asks for, the key figure first.

    That one has a section of its own; the headings of the others are a level lower.
    """
    return [
        _figure(experiment, plot, figure, images)
        for plot, figure in zip(plot_names(experiment), experiment.figures, strict=True)
    ]


def training_curves(experiment: Experiment, images: Collection[str]) -> str:
    """Return the section of the training curves."""
    if CURVES + PNG not in images:
        return ""
    shown = image(experiment.name, CURVES, images, "training curves of every run")
    caption = f"{CAPTION_OF_CURVES}{_expected(experiment, PANELS)}{_drawn(experiment)}"
    return f"## Training curves\n\n{shown}\n\n{caption}"


def image(folder: str, plot: str, images: Collection[str], words: str) -> str:
    """Return a plot as HTML that chooses among its files, with what it shows in words.

    Where only its PNG is there, it is shown as Markdown does.
    """
    if not {plot + SVG, plot + DARK} <= set(images):
        return f"![{escape(words)}]({folder}/{plot}{PNG})"
    return "\n".join(
        [
            "<picture>",
            f'<source media="(prefers-color-scheme: dark)" srcset="{folder}/{plot}{DARK}">',
            f'<source type="image/svg+xml" srcset="{folder}/{plot}{SVG}">',
            f'<img src="{folder}/{plot}{PNG}" alt="{_attribute(words)}">',
            "</picture>",
        ]
    )


def _figure(experiment: Experiment, plot: str, figure: Figure, images: Collection[str]) -> str:
    title = figure.title or figure.name.replace("_", " ").capitalize()
    level = "##" if plot == plot_names(experiment)[0] else "###"
    heading = f"{level} {escape(title)}"
    if plot + PNG not in images:
        return f"{heading}\n\nThis figure could not be drawn."
    shown = image(experiment.name, plot, images, _in_words(title, figure))
    caption = f"{FIGURES[figure.name].caption}{_expected(experiment, _metrics(figure))}"
    caption += _drawn(experiment)
    return f"{heading}\n\n{shown}\n\n{caption}"


def _metrics(figure: Figure) -> list[str]:
    parameters = figure.parameters
    return [*parameters.get("metrics", ()), *filter(None, [parameters.get("metric")])]


def _expected(experiment: Experiment, metrics: Iterable[str]) -> str:
    """Say what bands and diamonds are, where there may be any."""
    return f" {EXPECTED_OF_RUNS}" if any(targets(experiment, each) for each in metrics) else ""


def _drawn(experiment: Experiment) -> str:
    """Say how settings are shown that were drawn, where there are any."""
    drawn = any(run.drawn for run in experiment.runs.values())
    return f" {SETTINGS_DRAWN}" if drawn else ""


def _in_words(title: str, figure: Figure) -> str:
    """Return what a figure shows, for those who do not see it."""
    parameters = figure.parameters
    names = [
        *parameters.get("groups", ()),
        *(str(panel.get("title") or panel["run"]) for panel in parameters.get("panels", ())),
    ]
    more = [f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    of = [", ".join([*names[:_MOST_NAMES], *more])] if names else []
    return ": ".join(
        filter(None, [title, " of ".join([", ".join(map(axis_label, _metrics(figure))), *of])])
    )


def _attribute(text: str) -> str:
    """Return text for an attribute of HTML, on one line."""
    return html.escape(" ".join(visible(text).split()))
