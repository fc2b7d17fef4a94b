"""A display with a clock that stands still, on a console of a given width that keeps its output."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console

from harness.follow.progress import Display
from harness.follow.time_left import TimeLeft
from harness.plan import ConcreteRun


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class Screen(io.StringIO):
    """A file that says it is a terminal."""

    def __init__(self, terminal: bool, encoding: str) -> None:
        super().__init__()
        self._terminal, self._encoding = terminal, encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


@dataclass
class Shown:
    """A display, its clock, and what it has written."""

    width: int = 100
    height: int = 24
    terminal: bool = True
    encoding: str = "utf-8"
    environment: dict[str, str] = field(default_factory=lambda: {"TERM": "xterm"})
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.file = Screen(self.terminal, self.encoding)
        console = Console(
            file=self.file, width=self.width, height=self.height, _environ=self.environment
        )
        self.display = Display(console, self.clock)

    def expect(
        self,
        runs: Sequence[ConcreteRun],
        kept: Sequence[str] = (),
        left: TimeLeft | None = TimeLeft(180.0),  # noqa: B008 - frozen
    ) -> None:
        self.display.expect(runs, kept, lambda: left)

    def at(self, seconds: float) -> None:
        """Let the clock show so many seconds, and the display a picture of it."""
        self.clock.now = seconds
        self.display.tick()

    @property
    def lines(self) -> list[str]:
        """The lines of the live display now."""
        return self.display.page().plain.split("\n")

    @property
    def written(self) -> str:
        return self.file.getvalue()
