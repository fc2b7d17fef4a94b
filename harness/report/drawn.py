"""The settings that samples drew: a table of the values of each, and what came out there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from harness.experiment import SAMPLE, Experiment, Json
from harness.judging.judgement import InSetting, Judgement
from harness.report.markdown import code, details, escape, table, unbroken
from harness.units import number, scale_of
from harness.words import plural

_MOST_ROWS = 12
"""A longer table is folded."""

_HOLDS = {True: "holds", False: "does not", None: "not known"}

Draws = Mapping[str, Mapping[str, Json]]
"""By the label of a draw, what was drawn at each path."""


def drawn_settings(experiment: Experiment, judgements: Sequence[Judgement]) -> str:
    """Return a table of all settings that were drawn; nothing where none were.

    Runs that have drawn the same share one. Beside a setting stands, for every expectation over
    settings, the mean of its seeds and whether that is within the bounds.
    """
    runs = _by_run(experiment)
    together: dict[str, list[str]] = {}
    for run, draws in runs.items():
        together.setdefault(json.dumps(draws, sort_keys=True), []).append(run)
    parts = [
        _table(named, runs[named[0]], [each for each in judgements if _reads(each, named)])
        for named in together.values()
    ]
    return "\n\n".join(parts)


def _by_run(experiment: Experiment) -> dict[str, dict[str, Mapping[str, Json]]]:
    found: dict[str, dict[str, Mapping[str, Json]]] = {}
    for run in experiment.runs.values():
        if run.drawn:
            found.setdefault(run.base, {})[run.labels[SAMPLE]] = run.drawn
    return found


def _reads(judgement: Judgement, runs: Sequence[str]) -> bool:
    return bool(judgement.settings) and bool({*judgement.expectation.samples} & {*runs})


def _table(runs: Sequence[str], draws: Draws, judgements: Sequence[Judgement]) -> str:
    paths = list(next(iter(draws.values())))
    headers = ["setting", *_headings(paths), *(code(each.expectation.id) for each in judgements)]
    rows = [
        [label, *(_shown(drawn[path]) for path in paths), *_came_out(label, judgements)]
        for label, drawn in draws.items()
    ]
    words = f"{plural(len(draws), 'setting')} drawn for {', '.join(map(code, runs))}"
    body = table(headers, rows, "<" + ">" * (len(headers) - 1))
    return details(words, body) if len(rows) > _MOST_ROWS else f"{words}:\n\n{body}"


def _headings(paths: Sequence[str]) -> Iterator[str]:
    """Yield the last name of each path, or all of it where two end alike."""
    ends = Counter(path.rpartition(".")[2] for path in paths)
    for path in paths:
        end = path.rpartition(".")[2]
        yield escape(end.replace("_", " ")) if ends[end] == 1 else code(path)


def _shown(value: Json) -> str:
    return escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _came_out(label: str, judgements: Sequence[Judgement]) -> Iterator[str]:
    for judgement in judgements:
        scale = scale_of(judgement.expectation.metric)
        found = judgement.settings.get(label, InSetting({}, None, None))
        yield unbroken(f"{number(found.mean, scale)}, {_HOLDS[found.holds]}")
