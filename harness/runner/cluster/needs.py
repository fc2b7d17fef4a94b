"""What a run needs of a node, and whether there is a node that has it; told without Ray."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.errors import INVALID, HarnessError
from harness.words import agreeing

_ROUNDING = 1e-9
"""Ten runs with a tenth of a GPU each fit on one."""


class ClusterError(HarnessError):
    """The cluster cannot make the runs; the text says why, and the next command."""


class Unavailable(ClusterError):
    """No node has what a run needs, or there is no cluster at the address that was given."""

    exit_code = INVALID


@dataclass(frozen=True)
class Needs:
    """What a run needs of one node: whole CPUs, and GPUs or a fraction of one."""

    cpus: int
    gpus: float

    def __str__(self) -> str:
        return _amounts(self.cpus, self.gpus)


@dataclass(frozen=True)
class Node:
    """What a node of the cluster has for runs."""

    name: str
    cpus: float
    gpus: float

    def __str__(self) -> str:
        return f"{self.name} with {_amounts(self.cpus, self.gpus)}"

    def holds(self, needs: Needs) -> int:
        """Return how many runs with such needs go on at once here."""
        by_cpus = int(self.cpus // needs.cpus)
        return min(by_cpus, int(self.gpus / needs.gpus + _ROUNDING)) if needs.gpus else by_cpus


@dataclass(frozen=True)
class ClusterOptions:
    """What a person asks for: the cluster's address, CPUs for each run, and GPUs.

    An address of None is the one in RAY_ADDRESS, else the cluster that this machine belongs to.
    GPUs of None are one for the runs of experiments that need a GPU, and none for others.
    """

    address: str | None = None
    cpus: int = 1
    gpus: float | None = None

    def needs(self, gpu: bool) -> Needs:
        """Return the needs of a run; `gpu` says whether its experiment needs one."""
        return Needs(self.cpus, float(gpu) if self.gpus is None else self.gpus)


def slots(nodes: Iterable[Node], needs: Needs) -> int:
    """Return how many runs with such needs go on at once on the cluster."""
    return sum(node.holds(needs) for node in nodes)


def check_needs(nodes: Sequence[Node], wanted: Iterable[Needs]) -> None:
    """See that each of the needs is met by some node, so that no run waits for ever.

    Raises:
        Unavailable: one is not.
    """
    for needs in wanted:
        if not slots(nodes, needs):
            raise Unavailable(
                f"each run needs {needs}, and no node of the cluster has that much; it has"
                f" {'; '.join(map(str, nodes)) or 'no node'}: ask for less with --cpus-per-run and"
                " --gpus-per-run, or add a node with ray start --address=HOST:PORT"
            )


def _amounts(cpus: float, gpus: float) -> str:
    words = f"{cpus:g} {agreeing(cpus, 'CPU', 'CPUs')}"
    return f"{words} and {gpus:g} GPU{'s' if gpus > 1 else ''}" if gpus else words
