"""The display of an invocation: with a terminal, and without."""

from __future__ import annotations

import builtins
import io
import itertools
import math
import re
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from harness.follow import progress
from harness.follow.progress import Display, shown_on
from harness.follow.time_left import TimeLeft
from harness.plan import ConcreteRun
from harness.run_result import RunResult, Status
from tests.follow.display import Shown

if TYPE_CHECKING:
    from tests.support.person import Person

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


@pytest.fixture
def runs(person: Person) -> list[ConcreteRun]:
    return list(person.plan(person.spec(seeds=list(range(14)))).runs.values())


def written(run: ConcreteRun, result: RunResult, kept: bool = False, seconds: float = 20.0) -> str:
    """What a file gets of a run that takes so many seconds."""
    shown = Shown(terminal=False)
    shown.expect([run], [run.key] if kept else [])
    with shown.display as display:
        if not kept:
            display.started(run)
            display.preparing(run, "compiling")
            display.advanced(run, [])
            display.advanced(run, [{**ROW, "epoch": 1}, ROW])
        shown.at(seconds)
        display.finished(run, result, kept)
    return shown.written


class TestWithoutATerminal:
    """A line for each run that has ended, and once a minute one on how far all is."""

    def test_a_run_is_one_line_whose_time_is_that_which_a_person_waited(
        self, run: ConcreteRun
    ) -> None:
        assert written(run, DONE) == (
            "✓ tiny / random / seed 0  train 100.00%  test  96.15%      5 epochs"
            "   20.0 s, 12.3 s of it training\n"
        )

    def test_of_a_run_that_went_on_all_of_its_training_is_told(self, run: ConcreteRun) -> None:
        assert written(run, DONE, seconds=3.0).endswith("5 epochs  12.3 s of training in all\n")

    def test_a_kept_run_says_so(self, run: ConcreteRun) -> None:
        assert written(run, DONE, kept=True).endswith("5 epochs  (kept from before)\n")
        stale = replace(DONE, stale="harness.training.step differs")
        assert written(run, stale, kept=True).endswith("5 epochs  (stale, kept from before)\n")

    def test_a_run_that_another_process_finished_meanwhile_is_not_kept(
        self, run: ConcreteRun
    ) -> None:
        shown = Shown(terminal=False)
        shown.expect([run])
        shown.display.finished(run, DONE, reused=True)
        assert "kept" not in shown.written

    @pytest.mark.parametrize(
        ("status", "symbol"),
        [(Status.BLOCKED, "⊘ "), (Status.ERROR, "✗ "), (Status.MISSING, "· ")],
        ids=lambda each: each,
    )
    def test_a_run_that_was_not_finished_says_why_whatever_the_reason_holds(
        self, run: ConcreteRun, status: Status, symbol: str
    ) -> None:
        reason = "[bold]the folder [/] does not exist " + "very " * 50 + "sorry"
        line = written(run, replace(DONE, status=status, reason=reason, measurements={}))
        assert line.startswith(symbol)
        assert line.endswith(f"{status.value}: {reason}\n")
        assert line.count("\n") == 1

    def test_a_measurement_that_does_not_exist_is_shown_as_nan(self, run: ConcreteRun) -> None:
        result = replace(DONE, measurements={**DONE.measurements, "test_accuracy": None})
        assert math.isnan(float(written(run, result).split("test")[1].split("%")[0]))
        assert "train    nan%" in written(run, replace(DONE, measurements={}))

    def test_every_minute_one_line_says_how_far_all_is(self, runs: list[ConcreteRun]) -> None:
        shown = Shown(terminal=False)
        with shown.display as display:
            display.waits("importing TensorFlow")
            shown.at(59.9)
            assert shown.written == ""
            shown.at(60.0)
            display.waits("")
            shown.expect(runs, [runs[0].key], TimeLeft(300.0, 2))
            display.started(runs[1])
            display.advanced(runs[1], [ROW])
            display.started(runs[2])
            display.preparing(runs[2], "reading the data of digits")
            display.finished(runs[3], replace(DONE, status=Status.ERROR, reason="NaN"), False)
            for seconds in (90.0, 119.0, 120.0, 121.0):
                shown.at(seconds)
            for each in runs[4:]:
                display.started(each)
            shown.at(600.0)
        first, failed, second, third = shown.written.splitlines()
        assert first == "after 60 s: importing TensorFlow (60 s so far)"
        assert failed == "✗ tiny / random / seed 3   error: NaN"
        assert second == (
            "after 2 min: 1 of 14 runs done, 1 failed; at least 5 min left, 2 runs not timed yet;"
            " at work: tiny / random / seed 1 (epoch 3 of 5),"
            " tiny / random / seed 2 (reading the data of digits)"
        )
        assert third.endswith("tiny / random / seed 5 (starting) and 8 more runs")
        assert not re.search(r"[\r\x1b]", shown.written)

    @pytest.mark.parametrize(
        ("terminal", "environment"),
        [
            (True, {"TERM": "dumb"}),
            (False, {"TERM": "xterm", "FORCE_COLOR": "1"}),
            (False, {"TERM": "xterm"}),
        ],
        ids=["dumb", "forced", "file"],
    )
    def test_nothing_is_redrawn_where_nothing_can_be(
        self, terminal: bool, environment: dict[str, str], run: ConcreteRun
    ) -> None:
        shown = Shown(terminal=terminal, environment=environment)
        with shown.display as display:
            display.waits("importing TensorFlow")
            shown.expect([run])
            display.started(run)
            shown.at(1.0)
            display.finished(run, DONE, False)
        text = re.sub(r"\x1b\[[\d;]*m", "", shown.written)  # FORCE_COLOR asks for colours
        assert text.startswith("✓ tiny / random / seed 0")
        assert text.count("\n") == 1
        assert "\x1b" not in text


