"""The options of run that say where the runs are made, and where they can be watched."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from harness.cli.options import DEVICES, PROCESSES, TENSORBOARD, gathered, options

if TYPE_CHECKING:
    from harness.runner.executor import Executor


class Gpus(click.ParamType[float]):
    """GPUs of a run: a fraction of one, or whole ones."""

    name = "N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or end with what is wrong."""
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not (0 <= number <= 1 or (1 < number < 1000 and number.is_integer())):
            self.fail(
                f"expected a fraction such as 0.25, or a whole number of GPUs, found {value!r}",
                param,
                ctx,
            )
        return number


_OPTIONS = options(
    PROCESSES,
    DEVICES,
    TENSORBOARD,
    click.option(
        "--executor",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Where the runs are made: on this machine, or on a Ray cluster that it belongs to.",
    ),
    click.option(
        "--address",
        metavar="HOST:PORT",
        help="With ray: the cluster.  [default: RAY_ADDRESS, or auto, the one of this machine]",
    ),
    click.option(
        "--cpus-per-run",
        type=click.IntRange(1, 256),
        default=1,
        show_default=True,
        help="With ray: CPUs, and threads, of each run.",
    ),
    click.option(
        "--gpus-per-run",
        type=Gpus(),
        help=(
            "With ray: GPUs of each run; a fraction lets runs share one.  "
            "[default: 1 for experiments that require a GPU, else 0]"
        ),
    ),
)
_OF_RAY = {
    "address": "--address",
    "cpus_per_run": "--cpus-per-run",
    "gpus_per_run": "--gpus-per-run",
}
_OF_THIS_MACHINE = {
    "processes": (
        "-j shares this machine out among runs, a cluster does so by what each needs: give"
        " --cpus-per-run"
    ),
    "devices": (
        "--devices shares a batch among the devices of this machine: leave it out with"
        " --executor ray"
    ),
}


@dataclass(frozen=True)
class _Where:
    """The values of the options."""

    executor: str
    processes: int | None
    devices: int | None
    address: str | None
    cpus_per_run: int
    gpus_per_run: float | None


def with_executor(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as one `executor`."""

    @functools.wraps(function)
    def command(where: _Where, **rest: Any) -> None:
        _check(where)
        function(executor=_executor(where), **rest)

    decorated: Callable[..., None] = _OPTIONS(gathered("where", _Where)(command))
    return decorated


def _check(where: _Where) -> None:
    if where.executor == "ray":
        for name, why in _OF_THIS_MACHINE.items():
            if _given(name):
                raise click.UsageError(why)
        if importlib.util.find_spec("ray") is None:
            raise click.UsageError("--executor ray: Ray is not installed: pip install -e '.[ray]'")
    elif given := [option for name, option in _OF_RAY.items() if _given(name)]:
        raise click.UsageError(f"{' and '.join(given)}: only for a cluster, so with --executor ray")
    elif where.devices != 1 and (where.processes or 1) > 1:
        raise click.UsageError(
            "--devices shares every batch and --processes whole runs: give one of them"
        )


def _executor(where: _Where) -> Executor:
    if where.executor == "ray":
        from harness.runner.cluster.executor import ClusterExecutor
        from harness.runner.cluster.needs import ClusterOptions

        options = ClusterOptions(where.address, where.cpus_per_run, where.gpus_per_run)
        return ClusterExecutor(options)
    from harness.runner.local_executor import LocalExecutor

    return LocalExecutor(where.processes, where.devices)


def _given(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT
