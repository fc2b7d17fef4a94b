"""What was measured beside what was published, against numbers worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from harness.experiment import Experiment, Json
from harness.judging.check import check
from harness.report.published import difference
from harness.report.write import write_report
from harness.run_result import RunResult, Status
from tests.support.results import finished

Load = Callable[..., Experiment]

# Of 0.528, 0.530 and 0.535: mean 0.531, sample deviation 0.003605551.
THREE = (0.528, 0.530, 0.535)
# Printed tables of Student's t, one-sided, 2 degrees of freedom.
T95, T99 = 2.9200, 6.9646


def expectation(**members: Json) -> Json:
    given = {"id": "wd", "metric": "one.test_accuracy", "published": 0.5335, "within": 0.02}
    return given | {"basis": "paper", "source": "table 1", "citation": "C"} | members


CLAIM = {
    "id": "claim",
    "metric": "one.test_accuracy",
    "at_least": 0.5,
    "basis": "hypothesis",
    "source": "B4",
}


@pytest.mark.parametrize(
    ("given", "values", "apart", "half"),
    [
        (expectation(), THREE, -0.0025, T95 * 0.003605551 / 3**0.5),
        (expectation(confidence=0.99), THREE, -0.0025, T99 * 0.003605551 / 3**0.5),
        (expectation(statistic="every"), THREE, -0.0025, T95 * 0.003605551 / 3**0.5),
        (expectation(statistic="every"), (0.54,), 0.0065, None),
        (expectation(), (0.54,), 0.0065, None),
        (expectation(), (0.54, None, 0.54), None, None),
        (expectation(), (), None, None),
        (CLAIM, THREE, None, None),
    ],
)
def test_the_difference_and_its_half_width(
    load: Load, given: Json, values: Sequence[float | None], apart: float | None, half: float | None
) -> None:
    seeds = list(range(max(len(values), 1)))
    experiment = load(seeds=seeds, runs={"one": {}}, expectations=[given])
    (judgement,) = check(experiment, finished(values))
    found = difference(judgement)
    assert found[0] == pytest.approx(apart, abs=1e-9)
    assert found[1] == pytest.approx(half, abs=1e-6)


def rows(path: Path) -> list[list[str]]:
    table = path.read_text(encoding="utf-8").partition("## Verdicts\n\n")[2].partition("\n\n")[0]
    return [
        [cell.strip().replace("\u00a0", " ") for cell in line.split("|")[1:-1]]
        for line in table.splitlines()
    ]


def test_the_report_shows_published_and_difference_in_their_units(
    load: Load, tmp_path: Path, when: datetime
) -> None:
    given = [
        expectation(),
        expectation(id="every", statistic="every"),
        expectation(id="steps", metric="one.steps", published=25000, within=1000),
        expectation(id="loss", metric="one.train_loss", published=0.0134, within=0.01),
        CLAIM,
    ]
    experiment = load(seeds=[0, 1, 2], runs={"one": {}}, expectations=given)
    measurements = [
        {"test_accuracy": accuracy, "steps": 25100.0 + 10 * seed, "train_loss": 0.02}
        for seed, accuracy in enumerate(THREE)
    ]
    results = [
        RunResult("one", s, "key", Status.DONE, measurements=values)
        for s, values in enumerate(measurements)
    ]
    path = write_report(experiment, results, check(experiment, results), tmp_path, when)
    apart = "measured minus published"
    text = path.read_text(encoding="utf-8").replace("\u00a0", " ")
    assert [line for line in text.splitlines() if apart in line] == [
        f"  - Published 53.35%; {apart} -0.25 ± 0.61 points",
        f"  - Published 53.35%; {apart} -0.25 ± 0.61 points",
        f"  - Published 25,000 steps; {apart} 110 ± 17 steps",
        f"  - Published 0.0134; {apart} 0.0066 ± 0.0000",
    ]
    header, _, *body = rows(path)
    assert header == ["verdict", "what is expected", "expected", "measured"]
    assert [row[2:] for row in body[:4]] == [
        ["within 2 points of the published 53.35%", "53.10 ± 0.36%"],
        ["every seed within 2 points of the published 53.35%", "53.10 ± 0.36%"],
        ["within 1,000 steps of the published 25,000 steps", "25,110 ± 10 steps"],
        ["within 0.01 of the published 0.0134", "0.0200 ± 0.0000"],
    ]
    assert "Measured minus published is of the median" in text


def test_without_a_published_number_the_report_says_nothing_of_one(
    load: Load, tmp_path: Path, when: datetime
) -> None:
    experiment = load(runs={"one": {}}, expectations=[CLAIM])
    path = write_report(
        experiment, finished(THREE[:2]), check(experiment, finished(THREE[:2])), tmp_path, when
    )
    assert "minus published" not in path.read_text(encoding="utf-8")
    (judgement,) = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["judgements"]
    assert "published" not in judgement


def test_the_json_holds_them_in_full(load: Load, tmp_path: Path, when: datetime) -> None:
    experiment = load(seeds=[0, 1, 2], runs={"one": {}}, expectations=[expectation()])
    path = write_report(
        experiment, finished(THREE), check(experiment, finished(THREE)), tmp_path, when
    )
    (judgement,) = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["judgements"]
    assert judgement["published"] == 0.5335
    assert judgement["difference"] == pytest.approx(-0.0025)
    assert judgement["difference_half_width"] == pytest.approx(T95 * 0.003605551 / 3**0.5, abs=1e-6)
    assert (judgement["lower"], judgement["upper"]) == (0.5135, 0.5535)
