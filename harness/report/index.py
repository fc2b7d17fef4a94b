"""The index of a folder of reports, read from their JSON."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.experiment import Basis, Interval, Json, Statistic
from harness.report.markdown import bullets, code, escape, file_link, table, unbroken
from harness.report.outcome import chance, outcome, resting_on_stale
from harness.report.result_json import FORMAT
from harness.system import files
from harness.units import (
    NOTHING,
    Scale,
    bound,
    bounds,
    found,
    measured,
    scale_of,
    scale_of_difference,
)
from harness.words import BASES, MEANING, STALE, SYMBOLS, Reach, Verdict, marked, reach, subject


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
        all(math.isfinite(judgement["confidence"]) for judgement in document["judgements"])
        _row(name, document)
        _experiment(name, document)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        return False
    return True


def index(documents: Sequence[tuple[str, Mapping[str, Json]]], unshown: Sequence[str] = ()) -> str:
    """Return the Markdown of the index: every experiment, every expectation, every verdict.

    `unshown` are the names of result files that are damaged, or of another version.
    """
    verdicts = [verdict for _, document in documents for verdict in _verdicts(document)]
    reached = [far for _, document in documents for far in _reaches(document)]
    confidences = [
        judgement["confidence"] for _, document in documents for judgement in document["judgements"]
    ]
    stale = sum(_stale(document) for _, document in documents)
    head = " ".join(
        filter(None, [outcome(verdicts, reached), resting_on_stale(stale, len(verdicts))])
    )
    legend = [f"- (stale): {STALE}"] if stale else []
    headers = [
        "experiment",
        "date",
        "trainings done",
        *(f"{SYMBOLS[verdict]} {verdict.value}" for verdict in Verdict),
    ]
    parts = [
        "# Results",
        f"**{head}** {len(documents)} experiments." if len(documents) != 1 else f"**{head}**",
        table(
            headers,
            [_row(name, document) for name, document in documents],
            "<<>" + ">" * len(Verdict),
        ),
        *filter(None, [chance(verdicts, reached, confidences)]),
        *(_experiment(name, document) for name, document in documents),
        *(_unshown(unshown) if unshown else []),
        "## What the verdicts mean",
        "\n".join([*(f"- {marked(verdict)}: {MEANING[verdict]}" for verdict in Verdict), *legend]),
    ]
    return "\n\n".join(parts) + "\n"


def _unshown(names: Sequence[str]) -> list[str]:
    why = (
        "These files are damaged, or of another version of the harness; write their reports again:"
    )
    return ["## Not shown", why, bullets([code(name) for name in names])]


def _stale(document: Mapping[str, Json]) -> int:
    """Count the judgements that rest on stale runs."""
    return sum(bool(judgement.get("stale")) for judgement in document["judgements"])


def _verdicts(document: Mapping[str, Json]) -> list[Verdict]:
    return [Verdict(judgement["verdict"]) for judgement in document["judgements"]]


def _reaches(document: Mapping[str, Json]) -> list[Reach]:
    student = Interval.STUDENT.value  # of the mean, in reports that are older than the choice
    return [
        reach(Statistic(judgement["statistic"]), Interval(judgement.get("method", student)))
        for judgement in document["judgements"]
    ]


def _row(name: str, document: Mapping[str, Json]) -> list[str]:
    verdicts = _verdicts(document)
    counts = [str(verdicts.count(verdict) or "") for verdict in Verdict]
    return [
        _link(name, document),
        unbroken(escape(document["date"][:10])),
        _done(document),
        *counts,
    ]


def _done(document: Mapping[str, Json]) -> str:
    runs: Mapping[str, Mapping[str, Json]] = document["runs"]
    done = sum(result["status"] == "done" for seeds in runs.values() for result in seeds.values())
    return f"{done} of {len(runs) * len(document['seeds'])}"


def _link(name: str, document: Mapping[str, Json]) -> str:
    return file_link(
        document["title"] + (" (trial)" if document.get("trial") else ""), f"{name}.md"
    )


def _experiment(name: str, document: Mapping[str, Json]) -> str:
    count = len(document["judgements"])
    lines = [
        f"## {_link(name, document)}",
        outcome(_verdicts(document), _reaches(document)),
        resting_on_stale(_stale(document), count),
    ]
    lines = [line for line in lines if line]
    if document["judgements"]:
        compared = any("published" in judgement for judgement in document["judgements"])
        compared_columns = ["published", "difference"] if compared else []
        rows = [_judgement(judgement, compared) for judgement in document["judgements"]]
        lines.append(
            table(
                [
                    "verdict",
                    "what is expected",
                    "bounds",
                    "measured",
                    *compared_columns,
                    "rests on",
                ],
                rows,
            )
        )
    return "\n\n".join(lines)


def _judgement(judgement: Mapping[str, Json], compared: bool) -> list[str]:
    scale, count = scale_of(judgement["metric"]), len(judgement["values"])
    which = subject(Statistic(judgement["statistic"]), judgement.get("share"))
    mean, deviation, median = (
        _number(judgement.get(name)) for name in ("mean", "deviation", "median")
    )
    shown = found(mean, deviation, median, scale)
    return [
        marked(Verdict(judgement["verdict"]), judgement.get("stale")),
        escape(judgement["title"]) or code(judgement["metric"]),
        escape(f"{which} {bounds(judgement['lower'], judgement['upper'], scale)}"),
        f"{unbroken(shown)} {unbroken(f'(n = {count})')}",
        *(_published(judgement, scale) if compared else []),
        BASES[Basis(judgement["basis"])],
    ]


def _published(judgement: Mapping[str, Json], scale: Scale) -> list[str]:
    if "published" not in judgement:
        return [NOTHING, NOTHING]
    difference, half_width = (
        _number(judgement[name]) for name in ("difference", "difference_half_width")
    )
    shown = measured(difference, half_width, scale_of_difference(scale))
    return [unbroken(bound(judgement["published"], scale)), unbroken(shown)]


def _number(value: Json) -> float | None:
    """Return a number of a report; what JSON has no number for is a string there."""
    return None if value is None else float(value)
