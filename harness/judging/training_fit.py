"""Note which of the compared runs did not fit their training sets.

A difference between two runs says less where one of them had not fitted yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.experiment import RunSpec
from harness.expression import Reference
from harness.rounding import is_finite_number
from harness.run_result import RunResult, Status
from harness.units import PERCENT, number
from harness.words import listed, percent, seeds_named

_ROUNDING = 1e-9
"""A training accuracy this far below the wanted one still reaches it: both are shares of a whole
number of examples.
"""

_MOST_NAMED = 10
"""So many settings are named in a note."""

_MOST_SHOWN = 5
"""Up to so many training accuracies are listed; of more, the smallest and the largest are shown."""


def notes_on_unfitted(
    needed: Sequence[Reference],
    seeds: Sequence[int],
    results: Mapping[tuple[str, int], RunResult],
    runs: Mapping[str, RunSpec],
) -> Iterator[str]:
    """Yield a note on each compared run that did not fit its training set, with seeds and accuracy.

    A run with a stopping rule on the training accuracy fits where it reaches that accuracy, every
    other run where it classifies every training example right; images are not augmented for this. A
    single run is compared with nothing, and a run whose training accuracy is itself compared needs
    no note.
    """
    names = list(dict.fromkeys(reference.run for reference in needed))
    if len(names) < 2:
        return
    for name in names:
        if all(
            reference.metric == "train_accuracy" for reference in needed if reference.run == name
        ):
            continue
        wanted = _wanted(runs.get(name))
        short = {
            seed: accuracy
            for seed in seeds
            if (accuracy := _accuracy(results.get((name, seed)))) is not None
            and accuracy < wanted - _ROUNDING
        }
        if short:
            yield _sentence(name, short, wanted)


def note_on_settings(labels: Sequence[str], count: int) -> Iterator[str]:
    """Yield a note on the settings in which a compared run did not fit its training set."""
    if labels:
        yield (
            f"in {len(labels)} of {count} settings a compared run did not fit its training set"
            f" ({listed(labels, _MOST_NAMED)})"
        )


def _wanted(run: RunSpec | None) -> float:
    rule = run.settings.training.stop_when if run is not None else None
    wanted = rule.train_accuracy if rule is not None else None
    return 1.0 if wanted is None else wanted


def _accuracy(result: RunResult | None) -> float | None:
    if result is None or result.status is not Status.DONE:
        return None
    accuracy = result.measurements.get("train_accuracy")
    return accuracy if is_finite_number(accuracy) else None


def _sentence(name: str, short: Mapping[int, float], wanted: float) -> str:
    shown = [number(accuracy, PERCENT) for accuracy in short.values()]
    if len(shown) > _MOST_SHOWN:
        ordered = sorted(short.values())
        shown = [f"{number(ordered[0], PERCENT)} to {number(ordered[-1], PERCENT)}"]
    rule = "" if wanted == 1.0 else f" to the {percent(wanted)} that it was to stop at"
    return (
        f"{name} did not fit its training set{rule}: training accuracy {', '.join(shown)}"
        f" ({seeds_named(short)})"
    )
