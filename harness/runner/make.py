"""Makes one run: compiles it, trains it, measures it.

What of the runner decides a result is here, and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.compile import Compiled, compile_run
from harness.data.records import DataError
from harness.experiment import WeightsFile
from harness.training import boundary
from harness.training.engines import Engines
from harness.training.fit import Outcome, Report, Resume, train

if TYPE_CHECKING:
    from harness.plan import ConcreteRun


@dataclass(frozen=True)
class Made:
    """What came of a run: its outcome, and all that was measured.

    `grid` is the decision grid, which there is for two-dimensional inputs.
    """

    outcome: Outcome
    measurements: dict[str, float | None]
    grid: boundary.DecisionGrid | None


def starting_weights(
    run: ConcreteRun, weights_of: Callable[[str, int | None], Path]
) -> Path | None:
    """Return the file with the weights that a run starts from, None where they are drawn.

    `weights_of` gives that of the finished run with a key: after an epoch, or for None at its end.
    """
    if isinstance(run.run.initialize_from, WeightsFile):
        return run.run.initialize_from.path
    return None if run.parent is None else weights_of(run.parent, run.run.start_epoch)


def compiled(run: ConcreteRun, start: Path | None, data_dir: Path) -> Compiled:
    """Compile a run.

    `start` is the file with the weights that it starts from, None where they are drawn.

    Raises:
        DataError: the data cannot be read, or are not those that the run's key names.
        WeightsError: the weights cannot be read or do not fit.
    """
    found = compile_run(run.run.settings, run.seed, start, data_dir)
    loaded = found.pipeline.loaded
    if loaded is not None and loaded.content != run.content:
        raise DataError(
            f"the data of {run.run.settings.dataset.source.name} were changed after the run was "
            "planned: run again when they stay as they are"
        )
    return found


def made(
    run: ConcreteRun,
    compiled: Compiled,
    report: Report,
    resume: Resume | None = None,
    engines: Engines | None = None,
) -> Made:
    """Train what was compiled, from a state and its history or from the start, and measure it.

    See `train` for the arguments.
    """
    outcome = train(
        run.run.settings.training,
        compiled.model,
        compiled.pipeline,
        report=report,
        resume=resume,
        engines=engines,
    )
    measurements = dict(outcome.measurements)
    if compiled.pipeline.train.inputs.shape[1:] != (2,):
        return Made(outcome, measurements, None)
    grid = boundary.decision_grid(compiled.model, compiled.pipeline)
    return Made(outcome, measurements | {"boundary_length": boundary.boundary_length(grid)}, grid)
