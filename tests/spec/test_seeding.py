"""Seeds that are listed, and seeds that are added."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment import Control, Json, SeedPlan
from harness.spec.load import load_file

Write = Callable[..., Path]
Faults = Callable[..., list[str]]

MEAN = {
    "id": "e",
    "metric": "one.test_accuracy",
    "at_least": 0.5,
    "basis": "hypothesis",
    "source": "s",
}
BOOTSTRAP = {**MEAN, "id": "b", "interval": "bootstrap"}
BINOMIAL = {**MEAN, "id": "c", "interval": "binomial"}


class TestSeedPlan:
    """How seeds are added."""

    @pytest.mark.parametrize(
        ("seeds", "plan", "sizes"),
        [
            ({"first": 3, "most": 20}, SeedPlan(3, 20, 3), (3, 6, 9, 12, 15, 18, 20)),
            ({"first": 3, "most": 5, "step": 1}, SeedPlan(3, 5, 1), (3, 4, 5)),
            ({"first": 2, "most": 10, "step": 8}, SeedPlan(2, 10, 8), (2, 10)),
            ({"first": 4, "most": 4, "step": None}, SeedPlan(4, 4, 4), (4,)),
        ],
    )
    def test_it_says_at_which_numbers_of_seeds_somebody_looks(
        self, write: Write, seeds: Json, plan: SeedPlan, sizes: tuple[int, ...]
    ) -> None:
        experiment = load_file(write(seeds=seeds, control="holm", expectations=[MEAN]))
        assert (experiment.seed_plan, experiment.control) == (plan, Control.HOLM)
        assert experiment.seed_plan is not None
        assert experiment.seed_plan.sizes == sizes
        assert experiment.seeds == tuple(range(sizes[0]))

    def test_listed_seeds_have_none(self, write: Write) -> None:
        experiment = load_file(write(seeds=[4, 2], control="fdr"))
        assert (experiment.seed_plan, experiment.control, experiment.seeds) == (
            None,
            Control.FDR,
            (4, 2),
        )

    def test_seeds_on_the_command_line_take_the_place_of_the_plan(self, write: Write) -> None:
        experiment = load_file(write(seeds={"first": 3, "most": 20}), [{"seeds": [0, 7]}])
        assert (experiment.seed_plan, experiment.seeds) == (None, (0, 7))


class TestFaults:
    """What does not go together with seeds that are added, at its place."""

    @pytest.mark.parametrize(
        ("members", "problem"),
        [
            ({"seeds": {"first": 1, "most": 5}}, "/seeds/first expected at least 2, found 1"),
            ({"seeds": {"first": 3, "most": 101}}, "/seeds/most expected at most 100, found 101"),
            ({"seeds": {"first": 3}}, "/seeds 'most' is missing"),
            (
                {"seeds": {"first": 6, "most": 5}},
                "/seeds/most these are fewer than the 6 seeds of the first look",
            ),
            (
                {"seeds": {"first": 3, "most": 5}, "control": "fdr"},
                (
                    "/control 'fdr' is not known to hold where seeds are added; write 'holm', or"
                    " list the seeds"
                ),
            ),
            (
                {"seeds": {"first": 3, "most": 5}, "expectations": [MEAN, BOOTSTRAP]},
                (
                    "/expectations/1/interval 'bootstrap' keeps no confidence where seeds are"
                    " added; write 'student', or list the seeds"
                ),
            ),
            (
                {"seeds": {"first": 3, "most": 5}, "expectations": [BINOMIAL]},
                (
                    "/expectations/0/interval 'binomial' keeps no confidence where seeds are added;"
                    " write 'student', or list the seeds"
                ),
            ),
        ],
    )
    def test_each_is_told(self, write: Write, faults: Faults, members: Json, problem: str) -> None:
        assert faults(write(**members)) == [problem]

    def test_listed_seeds_go_with_all_of_it(self, write: Write) -> None:
        experiment = load_file(
            write(seeds=[0, 1], control="fdr", expectations=[BOOTSTRAP, BINOMIAL])
        )
        assert len(experiment.expectations) == 2

    def test_a_figure_can_show_a_seed_that_all_runs_have(
        self, write: Write, faults: Faults
    ) -> None:
        def figure(seed: int) -> Json:
            return [
                {"name": "decision_regions", "seed": seed, "panels": [{"run": "one", "title": "t"}]}
            ]

        seeds = {"first": 3, "most": 9}
        assert "/figures/0/seed seed 3 is none of this experiment's" in faults(
            write(seeds=seeds, figures=figure(3))
        )
        load_file(write(seeds=seeds, figures=figure(2)))
