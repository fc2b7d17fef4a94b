"""What `--set` says of a path that leads to no setting."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment import Json
from harness.spec.assigned import nearest_setting, run_paths
from harness.spec.load import load
from harness.spec.patch import parse_assignment
from harness.spec.problems import SpecError

Write = Callable[..., Path]
Faults = Callable[..., list[str]]

MEMBERS: Json = {
    "runs": {"random": {}, "sized": {"matrix": {"size": {"small": {}}, "training.epochs": [1]}}},
    "expectations": [
        {
            "id": "random-fits",
            "metric": "random.test_accuracy",
            "at_least": 0,
            "basis": "hypothesis",
            "source": "s",
        }
    ],
}


def said(path: Path, assignment: str) -> str:
    with pytest.raises(SpecError) as caught:
        load([path], [parse_assignment(assignment)])
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("defaults.training.epoch", "defaults.training.epochs"),
        ("default.training.epochs", "defaults.training.epochs"),
        ("training.epochs", "defaults.training.epochs"),
        ("epochs", "defaults.training.epochs"),
        ("defaults.epochs", "defaults.training.epochs"),
        ("epoch", "defaults.training.epochs"),
        ("lr", "defaults.training.optimizer.learning_rate"),
        ("defaults.training.optimizer.lr", "defaults.training.optimizer.learning_rate"),
        ("defaults.training.batchsize", "defaults.training.batch_size"),
        ("defaults.training.epochs.most", "defaults.training.epochs"),
        ("runs.random.epochs", "runs.random.training.epochs"),
        ("runs.random.train.epochs", "runs.random.training.epochs"),
        ("runs.randm.training.epochs", "runs.random.training.epochs"),
        ("random.training.epochs", "runs.random.training.epochs"),
        ("model.name", "defaults.model.name"),
        ("seed", "seeds"),
        ("requires.gpus", "requires.gpu"),
    ],
)
def test_the_nearest_right_path_is_told(write: Write, written: str, meant: str) -> None:
    found = said(write(**MEMBERS), f"{written}=3")
    assert found.startswith(f"--set {written}: ")
    assert f"; did you mean {meant}?" in found


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("x=1", "x: there is no such setting; a specification has $schema, extends, name, title"),
        ("seeds.0=3", "seeds.0: seeds is a list, which --set replaces as a whole, such as"),
        (
            "expectations.0.at_least=1",
            "expectations is a list, which --set replaces as a whole; change its item 0,"
            " 'random-fits', in the file",
        ),
        ("expectations.7.at_least=1", "as a whole; this one has 1 item"),
        (
            "expectations.random-fit.at_least=1",
            "as a whole; 'random-fits' is one of its items: change that in the file",
        ),
        (
            "runs.sized.matrix.training.epochs=[1,2]",
            "the name of an axis has dots, which a path cannot write: --set"
            """ 'runs.sized.matrix={"training.epochs": [1, 2]}'""",
        ),
        ("runs.other.training.epochs=3", "there is no run 'other' (there are: random, sized)"),
        ("defaults.training.epochs=x", 'defaults.training.epochs: expected an integer, found "x"'),
    ],
)
def test_what_is_right_instead_is_told(write: Write, assignment: str, message: str) -> None:
    assert message in said(write(**MEMBERS), assignment)


@pytest.mark.parametrize(
    "assignment",
    [
        "runs.new={}",
        'runs.new={"training": {"epochs": 3}}',
        "runs.random=null",
        "runs.sized.matrix.size.small.training.epochs=3",
        "runs.sized.matrix=null",
        "baseline.tolerances.test_accuracy.absolute=0.1",
        "requires.gpu=false",
        "source.citation=A (2020)",
    ],
)
def test_other_paths_are_right(write: Write, assignment: str) -> None:
    members = {**MEMBERS, "expectations": []}
    assert load([write(**members)], [parse_assignment(assignment)])


def test_an_axis_is_named_by_the_path_of_a_setting() -> None:
    assert "training.optimizer.learning_rate" in run_paths()
    assert nearest_setting("lr") == nearest_setting("learning_rat")
    assert nearest_setting("learning_rate") == "training.optimizer.learning_rate"
    assert nearest_setting("zzz") is None


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"epochs": 3}, "did you mean 'defaults.training.epochs'?"),
        ({"runs": {"one": {"lr": 3}}}, "did you mean 'training.optimizer.learning_rate'?"),
        ({"defaults": {"dataset": "digits"}}, 'did you mean {"name": "digits"}?'),
        ({"runs": {"one": {"model": {"hidden": 64}}}}, "did you mean [64]?"),
        ({"runs": {"one": {"training": {"optimizer": "adan"}}}}, 'did you mean {"name": "adam"}?'),
        ({"runs": {"one": {"training": {"optimizer": "?"}}}}, 'did you mean {"name": "sgd"}?'),
    ],
)
def test_a_file_is_answered_as_kindly(
    write: Write, faults: Faults, members: Json, message: str
) -> None:
    (found,) = faults(write(**members))
    assert message in found
