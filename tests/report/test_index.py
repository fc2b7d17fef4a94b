"""The index: a row an experiment, the claims of each publication, and what was not run."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from harness.experiment import Experiment, Json
from harness.judging.check import check
from harness.report.entry import brief
from harness.report.write import write_index, write_report
from harness.run_result import RunResult, Status

Load = Callable[..., Experiment]

ONE: dict[str, Json] = {"plain": {}}
SOURCE = {
    "citation": "Somebody (2020)",
    "url": "https://example.org/paper",
    "claims": {"A2": "It tests worse.", "A10": "It stays near.", "A3": "It is quick."},
}
ACCURACY = (0.90, 0.92)
RUNS = {
    "plain": {},
    "wide": {"model": {"hidden": [8, 8]}, "dataset": {"train_examples": 500}},
}


def expectation(name: str, **members: Json) -> dict[str, Json]:
    return {
        "id": name,
        "metric": "plain.test_accuracy",
        "at_least": 0.5,
        "basis": "claim",
        "source": "s",
        **members,
    }


EVERY = expectation("every", claim="A2", statistic="every", at_least=0.1)
MEAN = expectation("mean", claim="A2", at_least=0.5)
FAILS = expectation("fails", claim="A10", statistic="every", at_least=0.99)
WIDE = expectation("wide", claim="A10", metric="wide.test_accuracy - plain.test_accuracy")
NONE = expectation("none", basis="hypothesis")
OTHERS = expectation("others", claim="T 1", citation="Others (1999)")


def finished(experiment: Experiment, revision: str = "64e9dd6f5017") -> list[RunResult]:
    return [
        RunResult(
            run,
            seed,
            "key",
            Status.DONE,
            measurements={"test_accuracy": ACCURACY[seed]},
            environment={"harness": f"0.1.0 ({revision})"},
        )
        for run in experiment.runs
        for seed in experiment.seeds
    ]


def index_of(
    experiment: Experiment, results: Sequence[RunResult], folder: Path, when: datetime
) -> str:
    folder = folder / "reports"
    folder.mkdir(exist_ok=True)
    write_report(experiment, results, check(experiment, results), folder, when)
    text = write_index(folder).read_text(encoding="utf-8").replace("\u00a0", " ")
    return re.sub("  +", " ", re.sub("[-:]{3,}", "---", text))


def section(text: str, title: str) -> str:
    return text.partition(f"## {title}")[2].partition("\n## ")[0]


def test_an_experiment_is_a_row_with_what_it_asks_its_verdicts_date_and_revision(
    load: Load, tmp_path: Path, when: datetime
) -> None:
    experiment = load(
        runs=ONE,
        source=SOURCE,
        question="Two things (of many). Does it?",
        expectations=[EVERY, FAILS, NONE],
    )
    text = index_of(experiment, finished(experiment), tmp_path, when)
    assert (
        "| [a](a.md): Two things. Does it? | ✅ 2 ❌ 1 | 2 seeds<br>2026-03-04<br>`64e9dd6` |"
        in text
    )
    assert text.count("every seed at least") == 0


def test_claims_are_a_matrix_of_verdicts_effects_and_seeds_that_lead_to_the_report(
    load: Load, tmp_path: Path, when: datetime
) -> None:
    given = [EVERY, MEAN, FAILS, WIDE, NONE, OTHERS]
    experiment = load(source=SOURCE, runs=RUNS, expectations=given)
    text = index_of(experiment, finished(experiment), tmp_path, when)
    found = section(text, "[Somebody (2020)](<https://example.org/paper>)")
    head, _, *rows = [line for line in found.splitlines() if line.startswith("|")]
    assert head == "| data set: network | A2 | A10 |"
    both = "digits: perceptron, hidden 512"
    assert rows == [
        f"| {both}<br>[a](a.md), 2 seeds"
        " | [✅ 91.0 ± 1.4%](a.md#expectation-mean)<br>2 of 2"
        " | [❌ 91.0 ± 1.4%](a.md#expectation-fails) |",
        f"| digits (500): perceptron, hidden 8-8 and {both}<br>[a](a.md), 2 seeds"
        " | | [❌ 0.00 ± 0.00 points](a.md#expectation-wide) |",
    ]
    assert re.findall(r"^- .*", found, re.MULTILINE) == [
        "- **A2**: It tests worse.",
        "- **A3**: It is quick. *No expectation here speaks of it.*",
        "- **A10**: It stays near.",
    ]
    others = section(text, "Others (1999)")
    assert "| data set: network | T 1 |" in others
    assert "- **T 1**: no statement is given." in others


def test_experiments_on_one_claim_share_a_matrix(
    load: Load, tmp_path: Path, when: datetime
) -> None:
    for name, accuracy in (("a", 0.5), ("b", 0.95)):
        given = [expectation("e", claim="A2", at_least=accuracy, statistic="every")]
        experiment = dataclasses.replace(
            load(runs=ONE, source=SOURCE, expectations=given), name=name
        )
        text = index_of(experiment, finished(experiment), tmp_path, when)
    found = section(text, "[Somebody (2020)](<https://example.org/paper>)")
    assert re.findall(r"\[(a|b)\]\(.\.md\), 2 seeds \| \[(.)", found) == [("a", "✅"), ("b", "❌")]
    assert text.count("A cell shows what was measured") == 1


def test_what_was_not_run_is_listed_with_the_reason_and_the_claims_that_it_is_about(
    load: Load, tmp_path: Path, when: datetime
) -> None:
    experiment = load(runs=ONE, source=SOURCE, expectations=[MEAN, FAILS])
    (run,) = experiment.runs
    results = [
        RunResult(run, 0, "key", Status.BLOCKED, "it needs a GPU | here is none"),
        RunResult(run, 1, "key", Status.MISSING),
    ]
    text = index_of(experiment, results, tmp_path, when)
    rows = section(text, "What is missing, and why").splitlines()
    where = "[a](a.md)<br>digits: perceptron, hidden 512"
    assert f"| {where} | A2, A10 | 1 of 2 | blocked: it needs a GPU &#124; here is none |" in rows
    assert f"| {where} | A2, A10 | 1 of 2 | not run yet |" in rows
    assert "0 experiments, and 1 more of which nothing has been run." in text
    assert "[Somebody (2020)]" not in text
    assert "| experiment | verdicts |" not in text


def test_an_experiment_that_is_half_run_says_how_far_it_is(
    load: Load, tmp_path: Path, when: datetime
) -> None:
    experiment = load(runs=ONE, source=SOURCE, expectations=[MEAN])
    results = [finished(experiment)[0], RunResult("plain", 1, "key", Status.MISSING)]
    text = index_of(experiment, results, tmp_path, when)
    assert "| 2 seeds, 1 of 2 trainings done<br>2026-03-04<br>`64e9dd6` |" in text
    assert "| 1 of 2 | not run yet |" in text


def test_where_all_is_run_the_index_says_what_it_cannot_know(
    load: Load, tmp_path: Path, when: datetime
) -> None:
    experiment = load()
    text = index_of(experiment, finished(experiment), tmp_path, when)
    assert "All trainings of these experiments are done." in text
    assert "`python -m harness report`" in section(text, "What is missing, and why")


def test_hostile_labels_and_statements_stay_text(
    load: Load, tmp_path: Path, when: datetime, hostile: str
) -> None:
    experiment = load(runs=ONE, source={**SOURCE, "claims": {"A2": hostile}}, expectations=[MEAN])
    attack = dataclasses.replace(
        experiment,
        expectations=tuple(
            dataclasses.replace(each, claim=hostile) for each in experiment.expectations
        ),
    )
    text = index_of(attack, finished(attack), tmp_path, when)
    assert "<script>" not in text
    matrix = [line for line in text.splitlines() if line.startswith("| data set")]
    assert [line.count("|") for line in matrix] == [3]


@pytest.mark.parametrize(
    ("question", "shown"),
    [
        ("Does it?", "Does it?"),
        ("It has no question mark. It goes on.", "It has no question mark."),
        ("As by Liu et al. (2020) it is. Does it? Yes.", "As by Liu et al. it is. Does it?"),
        ("By C. Zhang et al. Does it?", "By C. Zhang et al. Does it?"),
        (f"{'word ' * 60}end. Does it?", "Does it?"),
        (f"Is {'it ' * 100}so?", f"Is {'it ' * 85}it …".replace("it it …", "it …")),
        ("", ""),
    ],
)
def test_a_question_in_brief(question: str, shown: str) -> None:
    assert brief(question) == shown
