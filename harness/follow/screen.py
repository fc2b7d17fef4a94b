"""What the live display shows at a moment, laid out for a terminal of any width.

Everything is plain text of known width: names are never read as markup, and no line is wider than
the terminal, from 40 columns on. What does not fit is left out in an order that is the same for
all lines: first the bars, then details, at last parts of names; never a count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from harness.follow.finished import Names
from harness.follow.listener import Row
from harness.follow.time_left import TimeLeft, in_words
from harness.system.console import visible
from harness.system.streams import plain
from harness.words import plural, run_label

MOST_LINES = 12
"""So many runs at work have a line at most; of the others their number is told."""

_GAP = 2
_BAR, _LONG_BAR = 10, 24
_WIDE = 110
"""From so many columns on, the bar of the overall progress is long."""

_BEATS_A_SECOND = 4


@dataclass(frozen=True)
class AtWork:
    """A run at work.

    `doing` is what it does before its first epoch is over, `row` the newest row of its history,
    `seconds` how long it has been at work.
    """

    experiment: str
    run: str
    seed: int
    epochs: int
    doing: str
    row: Row
    seconds: float

    @property
    def epoch(self) -> int:
        """Return how many epochs are over."""
        return int(self.row.get("epoch", 0))

    @property
    def label(self) -> str:
        """Return what a person calls it."""
        return run_label(self.experiment, self.run, self.seed)

    def now(self) -> str:
        """Return what it does now: "compiling", "epoch 12 of 50"."""
        return f"epoch {self.epoch} of {self.epochs}" if self.epoch else self.doing


@dataclass(frozen=True)
class Standing:
    """How far an invocation is.

    Attributes:
        total: How many runs it has, those of all experiments.
        done: How many are done, those of before too.
        failed: How many ended in an error.
        blocked: How many cannot be made here.
        left: The time left, None where all runs have ended or nothing is planned yet.
        at_work: The runs at work, in the order in which they began.
        waits: What this process waits for, nothing where it makes runs.
        waited: For how many seconds.
        several: Whether the runs are those of several experiments.
        names: How wide the names of all runs are: lines keep their form while runs come and go.
        validated: Whether any of the runs has a validation set.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    blocked: int = 0
    left: TimeLeft | None = None
    at_work: Sequence[AtWork] = ()
    waits: str = ""
    waited: float = 0.0
    several: bool = False
    names: Names = field(default_factory=Names)
    validated: bool = False

    def widest(self, experiment: bool) -> int:
        """Return how wide the widest name of all runs is, with its experiment or without."""
        return self.names.full if self.several and experiment else self.names.short

    @property
    def troubles(self) -> list[str]:
        """Return what is told beside the count: "1 failed", "3 blocked"."""
        counts = {"failed": self.failed, "blocked": self.blocked}
        return [f"{count} {what}" for what, count in counts.items() if count]


@dataclass(frozen=True)
class Terminal:
    """How large a terminal is, and by which encoding text is written to it."""

    width: int
    height: int
    encoding: str

    @property
    def ascii_alone(self) -> bool:
        """Tell whether signs such as those of a bar cannot be counted on."""
        return not self.encoding.lower().startswith("utf")

    def shown(self, text: str) -> str:
        """Return text as it will be written, so that its width is known."""
        return plain(visible(text), self.encoding)

    def shortened(self, text: str, width: int) -> str:
        """Return text that is no wider; where something is cut off its end, dots say so."""
        if cell_len(text) <= width:
            return text
        dots = ".." if self.ascii_alone else "…"
        return set_cell_size(text, max(0, width - len(dots))).rstrip() + dots[: max(0, width)]


def page(standing: Standing, terminal: Terminal) -> Text:
    """Return the lines of the display: the overall progress, the runs at work, what is waited for.

    They leave a line of the terminal free.
    """
    lines = [_overall(standing, terminal)] if standing.total else []
    room = max(1, min(MOST_LINES, terminal.height - 4))
    lines += _runs(standing, standing.at_work[:room], terminal)
    if len(standing.at_work) > room:
        more = f"and {len(standing.at_work) - room} more at work"
        lines.append(Text(terminal.shortened(more, terminal.width), "dim"))
    if standing.waits:
        lines.append(_waiting(standing, terminal))
    return Text("\n", no_wrap=True, overflow="crop", end="").join(lines)


def _overall(standing: Standing, terminal: Terminal) -> Text:
    left = [(standing.left.short, "")] if standing.left else []
    rest = [(standing.left.left_out, "dim")] if standing.left and standing.left.left_out else []
    troubles = [(each, "red" if "failed" in each else "yellow") for each in standing.troubles]
    ended = standing.done + standing.failed + standing.blocked
    bar = _bar(ended / standing.total, _LONG_BAR if terminal.width >= _WIDE else _BAR, terminal)
    forms: list[list[Text | tuple[str, str]]] = [
        [bar, *left, *troubles, *rest],
        [*left, *troubles, *rest],
        [*left, *troubles],
        [*left],
        [],
    ]
    line = Text()
    for parts in forms:  # each has less than the one before
        line = Text(f"{standing.done}/{standing.total} runs", "bold")
        for part in parts:
            line = Text.assemble(line, " " * _GAP, part)
        if line.cell_len <= terminal.width:
            break
    return line


@dataclass(frozen=True)
class _Form:
    """Which parts a line of a run at work has."""

    bar: bool = False
    loss: bool = False
    seconds: bool = False
    experiment: bool = False
    train: bool = False
    validation: bool = False
    test: bool = False


_FORMS = (
    _Form(bar=True, loss=True, seconds=True, experiment=True, train=True, test=True),
    _Form(loss=True, seconds=True, experiment=True, train=True, test=True),
    _Form(seconds=True, experiment=True, train=True, test=True),
    _Form(experiment=True, train=True, test=True),
    _Form(train=True, test=True),
    _Form(test=True),
    _Form(),
)
"""Each has less than the one before."""

