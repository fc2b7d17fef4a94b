"""Write the histories of an experiment's runs beside its report, for pages that draw them anew.

They are thinned and rounded to what a plot can show, and hold nothing that another repetition of
the same runs would change: not the seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.experiment import Experiment, Json
from harness.metrics import HISTORY
from harness.run_result import RunResult, Status
from harness.system import files
from harness.system.json_value import Value, WrongForm

FORMAT = "reproduction-harness histories 1"
MOST_POINTS = 200
DIGITS = 6
COLUMNS = ("epoch", "step", "learning_rate", *HISTORY)
"""Which columns of a history are kept: all but the seconds, which no two repetitions share."""

Histories = Mapping[str, Mapping[int, Mapping[str, Sequence[float]]]]
"""By run, seed and column one value a measured epoch that is kept."""

_LARGEST = 1 << 28
"""In bytes; no such file is larger."""


def histories_json(experiment: Experiment, results: Sequence[RunResult]) -> str:
    """Return the text of `histories.json`, or nothing where no run has a history.

    Of a run with more than 200 measured epochs, 200 are kept at even distances, the first and the
    last among them. Numbers have 6 significant digits; what JSON has no number for is a string.
    """
    runs = {
        name: {
            str(result.seed): _columns(result)
            for result in results
            if result.run == name and result.status is Status.DONE and result.history
        }
        for name in experiment.runs
    }
    runs = {name: seeds for name, seeds in runs.items() if seeds}
    if not runs:
        return ""
    head = json.dumps({"format": FORMAT, "name": experiment.name}, ensure_ascii=False)[:-1]
    return f'{head}, "runs": {{\n{_lines(runs)}\n}}}}\n'


def _lines(runs: Mapping[str, Mapping[str, Mapping[str, Json]]]) -> str:
    """Return a line a column, so that a difference of two files shows what changed."""
    return ",\n".join(_object(run, map(_of_seed, of.items()), " ") for run, of in runs.items())


def _of_seed(of: tuple[str, Mapping[str, Json]]) -> str:
    seed, columns = of
    lines = (
        f"   {_word(name)}: {json.dumps(values, separators=(',', ':'), allow_nan=False)}"
        for name, values in columns.items()
    )
    return _object(seed, lines, "  ")


def _object(name: str, members: Iterable[str], indent: str) -> str:
    inside = ",\n".join(members)
    return f"{indent}{_word(name)}: {{\n{inside}\n{indent}}}"


def _word(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _columns(result: RunResult) -> dict[str, list[Json]]:
    return {
        name: _rounded(thinned(result.history[name])) for name in COLUMNS if name in result.history
    }


def thinned(values: Sequence[float], most: int = MOST_POINTS) -> list[float]:
    """Return at most so many values at even distances, the first and the last among them."""
    if len(values) <= most:
        return list(values)
    return [values[index] for index in np.linspace(0, len(values) - 1, most).round().astype(int)]


def _rounded(values: Sequence[float]) -> list[Json]:
    return [_number(float(f"{value:.{DIGITS}g}")) for value in values]


def _number(value: float) -> Json:
    if not np.isfinite(value):
        return str(value)
    return int(value) if value.is_integer() else value


def read_histories(path: Path) -> Histories:
    """Read the file of histories of a report; nothing where there is none.

    Raises:
        WrongForm: it is something else, or damaged.
        OSError: it cannot be read.
    """
    try:
        content = files.read_bytes(path, _LARGEST)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    try:
        document = Value(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise WrongForm(f"it is no JSON: {error}") from error
    if document.member("format").value != FORMAT:
        raise document.member("format").wrong(repr(FORMAT))
    return {
        run: {int(seed): _read_columns(columns) for seed, columns in seeds.members()}
        for run, seeds in document.member("runs").members()
    }


def _read_columns(columns: Value) -> dict[str, list[float]]:
    found = {name: _read_numbers(of) for name, of in columns.members()}
    if len({len(values) for values in found.values()}) > 1:
        raise columns.wrong("columns of one length")
    return found


def _read_numbers(value: Value) -> list[float]:
    # One call for the whole column: there are tens of thousands of numbers in a file.
    items = value.value
    if not isinstance(items, list) or not {type(each) for each in items} <= {int, float, str}:
        raise value.wrong("numbers")
    try:
        return [float(each) for each in items]
    except (ValueError, OverflowError):
        raise value.wrong("numbers") from None
