"""The index of a folder of reports, read from their JSON."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.experiment import Json
from harness.report.claims import Finding, deciding
from harness.report.entry import Entry, Source, Unfinished, read_entry
from harness.report.markdown import bullets, code, escape, file_link, link, table, unbroken
from harness.report.outcome import chance, outcome, resting_on_stale
from harness.report.result_json import FORMAT
from harness.run_result import Status
from harness.system import files
from harness.units import NOTHING
from harness.words import MEANING, STALE, SYMBOLS, Mark, Verdict, marked, plural

_MOST_REVISIONS = 2

Documents = Sequence[tuple[str, Mapping[str, Json]]]
"""The base name and the document of each report's JSON."""


def read_results(folder: Path) -> tuple[list[tuple[str, Mapping[str, Json]]], list[str]]:
    """Return the base name and the document of each report's JSON, sorted by name.

    Beside them, the file names of those that cannot be shown: damaged ones, and those of another
    format's number. All other files are left alone, whatever they are.
    """
    found: list[tuple[str, Mapping[str, Json]]] = []
    unshown: list[str] = []
    for path in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            document = json.loads(files.read_bytes(path))
            declared = document.get("format") if isinstance(document, dict) else None
            if declared == FORMAT and _can_be_shown(path.stem, document):
                found.append((path.stem, document))
            elif isinstance(declared, str) and declared.startswith(FORMAT.rstrip("0123456789")):
                unshown.append(path.name)
    return found, unshown


def _can_be_shown(name: str, document: Mapping[str, Json]) -> bool:
    try:
        entry = read_entry(name, document)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        return False
    return all(math.isfinite(confidence) for confidence in entry.confidences)


