"""Which files with weights nothing needs any more.

Specifications say what is needed: the final weights of a run that another one is still to start
from, or of which a final metric is still to be measured; the weights after the epochs that a run is
to keep; and files of the store that a run starts from by their path. A run has all that is reported
of it without them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.experiment import Experiment, WeightsFile
from harness.final_metrics import FINAL
from harness.plan import Member, Plan
from harness.store.checksums import WEIGHTS, kept_weights, weights_file
from harness.store.errors import DamagedRun
from harness.store.state import present_measurement, subject_of, waits
from harness.store.store import Store
from harness.words import run_label


@dataclass(frozen=True)
class Unneeded:
    """Files with weights of a finished run that nothing needs, and their bytes by name."""

    key: str
    experiment: str
    label: str
    sizes: dict[str, int]

    @property
    def size(self) -> int:
        """Return the bytes of them all."""
        return sum(self.sizes.values())


def unneeded(
    experiments: Sequence[Experiment], plan: Plan, store: Store
) -> tuple[list[Unneeded], list[str]]:
    """Find the weights in a store that no experiment needs any more.

    Args:
        experiments: Those that say what is needed, with all seeds that they may have.
        plan: Of these.
        store: All of whose finished runs are looked at.

    Returns:
        What could be removed, and what is wrong with runs that cannot be read, which keep theirs.
    """
    needed = _needed(experiments, plan, store)
    found, faults = [], []
    keys = store.keys()
    for key in keys:
        try:
            sizes = {
                name: size
                for name, size in store.weights_sizes(key).items()
                if store.folder(key).resolve() / name not in needed
            }
            origin = store.origin(key)
        except DamagedRun as error:
            faults.append(str(error))
            continue
        if sizes:
            label = run_label(origin.experiment, origin.run, origin.seed)
            found.append(Unneeded(key, origin.experiment, label, sizes))
    return found, faults


def _needed(experiments: Sequence[Experiment], plan: Plan, store: Store) -> set[Path]:
    """Return the files with weights that are needed, whether or not they are there."""
    names: dict[str, set[str]] = defaultdict(set)
    for key, run in plan.runs.items():
        names[key].update(map(kept_weights, run.keep_weights))
        if run.parent is not None and (not store.done(key) or waits(plan, key, store)):
            names[run.parent].add(weights_file(run.run.start_epoch))
    for key in _to_be_measured(experiments, plan, store):
        names[key].add(WEIGHTS)
    return {store.folder(key).resolve() / name for key in names for name in names[key]} | {
        run.run.initialize_from.path.resolve()
        for run in plan.runs.values()
        if isinstance(run.run.initialize_from, WeightsFile)
    }


def _to_be_measured(experiments: Sequence[Experiment], plan: Plan, store: Store) -> Iterator[str]:
    """Yield the runs of whose weights a final metric is not measured yet."""
    for experiment in experiments:
        for name, run in experiment.runs.items():
            for metric in run.metrics:
                if FINAL[metric.name].source != "weights":
                    continue
                for seed in experiment.seeds_of(name):
                    subject = subject_of(metric, Member(experiment.name, name, seed), plan)
                    if subject is not None and present_measurement(subject, store) is None:
                        yield subject.key
                        yield from filter(None, [subject.partner])
