"""The concrete runs of some experiments: their dependency graph, their content keys, their cost."""

from __future__ import annotations

import functools
import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import rfc8785

from harness import machine
from harness.data import catalog
from harness.data.facts import facts
from harness.spec.consistency import examples
from harness.spec.records import Component, Experiment, Json, RunSpec, Settings, WeightsFile

_FORMAT = 1
"""Raised when the same settings come to mean another computation, so that no earlier result is taken for it."""


_EACH = "*"
"""Stands in the path of a setting for every item of a list."""


class _Place(NamedTuple):
    """A setting by its path, and the value that means what was done before there was such a setting."""

    path: tuple[str, ...]
    neutral: Json


_LATER = (
    _Place(("dataset", "center_crop"), None),
    _Place(("model", "parameters", "bias"), True),
    _Place(("initialization", "parameters", "gamma"), "one"),
    _Place(("dataset", "randomize", _EACH, "parameters", "seed"), None),
    _Place(("dataset", "randomize", _EACH, "parameters", "test"), False),
    _Place(("training", "dropout"), 0.0),
    _Place(("training", "label_smoothing"), 0.0),
    _Place(("training", "precision"), "float32"),
    _Place(("training", "early_stopping"), None),
    _Place(("training", "deterministic"), True),
    _Place(("training", "optimizer", "parameters", "momentum_rule"), "pytorch"),
    _Place(("training", "backend"), None),
)
"""Settings younger than the format: they enter a key only where they are used, so that a language
that grows repeats no run. One is younger and enters always: `dense` of the initialization `fan_out_normal`. With
it came biases of zero, and no result from before is taken for one from after."""


@dataclass(frozen=True)
class ConcreteRun:
    """One run of one seed.

    `key` is the SHA-256 of all that decides its result; `parent` is the key of the run whose
    weights it starts from. `blocked` says why it cannot be run here, or is None. `steps` and
    `images` are what training costs at most (None where the data set's size is not known yet).
    """

    key: str
    experiment: str
    run: RunSpec
    seed: int
    parent: str | None
    blocked: str | None
    steps: int | None
    images: int | None

    @property
    def label(self) -> str:
        """Return what a person calls it."""
        return f"{self.experiment} / {self.run.name} / seed {self.seed}"


@dataclass(frozen=True)
class Member:
    """A place that a concrete run has in an experiment."""

    experiment: str
    run: str
    seed: int


@dataclass(frozen=True)
class Plan:
    """All concrete runs, parents before children, and which place of which experiment each one fills."""

    runs: Mapping[str, ConcreteRun]
    members: Mapping[Member, str]

    @functools.cached_property
    def _uses(self) -> Counter[str]:
        return Counter(self.members.values())

    def shared(self, key: str) -> bool:
        """Tell whether a run fills more than one place, and so saves work."""
        return self._uses[key] > 1


def make_plan(
    experiments: Sequence[Experiment], data_dir: Path, gpus: int, without: str = "this machine has none"
) -> Plan:
    """Plan every run of every seed of the experiments.

    `gpus` is how many there are for them; `without` says why there are none.
    """
    runs: dict[str, ConcreteRun] = {}
    members: dict[Member, str] = {}
    for experiment in experiments:
        lacking = f"it needs a GPU, and {without}" if experiment.requires.gpu and not gpus else None
        for seed in experiment.seeds:
            keys: dict[str, str] = {}
            for run in _parents_first(experiment.runs):
                concrete = _concrete(experiment.name, run, seed, keys, runs, data_dir, lacking)
                keys[run.name] = concrete.key
                members[Member(experiment.name, run.name, seed)] = concrete.key
                known = runs.get(concrete.key)
                if known is None or (known.blocked and not concrete.blocked):
                    runs[concrete.key] = concrete
    return Plan(runs, members)


def _parents_first(runs: Mapping[str, RunSpec]) -> Iterator[RunSpec]:
    done: set[str] = set()
    for run in runs.values():
        chain: list[RunSpec] = []
        following: RunSpec | None = run
        while following is not None and following.name not in done:
            chain.append(following)
            parent = following.initialize_from
            following = runs[parent] if isinstance(parent, str) else None
        done.update(each.name for each in chain)
        yield from reversed(chain)


def _concrete(
    experiment: str,
    run: RunSpec,
    seed: int,
    keys: Mapping[str, str],
    runs: Mapping[str, ConcreteRun],
    data_dir: Path,
    lacking: str | None,
) -> ConcreteRun:
    start = run.initialize_from
    parent = keys[start] if isinstance(start, str) else None
    source = run.settings.dataset.source
    blocked = lacking or machine.lacking(run.settings.training.backend)
    blocked = blocked or catalog.SOURCES[source.name].missing(source.parameters, data_dir)
    if blocked is None and parent is not None and runs[parent].blocked:
        blocked = f"it starts from {start}, which is blocked: {runs[parent].blocked}"
    steps, images = _cost(run.settings)
    key = content_key(run.settings, seed, start.sha256 if isinstance(start, WeightsFile) else parent, data_dir)
    return ConcreteRun(key, experiment, run, seed, parent, blocked, steps, images)


def _cost(settings: Settings) -> tuple[int | None, int | None]:
    known = facts(settings.dataset.source)
    if known is None:
        return None, None
    training, count = settings.training, examples(settings, known)
    rounding = math.ceil if training.last_batch == "keep" else math.floor
    steps = rounding(count / training.batch_size)
    images = count if training.last_batch == "keep" else steps * training.batch_size
    return steps * training.epochs, images * training.epochs


def content_key(settings: Settings, seed: int, start: str | None, data_dir: Path) -> str:
    """Return the SHA-256, in hex, over the canonical JSON (RFC 8785) of exactly what decides a run's result.

    `start` is the parent's key or the SHA-256 of a weights file. Where the data lie is left out
    and what they are is put in, so that moving a folder changes nothing and changing it does.
    """
    content = asdict(settings)
    for place in _LATER:
        _leave_out(content, place)
    content["dataset"]["source"] = _identity(settings.dataset.source, data_dir)
    if start is not None:
        content["initialization"] = None
    content |= {"format": _FORMAT, "seed": seed, "start": start}
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def _leave_out(content: Json, place: _Place) -> None:
    *path, name = place.path
    for holder in _held(content, path):
        if holder.get(name, place.neutral) == place.neutral:
            holder.pop(name, None)


def _held(value: Json, path: Sequence[str]) -> Iterator[Json]:
    """Yield every object that the path leads to."""
    if not path:
        yield value
    elif path[0] == _EACH:
        for item in value:
            yield from _held(item, path[1:])
    else:
        yield from _held(value.get(path[0], {}), path[1:])


def _identity(source: Component, data_dir: Path) -> Json:
    info = catalog.SOURCES[source.name]
    parameters = {name: value for name, value in source.parameters.items() if name not in info.location_parameters}
    return {"name": source.name, "parameters": parameters, "content": info.fingerprint(source.parameters, data_dir)}
