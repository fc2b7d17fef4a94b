"""The lines of the live display, for terminals of every width."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from harness.follow.finished import Names
from harness.follow.screen import AtWork, Standing, Terminal, heartbeat, page
from harness.follow.time_left import TimeLeft

LONG = AtWork(
    experiment="quickstart-digits",
    run="random[augmentation+momentum]",
    seed=0,
    epochs=400,
    doing="compiling",
    row={"epoch": 12, "train_accuracy": 0.5, "test_accuracy": 0.25, "train_loss": 1.2345678},
    seconds=83.0,
)
STANDING = Standing(
    total=39,
    done=12,
    failed=1,
    left=TimeLeft(600.0, 7),
    at_work=(LONG, replace(LONG, run="random[none]", row={})),
    several=True,
    names=Names(58, 36),
)


def lines(width: int, standing: Standing = STANDING, encoding: str = "utf-8") -> list[str]:
    return page(standing, Terminal(width, 24, encoding)).plain.split("\n")


@pytest.mark.parametrize(
    ("width", "overall", "first", "second"),
    [
        (
            140,
            "12/39 runs  ━━━━━━━━────────────────  at least 10 min left  1 failed"
            "  7 runs not timed yet",
            "quickstart-digits / random[augmentation+momentum] / seed 0  ──────────   12/400"
            "     83 s  train  50.00%  test  25.00%  loss 1.235    ",
            "quickstart-digits / random[none] / seed 0                   ──────────    0/400"
            "     83 s  compiling",
        ),
        (
            80,
            "12/39 runs  ━━━───────  at least 10 min left  1 failed  7 runs not timed yet",
            "random[augmentation+momentum] seed 0   12/400  train  50.00%  test  25.00%",
            "random[none] seed 0                     0/400  compiling",
        ),
        (
            60,
            "12/39 runs  at least 10 min left  1 failed",
            "random[augmentation+momentum] seed 0   12/400  test  25.00%",
            "random[none] seed 0                     0/400  compiling",
        ),
        (
            40,
            "12/39 runs  at least 10 min left",
            "random[augmentation+mom… seed 0   12/400",
            "random[none] seed 0                0/400",
        ),
    ],
)
def test_the_bar_goes_first_then_details_and_never_a_count(
    width: int, overall: str, first: str, second: str
) -> None:
    assert lines(width) == [overall, first, second]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_no_line_is_wider_than_the_terminal_and_every_count_is_there(encoding: str) -> None:
    standing = replace(
        STANDING,
        at_work=(*STANDING.at_work, replace(LONG, run="网络[ß]" * 9, row={}, doing="读" * 40)),
        waits="reading the data of " + "x" * 200,
        names=Names(90, 70),
    )
    for width in range(40, 171):
        found = lines(width, standing, encoding)
        assert len(found) == 5
        assert all(cell_len(line) <= width for line in found)
        assert "12/39 runs" in found[0]
        assert " 12/400" in found[1]
        assert " 0/400" in found[2]
        assert " seed 0 " in found[3]
        assert all(line.encode(encoding).decode(encoding) == line for line in found)


def test_names_of_runs_to_come_leave_the_form_of_lines_as_it_is() -> None:
    short = replace(STANDING, at_work=(replace(LONG, run="one"),))
    wide, narrow = (replace(short, names=Names(58, each)) for each in (36, 10))
    assert "train" not in lines(60, wide)[1]
    assert "train" in lines(60, narrow)[1]


def test_a_terminal_in_ascii_has_plain_signs() -> None:
    found = lines(90, replace(STANDING, waits="importing TensorFlow"), "ascii")
    assert found[0].startswith("12/39 runs  ###-------  ")
    assert found[-1] == "| importing TensorFlow  0 s"


def test_before_anything_is_planned_there_is_what_is_waited_for_alone() -> None:
    assert lines(80, Standing(waits="importing TensorFlow", waited=0.3)) == [
        "⠙ importing TensorFlow  0 s"
    ]


def test_a_log_is_told_the_same_in_words() -> None:
    assert heartbeat(STANDING, 240.0) == (
        "after 4 min: 12 of 39 runs done, 1 failed; at least 10 min left, 7 runs not timed yet; "
        "at work: quickstart-digits / random[augmentation+momentum] / seed 0 (epoch 12 of 400), "
        "quickstart-digits / random[none] / seed 0 (compiling)"
    )
    assert heartbeat(Standing(), 60.0) == "after 60 s: getting ready"


def test_the_accuracy_on_a_validation_set_is_told_where_there_is_one() -> None:
    row = {**LONG.row, "validation_accuracy": 0.375}
    validated = replace(STANDING, at_work=(replace(LONG, row=row),), validated=True)
    assert lines(100, validated)[1] == (
        "random[augmentation+momentum] seed 0   12/400  train  50.00%  validation  37.50%"
        "  test  25.00%"
    )
    assert lines(80, validated)[1].endswith("12/400  train  50.00%  test  25.00%")
    assert "validation" not in lines(170)[1]
    for width in range(40, 171):
        assert all(cell_len(line) <= width for line in lines(width, validated))
