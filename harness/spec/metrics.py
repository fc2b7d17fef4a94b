"""The final metrics that runs list, and the epochs after which their weights are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from harness.experiment import PARTNER, Json, Metric, RunSpec
from harness.expression import Reference
from harness.final_metrics import FINAL, kind_of, names
from harness.metrics import METRICS, ON_VALIDATION
from harness.own.kinds import PYTHON
from harness.spec.document import Pointer
from harness.spec.problems import unknown
from harness.words import listed

_NAMING = ("name", "as", PARTNER)
NEEDS_VALIDATION = (
    "needs a validation set, and this run has none: give it one by dataset.validation, such as"
    ' {"share": 0.1}'
)
"""What is said of a metric that only a run with a validation set has."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_MOST_KEPT = 1000
_MOST_NAMED = 20


def read_metrics(
    raw: Sequence[Mapping[str, Json]], named: Callable[[str], str]
) -> tuple[Metric, ...]:
    """Return the final metrics of a run, from its complete JSON.

    `named` gives the name of the run that is meant beside this one's cell by what is written.
    """
    return tuple(_metric(each, named) for each in raw)


def _metric(raw: Mapping[str, Json], named: Callable[[str], str]) -> Metric:
    partner = None if raw.get(PARTNER) is None else named(raw[PARTNER])
    base = "" if partner is None else partner.partition("[")[0]
    parameters = {name: value for name, value in raw.items() if name not in _NAMING}
    label = base if raw["name"] in FINAL else _own_name(raw, base)
    return Metric(raw["name"], parameters, partner, raw["as"] or label)


def _own_name(raw: Mapping[str, Json], partner: str) -> str:
    """Return the name of the number of a metric of one's own that is given none."""
    own = raw["call"].partition(":")[2] if raw["name"] == PYTHON else raw["name"]
    return f"{own}_{PARTNER}_{partner}" if partner else own


class EpochsUnknown(Exception):
    """Weights are kept every so many epochs of a run whose epochs only its data tell."""


def kept_epochs(value: Json, epochs: int | None) -> tuple[int, ...]:
    """Return the epochs after which weights are kept, of a run of so many epochs at most.

    Raises:
        EpochsUnknown: the budget is in steps, so that only the data tell how many epochs there are.
    """
    if isinstance(value, dict):
        if epochs is None:
            raise EpochsUnknown(
                "only the data tell how many epochs a budget in steps has: list some, as [5, 10]"
            )
        return tuple(range(value["every"], epochs + 1, value["every"]))
    return tuple(sorted(value))


def wrong_measuring(run: RunSpec) -> Iterator[tuple[Pointer, str]]:
    """Yield why what a run measures has no names of its own, or what it keeps is not there."""
    given: set[str] = set()
    for index, metric in enumerate(run.metrics):
        yield from ((("metrics", index), message) for message in _unusable_name(metric))
        own = names(metric).values()
        twice = [name for name in own if name in given]
        given.update(own)
        if twice:
            message = f"another metric of this run gives {twice[0]} too: tell them apart by 'as'"
            yield ("metrics", index), message
    epochs = run.settings.training.epochs
    if len(run.keep_weights) > _MOST_KEPT:
        count = len(run.keep_weights)
        message = f"the weights of {count:,} epochs would be kept, {_MOST_KEPT:,} is the most"
        yield ("keep_weights",), message
    elif run.keep_weights and epochs is not None and run.keep_weights[-1] > epochs:
        message = f"there is no epoch {run.keep_weights[-1]}: training.epochs is {epochs}"
        yield ("keep_weights",), message


def _unusable_name(metric: Metric) -> Iterator[str]:
    """Yield why the number of a metric of one's own cannot have its name."""
    if metric.name in FINAL:
        return
    if not _NAME.fullmatch(metric.label):
        yield (
            f"{metric.label!r} is no name that an expression can have (small letters, digits and _,"
            " a letter first): give its number one by 'as'"
        )
    elif metric.label in METRICS or kind_of(metric.label) is not None:
        yield f"{metric.label} is a metric of the harness: give its number another name by 'as'"


def unmeasured(reference: Reference, runs: Mapping[str, RunSpec]) -> Iterator[str]:
    """Yield why the metric of a reference is not measured of its run, or of one of its cells.

    `runs` are those in which nothing is wrong; of others every name that there could be is taken.
    """
    if reference.means_each_cell:
        meant = [run for run in runs.values() if run.base == reference.base]
    else:
        meant = [runs[reference.run]] if reference.run in runs else []
    yield from wrong_name(reference.metric, meant, each=True)


def wrong_name(metric: str, runs: Sequence[RunSpec], *, each: bool) -> Iterator[str]:
    """Yield why a metric is not measured of some runs: of each, or of any.

    A metric that training measures is measured of all, but for those of a validation set.
    """
    if metric in METRICS:
        yield from _not_validated(metric, runs, each=each)
        return
    kind = kind_of(metric)
    without = [run.name for run in runs if metric not in _names_of(run)]
    if not without or (not each and len(without) < len(runs)):
        return
    there = dict.fromkeys(name for run in runs for name in _names_of(run))
    if kind is None and metric not in there:
        yield unknown("metric", metric, [*METRICS, *there])
    else:
        yield _not_listed(metric, kind or PYTHON, without[0], list(there))


def _not_validated(metric: str, runs: Sequence[RunSpec], *, each: bool) -> Iterator[str]:
    without = [run.name for run in runs if run.settings.dataset.validation is None]
    if metric in ON_VALIDATION and without and (each or len(without) == len(runs)):
        yield f"{without[0]}.{metric} {NEEDS_VALIDATION}"


def _not_listed(metric: str, kind: str, run: str, there: Sequence[str]) -> str:
    known = f" (there are: {listed(there, _MOST_NAMED)})" if there else ""
    return (
        f"{run} does not measure {metric!r}{known}: its metrics, or those of the defaults, need one"
        f' that gives it, {{"name": "{kind}", ...}}'
    )


def _names_of(run: RunSpec) -> Iterator[str]:
    for metric in run.metrics:
        yield from names(metric).values()
