"""Which engine trains a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.data.pipeline import Pipeline
from harness.experiment import Training
from harness.training.cache import ProgramCache
from harness.training.compiled import CompiledEngine, suits
from harness.training.engine import Engine
from harness.training.step import Network
from harness.training.streamed import StreamedEngine


@dataclass(frozen=True)
class Engines:
    """Gives each run its engine.

    Of `devices` (more than one with JAX alone), as many share every batch as divide its size. What
    fits into one compiled program stays on one device, where it is fastest. Runs share the
    `programs` that they can share.
    """

    devices: int = 1
    programs: ProgramCache = field(default_factory=ProgramCache)

    def engine(self, net: Network, training: Training, pipeline: Pipeline) -> Engine:
        """Prepare the engine of a run; raises ValueError where the batch size leaves no step."""
        if suits(net, pipeline):
            return CompiledEngine(net, training, pipeline, self.programs)
        return StreamedEngine(net, training, pipeline, self.programs, self.devices)
