"""Read a folder of reports: what its files of numbers, histories and Markdown say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import UsageFault
from harness.experiment import Json, Statistic, parent_of
from harness.report.folder import histories_path, index_path, markdown_path, own_text
from harness.report.histories import Histories, read_histories
from harness.report.packed_settings import unpack
from harness.report.result_json import FORMAT
from harness.system import files
from harness.system.json_value import Value, WrongForm, parse
from harness.system.ownership import Kind, kind_of
from harness.units import bounds, found, scale_of
from harness.words import Verdict, subject


class NothingToShow(UsageFault):
    """A folder has no report; the message names it."""


@dataclass(frozen=True)
class Expected:
    """An expectation and what became of it, in the words that a person reads."""

    id: str
    title: str
    metric: str
    bounds: str
    measured: str
    seeds: int
    verdict: Verdict
    stale: bool


@dataclass(frozen=True)
class Run:
    """One run of one seed; a measurement is None where it does not exist."""

    name: str
    seed: int
    status: str
    reason: str
    stale: bool
    measurements: Mapping[str, float | None]
    parameters: float | None
    seconds: float | None


@dataclass(frozen=True)
class Report:
    """What is known of one experiment, from the files of its report.

    `asked` is how many runs there should be, `starts` are those that others start from.
    """

    name: str
    title: str
    date: str
    trial: bool
    answer: str
    expectations: tuple[Expected, ...]
    runs: tuple[Run, ...]
    asked: int
    datasets: tuple[str, ...]
    models: tuple[str, ...]
    starts: tuple[str, ...]
    markdown: str
    histories: Histories = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Count the runs that are finished."""
        return sum(run.status == "done" for run in self.runs)


@dataclass(frozen=True)
class Folder:
    """The reports of a folder, and its index.

    `unshown` says of each file that could not be read why; `index` is the Markdown of README.md,
    empty where it is none of ours.
    """

    path: Path
    reports: tuple[Report, ...]
    unshown: tuple[str, ...]
    index: str


def read_folder(path: Path) -> Folder:
    """Read the reports of a folder; all other files are left alone.

    Raises:
        NothingToShow: there is no report, or no folder.
        OSError: the folder cannot be read.
    """
    reports: list[Report] = []
    unshown: list[str] = []
    for each in sorted(path.glob("*.json")) if path.is_dir() else ():
        try:
            document = _result(each)
            if document is not None:
                reports.append(_report(path, each.stem, document))
        except (WrongForm, OSError) as error:
            unshown.append(f"{each}: {error}")
    if not reports and not unshown:
        raise NothingToShow(
            f"{path} has no report: `python -m harness run` writes some, and --reports says where"
        )
    return Folder(path, tuple(reports), tuple(unshown), own_text(index_path(path), Kind.INDEX))


def _result(path: Path) -> Value | None:
    """Return the numbers of a report, or None where the file is something else."""
    content = files.read_bytes(path)
    if kind_of(content) is not Kind.RESULT:
        return None
    document = parse(content)
    if document.member("format").value != FORMAT:
        raise document.member("format").wrong(repr(FORMAT))
    return document


def _report(folder: Path, name: str, document: Value) -> Report:
    settings = _settings(document)
    runs = tuple(_runs(document.member("runs")))
    seeds = len(list(document.member("seeds").items()))
    return Report(
        name=name,
        title=document.member("title").text() or name,
        date=document.member("date").text()[:10],
        trial=document.has("trial"),
        answer=_text(document.member_or("answer", "")),
        expectations=tuple(map(_expected, document.member("judgements").items())),
        runs=runs,
        asked=max(seeds * len(document.member("runs").object()), len(runs)),
        datasets=_names(settings, "dataset"),
        models=_names(settings, "model"),
        starts=_starts(settings),
        markdown=own_text(markdown_path(folder, name), Kind.REPORT),
        histories=read_histories(histories_path(folder, name)),
    )


def _text(value: Value) -> str:
    return value.value if isinstance(value.value, str) else ""


def _settings(document: Value) -> Mapping[str, Mapping[str, Json]]:
    if not document.has("settings"):
        return {}
    try:
        return unpack(document.member("settings").value)
    except ValueError as error:
        raise WrongForm(str(error)) from error


def _names(settings: Mapping[str, Mapping[str, Json]], part: str) -> tuple[str, ...]:
    """Return the names of the data sets, or of the networks, of some runs, each once."""
    parts = (of.get(part) for of in settings.values())
    names = (each.get("name") for each in parts if isinstance(each, Mapping))
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))


def _starts(settings: Mapping[str, Mapping[str, Json]]) -> tuple[str, ...]:
    """Return the names of the runs that others start from, each once."""
    names = (parent_of(of.get("initialize_from")) for of in settings.values())
    return tuple(dict.fromkeys(name for name in names if name is not None))


def _expected(value: Value) -> Expected:
    metric = value.member("metric").text()
    scale = scale_of(metric)
    lower, upper, mean, deviation, median, share = (
        _number(value.member_or(name, None))
        for name in ("lower", "upper", "mean", "deviation", "median", "share")
    )
    try:
        verdict = Verdict(value.member("verdict").text())
        which = subject(Statistic(value.member("statistic").text()), share)
    except ValueError as error:
        raise WrongForm(f"at {value.place}: {error}") from error
    return Expected(
        id=value.member("id").text(),
        title=value.member_or("title", "").text() or metric,
        metric=metric,
        bounds=f"{which} {bounds(lower, upper, scale)}",
        measured=found(mean, deviation, median, scale),
        seeds=len(value.member("values").object()),
        verdict=verdict,
        stale=bool(value.member_or("stale", "").value),
    )


def _runs(value: Value) -> Iterator[Run]:
    for name, seeds in value.members():
        for seed, run in seeds.members():
            if not seed.removeprefix("-").isdecimal():
                raise seeds.wrong("seeds")
            measured = run.member_or("measurements", {}).members()
            yield Run(
                name=name,
                seed=int(seed),
                status=run.member("status").text(),
                reason=run.member_or("reason", "").text(),
                stale=bool(run.member_or("stale", "").value),
                measurements={metric: _number(each) for metric, each in measured},
                parameters=_number(run.member_or("parameters", None)),
                seconds=_number(run.member_or("seconds", None)),
            )


def _number(value: Value) -> float | None:
    """Return a number, or None; what JSON has no number for is a string."""
    if value.value in ("nan", "inf", "-inf"):
        return float(value.value)
    return value.number_or_none()
