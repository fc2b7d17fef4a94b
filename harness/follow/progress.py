"""What a person sees while an invocation goes on.

On a terminal: the overall progress and a line for every run at work, which are redrawn, and above
them a line for each run that has ended. Where nothing can be redrawn (a file, a pipe, a dumb
terminal): a line for each run that has ended, and once a minute one on how far all is.
"""

from __future__ import annotations

import builtins
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO, cast

from rich.console import Console
from rich.file_proxy import FileProxy
from rich.live import Live
from rich.text import Text

from harness.follow.finished import Ended, Lines, Names
from harness.follow.screen import AtWork, Standing, Terminal, heartbeat, page
from harness.follow.tail import Tail
from harness.follow.time_left import TimeLeft
from harness.plan import ConcreteRun
from harness.run_result import RunResult, Status
from harness.system.console import say, visible

HEARTBEAT_SECONDS = 60.0
"""How often a log is told how far all is."""

_TICK_SECONDS = 0.25

_FAILURES = 20
"""So often in a row the display may fail before it is given up."""

_IMPORT = builtins.__import__

_IDLE_SECONDS = 2.0
"""Nothing at work for longer than between two runs: other processes work on what is left."""

_STARTING = "starting"
_FIRST_EPOCH = "compiling, first epoch"

_ENDED = (Status.DONE, Status.ERROR, Status.BLOCKED)


@dataclass
class _Work:
    """What is known of a run at work, `since` a moment of the clock."""

    run: ConcreteRun
    since: float
    doing: str = _STARTING
    row: Mapping[str, float] = field(default_factory=dict)


def _nothing_left() -> TimeLeft | None:
    return None


