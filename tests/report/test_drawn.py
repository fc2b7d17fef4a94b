"""What a report shows of settings that a sample drew: few rows and lines, however many."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.experiment import Experiment, Json
from harness.judging.check import check
from harness.judging.judgement import Judgement
from harness.report import runs
from harness.report.against import against
from harness.report.by_cell import by_cell
from harness.report.claims import read_findings
from harness.report.curves import curves
from harness.report.drawn import drawn_settings
from harness.report.encoding import encode
from harness.report.expectation import expected, measured_words
from harness.report.figure_data import FigureData
from harness.report.forest import forest
from harness.report.result_json import result_json
from harness.report.verdicts import verdict_table
from harness.run_result import RunResult, Status
from harness.spec.load import load_file
from harness.words import Verdict
from tests.support import specifications

COUNT = 40
RATE = "training.optimizer.learning_rate"
DRAW: Json = {
    RATE: {"name": "log_uniform", "low": 0.01, "high": 1, "digits": 2},
    "training.batch_size": [16, 32],
}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    given = {
        "id": "worse",
        "metric": "random[*].test_accuracy - adversarial[*].test_accuracy",
        "at_least": 0.01,
        "statistic": "settings",
        "share": 0.5,
        "basis": "claim",
        "claim": "A2",
        "source": "s",
    }
    document = specifications.small(
        defaults={
            "dataset": {"name": "digits"},
            "model": {"name": "perceptron"},
            "training": {"optimizer": {"name": "sgd"}},
            "sample": {"count": COUNT, "seed": 0, "draw": DRAW},
        },
        runs={
            "random": {},
            "adversarial": {"initialize_from": "random[*]"},
            "one": {"sample": None},
        },
        seeds=[0, 1],
        source={"citation": "C", "claims": {"A2": "it is worse"}},
        expectations=[given],
    )
    folder: Path = tmp_path_factory.mktemp("specs")
    return load_file(specifications.write(folder / "a.json", document))


@pytest.fixture(scope="module")
def results(experiment: Experiment) -> list[RunResult]:
    """In setting j the runs are 90% + j / 500 right, and from the second on 85%."""
    return [
        RunResult(
            name,
            seed,
            f"{name}-{seed}",
            Status.DONE,
            measurements={"test_accuracy": _accuracy(name), "steps": 10.0},
            history={"step": [0.0, 10.0], "test_accuracy": [0.1, _accuracy(name)]},
        )
        for name in experiment.runs
        for seed in experiment.seeds
    ]


def _accuracy(name: str) -> float:
    base, _, label = name.removesuffix("]").partition("[")
    better = 0.9 + int(label or 0) / 500
    return 0.85 if base == "adversarial" and label != "00" else better


@pytest.fixture(scope="module")
def judgements(experiment: Experiment, results: list[RunResult]) -> tuple[Judgement, ...]:
    return check(experiment, results)


class TestTables:
    """The tables of a report."""

    def test_every_setting_is_a_row_with_what_was_drawn_and_what_came_out(
        self, experiment: Experiment, judgements: tuple[Judgement, ...]
    ) -> None:
        found = drawn_settings(experiment, judgements)
        assert "<summary>40 settings drawn for `random`, `adversarial`</summary>" in found
        rows = [[part.strip() for part in line.split("|")[1:-1]] for line in found.split("\n")]
        rows = [row for row in rows if row]
        assert rows[0] == ["setting", "learning rate", "batch size", "`worse`"]
        first, second = (experiment.runs[f"random[0{place}]"].drawn for place in range(2))
        assert rows[2] == [
            "00", str(first[RATE]), str(first["training.batch_size"]),
            "0.00\N{NO-BREAK SPACE}points,\N{NO-BREAK SPACE}does\N{NO-BREAK SPACE}not",
        ]  # fmt: skip
        assert rows[3][:2] == ["01", str(second[RATE])]
        assert rows[3][3] == "5.20\N{NO-BREAK SPACE}points,\N{NO-BREAK SPACE}holds"
        assert len(rows) == COUNT + 2

    def test_an_experiment_without_a_sample_has_none(self, tmp_path: Path) -> None:
        plain = load_file(specifications.write(tmp_path / "a.json", specifications.small()))
        assert drawn_settings(plain, ()) == ""

    def test_all_settings_of_a_run_are_one_row(
        self, experiment: Experiment, results: list[RunResult]
    ) -> None:
        measured = runs.measured_table(experiment, results)
        assert measured.count("\n| `") == 3
        # The mean of 0.900, 0.902, ..., 0.978 is 0.939, their deviation sqrt(40 * 41 / 12) / 500.
        assert " 93.9\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}2.3% |" in measured
        assert "of a run with `[*]`, of the means of the settings that were drawn." in measured
        settings = runs.settings_table(experiment)
        assert settings.count("\n| `") == 3
        row = next(line for line in settings.split("\n") if line.startswith("| `adversarial"))
        assert [part.strip() for part in row.split("|")[1:-1]][1:] in (
            ["`random[*]`", "drawn", "16 or 32"],
            ["`random[*]`", "drawn", "32 or 16"],
        )

    def test_the_verdict_says_in_how_many_settings_it_holds(
        self, experiment: Experiment, judgements: tuple[Judgement, ...]
    ) -> None:
        (judgement,) = judgements
        assert judgement.verdict is Verdict.PASS
        # 0 once, and 39 numbers around 0.09: their mean is 39 * 0.09 / 40 = 0.08775.
        words = "in 39 of 40 settings, over them 8.8 ± 2.7 points"
        assert measured_words(judgement) == words
        asked = "mean in 50% of all settings at least 1 point (95% confidence)"
        assert expected(judgement.expectation) == asked
        table, *_ = verdict_table(experiment, judgements)
        assert words.replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}") in table


class TestJson:
    """The numbers beside the report."""

    def test_it_has_every_setting_and_what_was_drawn(
        self,
        experiment: Experiment,
        results: list[RunResult],
        judgements: tuple[Judgement, ...],
    ) -> None:
        from datetime import UTC, datetime

        found = result_json(experiment, results, judgements, datetime(2026, 1, 1, tzinfo=UTC))
        (judged,) = found["judgements"]
        assert (judged["holding"], len(judged["settings"])) == (39, COUNT)
        assert judged["settings"]["00"]["holds"] is False
        assert judged["settings"]["01"]["mean"] == pytest.approx(0.052)
        assert found["drawn"]["random[03]"] == experiment.runs["random[03]"].drawn
        assert "one" not in found["drawn"]
        (claim,) = read_findings(found, "C")
        assert (claim.effect, claim.seeds) == ("in 39 of 40 settings", 2)
        assert claim.where.startswith("digits: perceptron")


class TestPlots:
    """Forty settings do not drown a plot."""

    def test_draws_look_alike_and_the_cells_of_a_matrix_do_not(self) -> None:
        keys = [
            {"sample": draw, "regularizers": cell}
            for draw in ("00", "01")
            for cell in ("none", "l2")
        ]
        looks = encode(keys).looks
        assert looks[0] == looks[2] != looks[1] == looks[3]
        ((title, entries),) = encode(keys).legend
        assert (title, [label for label, _ in entries]) == ("settings", ["none", "l2"])

    def test_the_legend_of_curves_has_one_entry_for_all_settings(
        self, experiment: Experiment, results: list[RunResult]
    ) -> None:
        figure = curves(experiment, results)
        assert figure is not None
        legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
        texts = [[text.get_text() for text in each.get_texts()] for each in legends if each]
        assert ["settings", "a setting"] in texts
        assert max(map(len, texts)) == 2

    def test_the_overview_shows_every_setting_and_counts_them(
        self, judgements: tuple[Judgement, ...]
    ) -> None:
        figure = forest(judgements)
        assert figure is not None
        (axes,) = figure.axes
        assert "39 of 40 settings" in [text.get_text() for text in axes.texts]
        assert COUNT in [len(line.get_xdata()) for line in axes.lines]  # type: ignore[arg-type]
        assert "a setting" in [text.get_text() for text in figure.legends[0].get_texts()]

    def test_all_settings_are_one_cell(
        self, experiment: Experiment, results: list[RunResult]
    ) -> None:
        figure = by_cell(
            FigureData(experiment, results), metric="test_accuracy", groups={"r": "random"}
        )
        (axes,) = figure.axes
        assert [label.get_text() for label in axes.get_xticklabels()] == ["random"]
        assert COUNT in [len(line.get_xdata()) for line in axes.lines]  # type: ignore[arg-type]

    def test_against_what_was_drawn_every_setting_is_a_point_without_a_line(
        self, experiment: Experiment, results: list[RunResult]
    ) -> None:
        figure = against(
            FigureData(experiment, results),
            metrics=["test_accuracy"],
            axis=RATE,
            groups={"r": "random"},
            log_x=True,
        )
        lines = figure.axes[0].lines
        assert len(lines) == COUNT
        assert {line.get_linestyle() for line in lines} == {"None"}
