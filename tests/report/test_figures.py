"""Plots: they exist, have a sane size, show something, and depend on the data alone."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from harness.experiment import Experiment
from harness.experiment import Figure as Drawn
from harness.report.by_cell import by_cell
from harness.report.curves import curves
from harness.report.decision_regions import decision_regions
from harness.report.figure_data import FigureData
from harness.report.figures import draw
from harness.report.folder import files_of
from harness.report.style import BLUE, VERMILLION, axis_label, plain
from harness.run_result import RunResult

GROUPS = {"random": "random", "adversarial": "adversarial"}


@pytest.mark.usefixtures("drawn_plots")
def test_every_plot_has_a_sane_size_and_is_not_blank(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    images = draw(experiment, results)
    plots = ("1-by_cell", "2-decision_regions", "curves")
    assert list(images) == [file for plot in plots for file in files_of(plot)]
    for image in (image for file, image in images.items() if file.endswith(".png")):
        pixels = imread(io.BytesIO(image))
        height, width, _ = pixels.shape
        assert 300 <= height <= 3000
        assert 500 <= width <= 2200
        assert np.all(pixels[0, 0] == 1.0)  # opaque white
        assert np.mean(pixels[..., :3].min(axis=2) < 0.9) > 0.01
        assert b"Software" not in image


def test_by_cell_a_mean_of_fewer_seeds_than_were_asked_for_is_an_open_point(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    def face(found: Sequence[RunResult]) -> object:
        figure = by_cell(
            FigureData(experiment, found),
            metric="test_accuracy",
            groups={"pre-training": "confusion"},
        )
        return figure.axes[0].containers[0].lines[0].get_markerfacecolor()  # type: ignore[attr-defined]

    last = max(result.seed for result in results)
    assert face(results) != "white"
    assert face([result for result in results if result.seed != last]) == "white"


def test_the_mean_and_its_interval_by_cell(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    figure = by_cell(FigureData(experiment, results), metric="test_accuracy", groups=GROUPS)
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [
        "none",
        "augmentation",
        "l2",
        "augmentation\n+ l2",
    ]
    values = [
        100 * (r.measurements["test_accuracy"] or 0.0) for r in results if r.run == "random[none]"
    ]
    bars = axes.containers[0]
    (_, caps, _) = bars.lines  # type: ignore[attr-defined]
    low, high = (cap.get_ydata()[0] for cap in caps)
    # Student's t, two-sided 95%, 2 degrees of freedom: 4.3027.
    half = 4.3027 * np.std(values, ddof=1) / np.sqrt(3)
    assert (low, high) == pytest.approx((np.mean(values) - half, np.mean(values) + half), abs=1e-4)


def test_a_run_without_a_matrix_is_a_cell_of_its_own(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    figure = by_cell(
        FigureData(experiment, results),
        metric="steps",
        groups={"pre-training": "confusion", "none": "random[none]"},
    )
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["confusion", "none"]


def test_a_metric_that_nothing_has_says_so(experiment: Experiment) -> None:
    assert texts(by_cell(FigureData(experiment, []), metric="test_accuracy", groups=GROUPS)) == [
        "not run"
    ]


def test_a_missing_panel_says_so(experiment: Experiment, results: Sequence[RunResult]) -> None:
    panels = [{"run": "random[none]", "title": "first"}, {"run": "large", "title": ""}]
    figure = decision_regions(FigureData(experiment, results), panels=panels, seed=None)
    assert texts(figure) == ["not run"]
    assert [axes.get_title() for axes in figure.axes] == ["first", "large"]
    assert figure.axes[0].get_xlabel().startswith("train 100.00%, test 96.")


def test_a_panel_may_show_the_points_alone(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    panels = [{"run": "random[none]", "regions": False}, {"run": "random[none]", "regions": True}]
    alone, over = decision_regions(FigureData(experiment, results), panels=panels, seed=1).axes
    assert len(over.collections) - len(alone.collections) == 2  # the regions and the boundary
    assert [len(points.get_offsets()) for points in alone.collections] == [50, 50]  # type: ignore[arg-type]


def test_curves_have_a_line_a_run_and_hold_the_last_value(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    figure = curves(experiment, results)
    assert figure is not None
    assert len(figure.axes) == 12  # pre-training, random, adversarial, single runs
    test_accuracy = figure.axes[4]
    assert len(test_accuracy.lines) == 4
    line = test_accuracy.lines[0]
    assert np.asarray(line.get_xdata())[-1] == 24 * 9
    final = [
        100 * (r.measurements["test_accuracy"] or 0.0) for r in results if r.run == "random[none]"
    ]
    assert np.asarray(line.get_ydata())[-1] == pytest.approx(np.mean(final))


def test_curves_have_a_panel_of_the_validation_accuracy_where_it_was_measured(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    validated = [
        dataclasses.replace(
            result,
            history={**result.history, "validation_accuracy": result.history["test_accuracy"]},
        )
        for result in results
        if result.history
    ]
    figure = curves(experiment, validated)
    assert figure is not None
    assert len(figure.axes) == 16
    titles = [axes.get_title() for axes in figure.axes[:4]]
    assert titles[1:3] == ["validation accuracy (%)", "test accuracy (%)"]
    assert len(figure.axes[5].lines) == len(figure.axes[6].lines) > 0


def test_curves_of_a_diverged_run_stop_where_it_diverged(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    result = results[0]
    history = dict(result.history) | {"train_loss": [float("nan")] * len(result.history["step"])}
    assert curves(experiment, [dataclasses.replace(result, history=history)]) is not None


def test_colours_and_labels() -> None:
    assert (BLUE, VERMILLION) == ("#0072B2", "#D55E00")
    assert axis_label("test_accuracy") == "test accuracy (%)"
    assert axis_label("steps") == "steps"
    assert axis_label("weight_norm") == "weight norm"


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


HOSTILE_NAMES = [
    "$x$",
    "$\\frac{$",
    "_hidden",
    "line\nbreak",
    "中文 😀 \x1b[31m \u202e",
    "a\ud800b",
    "x" * 300,
]


@pytest.mark.usefixtures("drawn_plots")
@pytest.mark.filterwarnings("error")
def test_any_name_is_drawn_without_a_warning(
    experiment: Experiment,
    results: Sequence[RunResult],
    capsys: pytest.CaptureFixture[str],
) -> None:
    groups = {**dict.fromkeys(HOSTILE_NAMES, "random"), "other": "adversarial"}
    cells = {**dict.fromkeys(HOSTILE_NAMES, "random[none]"), "other": "large"}
    panels = [{"run": "random[none]", "title": name} for name in HOSTILE_NAMES]
    figures = (
        Drawn("by_cell", "", {"metric": "test_accuracy", "groups": groups}),
        Drawn("history", "", {"metrics": ["test_accuracy"], "groups": cells}),
        Drawn("decision_regions", "", {"panels": panels}),
    )
    images = draw(dataclasses.replace(experiment, figures=figures), results)
    assert len(images) == 3 * 4
    assert capsys.readouterr().err == ""


def test_a_label_that_begins_with_a_line_is_in_the_legend(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    figure = by_cell(
        FigureData(experiment, results),
        metric="steps",
        groups={"_first": "random", "second": "adversarial"},
    )
    (legend,) = figure.legends
    assert [text.get_text().strip() for text in legend.get_texts()] == ["_first", "second"]


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("cost: $5 and $6", r"cost: \$5 and \$6"),
        ("a\nb", "a\nb"),
        ("a\x1bb", "a\\x1bb"),
        ("中 é ± ∂", "\u25a1 é ± ∂"),
    ],
)
def test_text_is_drawn_as_it_is(text: str, drawn: str) -> None:
    assert plain(text) == drawn


def test_without_the_font_text_is_drawn_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(_name: str) -> str:
        raise ValueError("failed to find font")

    monkeypatch.setattr("matplotlib.font_manager.findfont", nowhere)
    assert plain("中 $") == r"中 \$"


def test_a_figure_that_cannot_be_drawn_is_told_of_and_left_out(
    experiment: Experiment,
    results: Sequence[RunResult],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*_arguments: object, **_parameters: object) -> Figure:
        raise RuntimeError("no \x1bfont")

    monkeypatch.setattr("harness.report.by_cell.by_cell", broken)
    assert [file for file in draw(experiment, results) if file.endswith(".png")] == [
        "2-decision_regions.png",
        "curves.png",
    ]
    said = f"the figure {experiment.name}/1-by_cell.png is left out: RuntimeError: no \\x1bfont\n"
    assert capsys.readouterr().err == said
