from __future__ import annotations

import pytest

from harness.experiment import Json
from harness.report.environment import differing, environment, guarantees
from harness.run_result import RunResult, Status


def done(**recorded: Json) -> RunResult:
    return RunResult("run", 0, "key", Status.DONE, environment=recorded)


def test_values_are_counted_over_the_finished_runs() -> None:
    results = [
        done(device="CPU", keras="3", cpu={"cores": 2}),
        done(device="CPU", keras="4"),
        RunResult("run", 1, "key", Status.ERROR, environment={"device": "GPU"}),
    ]
    assert environment(results) == {
        "cpu.cores": {"2": 1},
        "device": {"CPU": 2},
        "keras": {"3": 1, "4": 1},
    }


ON_CPU = (
    "the same bits on the same kind of processor with the same instructions, CPUs, threads, oneDNN,"
    " versions and flags"
)
ON_GPU = "the same bits on the same kind of device with the same versions and flags"
IN_PART = " (not all of this was recorded)"


@pytest.mark.parametrize(
    ("recorded", "promise"),
    [
        ({"device": "CPU"}, ON_CPU + IN_PART),
        ({"device": "CPU", "deterministic": "yes"}, ON_CPU + IN_PART),
        ({"device": "CPU", "deterministic": "yes", "flags": "none"}, ON_CPU),
        ({"device": "NVIDIA H100", "deterministic": "yes"}, ON_GPU + IN_PART),
        ({"device": "NVIDIA H100", "deterministic": "yes", "flags": "none"}, ON_GPU),
        (
            {"device": "NVIDIA H100", "deterministic": "no"},
            "not the same bits: operations were allowed that sum in another order each time",
        ),
    ],
)
def test_what_holds_of_a_repetition_is_told(recorded: dict[str, Json], promise: str) -> None:
    failed = RunResult("run", 1, "key", Status.ERROR)
    assert guarantees([done(**recorded), done(**recorded), failed]) == {promise: 2}


class TestDiffering:
    """Runs of one report that were not made alike."""

    @staticmethod
    def results(*recorded: dict[str, Json]) -> list[RunResult]:
        return [
            RunResult("run", seed, "key", Status.DONE, environment=each)
            for seed, each in enumerate(recorded)
        ]

    def test_it_tells_which_runs_had_what(self) -> None:
        alike = {"threads": "2", "onednn": "on", "python": "3.11"}
        found = differing(
            self.results(alike, {**alike, "threads": "1"}, {**alike, "python": "3.12"})
        )
        assert found == {"threads": {"2": ["run seed 0", "run seed 2"], "1": ["run seed 1"]}}

    def test_runs_that_record_less_are_told_apart_from_those_that_record_more(self) -> None:
        found = differing(
            self.results({"threads": "2"}, {"threads": "2", "onednn": "on, AVX2 at most"})
        )
        assert found == {
            "onednn": {"not recorded": ["run seed 0"], "on, AVX2 at most": ["run seed 1"]}
        }

    def test_one_device_needs_no_record(self) -> None:
        found = differing(self.results({"device": "GPU"}, {"device": "GPU", "devices": "4"}))
        assert found == {"devices": {"1": ["run seed 0"], "4": ["run seed 1"]}}

    def test_what_one_backend_has_alone_is_no_difference_to_the_other(self) -> None:
        tensorflow = {"backend": "tensorflow", "threads": "2", "onednn": "on"}
        jax = {"backend": "jax", "threads": "1", "jax": "0.7"}
        assert differing(self.results(tensorflow, jax)) == {
            "backend": {"tensorflow": ["run seed 0"], "jax": ["run seed 1"]}
        }
        assert "threads" in differing(self.results(tensorflow, jax, {**jax, "threads": "2"}))

    def test_engines_are_compared_among_the_seeds_of_a_run(self) -> None:
        streamed, whole = {"engine": "streamed"}, {"engine": "on the device"}
        another = RunResult("small", 0, "key", Status.DONE, environment={"engine": "one program"})
        assert differing([*self.results(streamed, streamed), another]) == {}
        assert differing([*self.results(streamed, whole), another]) == {
            "engine": {
                "streamed": ["run seed 0"],
                "on the device": ["run seed 1"],
                "one program": ["small seed 0"],
            }
        }

    def test_runs_that_were_made_alike_do_not_differ(self) -> None:
        assert (
            differing(self.results({"threads": "2"}, {"threads": "2", "system": "another"})) == {}
        )
        assert differing([RunResult("run", 0, "key", Status.ERROR)]) == {}
