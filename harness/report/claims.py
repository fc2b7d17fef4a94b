"""The claims of publications, and what became of them on each data set and network.

A claim is known by its label, such as "A2", and the citation of its publication. Specifications
say both; nothing of a publication is known to the harness.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.experiment import Experiment, Interval, Json, Statistic
from harness.expression import ExpressionError, parse, references
from harness.report.expectation import anchors
from harness.report.packed_settings import unpack
from harness.units import PERCENT, bound, measured, scale_of
from harness.words import Reach, Verdict, reach

_WORST_FIRST = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.BLOCKED,
    Verdict.INCONCLUSIVE,
    Verdict.PASS,
)


@dataclass(frozen=True)
class Finding:
    """What became of an expectation that speaks of a claim.

    `citation` is None where no publication is named, `where` the data set and the network, "" where
    they are not known. `effect` is what was measured, in words, and "" where nothing was.
    """

    claim: str
    citation: str | None
    anchor: str
    verdict: Verdict
    stale: bool
    reach: Reach
    effect: str
    seeds: int
    where: str


def about(experiment: Experiment) -> dict[str, Json]:
    """Return the members of a report's JSON from which an index says what it is about."""
    source = experiment.source
    of = (
        {"citation": source.citation, "url": source.url, "claims": dict(source.claims)}
        if source is not None
        else None
    )
    return {"question": experiment.question, "source": of}


def read_findings(document: Mapping[str, Json], citation: str | None) -> list[Finding]:
    """Return what a report's JSON says of claims.

    Args:
        document: The report's JSON.
        citation: The publication that counts where an expectation names none of its own.
    """
    judgements: Sequence[Mapping[str, Json]] = document["judgements"]
    places, settings = anchors(each["id"] for each in judgements), document.get("settings")
    where = _where(unpack(settings)) if settings else {}
    return [
        Finding(
            claim=text(judgement["claim"]),
            citation=text(judgement["citation"]) if "citation" in judgement else citation,
            anchor=places[judgement["id"]],
            verdict=Verdict(judgement["verdict"]),
            stale=bool(judgement.get("stale")),
            reach=reach_of(judgement),
            effect=_effect(judgement),
            seeds=_seeds(judgement),
            where=" and ".join(_of_metric(judgement["metric"], where)),
        )
        for judgement in judgements
        if judgement.get("claim")
    ]


def deciding(findings: Sequence[Finding]) -> Finding:
    """Return the finding that tells most of several: of the worst verdict, and the farthest reach.

    A fit of every seed at hand goes after a mean over all seeds; of equals, the first counts.
    """
    return min(
        findings,
        key=lambda each: (
            _WORST_FIRST.index(each.verdict),
            not each.stale,
            each.reach is Reach.HAND,
        ),
    )


def text(value: Json) -> str:
    """Return a text of a report's JSON.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def reach_of(judgement: Mapping[str, Json]) -> Reach:
    """Return how far a verdict of a report's JSON speaks."""
    student = Interval.STUDENT.value  # of the mean, in reports that are older than the choice
    return reach(Statistic(judgement["statistic"]), Interval(judgement.get("method", student)))


def _effect(judgement: Mapping[str, Json]) -> str:
    """Return what was measured: "7.6 ± 0.4 points", or the median where that is what counts."""
    scale = scale_of(judgement["metric"])
    mean, deviation, median = (
        None if judgement.get(name) is None else float(judgement[name])
        for name in ("mean", "deviation", "median")
    )
    if "holding" in judgement:
        return f"in {int(judgement['holding'])} of {len(judgement['settings'])} settings"
    if median is not None:
        return measured(median, None, scale)
    if mean is None:
        return ""
    if scale is PERCENT and deviation == 0.0 and mean in (0.0, 1.0):
        return bound(mean, scale)
    return measured(mean, deviation, scale)


def _seeds(judgement: Mapping[str, Json]) -> int:
    """Return how many seeds there were, in the setting with the fewest where there are settings."""
    settings = [len(each["values"]) for each in judgement.get("settings", {}).values()]
    return min(settings, default=len(judgement["values"]))


def _where(settings: Mapping[str, Mapping[str, Json]]) -> dict[str, str]:
    """Return on which data set and network each run was made, in words, where that is known."""
    return {
        run: f"{_dataset(of['dataset'])}: {_network(of['model'])}"
        for run, of in settings.items()
        if of.get("dataset") and of.get("model")
    }


def _of_metric(metric: str, where: Mapping[str, str]) -> list[str]:
    try:
        used = references(parse(metric))
    except ExpressionError:
        return []
    runs = [each.base if "*" in each.run else each.run for each in used]
    of_bases = {name.partition("[")[0]: words for name, words in reversed([*where.items()])} | {
        **where
    }
    return list(dict.fromkeys(of_bases[run] for run in runs if run in of_bases))


def _dataset(dataset: Mapping[str, Json]) -> str:
    count, classes = dataset.get("train_examples"), dataset.get("classes")
    parts = [f"{count:,}"] if count is not None else []
    parts += [f"{len(classes)} classes"] if classes else []
    return f"{dataset['name']} ({', '.join(parts)})" if parts else str(dataset["name"])


def _network(model: Mapping[str, Json]) -> str:
    """Return "resnet, blocks 1-1-1-1, width 8": the name, and the numbers that make its size."""
    name = str(model["name"]).replace("_", " ")
    parts = [_parameter(key, value) for key, value in model.items() if key != "name"]
    return ", ".join([name, *filter(None, parts)])


def _parameter(name: str, value: Json) -> str:
    words = name.replace("_", " ")
    if value is False:
        return f"no {words}"
    if value is True or value is None:
        return ""
    if isinstance(value, list):
        return f"{words} {'-'.join(map(str, value))}" if value else ""
    if isinstance(value, float) and math.isfinite(value):
        return f"{words} {value:g}"
    return f"{words} {value}"
