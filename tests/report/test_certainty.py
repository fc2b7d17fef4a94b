"""The limits beside the verdicts and what is said of them, against numbers worked out by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from harness.experiment import Experiment, Json
from harness.judging.check import check
from harness.report.certainty import notes
from harness.report.index import read_results
from harness.report.write import write_index, write_report
from harness.run_result import RunResult, Status
from tests.support.results import finished

Load = Callable[..., Experiment]
FIVE = (0.90, 0.94, 0.95, 0.96, 0.98)


def expectation(id: str, **members: Json) -> Json:
    given = {"id": id, "metric": "one.test_accuracy", "at_least": 0.9}
    return given | {"basis": "hypothesis", "source": "s"} | members


GIVEN = [
    expectation("mean"),
    expectation("median", statistic="median"),
    expectation("worst", statistic="worst", share=0.5),
    expectation("every", statistic="every"),
    expectation("bootstrap", interval="bootstrap"),
    expectation("binomial", interval="binomial"),
]


def written(
    load: Load, values: Sequence[float], given: Sequence[Json], folder: Path, when: datetime
) -> Path:
    runs = {"one": {"dataset": {"test_examples": 100}}}
    experiment = load(seeds=list(range(len(values))), runs=runs, expectations=list(given))
    return write_report(
        experiment, finished(values), check(experiment, finished(values)), folder, when
    )


def rows(path: Path) -> list[list[str]]:
    table = path.read_text(encoding="utf-8").partition("## Verdicts\n\n")[2].partition("\n\n")[0]
    body = table.splitlines()[2:]
    return [
        [cell.strip().replace("\u00a0", " ") for cell in line.split("|")[1:-1]] for line in body
    ]


def details(path: Path) -> list[list[str]]:
    """Return what is said below each expectation in the list of details."""
    found: list[list[str]] = []
    for line in path.read_text(encoding="utf-8").replace("\u00a0", " ").splitlines():
        if line.startswith("- <a id="):
            found.append([])
        elif found and line.startswith("  - "):
            found[-1].append(line.removeprefix("  - "))
    return found


def test_limits_that_are_not_in_pairs_say_so_beside_a_pass(
    load: Load, tmp_path: Path, when: datetime
) -> None:
    given = [
        expectation(
            "p", metric="one.test_accuracy - two.test_accuracy", at_least=0.1, interval="paired"
        )
    ]
    both = {"one": {"dataset": {"test_examples": 100}}, "two": {"dataset": {"test_examples": 100}}}
    experiment = load(seeds=[0], runs=both, expectations=given)
    results = [
        RunResult(run, 0, "k", Status.DONE, measurements={"test_accuracy": value})
        for run, value in (("one", 0.9), ("two", 0.5))
    ]
    path = write_report(experiment, results, check(experiment, results), tmp_path, when)
    ((verdict, *_),), ((_, found, *_),) = rows(path), details(path)
    assert verdict.endswith("pass")
    # Each at 97.5%: 90 of 100 from 82.38 to 95.10%, 50 of 100 from 39.83 to 60.17%.
    limits = "22.21 to 55.27 points (not in pairs: the predictions of one, seed 0, were not kept)"
    assert found == f"Measured 40.00 points over 1 seed; limits of the mean {limits}"


def test_each_statistic_shows_its_bounds_its_value_and_its_limits(
    load: Load, tmp_path: Path, when: datetime
) -> None:
    path = written(load, FIVE, GIVEN, tmp_path, when)
    assert [row[2:] for row in rows(path)][:4] == [
        ["at least 90%", "94.6 ± 3.0%"],
        ["median at least 90%", "median 95.00%, mean 94.6 ± 3.0%"],
        ["50% of all seeds at least 90%", "94.6 ± 3.0%"],
        ["every seed at least 90%", "94.6 ± 3.0%"],
    ]
    found = details(path)
    # Mean 94.6, deviation 2.97, t = 2.1318: 94.6 -+ 2.8. Of five seeds the limits of the median are
    # the smallest and the largest, and 0.05^(1/5) = 54.9%.
    assert [each[1] for each in found[:4]] == [
        "Measured 94.6 ± 3.0% over 5 seeds; limits of the mean 91.8 to 97.4%",
        "Measured median 95.00%, mean 94.6 ± 3.0% over 5 seeds; limits of the median 90.0 to 98.0%",
        "Measured 94.6 ± 3.0% over 5 seeds; from 90.0 to 98.0%; of all seeds, 54.9% to 100.0% are"
        " within the bounds",
        "Measured 94.6 ± 3.0% over 5 seeds; from 90.0 to 98.0%",
    ]
    assert [each[0].partition(": ")[2] for each in found] == [
        "mean at least 90% (95% confidence)",
        "median at least 90% (95% confidence)",
        "50% of all seeds at least 90% (95% confidence)",
        "every seed at least 90%",
        "mean at least 90% (95% confidence, bootstrap)",
        "mean at least 90% (95% confidence, test images alone)",
    ]
    assert (
        "from 5 of 5 follows, with 95% confidence, no more than that 54.9% of all seeds are within"
        in path.read_text(encoding="utf-8")
    )


def test_one_seed_shows_the_limits_of_its_test_images(
    load: Load, tmp_path: Path, when: datetime
) -> None:
    path = written(load, (0.9,), GIVEN[:4], tmp_path, when)
    # Of 100 images with the accuracy 0.83628, 90 or more are right with probability 5%, and so on.
    alone = "90.00% over 1 seed; limits of the {} 83.63 to 94.47% (test images alone)"
    mean, median = f"Measured {alone.format('mean')}", alone.format("median")
    assert [each[1] for each in details(path)] == [
        mean,
        f"Measured median 90.00%, mean {median}",
        f"{mean}; of all seeds, 5.0% to 100.0% are within the bounds",
        mean,
    ]
    assert "A single seed says nothing about others" in path.read_text(encoding="utf-8")


def test_the_notes_speak_of_the_statistics_that_are_there(load: Load) -> None:
    words = {
        "mean": "Student's",
        "median": "limits of a median",
        "worst": "For a share of all seeds",
        "every": "every seed at hand",
        "bootstrap": "too narrow for few seeds",
        "binomial": "on other test images, not of other seeds",
    }
    for given in GIVEN:
        experiment = load(
            seeds=[0, 1], runs={"one": {"dataset": {"test_examples": 100}}}, expectations=[given]
        )
        text = notes(check(experiment, finished((0.9, 0.95))))
        assert [id for id, word in words.items() if word in text] == [given["id"]]
        assert "A single seed" not in text


def test_the_json_and_the_index_know_the_statistics(
    load: Load, tmp_path: Path, when: datetime
) -> None:
    path = written(load, FIVE, GIVEN, tmp_path, when)
    found = {
        each["id"]: each for each in json.loads(path.with_suffix(".json").read_text())["judgements"]
    }
    assert [found[id].get("method") for id in found] == [
        "student",
        None,
        None,
        None,
        "bootstrap",
        "binomial",
    ]
    assert (found["median"]["median"], found["median"]["interval"]) == (0.95, [0.9, 0.98])
    assert found["worst"]["share"] == 0.5
    assert found["worst"]["share_limits"] == pytest.approx([0.05**0.2, 1])
    assert found["binomial"]["image_limits"] == found["binomial"]["interval"]


def test_the_index_reads_what_was_written_before_there_were_other_statistics(
    load: Load, tmp_path: Path, when: datetime
) -> None:
    path = written(load, FIVE, [GIVEN[0], GIVEN[3]], tmp_path, when).with_suffix(".json")
    document = json.loads(path.read_text())
    for judgement in document["judgements"]:
        for name in ("method", "share_limits"):
            judgement.pop(name, None)
    path.write_text(json.dumps(document))
    assert [name for name, _ in read_results(tmp_path)[0]] == ["a"]
    assert re.search(r"\[a\]\(a\.md\): A +\| ✅\s2", write_index(tmp_path).read_text("utf-8"))


@pytest.mark.parametrize(
    ("members", "difference"),
    [
        ({}, "-0.4 ± 2.8 points"),
        ({"statistic": "median"}, "0.00 points"),
        ({"interval": "bootstrap"}, "-0.40 points"),
        ({"interval": "binomial"}, "-0.40 points"),
    ],
)
def test_the_difference_has_a_half_width_where_the_limits_are_students(
    members: Json, difference: str, load: Load, tmp_path: Path, when: datetime
) -> None:
    published = {
        "at_least": None,
        "published": 0.95,
        "within": 0.2,
        "basis": "paper",
        "citation": "C",
    }
    given = {
        key: value
        for key, value in (expectation("a") | published | members).items()
        if value is not None
    }
    ((_, _, published_line, *_),) = details(written(load, FIVE, [given], tmp_path, when))
    assert published_line == f"Published 95%; measured minus published {difference}"
