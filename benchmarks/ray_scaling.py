"""How long the quickstart's digits take on a Ray cluster of one and two nodes of a CPU each, and on
this machine alone.

python -m benchmarks.ray_scaling --rounds 3 --seeds 0,1,2
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click

SPEC = Path(__file__).parents[1] / "specs" / "quickstart" / "digits.json"
OBJECT_STORE_BYTES = 80_000_000


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option(
    "--rounds",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="How often each is measured.",
)
@click.option("--seeds", default="0,1,2", show_default=True, help="Nine runs each.")
def main(rounds: int, seeds: str) -> None:
    """Measure in turn, so that what else this machine does falls on all alike, and print medians
    and ratios.
    """
    ways: dict[str, list[str] | int] = {
        "-j 1": ["-j", "1"],
        "-j 2": ["-j", "2"],
        "1 node": 1,
        "2 nodes": 2,
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds):
        for way, how in ways.items():
            begun_load = os.getloadavg()[0]
            seconds[way].append(
                _on_cluster(how, seeds) if isinstance(how, int) else _run(seeds, how)
            )
            click.echo(
                f"round {number + 1}  {way:8} {seconds[way][-1]:6.1f} s  (load before:"
                f" {begun_load:.1f})"
            )
    medians = {way: statistics.median(each) for way, each in seconds.items()}
    for way, median in medians.items():
        click.echo(f"{way:8} {median:6.1f} s, {min(seconds[way]):.1f} to {max(seconds[way]):.1f}")
    for quick, slow in (("-j 2", "-j 1"), ("2 nodes", "1 node"), ("2 nodes", "-j 2")):
        ratios = [a / b for a, b in zip(seconds[slow], seconds[quick], strict=True)]
        click.echo(
            f"{quick} against {slow}: {statistics.median(ratios):.2f} times, {min(ratios):.2f} to"
            f" {max(ratios):.2f}"
        )


def _on_cluster(nodes: int, seeds: str) -> float:
    """Return the seconds of an invocation on a new cluster, whose head runs nothing; its start is
    left out.
    """
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        os.environ["RAY_TMPDIR"] = folder
        head = {
            "num_cpus": 0,
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
        }
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(nodes):
                cluster.add_node(num_cpus=1, object_store_memory=OBJECT_STORE_BYTES)
            return _run(seeds, ["--executor", "ray", "--address", cluster.address])
        finally:
            cluster.shutdown()


def _run(seeds: str, options: Sequence[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        places = ["--store", f"{folder}/store", "--reports", f"{folder}/reports"]
        command = [
            sys.executable,
            "-m",
            "harness",
            "run",
            str(SPEC),
            "--seeds",
            seeds,
            *places,
            *options,
        ]
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun


if __name__ == "__main__":
    main()
