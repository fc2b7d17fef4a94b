"""Metrics of one's own: numbers that functions of other packages give of what is kept of runs."""

from __future__ import annotations

import math
import traceback
from numbers import Real

from harness.errors import HarnessError
from harness.experiment import SOURCE, Json, OwnPart
from harness.final_metrics import NUMBER
from harness.measuring.found import Found, Unmeasurable
from harness.measuring.on_predictions import check_same_images
from harness.own.running import OwnPartError, function, keywords
from harness.store.predictions import Predictions


def own(part: OwnPart, *runs: object, **settings: Json) -> Found:
    """Compute the number that a function of one's own gives.

    Args:
        part: The function.
        runs: What is kept of the run, and of the one that it is compared with where there is one:
            for each its `Predictions`, or its `Trained` network.
        settings: Those of the metric.

    Raises:
        Unmeasurable: there is no such number.
        OwnPartError: the function fails, or gives something else than a number.
    """
    if len(runs) > 1 and isinstance(runs[0], Predictions) and isinstance(runs[1], Predictions):
        check_same_images(runs[0], runs[1])
    given = {name: value for name, value in settings.items() if name != SOURCE}
    called = function(part)
    try:
        found = called(*runs, **keywords(part, given))
    except HarnessError:
        raise
    except Exception as error:
        raise OwnPartError(f"{part.call} failed {_where(error)}") from error
    return Found({NUMBER: _number(found, str(part.call))})


def _where(error: Exception) -> str:
    """Say where something failed, and how."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"at {last.filename}:{last.lineno}: {type(error).__name__}: {error}"


def _number(found: object, call: str) -> float:
    if found is None:
        raise Unmeasurable(f"{call} gives no number of it")
    if isinstance(found, bool) or not isinstance(found, Real):
        raise OwnPartError(
            f"{call} returned {type(found).__name__}, and a number is asked for, such as a float"
        )
    number = float(found)
    if not math.isfinite(number):
        raise Unmeasurable(f"{call} gives {number}, which is not finite")
    return number