class Display:
    """Shows an invocation on a console, from its start to its end.

    It listens to the runs; `tick` is called about four times a second meanwhile. Several threads
    may call it. `clock` gives seconds.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        self._clock, self._lock = clock, threading.RLock()
        self._begun = self._beat = self._idle = clock()
        self._waits, self._waits_since = "", self._begun
        self._runs: dict[str, ConcreteRun] = {}
        self._names, self._heading, self._validated = Names(), "", False
        self._kept: set[str] = set()
        self._ended: dict[str, Status] = {}
        self._told: set[str] = set()
        self._work: dict[str, _Work] = {}
        self._left: Callable[[], TimeLeft | None] = _nothing_left
        self._tail: Tail | None = None
        self._errors: TextIO | None = None
        self._live = Live(
            get_renderable=self.page,
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=_redrawn(console),
            redirect_stderr=False,  # see `_errors_above`
            vertical_overflow="crop",
        )

    def __enter__(self) -> Display:
        if _redrawn(self.console):
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._live.stop()
        if self._errors is not None:
            sys.stderr, self._errors = self._errors, None

    def waits(self, what: str) -> None:
        """Show what this process waits for, "importing TensorFlow"; nothing where it goes on."""
        with self._lock:
            self._waits, self._waits_since = what, self._clock()
        self._refresh()

    def expect(
        self,
        runs: Sequence[ConcreteRun],
        kept: Collection[str],
        left: Callable[[], TimeLeft | None],
    ) -> None:
        """Count these runs among all, some of which were finished before.

        `left` estimates the time left.
        """
        self._errors_above()
        with self._lock:
            self._runs |= {run.key: run for run in runs}
            self._kept |= set(kept)
            self._ended |= {run.key: Status.BLOCKED for run in runs if run.blocked is not None}
            self._ended |= dict.fromkeys(kept, Status.DONE)
            for run in runs:
                self._names = self._names.also(Names.of(run))
                self._validated |= run.run.settings.dataset.validation is not None
            self._left, self._idle = left, self._clock()

    @contextlib.contextmanager
    def following(self, tail: Tail) -> Iterator[None]:
        """Listen meanwhile to what other processes write to a log."""
        self._tail = tail
        try:
            yield
        finally:
            self._tail = None
            with self._lock:
                self._work.clear()

    def started(self, run: ConcreteRun) -> None:
        """Show that a run has begun, or begun again."""
        with self._lock:
            self._work.pop(run.key, None)
            self._work[run.key] = _Work(run, self._clock())

    def preparing(self, run: ConcreteRun, what: str) -> None:
        """Show what a run does before it trains."""
        with self._lock:
            self._at_work(run).doing = what

    def advanced(self, run: ConcreteRun, rows: Sequence[Mapping[str, float]]) -> None:
        """Show the newest measurements of a run at work."""
        if rows:
            with self._lock:
                work = self._at_work(run)
                work.row, work.doing = rows[-1], _FIRST_EPOCH

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Write a run's line, once, and count it."""
        with self._lock:
            work = self._work.pop(run.key, None)
            if not self._work:
                self._idle = self._clock()
            known = run.key in self._told
            self._told.add(run.key)
            if result.status in _ENDED:
                self._ended[run.key] = result.status
            took = None if work is None else self._clock() - work.since
            ended = Ended(run, result, reused and run.key in self._kept, took)
        if not known:  # else another thread, or a log, has told of it
            self._tell(ended)

    def tick(self) -> None:
        """Show how far all is now; where nothing is redrawn, say it once a minute."""
        tail = self._tail
        if tail is not None:
            tail.read()
        if _redrawn(self.console):
            self._refresh()
            return
        now = self._clock()
        if now - self._beat >= HEARTBEAT_SECONDS:
            self._beat = now
            say(self.console, heartbeat(self.standing(), now - self._begun))

    def page(self) -> Text:
        """Return what the terminal shows now, but for the lines of the runs that have ended."""
        console = self.console
        return page(self.standing(), Terminal(console.width, console.height, console.encoding))

    def standing(self) -> Standing:
        """Return how far all is."""
        with self._lock:
            now, ends = self._clock(), list(self._ended.values())
            waits, since = self._waits, self._waits_since
            if not waits and self._runs and not self._work and now - self._idle > _IDLE_SECONDS:
                waits, since = self._idle_words(), self._idle
            return Standing(
                total=len(self._runs.keys() | self._ended.keys()),
                done=ends.count(Status.DONE),
                failed=ends.count(Status.ERROR),
                blocked=ends.count(Status.BLOCKED),
                left=self._left(),
                at_work=[_shown(each, now) for each in self._work.values()],
                waits=waits,
                waited=now - since,
                several=len({each.experiment for each in self._runs.values()}) > 1,
                names=self._names,
                validated=self._validated,
            )

    def _tell(self, ended: Ended) -> None:
        """Print the line of a run, below the name of its experiment where that is not in it."""
        width = self.console.width if _redrawn(self.console) else None
        lines = Lines(self._names.also(Names.of(ended.run)), width, self._validated)
        if lines.need_headings and self._heading != ended.run.experiment:
            self._heading = ended.run.experiment
            say(self.console, f"{self._heading}:", "bold")
        self.console.print(lines.line(ended), highlight=False, soft_wrap=True)

    def _errors_above(self) -> None:
        """Let what is printed to the standard error stand above the lines that are redrawn.

        Only now, when the backend is there: what its import writes to the descriptor is held back.
        """
        if self._live.is_started and self._errors is None and sys.stderr.isatty():
            self._errors = sys.stderr
            sys.stderr = cast(TextIO, FileProxy(self.console, sys.stderr))

    def _idle_words(self) -> str:
        return "waiting for other processes or nodes" if len(self._ended) < len(self._runs) else ""

    def _at_work(self, run: ConcreteRun) -> _Work:
        if run.key not in self._work:
            self.started(run)
        return self._work[run.key]

    def _refresh(self) -> None:
        if self._live.is_started:
            self._live.refresh()


def _shown(work: _Work, now: float) -> AtWork:
    run = work.run
    return AtWork(
        experiment=run.experiment,
        run=run.run.name,
        seed=run.seed,
        epochs=run.epochs,
        doing=work.doing,
        row=work.row,
        seconds=now - work.since,
    )


def _redrawn(console: Console) -> bool:
    """Tell whether lines can be redrawn: on a real terminal that can, whatever colours are forced.

    FORCE_COLOR makes Rich take a file for a terminal, as logs of continuous integration show
    colours; a cursor they do not have.
    """
    return console.is_interactive and not console.is_dumb_terminal and console.file.isatty()


@contextlib.contextmanager
def shown_on(console: Console) -> Iterator[Display]:
    """Show an invocation on a console while the context lasts."""
    display, over = Display(console), threading.Event()
    thread = threading.Thread(target=_tick, args=(display, over), name="display", daemon=True)
    with display:
        thread.start()
        try:
            yield display
        finally:
            over.set()
            thread.join()


def _tick(display: Display, over: threading.Event) -> None:
    """Let a display tick until all is over; one that cannot be shown stops no run."""
    failures = 0
    while not over.wait(_TICK_SECONDS):
        if builtins.__import__ is not _IMPORT:
            # While TFDS is imported, etils has another import in place, for all threads. Rich,
            # which imports while it renders, cannot use it.
            continue
        try:
            display.tick()
            failures = 0
        except Exception as error:
            failures += 1
            if failures >= _FAILURES:
                why = visible(f"{type(error).__name__}: {error}")
                print(f"the progress is not shown any more: {why}", file=sys.stderr)
                return
