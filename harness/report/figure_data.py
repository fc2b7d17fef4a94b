"""What a figure is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.experiment import Experiment
from harness.run_result import RunResult, Status


@dataclass(frozen=True)
class FigureData:
    """An experiment and the results of its runs."""

    experiment: Experiment
    results: Sequence[RunResult]

    def finished(self, run: str) -> list[RunResult]:
        """Return the finished results of a run, one a seed."""
        return [
            result for result in self.results if result.run == run and result.status is Status.DONE
        ]
