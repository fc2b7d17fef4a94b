"""What a person reads at the terminal of runs in every state."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from harness.cli.tables import show_plan
from harness.experiment import Basis, Expectation, Json, Statistic
from harness.judging.check import Judgement, Verdict
from harness.plan import make_plan
from harness.report.terminal import show_judgements
from harness.spec.load import load
from harness.store.staleness import present
from harness.store.store import Checkpoint, Store

SPEC = {
    "name": "a",
    "title": "The [bold] title",
    "seeds": [0, 1, 2, 3],
    "defaults": {
        "dataset": {"name": "digits"},
        "model": {"name": "perceptron"},
        "training": {"epochs": 1},
    },
    "runs": {"one": {}, "two": {"initialize_from": "one"}},
}


def test_each_standing_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "a.json").write_text(json.dumps(SPEC))
    experiments = load([tmp_path / "a.json"])
    plan, store = make_plan(experiments, tmp_path / "data", 0), Store(tmp_path / "store")
    store.prepare()
    done, unfinished, failed, _ = [
        key for member, key in plan.members.items() if member.run == "one"
    ]
    row = {"epoch": 7, "step": 28}
    run: Json = {"experiment": "a", "run": "one", "seed": 0, "parent": None, "settings": {}}
    environment = {"environment": {}, "seconds": 0, "images_per_second": 0, "parameters": 0}
    environment["code"] = present("tensorflow").to_json()
    store.finish(done, run=run, history=[row], measurements={}, environment=environment, files={})
    store.save_checkpoint(unfinished, Checkpoint({}, [row]))
    store.save_error(failed, "the loss is not finite")
    show_plan(experiments, plan, store)
    output = capsys.readouterr().out
    one, two = (
        next(line for line in output.splitlines() if line.startswith(name))
        for name in ("one", "two")
    )
    assert "1 done; 1 unfinished at epoch 7; 1 error; 1 to do" in one
    assert "3 to do; 1 blocked" in two
    assert "one error: the loss is not finite\n" in output
    assert "two blocked: it starts from one, which failed: the loss is not finite\n" in output
    assert "8 runs: 1 done, 7 to do, 0 blocked; left at most 28 steps, 3,500 images" in output


def test_a_damaged_run_is_neither_done_nor_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "a.json").write_text(json.dumps(SPEC))
    experiments = load([tmp_path / "a.json"])
    plan, store = make_plan(experiments, tmp_path / "data", 0), Store(tmp_path / "store")
    key = next(iter(plan.runs))
    store.folder(key).mkdir(parents=True)
    show_plan(experiments, plan, store)
    output = capsys.readouterr().out
    assert f"one error: {store.folder(key) / 'SHA256SUMS'} is missing; remove the run" in output
    assert "8 runs: 0 done, 7 to do, 0 blocked, 1 damaged; left" in output


def test_every_verdict_but_a_pass_is_explained(tmp_path: Path) -> None:
    def judgement(id: str, verdict: Verdict, message: str) -> Judgement:
        expectation = Expectation(
            id, "", "m[l2].test_accuracy", 0.5, None, Statistic.MEAN, 0.95, Basis.CLAIM, "a place"
        )
        return Judgement(expectation, verdict, mean=0.75, message=message)

    output = io.StringIO()
    (tmp_path / "a.json").write_text(json.dumps(SPEC))
    (experiment,) = load([tmp_path / "a.json"])
    show_judgements(
        Console(file=output, width=200),
        experiment,
        [
            judgement("good", Verdict.PASS, "unsaid"),
            judgement("bad", Verdict.FAIL, "it is [too] low"),
        ],
        Path("out/a.md"),
    )
    text = output.getvalue()
    assert "a: The [bold] title" in text
    assert [
        line.split()[:3] for line in text.splitlines() if line.startswith(("pass", "fail"))
    ] == [
        ["pass", "good", "mean"],
        ["fail", "bad", "mean"],
    ]
    assert text.endswith("bad: it is [too] low\nreport: out/a.md\n")
    assert "unsaid" not in text


@pytest.mark.parametrize("width", [70, 66, 65, 40])
def test_verdicts_are_aligned_and_folded_where_they_do_not_fit(tmp_path: Path, width: int) -> None:
    expectation = Expectation(
        "[id]", "", "one.epochs", None, 9, Statistic.EVERY, 0.95, Basis.CLAIM, "a place"
    )
    output = io.StringIO()
    (tmp_path / "a.json").write_text(json.dumps(SPEC))
    (experiment,) = load([tmp_path / "a.json"])
    show_judgements(
        Console(file=output, width=width),
        experiment,
        [Judgement(expectation, Verdict.PASS, 8.0)],
        None,
    )
    lines = [line.rstrip() for line in output.getvalue().splitlines()]
    aligned = [
        "",
        "a: The [bold] title",
        "verdict  expectation  expected                     measured  basis",
        "pass     [id]         every seed at most 9 epochs  8 epochs  claim",
    ]
    assert (lines == aligned) == (width >= len(aligned[3]))
    assert max(map(len, lines)) <= width
