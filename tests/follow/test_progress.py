from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from harness.follow.progress import Display
from harness.plan import ConcreteRun
from harness.run_result import RunResult, Status

if TYPE_CHECKING:
    from tests.runner.conftest import Person

ROW = {"epoch": 3, "train_accuracy": 0.5, "test_accuracy": 0.25, "train_loss": 1.23456}
DONE = RunResult(
    "random",
    0,
    "key",
    Status.DONE,
    measurements={
        "train_accuracy": 1.0,
        "test_accuracy": 0.9615,
        "epochs": 5,
        "epochs_to_fit": None,
    },
    seconds=12.345,
)


@pytest.fixture
def run(person: Person) -> ConcreteRun:
    return next(iter(person.plan(person.spec()).runs.values()))


def shown(
    run: ConcreteRun,
    result: RunResult,
    reused: bool = False,
    terminal: bool = False,
    width: int = 140,
) -> str:
    file = io.StringIO()
    # In colour and not in a dumb terminal, whatever the tests themselves run in.
    console = Console(
        file=file,
        width=width,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
        _environ={},
    )
    with Display(console, 1, lambda: "about 3 min left") as display:
        if not reused:
            display.started(run)
            display.advanced(run, [])
            display.advanced(run, [{**ROW, "epoch": 1}, ROW])
        if terminal:
            display._progress.refresh()
        display.finished(run, result, reused)
    return file.getvalue()


def test_without_a_terminal_a_run_is_one_line(run: ConcreteRun) -> None:
    assert shown(run, DONE).split() == (
        "✓ tiny / random / seed 0 train 100.00% test 96.15% 5 epochs 12.3 s".split()  # noqa: SIM905
    )
    assert shown(run, DONE).count("\n") == 1


def test_a_kept_run_says_so(run: ConcreteRun) -> None:
    assert shown(run, DONE, reused=True).endswith("5 epochs  (kept from before)\n")


@pytest.mark.parametrize(
    ("status", "symbol"),
    [(Status.BLOCKED, "⊘ "), (Status.ERROR, "✗ "), (Status.MISSING, "· ")],
    ids=lambda each: each,
)
def test_a_run_that_was_not_finished_says_why_whatever_the_reason_holds(
    run: ConcreteRun, status: Status, symbol: str
) -> None:
    reason = "[bold]the folder [/] does not exist " + "very " * 50 + "sorry"
    result = replace(DONE, status=status, reason=reason, measurements={})
    line = shown(run, result)
    assert line.startswith(symbol)
    assert line.endswith(f"{status.value}: {reason}\n")
    assert line.count("\n") == 1


def test_a_measurement_that_does_not_exist_is_shown_as_nan(run: ConcreteRun) -> None:
    result = replace(DONE, measurements={**DONE.measurements, "test_accuracy": None})
    assert math.isnan(float(shown(run, result).split("test")[1].split("%")[0]))


def test_a_terminal_shows_the_current_run_s_progress(run: ConcreteRun) -> None:
    output = shown(run, DONE, terminal=True)
    assert "random seed 0" in output
    assert "train 50.00%  test 25.00%  loss 1.2346" in output
    assert "3/5" in output
    assert "0/1" in output
    assert "about 3 min left" in output
    assert output.endswith("\x1b[?25h\r\x1b[1A\x1b[2K")  # the cursor is back, the bars are gone


def test_the_name_of_a_cell_is_no_markup(person: Person) -> None:
    cell = person.spec(runs={"m": {"matrix": {"regularizers": [[], ["momentum"]]}}})
    first = next(iter(person.plan(cell).runs.values()))
    assert first.run.name == "m[none]"
    output = shown(first, DONE, terminal=True)
    assert "m[none] seed 0" in output
    assert "tiny / m[none] / seed 0" in output


def test_a_result_without_its_numbers_is_shown(run: ConcreteRun) -> None:
    assert "train    nan%" in shown(run, replace(DONE, measurements={}))


def test_runs_side_by_side_have_a_bar_each(person: Person) -> None:
    runs = list(person.plan(person.spec(seeds=list(range(14)))).runs.values())
    console = Console(file=io.StringIO(), width=140, force_terminal=True, _environ={})
    with Display(console, len(runs), lambda: "") as display:

        def bars() -> list[tuple[str, float]]:
            tasks = [task for task in display._progress.tasks if task.visible]
            return [(task.description.removeprefix("random "), task.completed) for task in tasks]

        for run in runs:
            display.started(run)
        display.advanced(runs[1], [{**ROW, "epoch": 2}])
        assert bars() == [
            ("runs", 0),
            *((f"seed {seed}", 2 if seed == 1 else 0) for seed in range(12)),
        ]
        display.finished(runs[0], DONE, False)
        assert [name for name, _ in bars()] == ["runs", *(f"seed {seed}" for seed in range(1, 13))]
        display.started(runs[1])  # its node failed: it begins again, from its checkpoint
        assert bars()[-1] == ("seed 13", 0)
        display.advanced(runs[1], [{**ROW, "epoch": 3}])
        display.finished(runs[13], DONE, False)
        assert bars()[-1] == ("seed 1", 3)


def test_a_narrow_terminal_cuts_nothing_off(run: ConcreteRun) -> None:
    output = shown(run, DONE, terminal=True, width=80)
    assert "train 50.00%  test 25.00%" in output
    assert "3/5" in output
    assert "…" not in output
