"""Logs that TensorBoard shows: a folder a run, a scalar a metric of the history, against steps."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.follow.listener import Row
from harness.metrics import HISTORY
from harness.plan import ConcreteRun
from harness.run_result import RunResult
from harness.system.console import visible


class TensorBoard:
    """A listener that writes the history of every run as it grows.

    Of a run that was kept from before it writes the whole history. A log that cannot be written
    stops no training: a message says so, and the log ends there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def started(self, run: ConcreteRun) -> None:
        """Open the log of a run."""
        import tensorflow as tf

        with self._tolerating_errors(run):
            self._writers[run.key] = tf.summary.create_file_writer(
                str(self._folder / log_folder(run))
            )

    def preparing(self, run: ConcreteRun, what: str) -> None:
        """Nothing is measured yet."""

    def advanced(self, run: ConcreteRun, rows: Sequence[Row]) -> None:
        """Write the new measurements."""
        import tensorflow as tf

        if run.key not in self._writers:
            return
        with self._tolerating_errors(run), self._writers[run.key].as_default():
            for row in rows:
                for name in ("learning_rate", *(each for each in HISTORY if each in row)):
                    tf.summary.scalar(name, row[name], int(row["step"]))
            self._writers[run.key].flush()

    def finished(self, run: ConcreteRun, result: RunResult, reused: bool) -> None:
        """Close the log of a run, or write it whole where it was kept and has none."""
        if (
            run.key not in self._writers
            and reused
            and not (self._folder / log_folder(run)).exists()
        ):
            self.started(run)
            columns = result.history
            rows = zip(*columns.values(), strict=True)
            self.advanced(run, [dict(zip(columns, row, strict=True)) for row in rows])
        if run.key in self._writers:
            with self._tolerating_errors(run):
                self._writers.pop(run.key).close()

    @contextlib.contextmanager
    def _tolerating_errors(self, run: ConcreteRun) -> Iterator[None]:
        import tensorflow as tf

        try:
            yield
        except (tf.errors.OpError, OSError) as error:
            self._writers.pop(run.key, None)
            print(visible(f"no log for TensorBoard of {run.label}: {error}"), file=sys.stderr)


def log_folder(run: ConcreteRun) -> Path:
    """Return where the log of a run lies: EXPERIMENT/RUN/SEED.

    A character that has a meaning in paths is replaced.
    """
    return Path(
        *(re.sub(r"[^\w.\[\]+=-]", "_", part).strip(".") or "_" for part in run.label.split(" / "))
    )