def index(documents: Documents, unshown: Sequence[str] = ()) -> str:
    """Return the Markdown of the index: every experiment, every claim, and what was not run.

    `unshown` are the names of result files that are damaged, or of another version.
    """
    entries = [read_entry(name, document) for name, document in documents]
    run = [entry for entry in entries if _has_run(entry)]
    parts = [
        "# Results",
        _headline(run, len(entries) - len(run)),
        table(_HEADERS, [_row(each) for each in run]) if run else "",
        _by_chance(run),
        *_papers(run),
        *_not_run(entries),
        *(_unshown(unshown) if unshown else []),
        "## What the verdicts mean",
        bullets([f"{marked(verdict)}: {MEANING[verdict]}" for verdict in Verdict]),
        f"- (stale): {STALE}" if any(entry.stale for entry in entries) else "",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


_HEADERS = ("experiment", "verdicts", "seeds, date, code")


def _has_run(entry: Entry) -> bool:
    """Tell whether there is anything to see: a run that ended, if in an error, or none asked."""
    not_begun = sum(each.count for each in entry.unfinished if each.status is not Status.ERROR)
    return not_begun < entry.trainings or not entry.trainings


def _headline(entries: Sequence[Entry], not_run: int) -> str:
    verdicts = [verdict for entry in entries for verdict in entry.verdicts]
    reached = [far for entry in entries for far in entry.reaches]
    stale = resting_on_stale(sum(entry.stale for entry in entries), len(verdicts))
    head = " ".join(filter(None, [outcome(verdicts, reached), stale]))
    counted = plural(len(entries), "experiment")
    others = f", and {not_run} more of which nothing has been run" if not_run else ""
    return f"**{head}** {counted}{others}."


def _by_chance(entries: Sequence[Entry]) -> str:
    return chance(
        [verdict for entry in entries for verdict in entry.verdicts],
        [far for entry in entries for far in entry.reaches],
        [confidence for entry in entries for confidence in entry.confidences],
    )


def _row(entry: Entry) -> list[str]:
    asked = entry.question or entry.title
    counted = [(verdict, entry.verdicts.count(verdict)) for verdict in Verdict]
    shown = [unbroken(f"{SYMBOLS[verdict]} {count}") for verdict, count in counted if count]
    stale = [unbroken(f"({entry.stale} {Mark.STALE.value})")] if entry.stale else []
    return [
        f"{_link(entry)}: {escape(asked)}",
        " ".join([*shown, *stale]) or NOTHING,
        "<br>".join(filter(None, [_seeds(entry), escape(entry.date), _revisions(entry)])),
    ]


def _link(entry: Entry) -> str:
    return file_link(entry.name + (" (trial)" if entry.trial else ""), f"{entry.name}.md")


def _seeds(entry: Entry) -> str:
    fewest, most = entry.seeds
    shown = plural(most, "seed") if fewest == most else f"{fewest} to {most} seeds"
    if entry.done == entry.trainings:
        return shown
    return f"{shown}, {entry.done} of {plural(entry.trainings, 'training')} done"


def _revisions(entry: Entry) -> str:
    shown = [code(each) for each in entry.revisions[:_MOST_REVISIONS]]
    left_out = len(entry.revisions) - len(shown)
    return ", ".join(shown) + (f" and {left_out} more" if left_out > 0 else "")


def _papers(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield for each publication its claims as a matrix, and what they say."""
    explained = False
    for citation, source in _sources(entries).items():
        found = [
            (entry, finding)
            for entry in entries
            for finding in entry.findings
            if finding.citation == citation
        ]
        if not found:
            continue
        used = {finding.claim for _, finding in found}
        labels = [*(each for each in source.claims if each in used)]
        labels += sorted(used - set(labels), key=_as_counted)
        yield f"## {link(citation, source.url)}"
        yield bullets([*_statements(source, labels)])
        yield _matrix(found, labels)
        if not explained:
            yield _READ_MATRIX
        explained = True


_READ_MATRIX = (
    "A cell shows what was measured, mean ± deviation over seeds. Where several expectations speak"
    " of a claim it is that of the one that decides (of the worst verdict, and there rather of all"
    " seeds than of those at hand), and below stands how many of them pass. Each leads to its place"
    " in the report."
)


def _sources(entries: Sequence[Entry]) -> dict[str, Source]:
    """Return every publication by its citation, with what all reports together say of it."""
    found: dict[str, Source] = {}
    for entry in entries:
        of = entry.source
        if of is not None:
            known = found.get(of.citation, Source(of.citation, of.url, {}))
            claims = {**of.claims, **known.claims}
            ordered = {label: claims[label] for label in sorted(claims, key=_as_counted)}
            found[of.citation] = Source(of.citation, known.url or of.url, ordered)
        for finding in entry.findings:
            if finding.citation is not None:
                found.setdefault(finding.citation, Source(finding.citation, None, {}))
    return found


def _as_counted(label: str) -> list[tuple[int, str]]:
    """Return what labels are sorted by, so that A2 goes before A10."""
    parts = re.findall("[0-9]+|[^0-9]+", label)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _matrix(found: Sequence[tuple[Entry, Finding]], labels: Sequence[str]) -> str:
    cells: dict[tuple[str, str], dict[str, list[Finding]]] = {}
    by_name = {entry.name: entry for entry, _ in found}
    for entry, finding in found:
        row = cells.setdefault((entry.name, finding.where), {})
        row.setdefault(finding.claim, []).append(finding)
    rows = [
        [
            _place(by_name[name], where, [each for cell in row.values() for each in cell]),
            *(_cell(name, row.get(label, [])) for label in labels),
        ]
        for (name, where), row in cells.items()
    ]
    return table(["data set: network", *map(escape, labels)], rows)


def _place(entry: Entry, where: str, findings: Sequence[Finding]) -> str:
    """Return where something was found: data set and network, report, and how many seeds."""
    counts = [finding.seeds for finding in findings if finding.seeds]
    seeds = ""
    if counts:
        fewest, most = min(counts), max(counts)
        seeds = plural(most, "seed") if fewest == most else f"{fewest} to {most} seeds"
    return "<br>".join(
        filter(None, [escape(where), ", ".join(filter(None, [_link(entry), seeds]))])
    )


def _cell(name: str, findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    shown = deciding(findings)
    mark = f" ({Mark.STALE.value})" if shown.stale else ""
    words = f"{SYMBOLS[shown.verdict]} {shown.effect or shown.verdict.value}{mark}"
    cell = file_link(words, f"{name}.md", f"#{shown.anchor}")
    cell = cell.replace(" ", unbroken(" "), 1).replace("± ", unbroken("± "))
    if len(findings) == 1:
        return cell
    passed = sum(finding.verdict is Verdict.PASS for finding in findings)
    return f"{cell}<br>{unbroken(f'{passed} of {len(findings)}')}"


def _statements(source: Source, labels: Sequence[str]) -> Iterator[str]:
    for label in dict.fromkeys([*source.claims, *labels]):
        words = escape(source.claims[label]) if label in source.claims else "no statement is given."
        yield f"**{escape(label)}**: {words}" + (
            "" if label in labels else " *No expectation here speaks of it.*"
        )


_WORDS = {
    Status.BLOCKED: "blocked",
    Status.ERROR: "ended in an error",
    Status.MISSING: "not run yet",
}


def _not_run(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield what has not been run, and why."""
    yield "## What is missing, and why"
    rows = [_unfinished(entry, each) for entry in entries for each in entry.unfinished]
    if rows:
        yield table(["experiment", "claims", "trainings", "why"], rows, "<<><")
    else:
        yield "All trainings of these experiments are done."
    yield _ONLY_REPORTS


_ONLY_REPORTS = (
    "This index knows what has a report in this folder. `python -m harness report` with a"
    " specification, or a folder of them, writes the reports that are missing, also of what was"
    " never run."
)


def _unfinished(entry: Entry, of: Unfinished) -> list[str]:
    where = " and ".join(dict.fromkeys(each.where for each in entry.findings if each.where))
    claims = sorted({each.claim for each in entry.findings}, key=_as_counted)
    why = f"{_WORDS[of.status]}: {escape(of.reason)}" if of.reason else _WORDS[of.status]
    return [
        "<br>".join(filter(None, [_link(entry), escape(where)])),
        escape(", ".join(claims)) or NOTHING,
        f"{of.count} of {entry.trainings}",
        why,
    ]


def _unshown(names: Sequence[str]) -> list[str]:
    why = (
        "These files are damaged, or of another version of the harness; write their reports again:"
    )
    return ["## Not shown", why, bullets([code(name) for name in names])]
