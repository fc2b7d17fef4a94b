"""Which seeds an experiment has, and which come next, by what is in the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.data import catalog
from harness.runner.looks import Stage, plan_all, stage
from harness.spec.load import load_file
from harness.store.store import Store
from tests.conftest import Pretend

if TYPE_CHECKING:
    from tests.support.person import Person

PLAN = {"first": 2, "most": 6}
RUNS: dict[str, dict[str, Any]] = {
    "start": {},
    "child": {"initialize_from": "start"},
    "other": {"training": {"batch_size": 50}},
    "unread": {"training": {"epochs": 3}},
}
CLAIM = {"basis": "hypothesis", "source": "s"}
CHILD = {"id": "child", "metric": "child.test_accuracy", "at_least": 0.5, **CLAIM}
OTHER = {"id": "other", "metric": "other.test_accuracy", "at_least": 0.5, **CLAIM}
Numbers = Mapping[str, Sequence[float]]
OPEN, HIGH, LOW = (
    [0.4, 0.6, 0.45, 0.55, 0.5, 0.52],
    [0.9, 0.90001, 0.90002, 0.9, 0.9, 0.9],
    [0.1, 0.11, 0.1, 0.1],
)

Stored = Callable[[Numbers], Path]


@pytest.fixture
def stored(tmp_path: Path, pretend: Pretend, person: Person) -> Stored:
    """Pretend that runs were made with seeds 0, 1, ...; give the path of a specification that adds
    seeds.
    """

    def make(numbers: Numbers) -> Path:
        for run, values in numbers.items():
            seeds = list(range(len(values)))
            listed = person.spec(runs=RUNS, seeds=seeds)
            pretend(
                Path(listed),
                tmp_path / "store",
                {run: {"test_accuracy": values, "train_accuracy": values}},
            )
        return Path(person.spec(runs=RUNS, seeds=PLAN, expectations=[CHILD, OTHER]))

    return make


def reached(path: Path) -> Stage:
    experiment = load_file(path)
    return stage(
        experiment, plan_all([experiment], catalog.data_dir(), 0), Store(path.parent / "store")
    )


def counts(experiment: Any) -> dict[str, int]:
    return {run: len(experiment.seeds_of(run)) for run in RUNS}


def command(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, str(path), "--store", str(path.parent / "store")])


def all_of(values: Sequence[float], other: Sequence[float], start: int | None = None) -> Numbers:
    parents = [0.5] * (len(values) if start is None else start)
    return {"start": parents, "child": values, "other": other, "unread": [0.5, 0.5]}


class TestStage:
    """How far an experiment has come."""

    def test_at_first_all_runs_have_the_first_seeds(self, stored: Stored) -> None:
        found = reached(stored({}))
        assert counts(found.experiment) == counts(found.following) == dict.fromkeys(RUNS, 2)

    def test_the_runs_of_the_undecided_get_more_and_what_they_start_from(
        self, stored: Stored
    ) -> None:
        # With 2 of 6 seeds 0.0007 is spent: limits of 0.9 -+ 440 * 5e-6 decide, those of 0.5 -+ 44
        # do not.
        found = reached(stored(all_of(OPEN[:2], HIGH[:2])))
        assert counts(found.experiment) == dict.fromkeys(RUNS, 2)
        assert counts(found.following) == {"start": 4, "child": 4, "other": 2, "unread": 2}
        assert found.beyond(found.experiment)

    def test_a_look_that_is_not_complete_is_none(self, stored: Stored) -> None:
        found = reached(stored(all_of(OPEN[:3], HIGH[:2])))
        assert counts(found.experiment) == dict.fromkeys(RUNS, 2)
        assert len(found.judgements[0].values) == 2

    def test_after_the_last_look_nothing_follows(self, stored: Stored) -> None:
        found = reached(stored(all_of(OPEN, HIGH[:2])))
        assert (
            counts(found.experiment)
            == counts(found.following)
            == {
                "start": 6,
                "child": 6,
                "other": 2,
                "unread": 2,
            }
        )

    def test_a_decided_expectation_does_not_look_at_the_seeds_that_others_needed(
        self, stored: Stored
    ) -> None:
        found = reached(stored(all_of(OPEN, [*HIGH[:2], *LOW])))
        assert [each.verdict.value for each in found.judgements] == ["inconclusive", "pass"]
        assert len(found.judgements[1].values) == 2


class TestCommands:
    """What the commands make of it."""

    def test_check_judges_the_last_complete_look(self, stored: Stored) -> None:
        found = command(stored(all_of(OPEN[:3], HIGH[:2])), "check")
        assert found.exit_code == 4, found.output
        assert "child: undecided at look 1 of 3, with 2 of at most 6 seeds" in found.output

    def test_plan_tells_the_next_look_and_what_deciding_may_cost(self, stored: Stored) -> None:
        output = " ".join(command(stored(all_of(OPEN[:2], HIGH[:2])), "plan").output.split())
        assert "12 runs: 8 done, 4 to do" in output
        assert (
            "child: undecided at look 1 of 3, with 2 of at most 6 seeds; the next look adds 2; as"
            " measured, " in output
        )
        assert "6 seeds decide it in fewer than 80% of cases" in output
        assert "deciding these is likely to cost 8 more runs" in output

    def test_plan_says_that_nothing_is_known_before_the_first_look(self, stored: Stored) -> None:
        output = " ".join(command(stored({}), "plan").output.split())
        assert "8 runs: 0 done, 8 to do" in output
        assert (
            "still to come for 2 of 2 expectations; deciding them costs at most 6 seeds a run"
            in output
        )
        assert "child: how many seeds decide it is not known before" in output

    def test_plan_foretells_from_an_experiment_that_is_alike(
        self, stored: Stored, tmp_path: Path, pretend: Pretend, person: Person
    ) -> None:
        longer = {
            name: {**run, "training": {"epochs": 7, **run.get("training", {})}}
            for name, run in RUNS.items()
        }
        other = Path(person.spec(name="sibling", runs=longer, seeds=[0, 1, 2]))
        near, far = [0.9, 0.91, 0.92], [0.49, 0.5, 0.52]
        measured = {
            run: {"test_accuracy": far if run == "other" else near, "train_accuracy": near}
            for run in RUNS
        }
        pretend(other, tmp_path / "store", measured)
        path = stored({})
        output = " ".join(command(path, "plan").output.split())
        assert (
            "child: as measured in sibling (3 seeds), 4 seeds decide it in 80% of cases or more"
            in output
        )
        assert (
            "other: as measured in sibling (3 seeds), 6 seeds decide it in fewer than 80% of cases"
            in output
        )

    def test_the_report_says_at_which_look_each_was_decided(
        self, stored: Stored, tmp_path: Path
    ) -> None:
        found = command(
            stored(all_of(OPEN, HIGH[:2])), "report", "--reports", str(tmp_path / "reports")
        )
        assert found.exit_code == 0, found.output
        text = " ".join((tmp_path / "reports" / "tiny.md").read_text().split())
        assert "with 2 to 6 seeds each: all 16 trainings are done." in text
        assert "look 1 of 3, with 2 of at most 6 seeds" in text.replace("\N{NO-BREAK SPACE}", " ")
        record = json.loads((tmp_path / "reports" / "tiny.json").read_text())
        look = next(each for each in record["judgements"] if each["id"] == "other")["look"]
        assert (look["number"], look["of"], look["seeds"], look["most"]) == (1, 3, 2, 6)
        # 2 - 2 Phi(1.96 / sqrt(1 / 3)) = 0.00069
        assert look["confidence"] == pytest.approx(0.99931, abs=1e-5)

    def test_run_adds_seeds_until_all_is_decided(self, person: Person) -> None:
        runs = {"start": {}, "child": {"initialize_from": "start"}, "other": {}}
        learns = {"id": "learns", "metric": "other.epochs", "at_least": 1, **CLAIM}
        better = {**CHILD, "metric": "child.test_accuracy - other.test_accuracy", "at_least": 0.05}
        spec = person.spec(
            runs=runs, seeds={"first": 2, "most": 4, "step": 1}, expectations=[learns, better]
        )
        result = person.run(spec)
        assert result.exit_code in (0, 1, 4), result.output
        seeds = {run.name for run in Path(person.store.folder("")).iterdir()}
        again = person.run(spec)
        assert again.exit_code == result.exit_code
        assert {run.name for run in Path(person.store.folder("")).iterdir()} == seeds
        # The same verdicts as by the seeds that are stored, at whatever look.
        found = reached(Path(spec))
        assert not found.beyond(found.experiment)
        assert found.judgements[0].look is not None
        assert (found.judgements[0].verdict.value, found.judgements[0].look.seeds) == ("pass", 2)
