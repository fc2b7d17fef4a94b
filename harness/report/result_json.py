"""Write the measured numbers of an experiment as JSON, for other reports, people and programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from harness.experiment import Experiment, Json, Statistic
from harness.judging.judgement import Judgement, Look
from harness.judging.paired import Pairs, mcnemar
from harness.judging.timing import Statements
from harness.report.answer import answer, answer_json
from harness.report.circumstance import environments
from harness.report.claims import about
from harness.report.command import run_command
from harness.report.environment import code_digests, environment
from harness.report.packed_settings import pack
from harness.report.published import difference
from harness.report.statements import stated_json
from harness.run_result import RunResult
from harness.system import machine

FORMAT = "reproduction-harness result 1"
"""Marks the files that `harness.report.index` reads."""


def harness_version() -> str:
    """Return the version of the harness that writes the report."""
    return machine.version()


def result_json(
    experiment: Experiment,
    results: Sequence[RunResult],
    judgements: Sequence[Judgement],
    when: datetime,
    plots: Sequence[str] = (),
    statements: Statements | None = None,
) -> Json:
    """Return what `<name>.json` holds; see `written` for its text.

    `plots` are the names of the files in the report's folder of plots. `statements` tell when the
    expectations were stated, None for a trial, which leaves that out. Values that JSON has no
    number for are the strings "nan", "inf" and "-inf".
    """
    document = {
        "format": FORMAT,
        "name": experiment.name,
        "title": experiment.title,
        **about(experiment),
        "date": when.isoformat(timespec="seconds"),
        "specification": experiment.path.as_posix(),
        "harness": harness_version(),
        "seeds": list(experiment.seeds),
        **({"trial": run_command(experiment)} if experiment.trial else {}),
        "files": list(plots),
        **_answer(experiment, results, judgements),
        "judgements": [
            _judgement(judgement) | _stated(judgement, statements) for judgement in judgements
        ],
        **_removed(statements),
        "runs": _runs(experiment, results),
        "environment": environment(results),
        "settings": pack({name: run.resolved for name, run in experiment.runs.items()}),
        **_drawn(experiment),
        "code": code_digests(results),
        **environments(results),
    }
    return finite(document)


def _drawn(experiment: Experiment) -> dict[str, Json]:
    """Return what was drawn for each run; nothing where nothing was."""
    drawn = {name: dict(run.drawn) for name, run in experiment.runs.items() if run.drawn}
    return {"drawn": drawn} if drawn else {}


def written(document: Json) -> str:
    """Return the text of a result file: the same bytes for the same results, keys sorted."""
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n"


def _answer(
    experiment: Experiment, results: Sequence[RunResult], judgements: Sequence[Judgement]
) -> dict[str, Json]:
    """Return the sentences of the answer; nothing where the author wrote none."""
    found = answer(experiment, results, judgements)
    return {"answer": answer_json(found)} if found else {}


def _judgement(judgement: Judgement) -> dict[str, Json]:
    expectation = judgement.expectation
    return {
        "id": expectation.id,
        "title": expectation.title,
        "metric": expectation.metric,
        "lower": expectation.lower,
        "upper": expectation.upper,
        "statistic": expectation.statistic.value,
        "confidence": expectation.confidence,
        "basis": expectation.basis.value,
        "source": expectation.source,
        "verdict": judgement.verdict.value,
        "mean": judgement.mean,
        "deviation": judgement.deviation,
        "values": {str(seed): value for seed, value in judgement.values.items()},
        "interval": list(judgement.interval),
        "message": judgement.message,
        **({"stale": judgement.stale} if judgement.stale else {}),
        **_where_there(judgement),
        **_published(judgement),
    }


def _stated(judgement: Judgement, statements: Statements | None) -> dict[str, Json]:
    """Return when an expectation was stated; nothing for a trial."""
    found = statements.each.get(judgement.expectation.id) if statements is not None else None
    return {} if found is None else {"stated": stated_json(found)}


def _removed(statements: Statements | None) -> dict[str, Json]:
    """Return which expectations were removed after their results; nothing where none was."""
    removed = statements.removed if statements is not None else ()
    return (
        {"removed": [{"id": each.id, **stated_json(each)} for each in removed]} if removed else {}
    )


def _where_there(judgement: Judgement) -> dict[str, Json]:
    """Return what only some expectations have; what is not there is left out."""
    expectation = judgement.expectation
    found = {
        "method": expectation.interval.value if expectation.statistic is Statistic.MEAN else None,
        "median": judgement.median,
        "share": expectation.share,
        "citation": expectation.citation,
        "claim": expectation.claim,
        "share_limits": judgement.share,
        "holding": judgement.holding if judgement.settings else None,
        "settings": _settings(judgement) or None,
        "image_limits": judgement.images,
        "censored": {str(seed): list(ends) for seed, ends in judgement.censored.items()} or None,
        "notes": list(judgement.notes) or None,
        "adjusted_confidence": judgement.adjusted,
        "look": _look(judgement.look) if judgement.look else None,
        "pairs": [_pair(each) for each in judgement.pairing.pairs] or None,
        "not_paired": judgement.pairing.obstacle or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _settings(judgement: Judgement) -> dict[str, Json]:
    """Return what was measured in each setting, by the label of its cell."""
    return {
        label: {
            "values": {str(seed): value for seed, value in each.values.items()},
            "mean": each.mean,
            "holds": each.holds,
        }
        for label, each in judgement.settings.items()
    }


def _look(look: Look) -> dict[str, Json]:
    return {
        "number": look.number,
        "of": look.looks,
        "seeds": look.seeds,
        "most": look.most,
        "confidence": look.confidence,
    }


def _pair(found: Pairs) -> dict[str, Json]:
    """Return how many images each of two networks alone got right, and McNemar's p-value."""
    return {
        "images": found.images,
        "first": found.first,
        "second": found.second,
        "p": mcnemar(found),
    }


def _published(judgement: Judgement) -> dict[str, Json]:
    """Return the published number and the difference from it; nothing where none was published."""
    if judgement.expectation.published is None:
        return {}
    distance, half_width = difference(judgement)
    return {
        "published": judgement.expectation.published,
        "difference": distance,
        "difference_half_width": half_width,
    }


def _runs(experiment: Experiment, results: Sequence[RunResult]) -> dict[str, dict[str, Json]]:
    runs: dict[str, dict[str, Json]] = {name: {} for name in experiment.runs}
    for result in results:
        if result.run not in runs or result.seed not in experiment.seeds_of(result.run):
            continue
        runs[result.run][str(result.seed)] = {
            "key": result.key,
            "status": result.status.value,
            "reason": result.reason,
            "measurements": dict(result.measurements),
            "parameters": result.parameters,
            "seconds": result.seconds,
            "images_per_second": result.images_per_second,
            **({"code": result.code.digest} if result.code is not None else {}),
            **({"stale": result.stale} if result.stale else {}),
        }
    return runs


def finite(value: Json) -> Json:
    """Return a JSON value in which numbers that JSON does not have are strings."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
