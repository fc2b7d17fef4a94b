"""The verdicts as compact JSON, for programs; the format is stable.

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
          "verdict": "fail",             pass, fail, inconclusive, blocked or error
          "message": "...",              empty for a pass
          "file": "specs/quickstart/digits.json", "line": 85,    where it stands
          "metric": "random.test_accuracy - adversarial.test_accuracy",
          "statistic": "mean",           what must meet the bounds, as in the specification
          "lower": 0.03, "upper": null,  the bounds; null where that side is open
          "mean": 0.0198, "deviation": 0.0031,     over seeds; null where a seed has no value
          "median": null,                where the statistic is the median
          "interval": [0.0145, 0.025],   the one-sided confidence limits that decided; [null, null] where there are none
          "values": {"0": 0.0231, "1": 0.0193, "2": 0.017},      by seed
          "basis": "claim"               paper, claim, measured or hypothesis
        }
      ]
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
from collections.abc import Collection, Sequence

from harness.check import Judgement, Verdict
from harness.ci.cases import Case, Conclusion, Suite
from harness.report.result_json import finite
from harness.results import Status
from harness.spec.records import Json

FORMAT = "reproduction-harness verdicts 1"


def compact(suites: Sequence[Suite], allow: Collection[Verdict], code: int) -> str:
    """Return the text of the JSON file; `code` is what the command will end with."""
    verdicts = Counter(case.verdict for suite in suites for case in suite.cases if case.judgement is not None)
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
    experiment, statuses = conclusion.experiment, Counter(result.status for result in conclusion.results)
    return {
        "name": experiment.name,
        "title": experiment.title,
        "specification": experiment.path.as_posix(),
        "report": conclusion.report.as_posix() if conclusion.report else None,
        "seeds": list(experiment.seeds),
        "runs": {status.value: statuses[status] for status in Status},
        "expectations": [_expectation(case, case.judgement) for case in suite.cases if case.judgement is not None],
    }


def _expectation(case: Case, judgement: Judgement) -> dict[str, Json]:
    expectation = judgement.expectation
    return {
        "id": case.id,
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
        "interval": list(judgement.interval),
        "values": {str(seed): value for seed, value in judgement.values.items()},
        "basis": expectation.basis.value,
    }
