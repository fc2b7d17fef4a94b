"""What a person reads at the terminal of runs in every state."""

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from harness.cli.plan_table import show_plan
from harness.experiment import Basis, Expectation, Experiment, Json, Statistic
from harness.judging.check import Judgement, Verdict
from harness.plan import Plan, make_plan
from harness.report.terminal import show_judgements
from harness.runner.standings import standings
from harness.spec.load import load
from harness.store.checksums import WEIGHTS
from harness.store.staleness import present
from harness.store.store import Checkpoint, Store, Writer


class Terminal(io.StringIO):
    """A terminal, as far as one can ask."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


def show(
    experiments: Sequence[Experiment], plan: Plan, store: Store, everything: bool = False
) -> None:
    """Show a plan as the command does."""
    found, pace = standings(experiments, plan, store)
    show_plan(found, plan, store, pace, everything)


SPEC: Json = {
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
    files: dict[str, Writer] = {WEIGHTS: lambda path: path.touch()}
    store.finish(
        done, run=run, history=[row], measurements={}, environment=environment, files=files
    )
    store.save_checkpoint(unfinished, Checkpoint({}, [row]))
    store.save_error(failed, "the loss is not finite")
    show(experiments, plan, store)
    output = capsys.readouterr().out
    one, two = (
        next(line for line in output.splitlines() if line.startswith(name))
        for name in ("one", "two")
    )
    assert "1 done; 1 unfinished at epoch 7; 1 error; 1 to do" in one
    assert "3 to do; 1 blocked" in two
    assert "1 run has an error: the loss is not finite\n  one\n" in output
    why = "it starts from one, which failed: the loss is not finite"
    assert f"1 run is blocked: {why}\n  two\n" in output
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
    show(experiments, plan, store)
    output = capsys.readouterr().out
    gone = store.folder(key) / "SHA256SUMS"
    assert f"1 run has an error: {gone} is missing; remove the run" in output
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


ALIGNED = """
a: The [bold] title
verdict  expectation  expected                     measured  basis
pass     [id]         every seed at most 9 epochs  8 epochs  claim
"""


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (70, ALIGNED),
        (66, ALIGNED),
        (
            56,
            """
a: The [bold] title
verdict  expectation  expected           measured  basis
pass     [id]         every seed at      8 epochs  claim
                      most 9 epochs
""",
        ),
        (
            40,
            """
a: The [bold] title
pass  [id]
  expected: every seed at most 9 epochs
  measured: 8 epochs  basis: claim
""",
        ),
    ],
)
def test_verdicts_are_aligned_folded_or_listed_as_a_terminal_has_room(
    tmp_path: Path, width: int, shown: str
) -> None:
    assert verdicts(tmp_path, Terminal(), width) == shown


@pytest.mark.parametrize("width", [20, 200])
def test_verdicts_are_a_row_each_where_no_terminal_shows_them(tmp_path: Path, width: int) -> None:
    assert verdicts(tmp_path, io.StringIO(), width) == ALIGNED


def verdicts(folder: Path, output: io.StringIO, width: int) -> str:
    """Return what is shown of one verdict."""
    expectation = Expectation(
        "[id]", "", "one.epochs", None, 9, Statistic.EVERY, 0.95, Basis.CLAIM, "a place"
    )
    (folder / "a.json").write_text(json.dumps(SPEC))
    (experiment,) = load([folder / "a.json"])
    console = Console(file=output, width=width, color_system=None)
    show_judgements(console, experiment, [Judgement(expectation, Verdict.PASS, 8.0)], None)
    return output.getvalue()


class TestManySpecifications:
    """A plan of more runs than a person reads."""

    def plan(self, folder: Path, runs: int, everything: bool = False) -> list[str]:
        for name in ("a", "b"):
            spec = {**SPEC, "name": name, "seeds": [0, 1], "requires": {"gpu": name == "b"}}
            spec["runs"] = {f"{name}{number}": {} for number in range(runs)}
            (folder / f"{name}.json").write_text(json.dumps(spec))
        experiments = load([folder])
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            show(
                experiments,
                make_plan(experiments, folder / "data", 0),
                Store(folder / "store"),
                everything,
            )
        return output.getvalue().splitlines()

    def test_it_is_a_row_each(self, tmp_path: Path) -> None:
        assert self.plan(tmp_path, 21) == [
            "",
            "experiment  runs  done  stale  blocked  to do  hours",
            "a             42     0      0        0     42      ?",
            "b             42     0      0        0     42      ?",
            "",
            "2 runs: 0 done, 2 to do, 0 blocked; left at most 8 steps, 1,000 images",
            "--all shows the runs, --json gives them to programs",
        ]

    def test_all_shows_every_run(self, tmp_path: Path) -> None:
        shown = self.plan(tmp_path, 21, everything=True)
        assert sum(line.startswith(("a1", "b1")) for line in shown) == 22
        assert "experiment  runs  done  stale  blocked  to do  hours" in shown

    def test_few_runs_are_shown_too(self, tmp_path: Path) -> None:
        assert sum(line.startswith(("a1", "b1")) for line in self.plan(tmp_path, 20)) == 22
