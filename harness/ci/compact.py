"""The verdicts as compact JSON, for programs; the format is stable.

It is what `--json FILE` of `run` and `check` writes, and `--json` without a file prints.

```
{
  "format": "reproduction-harness verdicts 1",
  "exit_code": 1,                        as the command ends: 0, 1, 3 or 4
  "allowed": ["blocked"],                what --allow named
  "counts": {"pass": 11, "fail": 1, "inconclusive": 0, "blocked": 0, "error": 0},
  "experiments": [
    {
      "name": "quickstart-digits",
      "title": "...",
      "specification": "specs/quickstart/digits.json",
      "report": "reports/quickstart-digits.md",    null where none was written
      "seeds": [0, 1, 2],
      "runs": {"done": 27, "blocked": 0, "error": 0, "missing": 0},
      "expectations": [
        {
          "id": "drop",
          "experiment": "quickstart-digits",           these three make the record whole by itself,
          "expectation": "drop",                       as harness.check returns it
          "title": "...",
          "verdict": "fail",             pass, fail, inconclusive, blocked or error
          "message": "...",              empty for a pass
          "file": "specs/quickstart/digits.json",
          "line": 85,                    where it stands
          "metric": "random.test_accuracy - adversarial.test_accuracy",
          "statistic": "mean",           what must meet the bounds, as in the specification
          "lower": 0.03, "upper": null,  the bounds; null where that side is open
          "mean": 0.0198,                over seeds; null where a seed has no value
          "deviation": 0.0031,           the same
          "median": null,                where the statistic is the median
          "seeds": 3,                    how many have a value
          "interval": [0.0145, 0.025],   the one-sided confidence limits that decided;
                                         [null, null] where there are none
          "limit_low": 0.0145, "limit_high": 0.025,      the same
          "values": {"0": 0.0231, "1": 0.0193, "2": 0.017},      by seed
          "basis": "claim",              paper, claim, measured or hypothesis
          "stale": "..."                 which runs it rests on are stale and why;
                                         left out where none is
          "stated": {                    left out for a trial
            "when": "changed",           before (its results), added, changed, unrecorded
                                         or disputed
            "date": "2026-03-04T05:06:07+00:00",     null where it is not written down yet
            "before": {...},             what it was, where it was changed
            "measured": {"begun": {"random": [0, 1, 2]}, "finished": {...}, "value": 0.0198}
                                         what there was by then
          }
        }
      ],
      "baseline": {                      null where --baseline was not given
        "file": "reports/quickstart-digits.baseline.json",
        "verdict": "fail",               pass, fail (drift), inconclusive (maybe chance),
                                         blocked (none kept) or error
        "message": "...",                empty for a pass
        "compared": 126,                 numbers: a metric of a run each
        "changed_since": ["training.schedule.rate (0.03 -> 0.025) changed in all 9 runs"],
        "drifted": [                     what drifted, and what may have ("uncertain" is true)
          {"run": "confusion", "metric": "test_accuracy", "kept": 0.1, "measured": 0.2,
           "allowed": 0.01, "p": 0.0004, "lost": [], "gained": [], "unusable": [],
           "drifted": true, "uncertain": false}
        ]
      }
    }
  ]
}
```

A number that JSON does not have is the string "inf", "-inf" or "nan".
Members may be added; those that are there keep their meaning while the format keeps its number.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence

from harness.ci.cases import Case, Conclusion, Suite
from harness.compare.drift import BaselineComparison
from harness.compare.regression import Regression
from harness.experiment import Json
from harness.judging.check import Judgement, Verdict
from harness.judging.exit_code import Allow
from harness.judging.timing import Statements
from harness.report.result_json import finite
from harness.report.statements import stated_json
from harness.run_result import Status

FORMAT = "reproduction-harness verdicts 1"


def compact(suites: Sequence[Suite], allow: Allow, code: int) -> str:
    """Return the text of the JSON file; `code` is what the command will end with."""
    verdicts = Counter(
        case.verdict for suite in suites for case in suite.cases if case.judgement is not None
    )
    document = {
        "format": FORMAT,
        "exit_code": code,
        "allowed": sorted(verdict.value for verdict in allow),
        "counts": {verdict.value: verdicts[verdict] for verdict in Verdict},
        "experiments": [_experiment(suite) for suite in suites],
    }
    return json.dumps(finite(document), ensure_ascii=False, allow_nan=False) + "\n"


def _experiment(suite: Suite) -> dict[str, Json]:
    conclusion: Conclusion = suite.conclusion
    experiment, statuses = (
        conclusion.experiment,
        Counter(result.status for result in conclusion.results),
    )
    return {
        "name": experiment.name,
        "title": experiment.title,
        "specification": experiment.path.as_posix(),
        "report": conclusion.report.as_posix() if conclusion.report else None,
        "seeds": list(experiment.seeds),
        "runs": {status.value: statuses[status] for status in Status},
        "expectations": [
            _expectation(experiment.name, case, case.judgement)
            | _stated(conclusion.statements, case.id)
            for case in suite.cases
            if case.judgement is not None
        ],
        "baseline": _regression(conclusion.regression)
        if conclusion.regression is not None
        else None,
    }


def _regression(regression: Regression) -> dict[str, Json]:
    return {
        "file": regression.path.as_posix(),
        "verdict": regression.verdict.value,
        "message": regression.message,
        "compared": len(regression.comparisons),
        "changed_since": list(regression.causes),
        "not_compared": list(regression.notes),
        "drifted": [number_record(each) for each in regression.moved],
    }


def number_record(comparison: BaselineComparison) -> dict[str, Json]:
    """Return a kept number and the measured one as a flat record."""
    return {
        "run": comparison.run,
        "metric": comparison.metric,
        "kept": comparison.kept,
        "measured": comparison.measured,
        "allowed": comparison.allowed,
        "p": comparison.test.adjusted if comparison.test is not None else None,
        "lost": list(comparison.lost),
        "gained": list(comparison.gained),
        "unusable": list(comparison.unusable),
        "drifted": comparison.drifted,
        "uncertain": comparison.uncertain,
    }


def _stated(statements: Statements | None, name: str) -> dict[str, Json]:
    return {"stated": stated_json(statements.each[name])} if statements is not None else {}


def _expectation(experiment: str, case: Case, judgement: Judgement) -> dict[str, Json]:
    expectation, (low, high) = judgement.expectation, judgement.interval
    return {
        "id": case.id,
        "experiment": experiment,
        "expectation": case.id,
        "title": expectation.title,
        "verdict": case.verdict.value,
        "message": case.message,
        "file": os.path.normpath(case.place.path),
        "line": case.place.line,
        "metric": expectation.metric,
        "statistic": expectation.statistic.value,
        "lower": expectation.lower,
        "upper": expectation.upper,
        "mean": judgement.mean,
        "deviation": judgement.deviation,
        "median": judgement.median,
        "seeds": judgement.seeds,
        "interval": [low, high],
        "limit_low": low,
        "limit_high": high,
        "values": {str(seed): value for seed, value in judgement.values.items()},
        "basis": expectation.basis.value,
        **_over_settings(judgement),
        **({"stale": judgement.stale} if judgement.stale else {}),
    }


def _over_settings(judgement: Judgement) -> dict[str, Json]:
    """Return in how many of the settings it holds, and its limits; nothing where there are none."""
    if not judgement.settings:
        return {}
    return {
        "settings": len(judgement.settings),
        "holding": judgement.holding,
        "share": judgement.expectation.share,
        "share_limits": list(judgement.share or ()),
    }
