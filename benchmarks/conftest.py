"""What the benchmarks share: `--quick`, rounds that take turns, and rows for the table."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from benchmarks.figures import Row, to_json

Record = Callable[[Row], None]
Rounds = Callable[[Callable[[], object], int], None]
Round = Callable[[], float]
"""Does a round of work and tells its rate, such as images a second."""

TakeTurns = Callable[[Sequence[Round], int], list[list[float]]]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick",
        action="store_true",
        help="See that every benchmark still runs; its figures mean nothing.",
    )


@pytest.fixture(autouse=True)
def _seeded_backend() -> None:
    """Give TensorFlow a seed: it refuses random operations without one once it is deterministic."""
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].random.set_seed(0)


@pytest.fixture
def quick(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--quick"))


@pytest.fixture
def not_quick(quick: bool) -> None:
    """Skip a benchmark whose code another one runs too, where the figures mean nothing."""
    if quick:
        pytest.skip("quick")


@pytest.fixture
def rounds(benchmark: Any) -> Rounds:
    """Let pytest-benchmark time so many rounds of some work; what it finds goes to results.json."""
    return lambda work, count: benchmark.pedantic(work, rounds=count)


@pytest.fixture
def record(benchmark: Any) -> Record:
    """Add a row to the table."""
    rows = benchmark.extra_info.setdefault("rows", [])
    return lambda row: rows.append(to_json(row))


@pytest.fixture
def take_turns(benchmark: Any) -> TakeTurns:
    """Let sides do rounds in turn, A B A B: the rates of each, which results.json keeps too.

    pytest-benchmark times the rounds of the last.
    """

    def rounds(sides: Sequence[Round], count: int) -> list[list[float]]:
        rates: list[list[float]] = [[] for _ in sides]

        def others() -> None:
            for side, own in zip(sides[:-1], rates[:-1], strict=True):
                own.append(side())

        benchmark.extra_info["rates"] = rates
        benchmark.pedantic(lambda: rates[-1].append(sides[-1]()), setup=others, rounds=count)
        return rates

    return rounds
