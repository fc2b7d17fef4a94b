"""The options of run that say where the runs are made."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from harness.cli.options import options

if TYPE_CHECKING:
    from harness.runner.cluster.needs import Asked


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


def with_executor(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as one `cluster`, None for this machine."""

    @functools.wraps(function)
    def command(
        *arguments: Any,
        executor: str,
        address: str | None,
        cpus_per_run: int,
        gpus_per_run: float | None,
        **rest: Any,
    ) -> None:
        _check(executor)
        cluster = _asked(address, cpus_per_run, gpus_per_run) if executor == "ray" else None
        function(*arguments, cluster=cluster, **rest)

    decorated: Callable[..., None] = _OPTIONS(command)
    return decorated


def _check(executor: str) -> None:
    if executor == "ray":
        for name, why in _OF_THIS_MACHINE.items():
            if _given(name):
                raise click.UsageError(why)
        if importlib.util.find_spec("ray") is None:
            raise click.UsageError("--executor ray: Ray is not installed: pip install -e '.[ray]'")
    elif given := [option for name, option in _OF_RAY.items() if _given(name)]:
        raise click.UsageError(f"{' and '.join(given)}: only for a cluster, so with --executor ray")


def _asked(address: str | None, cpus: int, gpus: float | None) -> Asked:
    from harness.runner.cluster.needs import Asked

    return Asked(address, cpus, gpus)


def _given(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT
