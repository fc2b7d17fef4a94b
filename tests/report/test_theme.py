"""Plots as bytes: the same for the same data, sharp, and legible on dark pages."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from harness.report.style import COLOURS, styled
from harness.report.theme import PAGE, contrast, dark, on_dark, png, svg


def plot() -> Figure:
    with styled():
        figure = Figure(figsize=(3.0, 2.0))
        axes = figure.subplots()
        axes.plot([0, 1, 2], [1.23456789, 0, 1], "o-", label="first")
        axes.fill_between([0, 2], 0, 1, color="#D55E00", alpha=0.15)
        axes.set_title("a title")
        axes.legend()
    return figure


def test_the_same_figure_is_the_same_bytes_without_a_date() -> None:
    with styled():
        first, second = svg(plot()), svg(plot())
    assert first == second
    assert png(plot()) == png(plot())
    assert b"date" not in first.lower()
    assert b"Matplotlib v" not in first


@pytest.mark.parametrize("change", [lambda image: image, dark])
def test_an_svg_is_xml_that_needs_no_font_and_nothing_from_elsewhere(change: object) -> None:
    with styled():
        image = change(svg(plot()))  # type: ignore[operator]
    root = ElementTree.fromstring(image)
    assert root.tag.endswith("svg")
    assert b"<text" not in image
    links = re.findall(rb'(?:href|src)="([^"]*)"', image)
    assert all(link.startswith(b"#") for link in links)


def test_every_colour_of_a_series_stands_out_from_a_dark_page_and_they_differ() -> None:
    drawn = [on_dark(colour) for colour in COLOURS]
    assert min(contrast(colour, PAGE) for colour in drawn) > 4.5
    assert len(set(drawn)) == len(COLOURS)


def test_text_is_light_and_what_is_pale_is_deep_on_a_dark_page() -> None:
    assert on_dark("#ffffff") == PAGE
    assert contrast(on_dark("#222222"), PAGE) > 10
    assert contrast(on_dark("#e4e4e4"), PAGE) < 2
    assert contrast(on_dark("#bbd9ec"), PAGE) < 3


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_all_colours_of_a_dark_plot_are_for_dark_pages() -> None:
    with styled():
        light = svg(plot()).decode()
    shown = dark(light.encode()).decode()
    assert "#ffffff" not in shown
    assert PAGE in shown
    assert len(light) == len(shown)
