"""Final metrics of finished runs: measured without training, kept, and judged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.experiment import Json, Metric
from harness.runner import make
from harness.store import staleness

if TYPE_CHECKING:
    from tests.support.person import Person

AGREEMENT: Json = {"name": "agreement", "with": "short"}
RUNS: Json = {"long": {}, "short": {"training": {"epochs": 1}}}


def asking(*metrics: Json, metric: str, at_least: float = 0) -> Json:
    """Return what a specification says so that its run `long` measures something."""
    bound = {"at_least": at_least, "statistic": "every", "basis": "hypothesis", "source": "s"}
    runs = {**RUNS, "long": {"metrics": list(metrics)}}
    return {"runs": runs, "expectations": [{"id": "e", "metric": metric, **bound}]}


def command(person: Person, *arguments: str) -> Result:
    store = ["--store", str(person.folder / "store")]
    return CliRunner().invoke(main, [*arguments, *store])


@pytest.fixture
def trained(person: Person, monkeypatch: pytest.MonkeyPatch) -> Person:
    """A person whose runs are finished, where nothing more is trained."""
    assert person.run(person.spec(runs=RUNS, seeds=[0, 1])).exit_code == 0

    def fail(*_arguments: Any) -> None:
        raise AssertionError("something is trained")

    monkeypatch.setattr(make, "made", fail)
    return person


def predicted(person: Person, key: str) -> np.ndarray[Any, Any]:
    with np.load(person.store.folder(key) / "predictions.npz") as file:
        found: np.ndarray[Any, Any] = file["predicted"]
        return found


def test_a_metric_that_is_added_is_measured_without_training(trained: Person) -> None:
    before = trained.keys(trained.spec(runs=RUNS, seeds=[0, 1]))
    spec = trained.spec(seeds=[0, 1], **asking(AGREEMENT, metric="long.agreement_with_short"))
    assert trained.keys(spec) == before  # it enters no key
    found = command(trained, "check", spec)
    assert found.exit_code == 4
    assert (
        f"long.agreement_with_short, seeds 0, 1: not measured yet: python -m harness measure {spec}"
        in " ".join(found.output.split())
    )
    assert "2 numbers of final metrics are not there" in command(trained, "plan", spec).output
    measured = command(trained, "measure", spec)
    assert measured.exit_code == 0
    assert measured.output.endswith("2 final metrics measured\n")
    assert command(trained, "check", spec).exit_code == 0
    assert command(trained, "measure", spec).output == "0 final metrics measured\n"
    assert "final metrics" not in command(trained, "plan", spec).output


def test_two_runs_are_compared_seed_by_seed(trained: Person) -> None:
    spec = trained.spec(seeds=[0, 1], **asking(AGREEMENT, metric="long.agreement_with_short"))
    assert trained.run(spec).exit_code == 0
    document = json.loads((trained.folder / "reports" / "tiny.json").read_text())
    keys = {(member.run, member.seed): key for member, key in trained.plan(spec).members.items()}
    for seed in (0, 1):
        both = [predicted(trained, keys[run, seed]) for run in ("long", "short")]
        value = document["runs"]["long"][str(seed)]["measurements"]["agreement_with_short"]
        assert value == pytest.approx(np.mean(both[0] == both[1]))
    assert "agreement of predictions with short" in (trained.folder / "reports/tiny.md").read_text()


def test_metrics_of_weights_take_the_final_ones(trained: Person) -> None:
    path = {"name": "linear_path", "with": "short", "points": 3}
    asked = asking({"name": "gradient_norm"}, path, metric="long.train_loss_barrier_to_short")
    spec = trained.spec(**asked, figures=[{"name": "linear_path", "groups": {"l": "long"}}])
    found = trained.run(spec)
    assert found.exit_code == 0, found.output
    keys = trained.keys(spec)
    (file,) = (trained.store.root / "measured" / keys["long"]).glob("linear_path-*")
    curves = json.loads(file.read_text())["curves"]
    for place, run in ((0, "long"), (2, "short")):
        ends = trained.measurements(keys[run])
        for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
            assert curves[name][place] == pytest.approx(ends[name], rel=1e-5)
    assert (trained.folder / "reports" / "tiny" / "1-linear_path.svg").exists()


def test_what_other_code_measured_is_measured_again(
    trained: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = trained.spec(**asking(AGREEMENT, metric="long.agreement_with_short"))
    command(trained, "measure", spec)
    here = staleness.modules_of(Metric("agreement"))
    monkeypatch.setattr(staleness, "modules_of", lambda metric: {**here, "harness.new": "1"})
    found = command(trained, "check", spec)
    assert found.exit_code == 4
    assert "measured by other code (harness.new is new)" in " ".join(found.output.split())
    assert command(trained, "measure", spec).output.endswith("1 final metric measured\n")
    assert command(trained, "check", spec).exit_code == 0


def test_a_number_that_there_is_not_is_told_and_never_passes(trained: Person) -> None:
    sharp = {"name": "sharpness", "iterations": 1, "tolerance": 1e-9}
    spec = trained.spec(**asking(sharp, metric="long.sharpness", at_least=-1e9))
    found = command(trained, "measure", spec)
    assert "has not settled" in found.output
    assert command(trained, "check", spec).exit_code == 4
    assert command(trained, "measure", spec).output == "0 final metrics measured\n"


@pytest.mark.parametrize(
    ("metric", "file", "why"),
    [
        (
            "gradient_norm",
            "final.weights.h5",
            "its weights are not in the store: put the file back",
        ),
        ("worst_class_accuracy", "predictions.npz", "it kept no predictions of the test images"),
    ],
)
def test_what_was_not_kept_is_told(trained: Person, metric: str, file: str, why: str) -> None:
    spec = trained.spec(**asking({"name": metric}, metric=f"long.{metric}"))
    folder = trained.store.folder(trained.keys(spec)["long"])
    (folder / file).unlink()
    if file != "final.weights.h5":
        sums = folder / "SHA256SUMS"
        lines = [line for line in sums.read_text().splitlines(True) if file not in line]
        sums.write_text("".join(lines))
    found = command(trained, "check", spec)
    assert found.exit_code == 4
    assert why in " ".join(found.output.split())
    assert command(trained, "measure", spec).output == "0 final metrics measured\n"


def test_a_run_that_is_not_done_is_compared_with_none(person: Person) -> None:
    spec = person.spec(**asking(AGREEMENT, metric="long.agreement_with_short"))
    assert person.run(spec, "--only", "long").exit_code == 4
    found = command(person, "check", spec)
    assert "short, seed 0: not run yet" in " ".join(found.output.split())


WRONG = "def wrong(run, *, classes): return (~run.right).mean() * classes\n"
OWN: Json = {"name": "python", "call": "own_numbers:wrong", "parameters": {"classes": 10}}
PAIR: Json = {"name": "python", "call": "own_numbers:apart", "from": "weights", "with": "short"}
APART = """
import numpy as np


