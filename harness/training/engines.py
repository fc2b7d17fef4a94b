"""Which engine trains a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.data.pipeline import Pipeline
from harness.experiment import Training
from harness.training import on_device
from harness.training.cache import ProgramCache
from harness.training.compiled import CompiledEngine, suits
from harness.training.engine import ON_DEVICE, ONE_PROGRAM, STREAMED, Engine, Way
from harness.training.step import Network
from harness.training.streamed import StreamedEngine


@dataclass(frozen=True)
class Engines:
    """Gives each run its engine.

    Of `devices` (more than one with JAX alone), as many share every batch as divide its size. What
    is small enough for one program of many epochs stays on one device, where it is fastest. Runs
    share the `programs` that they can share. `way` is how all of them are computed, whatever suits;
    None chooses for each.
    """

    devices: int = 1
    programs: ProgramCache = field(default_factory=ProgramCache)
    way: Way | None = None

    def engine(self, net: Network, training: Training, pipeline: Pipeline) -> Engine:
        """Prepare the engine of a run; raises ValueError where the batch size leaves no step."""
        way = self.way or self._suiting(net, training, pipeline)
        if way == STREAMED:
            return StreamedEngine(net, training, pipeline, self.programs, self.devices)
        return CompiledEngine(net, training, pipeline, self.programs, way == ON_DEVICE)

    def _suiting(self, net: Network, training: Training, pipeline: Pipeline) -> Way:
        if suits(net, pipeline):
            return ONE_PROGRAM
        if self.devices == 1 and on_device.suits(net, training, pipeline):
            return ON_DEVICE
        return STREAMED
