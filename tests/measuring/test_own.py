"""Numbers that functions of one's own give of what is kept of runs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from harness.experiment import Json, OwnPart
from harness.measuring.found import Unmeasurable
from harness.measuring.own import own
from harness.own.running import OwnPartError
from harness.own.sources import identified
from harness.store.predictions import Predictions

LOGITS = np.array([[0.0, 0.0], [0.0, math.log(3)]])
RUN = Predictions(
    np.array([0, 1], np.uint16), np.array([1, 1], np.uint16), LOGITS.astype(np.float16), "t"
)
OTHER = Predictions(np.array([1, 1], np.uint16), RUN.labels, None, "t")
ELSEWHERE = Predictions(RUN.predicted, RUN.labels, None, "u")


def part(folder: Path, source: str, name: str = "of") -> OwnPart:
    (folder / "own_numbers.py").write_text(source)
    return identified(f"own_numbers:{name}", folder)


def measured(part: OwnPart, *runs: Predictions, **parameters: Json) -> float:
    settings = {"call": part.call, "parameters": parameters, "from": "predictions"}
    (value,) = own(part, *runs, **settings).values.values()
    return value


def test_a_function_is_given_the_run_and_its_parameters(tmp_path: Path) -> None:
    source = "def of(run, *, times): return times * run.logits.astype(float).sum()\n"
    # The one logit that is not 0 is kept in float16.
    expected = 2 * float(np.float16(math.log(3)))
    assert measured(part(tmp_path, source), RUN, times=2) == expected


def test_a_function_is_given_both_runs_in_their_order(tmp_path: Path) -> None:
    of_two = part(tmp_path, "def of(run, other): return run.right.sum() - 10 * other.right.sum()\n")
    assert measured(of_two, RUN, OTHER) == 1 - 20
    assert measured(of_two, OTHER, RUN) == 2 - 10
    with pytest.raises(Unmeasurable, match="were not tested on the same images"):
        measured(of_two, RUN, ELSEWHERE)


def test_a_registered_function_is_given_all_settings_by_name(tmp_path: Path) -> None:
    registered = part(tmp_path, "def of(run, *, times): return times * len(run.labels)\n")
    found = own(registered, RUN, **{"times": 3, "from": "predictions"})
    assert list(found.values.values()) == [6.0]


@pytest.mark.parametrize("value", ["2", "2.0", "numpy.float32(2)", "numpy.int64(2)"])
def test_any_number_is_a_number(tmp_path: Path, value: str) -> None:
    assert measured(part(tmp_path, f"import numpy\ndef of(run): return {value}\n"), RUN) == 2.0


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("None", Unmeasurable, "own_numbers:of gives no number of it"),
        ("float('nan')", Unmeasurable, "own_numbers:of gives nan, which is not finite"),
        ("float('-inf')", Unmeasurable, "gives -inf, which is not finite"),
        ("'2'", OwnPartError, "own_numbers:of returned str, and a number is asked for"),
        ("True", OwnPartError, "returned bool"),
        ("run.labels", OwnPartError, "returned ndarray"),
        ("1 / 0", OwnPartError, r"failed at .*own_numbers\.py:1: ZeroDivisionError: division"),
    ],
)
def test_what_is_no_number_is_told(
    tmp_path: Path, value: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        measured(part(tmp_path, f"def of(run): return {value}\n"), RUN)


def test_a_function_says_itself_why_there_is_no_number(tmp_path: Path) -> None:
    source = (
        "from harness.measuring.found import Unmeasurable\n"
        "def of(run): raise Unmeasurable('too few images')\n"
    )
    with pytest.raises(Unmeasurable, match=r"^too few images$"):
        measured(part(tmp_path, source), RUN)
