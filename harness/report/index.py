"""The index of a folder of reports, read from their JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.check import Verdict
from harness.numbers import NOTHING, Scale, bound, bounds, measured, scale_of, scale_of_difference
from harness.report.markdown import code, escape, file_link, table, unbroken
from harness.report.outcome import MEANING, SYMBOLS, marked, outcome
from harness.report.result_json import FORMAT
from harness.report.words import BASES, found, subject
from harness.spec.records import Basis, Json, Statistic


def read_results(folder: Path) -> list[tuple[str, Mapping[str, Json]]]:
    """Return the base name and the document of each report's JSON, sorted by name.

    Raises ValueError, with its path, for a file that is not JSON; other JSON is left alone.
    """
    found: list[tuple[str, Mapping[str, Json]]] = []
    for path in sorted(folder.glob("*.json")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: not JSON: {error}") from error
        if isinstance(document, dict) and document.get("format") == FORMAT:
            found.append((path.stem, document))
    return found


def index(documents: Sequence[tuple[str, Mapping[str, Json]]]) -> str:
    """Return the Markdown of the index: every experiment, every expectation, every verdict."""
    verdicts = [verdict for _, document in documents for verdict in _verdicts(document)]
    headers = ["experiment", "date", "trainings done", *(f"{SYMBOLS[verdict]} {verdict.value}" for verdict in Verdict)]
    parts = [
        "# Results",
        f"**{outcome(verdicts)}** {len(documents)} experiments." if len(documents) != 1 else f"**{outcome(verdicts)}**",
        table(headers, [_row(name, document) for name, document in documents], "<<>" + ">" * len(Verdict)),
        *(_experiment(name, document) for name, document in documents),
        "## What the verdicts mean",
        "\n".join(f"- {marked(verdict)}: {MEANING[verdict]}" for verdict in Verdict),
    ]
    return "\n\n".join(parts) + "\n"


def _verdicts(document: Mapping[str, Json]) -> list[Verdict]:
    return [Verdict(judgement["verdict"]) for judgement in document["judgements"]]


def _row(name: str, document: Mapping[str, Json]) -> list[str]:
    verdicts = _verdicts(document)
    counts = [str(verdicts.count(verdict) or "") for verdict in Verdict]
    return [_link(name, document), unbroken(escape(document["date"][:10])), _done(document), *counts]


def _done(document: Mapping[str, Json]) -> str:
    runs: Mapping[str, Mapping[str, Json]] = document["runs"]
    done = sum(result["status"] == "done" for seeds in runs.values() for result in seeds.values())
    return f"{done} of {len(runs) * len(document['seeds'])}"


def _link(name: str, document: Mapping[str, Json]) -> str:
    return file_link(document["title"], f"{name}.md")


def _experiment(name: str, document: Mapping[str, Json]) -> str:
    lines = [f"## {_link(name, document)}", outcome(_verdicts(document))]
    if document["judgements"]:
        compared = any("published" in judgement for judgement in document["judgements"])
        beside = ["published", "difference"] if compared else []
        rows = [_judgement(judgement, compared) for judgement in document["judgements"]]
        lines.append(table(["verdict", "what is expected", "bounds", "measured", *beside, "rests on"], rows))
    return "\n\n".join(lines)


def _judgement(judgement: Mapping[str, Json], compared: bool) -> list[str]:
    scale, count = scale_of(judgement["metric"]), len(judgement["values"])
    which = subject(Statistic(judgement["statistic"]), judgement.get("share"))
    shown = found(judgement["mean"], judgement["deviation"], judgement.get("median"), scale)
    return [
        marked(Verdict(judgement["verdict"])),
        escape(judgement["title"]) or code(judgement["metric"]),
        escape(f"{which} {bounds(judgement['lower'], judgement['upper'], scale)}"),
        f"{unbroken(shown)} {unbroken(f'(n = {count})')}",
        *(_published(judgement, scale) if compared else []),
        BASES[Basis(judgement["basis"])],
    ]


def _published(judgement: Mapping[str, Json], scale: Scale) -> list[str]:
    if "published" not in judgement:
        return [NOTHING, NOTHING]
    apart = measured(judgement["difference"], judgement["difference_half_width"], scale_of_difference(scale))
    return [unbroken(bound(judgement["published"], scale)), unbroken(apart)]
