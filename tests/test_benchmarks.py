"""The benchmarks: their statistics and their page, and that what they run still runs. No test looks
at a time.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import GROUPS
from benchmarks.bench_confusion import original_loop
from benchmarks.figures import (
    Row,
    Spread,
    Target,
    exponent,
    from_json,
    paired,
    spread,
    to_json,
)
from benchmarks.sides import Lap, Side, SideError, Unavailable, apart, fastest
from benchmarks.table import Group, page, quantity, ratio, section, target, verdict

ROOT = Path(__file__).parents[1]


def row(**changes: object) -> Row:
    fields = {
        "name": "group/speed",
        "what": "speed",
        "figure": 12_345.6,
        "unit": "images/s",
        "against": "theirs: 5,000",
    }
    return Row(**{**fields, "ratio": Spread(2.5, 2.0, 3.0), **changes})  # type: ignore[arg-type]


def test_spread_is_the_median_and_the_quartiles() -> None:
    assert spread([5.0, 1.0, 2.0, 4.0, 3.0]) == Spread(3.0, 2.0, 4.0)
    assert spread([1.0, 2.0]) == Spread(1.5, 1.25, 1.75)
    assert spread([7.0]) == Spread(7.0, 7.0, 7.0)


def test_ratios_are_of_pairs_and_not_of_medians() -> None:
    # The machine is ten times slower in the second round: each pair still has a ratio of 2.
    assert paired([20.0, 2.0, 18.0], [10.0, 1.0, 9.0]) == Spread(2.0, 2.0, 2.0)
    with pytest.raises(ValueError, match="shorter"):
        paired([1.0, 2.0], [1.0])


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_exponent_sees_through_a_fixed_cost(power: float) -> None:
    costs = [100.0 + 3.0 * size**power for size in (1, 4, 16)]
    assert exponent(*costs) == pytest.approx(power)


def test_a_cost_that_does_not_grow_has_the_exponent_0() -> None:
    assert exponent(5.0, 5.0, 5.0) == exponent(5.0, 4.9, 5.2) == exponent(5.0, 5.2, 5.1) == 0.0


@pytest.mark.parametrize(
    ("wanted", "met"),
    [
        (None, None),
        (Target("ratio", at_least=2.5), True),
        (Target("ratio", at_least=2.51), False),
        (Target("ratio", at_most=2.49), False),
        (Target("figure", at_least=12_345.0), True),
        (Target("figure", at_most=12_345.0), False),
    ],
)
def test_a_target_bounds_the_figure_or_the_median_ratio(
    wanted: Target | None, met: bool | None
) -> None:
    assert row(target=wanted).met is met
    assert verdict(row(target=wanted)) == {None: "", True: "met", False: "**missed**"}[met]


def test_a_target_for_a_ratio_needs_one() -> None:
    with pytest.raises(ValueError, match="group/speed"):
        _ = row(ratio=None, target=Target("ratio", at_least=1.0)).met


@pytest.mark.parametrize("one", [row(), row(ratio=None), row(target=Target("figure", at_most=3.0))])
def test_rows_survive_json(one: Row) -> None:
    assert from_json(json.loads(json.dumps(to_json(one)))) == one


def test_numbers_read_well() -> None:
    assert [quantity(value, "s") for value in (0.123, 12.34, 1234.5)] == [
        "0.12 s",
        "12.3 s",
        "1,234 s",
    ]
    assert (quantity(43.21, "%"), quantity(1.234, "")) == ("43.2%", "1.23")
    assert (ratio(Spread(2.5, 2.0, 3.0)), ratio(Spread(2.5, 2.5, 2.5)), ratio(None)) == (
        "2.50 [2.00, 3.00]",
        "2.50",
        "",
    )
    assert (target(Target("ratio", at_least=0.97)), target(Target("figure", at_most=30_000))) == (
        "at least 0.97",
        "at most 30,000",
    )


def test_a_missed_target_is_explained() -> None:
    missed = row(target=Target("ratio", at_least=20.0))
    met = row(name="group/other", what="another", target=Target("ratio", at_least=2.0))
    text = section(
        Group("group", "What is measured.", {}, [missed, met]),
        {"group/speed": "Sorting takes the time."},
    )
    assert (
        "| speed | 12,346 images/s | theirs: 5,000 | 2.50 [2.00, 3.00] | at least 20 | **missed** |"
        in _single(text)
    )
    assert "- **speed**: Sorting takes the time." in text
    assert "- **another**" not in text
    assert "- **speed**: not explained yet." in section(Group("group", "", {}, [missed]), {})


def test_the_page_counts_and_tells_where_groups_differ() -> None:
    rows = [row(target=Target("ratio", at_least=bound)) for bound in (1.0, 2.0, 3.0)] + [row()]
    groups = [
        Group("input", "One.", {"processor": "P", "load": "0.1"}, rows),
        Group("start", "Two.", {"processor": "P", "load": "0.2"}, []),
    ]
    text = page(groups, {})
    assert "Targets met: 2 of 3." in text
    assert "| processor | P |" in _single(text)
    assert "| load | input: 0.1; start: 0.2 |" in _single(text)


def _single(text: str) -> str:
    """The text with single spaces: tables are aligned with more."""
    return " ".join(text.split(" ")) if "  " not in text else _single(text.replace("  ", " "))


def test_the_original_loop_zeroes_so_many_values_and_leaves_the_images() -> None:
    images = np.full((3, 32, 32, 3), 7, np.uint8)
    confused, labels = original_loop(images)
    assert [int((image == 0).sum()) for image in confused] == [307] * 3
    assert images.min() == 7
    assert len(labels) == 3 and set(labels) <= set(range(10))


class Pretended(Side):
    """A side with a rate that is known."""

    def __init__(self, rate: float) -> None:
        self.rate, self.closed = rate, False

    def round(self) -> float:
        return self.rate

    def close(self) -> None:
        self.closed = True


def test_the_fastest_side_stays_and_the_others_are_closed() -> None:
    candidates = [Pretended(1.0), Pretended(3.0), Pretended(2.0)]
    assert fastest(candidates) is candidates[1]
    assert [each.closed for each in candidates] == [True, False, True]


def works(lap: Lap, amount: float) -> None:
    while True:
        lap(amount)


def fails(_lap: Lap) -> None:
    raise ZeroDivisionError("in the side")


def fails_later(lap: Lap) -> None:
    lap(1.0)
    raise ZeroDivisionError("in the round")


def lacks(_lap: Lap) -> None:
    raise Unavailable("it is not installed")


def dies(_lap: Lap) -> None:
    os._exit(7)


def holds(mib: int) -> int:
    return len(bytes(b"x" * (mib * 2**20)))


def test_a_side_does_rounds_in_a_process_of_its_own() -> None:
    side = Side("side", works, 10.0)
    try:
        assert side.round() > 0
        assert side.round() > 0
    finally:
        side.close()


def test_what_goes_wrong_in_a_side_is_told() -> None:
    with pytest.raises(SideError, match="ZeroDivisionError: in the side"):
        Side("side", fails)
    with pytest.raises(Unavailable, match="it is not installed"):
        Side("side", lacks)
    with pytest.raises(SideError, match="side died with exit code 7"):
        Side("side", dies)
    side = Side("side", fails_later)
    with pytest.raises(SideError, match="in the round"):
        side.round()
    side.close()


def test_apart_tells_the_peak_of_memory() -> None:
    (small, few), (large, many) = apart(holds, 1), apart(holds, 201)
    assert (small, large) == (2**20, 201 * 2**20)
    assert 190 < many - few < 450  # the bytes once, or twice where they are copied


def test_every_file_of_benchmarks_is_a_group() -> None:
    files = (ROOT / "benchmarks").glob("bench_*.py")
    assert sorted(GROUPS) == sorted(file.stem.removeprefix("bench_") for file in files)


@pytest.mark.parametrize(
    "groups",
    [
        ("start", "confusion"),
        pytest.param(GROUPS, marks=[pytest.mark.long, pytest.mark.timeout(1800)]),
    ],
    ids=["cheap", "all"],
)
def test_the_command_runs_and_writes_its_results(groups: tuple[str, ...], tmp_path: Path) -> None:
    pytest.importorskip("pytest_benchmark")
    only = [part for group in groups for part in ("--only", group)]
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "--quick",
        *only,
        "--output",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert set(results) == set(groups)
    rows = [from_json(value) for group in groups for value in results[group]["rows"]]
    assert len({one.name for one in rows}) == len(rows)
    text = (tmp_path / "README.md").read_text()
    for one in rows:
        assert one.name in done.stdout
        assert one.what in text
    for group in groups:
        assert results[group]["rows"] and results[group]["benchmarks"]
        assert "node" not in results[group]["machine_info"]
        assert f"## {group.capitalize()}" in text


def test_an_unknown_group_is_refused() -> None:
    command = [sys.executable, "-m", "benchmarks", "--only", "nothing"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'nothing' is not one of 'start'" in done.stderr
