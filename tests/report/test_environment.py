from __future__ import annotations

import pytest

from harness.report.environment import environment, guarantees
from harness.results import RunResult, Status
from harness.spec.records import Json


def done(**recorded: Json) -> RunResult:
    return RunResult("run", 0, "key", Status.DONE, environment=recorded)


def test_values_are_counted_over_the_finished_runs() -> None:
    results = [
        done(device="CPU", keras="3", cpu={"cores": 2}),
        done(device="CPU", keras="4"),
        RunResult("run", 1, "key", Status.ERROR, environment={"device": "GPU"}),
    ]
    assert environment(results) == {"cpu.cores": {"2": 1}, "device": {"CPU": 2}, "keras": {"3": 1, "4": 1}}


@pytest.mark.parametrize(
    ("recorded", "promise"),
    [
        ({"device": "CPU"}, "the same bits, on the same kind of processor with as many threads and the same versions"),
        (
            {"device": "CPU", "deterministic": "yes"},
            "the same bits, on the same kind of processor with as many threads and the same versions",
        ),
        (
            {"device": "NVIDIA H100", "deterministic": "yes"},
            "the same bits, on the same kind of device with the same versions",
        ),
        (
            {"device": "NVIDIA H100", "deterministic": "no"},
            "not the same bits: operations were allowed that sum in another order each time",
        ),
    ],
)
def test_what_holds_of_a_repetition_is_told(recorded: dict[str, Json], promise: str) -> None:
    failed = RunResult("run", 1, "key", Status.ERROR)
    assert guarantees([done(**recorded), done(**recorded), failed]) == {promise: 2}
