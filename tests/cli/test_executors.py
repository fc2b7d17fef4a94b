"""Where runs are made: which options go together, and what is said of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.runner import session
from harness.runner.cluster.executor import ClusterExecutor
from harness.runner.cluster.needs import ClusterOptions

if TYPE_CHECKING:
    from tests.cli.conftest import Harness


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--executor", "slurm"], "'slurm' is not one of 'local', 'ray'"),
        (
            ["--executor", "ray", "-j", "1"],
            "-j shares this machine out among runs, a cluster does so by what each",
        ),
        (["--executor", "ray", "--devices", "all"], "leave it out with --executor ray"),
        (["--cpus-per-run", "1"], "--cpus-per-run: only for a cluster, so with --executor ray"),
        (
            ["--executor", "local", "--address", "auto", "--gpus-per-run", "0"],
            "--address and --gpus-per-run: only for a cluster, so with --executor ray",
        ),
        (["--executor", "ray", "--cpus-per-run", "0"], "0 is not in the range 1<=x<=256"),
        *(
            (
                ["--executor", "ray", "--gpus-per-run", gpus],
                f"or a whole number of GPUs, found '{gpus}'",
            )
            for gpus in ("1.5", "-1", "nan", "inf", "many", "")
        ),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_right(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    found = harness("run", "a.json", *arguments)
    assert found.exit_code == 2
    assert message in found.stderr


def test_without_ray_the_way_to_install_it_is_told(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = harness("run", "a.json", "--executor", "ray")
    assert found.exit_code == 2
    assert found.stderr.endswith(
        "Error: --executor ray: Ray is not installed: pip install -e '.[ray]'\n"
    )


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ([], ClusterOptions(address=None, cpus=1, gpus=None)),
        (
            ["--address", "head:6379", "--cpus-per-run", "4", "--gpus-per-run", "0.25"],
            ClusterOptions("head:6379", 4, 0.25),
        ),
        (["--gpus-per-run", "2"], ClusterOptions(None, 1, 2.0)),
        (["--gpus-per-run", "0"], ClusterOptions(None, 1, 0.0)),
    ],
)
def test_what_is_asked_for_reaches_the_cluster(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, arguments: list[str], asked: ClusterOptions
) -> None:
    heard: list[Any] = []

    def run_experiments(_invocation: Any, executor: Any) -> int:
        heard.append(executor)
        return 4

    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(session, "run_experiments", run_experiments)
    assert harness("run", "a.json", "--executor", "ray", *arguments).exit_code == 4
    assert heard == [ClusterExecutor(asked)]