def apart(run, other):
    pairs = zip(run.weights.trainable, other.weights.trainable)
    return float(sum(np.square(one - two).sum() for one, two in pairs))
"""


def allowed(person: Person, name: str, spec: str) -> Result:
    return command(person, name, spec, "--allow-python")


def test_a_function_of_ones_own_measures_predictions(trained: Person) -> None:
    (trained.folder / "own_numbers.py").write_text(WRONG)
    spec = trained.spec(**asking({**OWN, "as": "errors"}, metric="long.errors"))
    assert allowed(trained, "measure", spec).output.endswith("1 final metric measured\n")
    key = trained.keys(spec)["long"]
    accuracy = trained.measurements(key)["test_accuracy"]
    (file,) = (trained.store.root / "measured" / key).glob("python-*")
    (value,) = json.loads(file.read_text())["values"].values()
    assert value == pytest.approx(10 * (1 - accuracy))
    assert command(trained, "check", spec).exit_code == 0  # what was measured needs no permission


def test_a_function_of_ones_own_measures_the_weights_of_two_runs(trained: Person) -> None:
    (trained.folder / "own_numbers.py").write_text(APART)
    spec = trained.spec(**asking(PAIR, metric="long.apart_with_short", at_least=0.001))
    found = allowed(trained, "measure", spec)
    keys = trained.keys(spec)
    both = [trained.weights(keys[run]) for run in ("long", "short")]
    expected = sum(np.square(one - two).sum() for one, two in zip(*both, strict=True))
    assert expected > 0
    shown = found.output.splitlines()[0].removeprefix("tiny / long / seed 0: apart_with_short: ")
    assert float(shown) == pytest.approx(float(expected), rel=1e-5)
    assert allowed(trained, "check", spec).exit_code == 0


def test_without_permission_nothing_is_measured_and_nothing_passes(trained: Person) -> None:
    (trained.folder / "own_numbers.py").write_text(WRONG)
    spec = trained.spec(**asking(OWN, metric="long.wrong", at_least=-1))
    assert command(trained, "measure", spec).output == "0 final metrics measured\n"
    found = command(trained, "check", spec)
    assert found.exit_code == 4
    assert "(own_numbers:wrong), and only whoever runs it can allow that" in found.output


def test_an_edit_measures_again_and_trains_nothing(trained: Person) -> None:
    module = trained.folder / "own_numbers.py"
    module.write_text(WRONG)
    spec = trained.spec(**asking(OWN, metric="long.wrong"))
    before = trained.keys(spec)
    allowed(trained, "measure", spec)
    module.write_text(f"# a comment\n{WRONG}")
    assert command(trained, "check", spec).exit_code == 0
    module.write_text(WRONG.replace("* classes", "/ classes / 2"))
    assert trained.keys(spec) == before
    found = allowed(trained, "check", spec)
    assert found.exit_code == 4
    assert "measured by other code (own_numbers:wrong changed)" in " ".join(found.output.split())
    accuracy = trained.measurements(before["long"])["test_accuracy"]
    again = allowed(trained, "measure", spec).output.splitlines()[0]
    assert float(again.rpartition(" ")[2]) == pytest.approx((1 - accuracy) / 20, rel=1e-5)


def test_a_function_that_fails_is_told_and_stops_no_other(trained: Person) -> None:
    (trained.folder / "own_numbers.py").write_text(f"{WRONG}def fails(run): return run.nothing\n")
    fails = {**OWN, "call": "own_numbers:fails", "parameters": {}}
    spec = trained.spec(**asking(fails, OWN, metric="long.fails", at_least=-1))
    found = allowed(trained, "measure", spec)
    assert "own_numbers.py:2: AttributeError: " in found.output
    assert "tiny / long / seed 0: wrong: " in found.output
    assert allowed(trained, "check", spec).exit_code == 4