class TestOnATerminal:
    """What is redrawn."""

    def test_the_start_says_what_it_waits_for(self) -> None:
        shown = Shown()
        with shown.display as display:
            display.waits("importing TensorFlow")
            shown.at(7.5)
            assert shown.lines == ["⠋ importing TensorFlow  8 s"]
        assert "importing TensorFlow" in shown.written
        assert shown.written.endswith(
            "\x1b[?25h\r\x1b[1A\x1b[2K"
        )  # the cursor is back, all else gone

    def test_a_run_says_what_it_does_until_its_first_epoch_is_over(self, run: ConcreteRun) -> None:
        shown = Shown(width=60)
        shown.expect([run])
        doing = []
        with shown.display as display:
            display.started(run)
            doing.append(shown.lines[1])
            for what in ("reading the data of digits", "compiling"):
                display.preparing(run, what)
                doing.append(shown.lines[1])
            for epoch in (0, 1):
                display.advanced(run, [{**ROW, "epoch": epoch}])
                doing.append(shown.lines[1])
        assert doing == [
            "random seed 0  0/5      0 s  starting",
            "random seed 0  0/5      0 s  reading the data of digits",
            "random seed 0  0/5      0 s  compiling",
            "random seed 0  0/5      0 s  compiling, first epoch",
            "random seed 0  1/5      0 s  train  50.00%  test  25.00%",
        ]

    def test_all_runs_are_counted_and_their_time_left_is_told(
        self, runs: list[ConcreteRun]
    ) -> None:
        shown = Shown()
        shown.expect(runs[:10], [runs[0].key, runs[1].key], TimeLeft(180.0, 3))
        display = shown.display
        bar = "━━" + "─" * 8
        assert shown.lines[0] == f"2/10 runs  {bar}  at least 3 min left  3 runs not timed yet"
        shown.expect(runs, (), TimeLeft(180.0))  # the next look at the seeds
        display.finished(runs[2], DONE, False)
        display.finished(runs[2], DONE, False)  # the store tells it once more
        display.finished(runs[3], replace(DONE, status=Status.ERROR), False)
        assert shown.lines[0] == f"3/14 runs  {bar}  about 3 min left  1 failed"
        assert shown.written.count("seed 2") == 1

    def test_the_accuracy_on_a_validation_set_is_shown_where_a_run_has_one(
        self, person: Person
    ) -> None:
        dataset = {"validation": {"examples": 20}}
        spec = person.spec(runs={"one": {"dataset": dataset}, "two": {}})
        runs = list(person.plan(spec).runs.values())
        shown = Shown()
        shown.expect(runs)
        shown.display.advanced(runs[0], [{**ROW, "validation_accuracy": 0.375}])
        shown.display.advanced(runs[1], [ROW])
        one, two = shown.lines[1:3]
        assert "validation  37.50%  test  25.00%" in one
        assert one.index("test") == two.index("test")
        measurements = {**DONE.measurements, "validation_accuracy": 0.375}
        shown.display.finished(runs[0], replace(DONE, measurements=measurements), False)
        assert "train 100.00%  validation  37.50%  test  96.15%" in shown.written

    def test_blocked_runs_are_counted_from_the_start(self, runs: list[ConcreteRun]) -> None:
        shown = Shown()
        shown.expect([replace(runs[0], blocked="it needs a GPU"), runs[1]])
        assert shown.lines[0] == f"0/2 runs  {'━' * 5}{'─' * 5}  about 3 min left  1 blocked"

    def test_the_name_of_a_cell_is_no_markup(self, person: Person) -> None:
        cell = person.spec(runs={"m": {"matrix": {"regularizers": [[], ["momentum"]]}}})
        first = next(iter(person.plan(cell).runs.values()))
        assert first.run.name == "m[none]"
        shown = Shown(terminal=True)
        shown.expect([first])
        with shown.display as display:
            display.started(first)
            display.tick()
            assert shown.lines[1].startswith("m[none] seed 0 ")
            display.finished(first, DONE, False)
        assert "tiny / m[none] / seed 0" in shown.written

    def test_runs_side_by_side_have_a_line_each(self, runs: list[ConcreteRun]) -> None:
        shown = Shown(height=40)
        shown.expect(runs)
        display = shown.display

        def lines() -> list[str]:
            return [
                re.sub(r"random (seed \d+) .* (\d)/5 .*", r"\1: \2", line)
                for line in shown.lines[1:]
            ]

        for run in runs:
            display.started(run)
        display.advanced(runs[1], [{**ROW, "epoch": 2}])
        assert lines() == [
            *(f"seed {seed}: {2 if seed == 1 else 0}" for seed in range(12)),
            "and 2 more at work",
        ]
        display.finished(runs[0], DONE, False)
        display.finished(runs[13], DONE, False)
        assert lines() == [f"seed {seed}: {2 if seed == 1 else 0}" for seed in range(1, 13)]
        display.started(runs[1])  # its node failed: it begins again, from its checkpoint
        display.advanced(runs[1], [{**ROW, "epoch": 3}])
        assert lines()[-1] == "seed 1: 3"

    def test_a_low_terminal_is_not_filled(self, runs: list[ConcreteRun]) -> None:
        shown = Shown(height=8)
        shown.expect(runs)
        for run in runs:
            shown.display.started(run)
        assert len(shown.lines) == 6
        assert shown.lines[-1] == "and 10 more at work"

    def test_an_idle_process_says_that_it_waits_for_others(self, run: ConcreteRun) -> None:
        shown = Shown()
        shown.expect([run])
        shown.at(1.5)
        assert len(shown.lines) == 1
        shown.at(3.0)
        assert shown.lines[1].endswith("waiting for other processes or nodes  3 s")

    def test_no_colour_where_none_is_wanted(self, run: ConcreteRun) -> None:
        shown = Shown(environment={"TERM": "xterm", "NO_COLOR": "1"})
        shown.expect([run])
        with shown.display as display:
            display.started(run)
            display.tick()
            display.finished(run, DONE, False)
        colours = re.findall(r"\x1b\[([\d;]*)m", shown.written)
        assert colours
        assert all(set(each.split(";")) <= {"0", "1", "2"} for each in colours)  # bold and dim


