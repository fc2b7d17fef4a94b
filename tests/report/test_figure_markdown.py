"""Plots in Markdown: sharp in light and dark pages, with their captions, and said in words."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from harness.experiment import Experiment
from harness.report.figure_markdown import figures, image, overview, training_curves
from harness.report.folder import CURVES, OVERVIEW, files_of, plot_files


def html(text: str) -> str:
    return str(MarkdownIt("commonmark").render(text))


def test_a_page_chooses_among_the_files_of_a_plot() -> None:
    shown = html(image("a", "curves", files_of("curves"), "curves"))
    dark, light, plain = re.findall(r'src(?:set)?="([^"]*)"', shown)
    assert (dark, light, plain) == ("a/curves-dark.svg", "a/curves.svg", "a/curves.png")
    assert shown.index("prefers-color-scheme: dark") < shown.index(dark)


def test_what_a_plot_shows_in_words_stays_in_its_attribute(hostile: str) -> None:
    shown = html(image("a", "curves", files_of("curves"), f'"x" {hostile}\n\nmore'))
    assert len(re.findall("<(?!/)", shown)) == 4
    assert "<script" not in shown


def test_a_plot_of_which_only_the_png_is_there_is_an_image() -> None:
    assert image("a", "curves", ["curves.png"], "words") == "![words](a/curves.png)"


def test_each_figure_has_a_heading_an_image_and_a_caption(experiment: Experiment) -> None:
    first, second = figures(experiment, plot_files(experiment))
    assert first.startswith("## Test accuracy by regularizers\n\n<picture>")
    assert "By cell: a pale point is a seed" in first
    assert 'alt="Test accuracy by regularizers: test accuracy (%) of ' in first
    assert second.startswith("### ")
    assert "Decision regions: the colour is" in second


def test_what_was_not_drawn_is_said_or_left_out(experiment: Experiment) -> None:
    for shown in figures(experiment, []):
        assert "This figure could not be drawn." in shown
    assert overview(experiment, []) == training_curves(experiment, []) == ""


def test_the_overview_and_the_curves_have_captions(experiment: Experiment) -> None:
    images = (*files_of(OVERVIEW), *files_of(CURVES))
    assert "Every expectation: the point is what was measured" in overview(experiment, images)
    assert "A line is the mean over seeds" in training_curves(experiment, images)
