"""The line of a run that has ended."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.text import Text

from harness.plan import ConcreteRun
from harness.run_result import RunResult, Status
from harness.system.console import literal, visible

_SYMBOLS = {
    Status.DONE: Text("✓", "green"),
    Status.BLOCKED: Text("⊘", "yellow"),
    Status.ERROR: Text("✗", "red"),
    Status.MISSING: Text("·"),
}

_GAP = 2
_BEFORE = 2
"""The columns of the symbol and of the space after it."""


@dataclass(frozen=True)
class Ended:
    """A run that has ended.

    `kept` is whether it was finished before, and `took` how many seconds it was at work in this
    invocation, reading data and compiling among them; None where nobody looked.
    """

    run: ConcreteRun
    result: RunResult
    kept: bool
    took: float | None


@dataclass(frozen=True)
class Names:
    """How wide the widest name of all runs is: with its experiment, and without."""

    full: int = 0
    short: int = 0

    @classmethod
    def of(cls, run: ConcreteRun) -> Names:
        """Return the widths of one name."""
        return cls(cell_len(visible(run.label)), cell_len(short_name(run)))

    def also(self, other: Names) -> Names:
        """Return the widths of the wider ones."""
        return Names(max(self.full, other.full), max(self.short, other.short))


def short_name(run: ConcreteRun) -> str:
    """Return a run's name without its experiment: "random[none] seed 0"."""
    return visible(f"{run.run.name} seed {run.seed}")


@dataclass(frozen=True)
class _Form:
    """What the lines of finished runs tell beside their names; short words of how long they took.

    `width` is that of the details.
    """

    train: bool = True
    validation: bool = False
    number: bool = True
    seconds: bool = True
    short: bool = False
    width: int = 0


_FORMS = (
    _Form(width=74),
    _Form(short=True, width=51),
    _Form(number=False, short=True, width=37),
    _Form(train=False, number=False, short=True, width=22),
    _Form(train=False, number=False, seconds=False, width=12),
)
"""Each has less than the one before."""

_VALIDATION = 20
"""The columns of an accuracy on a validation set."""

_VALIDATED_FORMS = (
    *(replace(form, validation=True, width=form.width + _VALIDATION) for form in _FORMS[:3]),
    *_FORMS[2:],
)
"""The same where runs have a validation set."""

_WITHOUT_EXPERIMENT = 37
"""Names go without their experiments, which stand above them, before fewer details are told."""


class Lines:
    """Lines of runs that have ended, whose numbers stand below one another.

    Args:
        names: How wide the names of all runs are.
        width: How wide a terminal is, where what is less important is left out so that lines fit;
            None where all is told on one line, however long.
        validated: Whether any of the runs has a validation set.
    """

    def __init__(self, names: Names, width: int | None, validated: bool = False) -> None:
        self._width = width
        details = _WITHOUT_EXPERIMENT + _VALIDATION * validated
        self._full = width is None or _BEFORE + names.full + _GAP + details <= width
        self._name_width = names.full if self._full else names.short
        room = math.inf if width is None else width - _BEFORE - self._name_width - _GAP
        forms = _VALIDATED_FORMS if validated else _FORMS
        self._form = next((each for each in forms if each.width <= room), forms[-1])

    @property
    def need_headings(self) -> bool:
        """Tell whether a line with the experiment must stand above those of its runs."""
        return not self._full

    def line(self, ended: Ended) -> Text:
        """Return the line of a run."""
        symbol = _SYMBOLS[ended.result.status]
        name = visible(ended.run.label) if self._full else short_name(ended.run)
        if ended.result.status is not Status.DONE:
            details = f"{ended.result.status.value}: {ended.result.reason}"
        else:
            details = _details(ended, self._form)
        widest = self._name_width
        if self._width is not None:  # where not all fit, the shorter names have their numbers still
            widest = min(widest, self._width - _BEFORE - _GAP - self._form.width)
        padded = name + " " * max(0, widest - cell_len(name))
        line = Text.assemble(symbol, " ", literal(f"{padded}  {details}".rstrip()))
        if ended.result.status is Status.DONE and line.cell_len > (self._width or math.inf):
            return Text.assemble(symbol, " ", literal(name))
        return line


def _details(ended: Ended, form: _Form) -> str:
    result = ended.result
    found = (
        result.measurements.get(name) for name in ("train_accuracy", "test_accuracy", "epochs")
    )
    train, test, epochs = (math.nan if value is None else value for value in found)
    parts = [
        f"train {train:7.2%}" if form.train else "",
        _validation(result) if form.validation else "",
        f"test {test:7.2%}",
        f"{epochs:5.0f} epochs" if form.number else "",
        _how(ended, form.short) if form.seconds else "",
    ]
    return "  ".join(filter(None, parts))


def _validation(result: RunResult) -> str:
    """Return the accuracy on a validation set, as wide where the run has none."""
    value = result.measurements.get("validation_accuracy")
    text = "" if value is None else f"validation {value:7.2%}"
    return text.ljust(_VALIDATION - _GAP)


def _how(ended: Ended, short: bool) -> str:
    """Return how long a run took, or that it was kept."""
    trained = ended.result.seconds
    if ended.kept:
        stale, before = "stale, " * bool(ended.result.stale), "" if short else " from before"
        return "stale" if stale and short else f"({stale}kept{before})"
    if ended.took is None or ended.took < trained:  # it went on from a checkpoint
        return f"{trained:.1f} s" if short else f"{trained:.1f} s of training in all"
    return f"{ended.took:5.1f} s" + ("" if short else f", {trained:.1f} s of it training")
