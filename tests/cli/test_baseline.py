"""The commands on kept numbers: what they show, ask, write and end with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from click.testing import Result

    from tests.cli.conftest import Harness
    from tests.conftest import Pretend

KEPT = Path("reports/a.baseline.json")


Store = Callable[[float, float, float], None]


@pytest.fixture
def accuracies(harness: Harness, pretend: Pretend) -> Store:
    """Store all runs of `a.json` with these test accuracies of its three runs."""

    def store(one: float, none: float, l2: float) -> None:
        values = {"one": one, "m[none]": none, "m[l2]": l2}
        numbers: dict[str, dict[str, Sequence[float | None]]] = {
            run: {"test_accuracy": [value], "epochs": [3]} for run, value in values.items()
        }
        pretend(Path("a.json"), Path(".harness/store"), numbers)

    return store


def output(result: Result) -> tuple[int, list[str]]:
    return result.exit_code, [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_numbers_are_kept_after_the_difference_is_shown_and_a_question(
    harness: Harness, accuracies: Store
) -> None:
    accuracies(0.5, 0.5, 0.9)
    assert output(harness("baseline", "compare", "a.json")) == (4, ["a: no baseline yet"])
    assert output(harness("baseline", "update", "a.json")) == (
        1,  # no answer is no
        ["a: no baseline yet; 6 numbers of 3 runs", "keep the numbers of a? [y/N]:"],
    )
    assert not KEPT.exists()
    assert harness("baseline", "update", "a.json", "--yes").exit_code == 0
    assert json.loads(KEPT.read_text())["runs"]["m[l2]"] == {"test_accuracy": [0.9], "epochs": [3]}
    assert output(harness("baseline", "update", "a.json")) == (0, ["a: as it is kept"])
    assert output(harness("baseline", "compare", "a.json")) == (0, ["a: 0 of 6 numbers drifted"])

    # `one` and `m[none]` are one run; 0.505 is within the point that an accuracy may drift, 0.8 is
    # not.
    accuracies(0.505, 0.505, 0.8)
    before = KEPT.read_text()
    table = [
        "run metric kept measured difference allowed seeds",
        "m[l2] test_accuracy 90.00% 80.00% -10.00 points 1.00 points 1 drifted",
    ]
    assert output(harness("baseline", "compare", "a.json")) == (
        1,
        ["a: 1 of 6 numbers drifted", *table],
    )
    code, lines = output(harness("baseline", "update", "a.json"))
    assert code == 1
    assert lines == [
        "a: 3 of 6 means changed",
        table[0],
        "one test_accuracy 50.00% 50.50% 0.50 points 1.00 points 1",
        "m[none] test_accuracy 50.00% 50.50% 0.50 points 1.00 points 1",
        table[1],
        "keep the numbers of a? [y/N]:",
    ]
    assert KEPT.read_text() == before
    assert (
        output(harness("baseline", "update", "a.json", "--yes"))[1][-1]
        == "written: reports/a.baseline.json"
    )
    assert json.loads(KEPT.read_text())["runs"]["m[l2]"]["test_accuracy"] == [0.8]


def test_without_its_runs_a_baseline_is_neither_compared_nor_written(harness: Harness) -> None:
    said = ["a: one, seed 0 (and 2 more): not run yet"]
    assert output(harness("baseline", "compare", "a.json")) == (4, said)
    assert output(harness("baseline", "update", "a.json", "--yes")) == (4, said)
    assert not KEPT.exists()


def test_a_damaged_baseline_is_told(harness: Harness, accuracies: Store) -> None:
    accuracies(0.5, 0.5, 0.9)
    KEPT.parent.mkdir()
    KEPT.write_text("{}")
    for command in ("compare", "update"):
        found = harness("baseline", command, "a.json")
        assert found.exit_code == 3
        assert (
            found.stderr
            == "error: the baseline reports/a.baseline.json cannot be read: it is no baseline of"
            " this harness\n"
        )


def test_one_damaged_baseline_ends_no_other_comparison(harness: Harness, pretend: Pretend) -> None:
    Path("b.json").write_text(Path("a.json").read_text().replace('"name": "a"', '"name": "b"'))
    values: dict[str, dict[str, Sequence[float | None]]] = {
        run: {"test_accuracy": [0.5]} for run in ("one", "m[none]", "m[l2]")
    }
    for name in "ab":
        pretend(Path(f"{name}.json"), Path(".harness/store"), values)
    assert harness("baseline", "update", "a.json", "b.json", "--yes").exit_code == 0
    KEPT.write_text(KEPT.read_text().replace("[0.5]", "[NaN]", 1))
    found = harness("baseline", "compare", "a.json", "b.json")
    assert (found.exit_code, found.stdout) == (3, "b: 0 of 3 numbers drifted\n")
    assert "one, test_accuracy, seed 0: expected a finite number or null, found nan" in found.stderr
    assert harness("baseline", "update", "a.json", "b.json", "--yes").exit_code == 3


def test_a_number_that_is_kept_on_one_side_alone_has_drifted(
    harness: Harness, accuracies: Store
) -> None:
    accuracies(0.5, 0.5, 0.9)
    harness("baseline", "update", "a.json", "--yes")
    whole = KEPT.read_text()
    for old, new in (
        ('"test_accuracy": [0.9]', '"test_accuracy": [null]'),
        ('"test_accuracy": [0.9],\n', ""),
    ):
        assert old in whole
        KEPT.write_text(whole.replace(old, new))
        code, lines = output(harness("baseline", "compare", "a.json"))
        assert (code, lines[0]) == (1, "a: 1 of 6 numbers drifted")
        assert lines[2] == "m[l2] test_accuracy – 90.00% 0 -> 1 of 1 drifted, not kept"  # noqa: RUF001


def test_what_is_measured_but_no_number_is_never_kept(harness: Harness, accuracies: Store) -> None:
    accuracies(0.5, 0.5, 0.9)
    harness("baseline", "update", "a.json", "--yes")
    before = KEPT.read_text()
    for stored in Path(".harness/store/runs").glob("*/measurements.json"):
        stored.write_text(stored.read_text().replace("0.9", "NaN"))
    found = harness("baseline", "update", "a.json", "--yes")
    assert found.exit_code == 3
    assert KEPT.read_text() == before
    assert harness("baseline", "compare", "a.json").exit_code == 3


def test_an_invalid_specification_ends_with_2(harness: Harness) -> None:
    Path("b.json").write_text("{}")
    assert harness("baseline", "update", "b.json", "--yes").exit_code == 2