_VALIDATED_FORMS = (
    *(replace(form, validation=True) for form in _FORMS if form.train),
    *_FORMS[_FORMS.index(_Form(train=True, test=True)) :],
)
"""The same where runs have a validation set."""


def _runs(standing: Standing, runs: Sequence[AtWork], terminal: Terminal) -> list[Text]:
    if not runs:
        return []
    counts = [f"{each.epoch}/{each.epochs}" for each in runs]
    # As wide as the last epoch's: nothing moves while the runs go on.
    longest = max(len(f"{each.epochs}/{each.epochs}") for each in runs)

    def width(form: _Form) -> int:
        widest = max(cell_len(_name(standing, each, form, terminal)) for each in runs)
        parts = [max(widest, standing.widest(form.experiment)), longest]
        parts += [_BAR] * form.bar + [_SECONDS] * form.seconds
        parts += [len(_measured({}, form))] * form.test
        return sum(parts) + _GAP * (len(parts) - 1)

    forms = _VALIDATED_FORMS if standing.validated else _FORMS
    form = next((each for each in forms if width(each) <= terminal.width), forms[-1])
    room = terminal.width - _GAP - longest
    names = [_cut_name(standing, each, form, terminal, room) for each in runs]
    broad = min(room, max(*map(cell_len, names), standing.widest(form.experiment)))
    return [
        _run(each, name, count.rjust(longest), form, terminal)
        for each, name, count in zip(
            runs, [set_cell_size(name, broad) for name in names], counts, strict=True
        )
    ]


_SECONDS = 7
"""How wide the seconds that a run has been at work are: "119 min"."""


def _run(run: AtWork, name: str, count: str, form: _Form, terminal: Terminal) -> Text:
    line = Text(name)
    if form.bar:
        line.append(" " * _GAP)
        line.append_text(_bar(run.epoch / run.epochs, _BAR, terminal))
    line.append(" " * _GAP + count, "bold")
    if form.seconds:
        line.append(" " * _GAP + in_words(run.seconds).rjust(_SECONDS), "dim")
    details = _measured(run.row, form) if run.epoch else terminal.shown(run.doing)
    room = terminal.width - line.cell_len - _GAP
    if details and room >= min(len(details), _LEAST):
        line.append(" " * _GAP + terminal.shortened(details, room), "" if run.epoch else "dim")
    return line


_LEAST = 6
"""Fewer columns of what a run does say nothing."""


def _measured(row: Row, form: _Form) -> str:
    """Return what is measured, as wide whatever the numbers are."""
    parts = []
    if form.train:
        parts.append(f"train {_percent(row, 'train_accuracy')}")
    if form.validation:
        parts.append(f"validation {_percent(row, 'validation_accuracy')}")
    if form.test:
        parts.append(f"test {_percent(row, 'test_accuracy')}")
    if form.loss:
        loss = row.get("train_loss")
        parts.append(f"loss {'' if loss is None else f'{loss:.4g}':<9}")
    return "  ".join(parts)


def _percent(row: Row, name: str) -> str:
    value = row.get(name)
    return ("" if value is None else f"{value:.2%}").rjust(7)


def _name(standing: Standing, run: AtWork, form: _Form, terminal: Terminal) -> str:
    full = standing.several and form.experiment
    return terminal.shown(run.label if full else f"{run.run} seed {run.seed}")


def _cut_name(standing: Standing, run: AtWork, form: _Form, terminal: Terminal, room: int) -> str:
    """Return a run's name, cut before its seed where it is too wide."""
    name = _name(standing, run, form, terminal)
    if cell_len(name) <= room:
        return name
    seed = f" seed {run.seed}"
    return terminal.shortened(terminal.shown(run.run), room - len(seed)) + seed


def _waiting(standing: Standing, terminal: Terminal) -> Text:
    signs = "|/-\\" if terminal.ascii_alone else "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
    sign = signs[int(standing.waited * _BEATS_A_SECOND) % len(signs)]
    time = f"  {in_words(standing.waited)}"
    room = terminal.width - 2 - len(time)
    what = terminal.shortened(terminal.shown(standing.waits), room)
    return Text.assemble((sign, "cyan"), " ", what, (time, "dim"))


def _bar(share: float, width: int, terminal: Terminal) -> Text:
    full, empty = "#-" if terminal.ascii_alone else "━─"
    done = min(width, int(share * width))
    style = "bar.finished" if done == width else "bar.complete"
    return Text.assemble((full * done, style), (empty * (width - done), "bar.back"))


_NAMED = 4
"""So many runs at work are named in a line without a terminal."""


def heartbeat(standing: Standing, seconds: float) -> str:
    """Return the standing as one line for a log, so many seconds after the start."""
    parts = []
    if standing.total:
        parts.append(
            ", ".join([f"{standing.done} of {standing.total} runs done", *standing.troubles])
        )
        if standing.left:
            parts.append(", ".join(filter(None, (standing.left.short, standing.left.left_out))))
    parts += _at_work(standing)
    if standing.waits:
        parts.append(f"{standing.waits} ({in_words(standing.waited)} so far)")
    return f"after {in_words(seconds)}: {'; '.join(parts) or 'getting ready'}"


def _at_work(standing: Standing) -> Iterator[str]:
    runs = [f"{each.label} ({each.now()})" for each in standing.at_work[:_NAMED]]
    more = len(standing.at_work) - len(runs)
    if runs:
        named = ", ".join(runs) + (f" and {plural(more, 'more run')}" if more else "")
        yield f"at work: {visible(named)}"
