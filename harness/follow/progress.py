"""What a person sees while runs go on.

There is one bar for all runs, one for each run at work, and one line for each finished run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
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

_BARS = 12
"""How many runs at work have a bar; the others get one when it is their turn."""

_WIDE = 120
"""From so many columns of a console on, everything is shown."""


class Display:
    """A listener that shows the progress of some runs on a console.

    A console that is no terminal gets the lines of the finished runs alone. `forecast` gives the
    time left for all, in words.
    """

    def __init__(self, console: Console, total: int, forecast: Callable[[], str]) -> None:
        self._forecast = forecast
        self._console = console
        self._wide = console.width >= _WIDE
        self._progress = Progress(
            # Without markup: the name of a cell of a matrix, such as [none], would be taken for it.
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24 if self._wide else 8),
            MofNCompleteColumn(),
            *([TimeElapsedColumn()] if self._wide else []),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._all = self._progress.add_task("runs", total=total, note="")
        self._current: dict[str, TaskID] = {}

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def started(self, run: ConcreteRun) -> None:
        """Show that a run has begun, or begun again."""
        self._remove(run)
        self._current[run.key] = self._progress.add_task(
            visible(f"{run.run.name} seed {run.seed}"),
            total=run.run.settings.training.epochs,
            note="compiling",
            visible=len(self._current) < _BARS,
        )

    def advanced(self, run: ConcreteRun, rows: Sequence[Mapping[str, float]]) -> None:
        """Show the newest measurements of a run at work."""
        if rows:
            if run.key not in self._current:
                self.started(run)
            row = rows[-1]
            note = f"train {row['train_accuracy']:.2%}  test {row['test_accuracy']:.2%}"
            note += f"  loss {row['train_loss']:.4f}" if self._wide else ""
            self._progress.update(self._current[run.key], completed=row["epoch"], note=note)
            self._progress.update(self._all, note=self._forecast())

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Write a run's line, and count it."""
        self._remove(run)
        self._progress.update(self._all, advance=1, note=self._forecast())
        if result.status is Status.DONE:
            end = _numbers(result) + (
                f"  ({'stale, ' if result.stale else ''}kept from before)"
                if reused
                else f"  {result.seconds:6.1f} s"
            )
        else:
            end = f"{result.status.value}: {result.reason}"
        line = Text.assemble(_SYMBOLS[result.status], " ", literal(f"{run.label:<57} {end}"))
        self._console.print(line, highlight=False, soft_wrap=True)

    def _remove(self, run: ConcreteRun) -> None:
        if run.key in self._current:
            self._progress.remove_task(self._current.pop(run.key))
            for task in list(self._current.values())[:_BARS]:
                self._progress.update(task, visible=True)


def _numbers(result: RunResult) -> str:
    found = (
        result.measurements.get(name) for name in ("train_accuracy", "test_accuracy", "epochs")
    )
    train, test, epochs = (math.nan if value is None else value for value in found)
    return f"train {train:7.2%}  test {test:7.2%}  {epochs:6.0f} epochs"
