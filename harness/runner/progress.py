"""What a person sees while runs go on: one bar for all runs, one for each at work, one line a finished run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from harness.plan import ConcreteRun
from harness.results import RunResult, Status

_SYMBOLS = {Status.DONE: "[green]✓[/]", Status.BLOCKED: "[yellow]⊘[/]", Status.ERROR: "[red]✗[/]", Status.MISSING: "·"}

_BARS = 12
"""So many runs at work have a bar; the others get one when it is their turn."""

_WIDE = 120
"""Columns of a console from which on everything is shown."""


class Display:
    """Progress of some runs on a console; on a console that is no terminal, only the finished lines.

    `forecast` tells in words how long all will still take.
    """

    def __init__(self, console: Console, total: int, forecast: Callable[[], str]) -> None:
        self._forecast = forecast
        self._console = console
        self._wide = console.width >= _WIDE
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24 if self._wide else 8),
            MofNCompleteColumn(),
            *([TimeElapsedColumn()] if self._wide else []),
            TextColumn("{task.fields[note]}"),
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
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def started(self, run: ConcreteRun) -> None:
        """Show that a run has begun, or begun again."""
        self._remove(run)
        self._current[run.key] = self._progress.add_task(
            f"{run.run.name} seed {run.seed}",
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
        line = f"{_SYMBOLS[result.status]} {escape(f'{run.label:<57} ')}"
        if result.status is Status.DONE:
            line += _numbers(result) + ("  (kept from before)" if reused else f"  {result.seconds:6.1f} s")
        else:
            line += escape(f"{result.status.value}: {result.reason}")
        self._console.print(line, highlight=False, soft_wrap=True)

    def _remove(self, run: ConcreteRun) -> None:
        if run.key in self._current:
            self._progress.remove_task(self._current.pop(run.key))
            for task in list(self._current.values())[:_BARS]:
                self._progress.update(task, visible=True)


def _numbers(result: RunResult) -> str:
    values = {name: value if value is not None else math.nan for name, value in result.measurements.items()}
    return f"train {values['train_accuracy']:7.2%}  test {values['test_accuracy']:7.2%}  {values['epochs']:6.0f} epochs"
