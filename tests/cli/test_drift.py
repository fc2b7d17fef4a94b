"""The option --baseline of run and check: drift in every form, in the exit code, and explained."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from tests.support.processes import run_harness

if TYPE_CHECKING:
    from click.testing import Result

    from tests.cli.conftest import Harness
    from tests.conftest import Pretend

KEPT = Path("reports/a.baseline.json")
FORMS = ("--junit", "j.xml", "--json", "v.json", "--summary", "s.md", "--annotate", "github")

Store = Callable[[float], None]


@pytest.fixture
def store(harness: Harness, pretend: Pretend) -> Store:
    """Store all runs of `a.json`, whose expectation passes, with this test accuracy of `one`."""
    change('"at_least": 0', '"at_least": 0, "statistic": "every"')

    def make(accuracy: float) -> None:
        rest: dict[str, Sequence[float | None]] = {"test_accuracy": [0.5], "distance": [2.0]}
        one = rest | {"test_accuracy": [accuracy]}  # which is one run with m[none]
        pretend(Path("a.json"), Path(".harness/store"), {"one": one, "m[none]": one, "m[l2]": rest})

    return make


@pytest.fixture
def kept(harness: Harness, store: Store) -> Store:
    """Keep the numbers of an accuracy of 0.5."""
    store(0.5)
    assert harness("baseline", "update", "a.json", "--yes").exit_code == 0
    return store


def change(old: str, new: str) -> None:
    text = Path("a.json").read_text()
    assert old in text
    Path("a.json").write_text(text.replace(old, new))


def last(found: Result) -> str:
    return found.stdout.splitlines()[-1]


@pytest.mark.parametrize("command", ["check", "run"])
def test_kept_numbers_pass(harness: Harness, kept: Store, command: str) -> None:
    found = harness(command, "a.json", "--baseline")
    assert (found.exit_code, last(found)) == (
        0,
        f"a: baseline: pass: 0 of 6 numbers drifted (kept in {KEPT})",
    )


def test_drift_is_a_fail_in_every_form(harness: Harness, kept: Store) -> None:
    kept(0.6)
    assert harness("check", "a.json").exit_code == 0
    found = harness("check", "a.json", "--baseline", *FORMS)
    assert found.exit_code == 1
    said = f"2 of 6 numbers drifted (kept in {KEPT})"
    assert f"a: baseline: fail: {said}" in found.stdout
    assert (
        f"::error file=a.json,line=1,title=a%3A [baseline]%3A fail::{said}%0Arun " in found.stdout
    )

    suite = ElementTree.parse("j.xml").getroot()[0]
    (case,) = [case for case in suite.iter("testcase") if case.get("name") == "[baseline]"]
    failure = case.find("failure")
    assert failure is not None
    assert (suite.get("failures"), failure.get("message")) == ("1", said)
    assert "test_accuracy  50.00%  60.00%      10.00 points" in str(failure.text)
    assert str(failure.text).endswith("python -m harness baseline update a.json")

    document = json.loads(Path("v.json").read_text())
    of = document["experiments"][0]["baseline"]
    assert (document["exit_code"], of["verdict"], of["file"], of["compared"]) == (
        1,
        "fail",
        str(KEPT),
        6,
    )
    assert [(each["run"], each["kept"], each["measured"]) for each in of["drifted"]] == [
        ("one", 0.5, 0.6),
        ("m[none]", 0.5, 0.6),
    ]
    summary = Path("s.md").read_text()
    assert summary.startswith(
        "## The one expectation passes for every seed at hand. 2 kept numbers drifted.\n"
    )
    assert "<details>" not in summary
    assert f"| as in `{KEPT}` | 2 of 6 numbers drifted | kept numbers |" in " ".join(
        summary.split()
    )


def test_a_changed_setting_is_caught_and_named_first(harness: Harness, kept: Store) -> None:
    change('"epochs": 3', '"epochs": 3, "optimizer": {"name": "sgd", "learning_rate": 0.025}')
    kept(0.55)
    found = harness("check", "a.json", "--baseline", *FORMS)
    assert found.exit_code == 1
    cause = "training.optimizer.learning_rate (0.1 -> 0.025) changed in all 3 runs"
    assert f"a: baseline: fail: 2 of 6 numbers drifted (kept in {KEPT}); {cause}" in found.stdout
    (annotation,) = [line for line in found.stdout.splitlines() if line.startswith("::error")]
    assert annotation.index(cause) < annotation.index("test_accuracy")
    assert json.loads(Path("v.json").read_text())["experiments"][0]["baseline"][
        "changed_since"
    ] == [cause]
    assert cause in Path("s.md").read_text()
    assert cause in harness("baseline", "compare", "a.json").stdout


def test_a_change_that_moves_no_number_is_told_and_no_fail(harness: Harness, kept: Store) -> None:
    change('"epochs": 3', '"epochs": 4')
    kept(0.5)
    found = harness("check", "a.json", "--baseline")
    assert found.exit_code == 0
    assert found.stdout.splitlines()[-2:] == [
        f"a: baseline: pass: 0 of 6 numbers drifted (kept in {KEPT})",
        "changed since: training.epochs (3 -> 4) changed in all 3 runs",
    ]


@pytest.mark.parametrize(
    ("allow", "code"), [((), 4), (("--allow", "blocked"), 0), (("--allow", "inconclusive"), 4)]
)
def test_without_kept_numbers_it_is_blocked(
    harness: Harness, store: Store, allow: Sequence[str], code: int
) -> None:
    store(0.5)
    found = harness("check", "a.json", "--baseline", *allow, "--json", "v.json")
    assert found.exit_code == json.loads(Path("v.json").read_text())["exit_code"] == code
    assert last(found) == (
        f"a: baseline: blocked: no numbers are kept in {KEPT} yet; "
        "keep them with: python -m harness baseline update a.json"
    )


def test_runs_that_are_not_made_are_blocked_and_a_damaged_file_is_an_error(
    harness: Harness, kept: Store
) -> None:
    found = harness("check", "a.json", "--baseline", "--store", "empty")
    assert found.exit_code == 4
    assert last(found).startswith(
        f"a: baseline: blocked: nothing is compared with {KEPT}: one, seed 0 (and 2 more): "
    )
    KEPT.write_text("{}")
    found = harness("check", "a.json", "--baseline")
    assert found.exit_code == 3
    assert last(found).startswith(f"a: baseline: error: the baseline {KEPT} cannot be read: ")


def test_what_may_be_chance_is_inconclusive(harness: Harness, pretend: Pretend) -> None:
    document = json.loads(Path("a.json").read_text()) | {"seeds": [0, 1, 2], "runs": {"one": {}}}
    Path("a.json").write_text(json.dumps(document))
    for accuracies in (
        [0.5, 0.6, 0.7],
        [0.6, 0.55, 0.8],
    ):  # differences 0.1, -0.05, 0.1: t = 1, p = 0.42
        numbers: dict[str, Sequence[float | None]] = {
            "test_accuracy": accuracies,
            "distance": [2.0] * 3,
        }
        pretend(Path("a.json"), Path(".harness/store"), {"one": numbers})
        if not KEPT.exists():
            assert harness("baseline", "update", "a.json", "--yes").exit_code == 0
    found = harness("check", "a.json", "--baseline")
    assert found.exit_code == 4
    assert (
        "baseline: inconclusive: 0 of 2 numbers drifted, 1 differs by more than the tolerance"
        in found.stdout
    )
    assert harness("check", "a.json", "--baseline", "--allow", "inconclusive").exit_code == 0


def test_the_folder_may_be_named_and_specifications_are_none(harness: Harness, kept: Store) -> None:
    KEPT.parent.rename("elsewhere")
    assert harness("check", "a.json", "--baseline", "elsewhere").exit_code == 0
    assert harness("check", "--baseline=elsewhere", "a.json").exit_code == 0
    found = harness("check", "--baseline", "a.json")
    assert found.exit_code == 2
    assert (
        "a.json is no folder of kept numbers; name the specifications first, or write --baseline="
        in found.stderr
    )


def train(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, which trains."""
    return run_harness("run", *arguments)