def test_the_lines_of_narrow_terminals_stand_below_their_experiment(
    runs: list[ConcreteRun],
) -> None:
    shown = Shown(width=60)
    shown.expect(runs)
    for run in runs[:2]:
        shown.display.finished(run, DONE, False)
    text = re.sub(r"\x1b\[[\d;]*m", "", shown.written)
    assert text == (
        "tiny:\n"
        "✓ random seed 0   train 100.00%  test  96.15%  12.3 s\n"
        "✓ random seed 1   train 100.00%  test  96.15%  12.3 s\n"
    )


def test_a_display_that_fails_stops_no_run_and_is_told_of_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = itertools.count(1)
    enough = threading.Event()

    def tick(self: Display) -> None:
        if next(calls) == progress._FAILURES:
            enough.set()
        raise ValueError("\x1bno")

    monkeypatch.setattr(Display, "tick", tick)
    monkeypatch.setattr(progress, "_TICK_SECONDS", 0.001)
    with shown_on(Console(file=io.StringIO())):
        assert enough.wait(60)
    assert capsys.readouterr().err == "the progress is not shown any more: ValueError: \\x1bno\n"
    assert next(calls) == progress._FAILURES + 1


def test_a_display_that_fails_for_a_moment_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = itertools.count(1)
    enough = threading.Event()

    def tick(self: Display) -> None:
        number = next(calls)
        if number == 3 * progress._FAILURES:
            enough.set()
        if number % 2:
            raise ValueError("no")

    monkeypatch.setattr(Display, "tick", tick)
    monkeypatch.setattr(progress, "_TICK_SECONDS", 0.001)
    with shown_on(Console(file=io.StringIO())):
        assert enough.wait(60)
    assert capsys.readouterr().err == ""


def test_nothing_is_rendered_while_another_import_is_in_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As etils has one while TFDS is imported; Rich imports when it renders."""
    real, ticked = builtins.__import__, threading.Event()

    def patched(*arguments: Any, **named: Any) -> Any:
        return real(*arguments, **named)

    monkeypatch.setattr(Display, "tick", lambda self: ticked.set())
    monkeypatch.setattr(progress, "_TICK_SECONDS", 0.001)
    monkeypatch.setattr(builtins, "__import__", patched)
    with shown_on(Console(file=io.StringIO())):
        assert not ticked.wait(0.05)
        monkeypatch.setattr(builtins, "__import__", real)
        assert ticked.wait(60)
