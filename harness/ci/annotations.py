"""Workflow commands that a forge shows at the line of the specification that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.ci.cases import Case, Suite
from harness.ci.forge import command, repository_path
from harness.ci.message import details, headline
from harness.judging.check import Verdict
from harness.judging.exit_code import Allow
from harness.judging.timing import Timing
from harness.report.statements import timing_sentence
from harness.spec.problems import Place
from harness.system.console import visible
from harness.words import worded

_MOST_LINES = 12
"""How many lines tell what changed and drifted; a forge shows the first few."""

_LEVELS = {
    Verdict.FAIL: "error",
    Verdict.ERROR: "error",
    Verdict.INCONCLUSIVE: "warning",
    Verdict.BLOCKED: "warning",
}


def annotate(suites: Sequence[Suite], allow: Allow, environment: Mapping[str, str]) -> str:
    """Return a line for every case that does not pass; what is allowed is a notice.

    The most severe come first, because a forge shows only the first ten of each level.
    """
    found = [(case, suite) for suite in suites for case in suite.cases if not case.passes(())]
    levels = ["error", "warning", "notice"]
    found.sort(key=lambda pair: levels.index(_level(pair[0], allow)))
    lines = [_line(case, suite, _level(case, allow), environment) for case, suite in found]
    return "".join(f"{line}\n" for line in (*lines, *_late(suites, environment)))


def _late(suites: Sequence[Suite], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for every expectation that was changed with its results at hand.

    A damaged ledger has a line too. Expectations of which it was not recorded when they were stated
    are left out: a report lists them.
    """
    for suite in suites:
        conclusion = suite.conclusion
        if conclusion.statements is None:
            continue
        places = {case.id: case.place for case in suite.cases}
        start = Place(conclusion.experiment.path, 1)
        late = [each for each in conclusion.statements.late if each.timing is not Timing.UNRECORDED]
        lines = [(each.id, timing_sentence(each)) for each in late] + [
            ("", fault) for fault in conclusion.statements.faults
        ]
        for name, text in lines:
            place = places.get(name, start)
            title = [conclusion.experiment.name, name, "not known to be stated before its results"]
            properties = {
                "file": repository_path(place.path, environment),
                "line": str(place.line),
                "title": ": ".join(filter(None, title)),
            }
            yield command("warning", properties, [text])


def _level(case: Case, allow: Allow) -> str:
    if case.verdict is Verdict.PASS:
        return "notice" if case.passes(allow) else "warning"
    return "notice" if case.verdict in allow else _LEVELS[case.verdict]


def _line(case: Case, suite: Suite, level: str, environment: Mapping[str, str]) -> str:
    properties = {
        "file": repository_path(case.place.path, environment),
        "line": str(case.place.line),
        "title": (
            f"{suite.conclusion.experiment.name}: {case.id}: {worded(case.verdict, case.stale)}"
        ),
    }
    return command(level, properties, _text(case))


def _text(case: Case) -> Iterator[str]:
    yield headline(case)
    if case.message and visible(case.message) != headline(case):
        yield case.message
    if case.stale and visible(case.stale) != headline(case):
        yield f"stale: {case.stale}"
    lines = details(case)
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"and {len(lines) - _MOST_LINES} more lines; --junit and --json have them all"