def test_a_rate_that_was_changed_a_little_is_caught_and_a_replay_is_not(harness: Harness) -> None:
    document = {
        "name": "a",
        "title": "A",
        "seeds": [0, 1, 2],
        "defaults": {
            "dataset": {"name": "digits", "train_examples": 100},
            "model": {"name": "perceptron", "hidden": [16]},
            "training": {
                "optimizer": {"name": "sgd", "learning_rate": 0.03},
                "batch_size": 20,
                "epochs": 10,
            },
        },
        "runs": {"plain": {}, "momentum": {"regularizers": ["momentum"]}},
        "expectations": [
            {
                "id": "learns",
                "metric": "plain.distance",
                "at_least": 0.01,
                "basis": "hypothesis",
                "source": "s",
            }
        ],
    }
    Path("a.json").write_text(json.dumps(document))
    assert train("a.json").returncode == 0
    assert harness("baseline", "update", "a.json", "--yes").exit_code == 0
    replayed = train("a.json", "--store", "again", "--reports", "elsewhere", "--baseline")
    assert replayed.returncode == 0
    assert "a: baseline: pass: 0 of " in replayed.stdout
    assert "changed since" not in replayed.stdout
    change("0.03", "0.025")
    assert harness("validate", "a.json").exit_code == 0
    found = train("a.json", "--baseline", "--json", "v.json")
    assert found.returncode == 1
    of = json.loads(Path("v.json").read_text())["experiments"][0]["baseline"]
    cause = "training.optimizer.learning_rate (0.03 -> 0.025) changed in all 2 runs"
    assert (of["verdict"], of["changed_since"]) == ("fail", [cause])
    assert cause in found.stdout
    # A rate a sixth lower moves the weights about a sixth less far, in every seed alike.
    moved = {
        (each["run"], each["metric"]): each["measured"] / each["kept"] for each in of["drifted"]
    }
    assert 0.75 < moved["plain", "distance"] < 0.95
