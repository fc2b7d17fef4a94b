"""The concrete runs of some experiments: their dependency graph, their content keys, their cost."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import rfc8785

from harness.data import catalog
from harness.data.errors import DataError
from harness.data.facts import Facts, facts
from harness.experiment import Component, Experiment, Json, RunSpec, Settings, WeightsFile
from harness.spec.consistency import examples
from harness.system import machine
from harness.words import run_label

_FORMAT = 1
"""Raised when the same settings come to mean another computation, so that no earlier result is
taken for it.
"""


_EACH = "*"
"""Stands in the path of a setting for every item of a list."""


class _Place(NamedTuple):
    """A setting by its path, and the value that means what was done before there was such a
    setting.
    """

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
that grows repeats no run. One is younger and enters always: `dense` of the initialization
`fan_out_normal`. With it came biases of zero, and no result from before is taken for one from
after."""


@dataclass(frozen=True)
class ConcreteRun:
    """One run of one seed.

    `key` is the SHA-256 of all that decides its result; `parent` is the key of the run whose
    weights it starts from. `blocked` says why it cannot be run here, or is None. `steps` and
    `images` are what training costs at most (None where the data set's size is not known yet).
    `content` identifies the content of its data set, None where the parameters do, or where the
    data cannot be read.
    """

    key: str
    experiment: str
    run: RunSpec
    seed: int
    parent: str | None
    blocked: str | None
    steps: int | None
    images: int | None
    content: str | None = None

    @property
    def label(self) -> str:
        """Return what a person calls it."""
        return run_label(self.experiment, self.run.name, self.seed)


@dataclass(frozen=True)
class Member:
    """A place that a concrete run has in an experiment."""

    experiment: str
    run: str
    seed: int


@dataclass(frozen=True)
class Plan:
    """All concrete runs, parents before children, and which place of which experiment each one
    fills.

    `remarks` say what of the data sets is left out, and what of them cannot be used.
    """

    runs: Mapping[str, ConcreteRun]
    members: Mapping[Member, str]
    remarks: tuple[str, ...] = ()

    @functools.cached_property
    def _uses(self) -> Counter[str]:
        return Counter(self.members.values())

    def shared(self, key: str) -> bool:
        """Tell whether a run fills more than one place, and so saves work."""
        return self._uses[key] > 1

    def narrowed(self, experiments: Sequence[Experiment]) -> Plan:
        """Return the part that these experiments, which may have fewer seeds now, take of it."""
        seeds = {
            (each.name, run): set(each.seeds_of(run)) for each in experiments for run in each.runs
        }
        members = {
            at: key
            for at, key in self.members.items()
            if at.seed in seeds.get((at.experiment, at.run), ())
        }
        kept = set(members.values())
        return Plan(
            {key: run for key, run in self.runs.items() if key in kept}, members, self.remarks
        )


def make_plan(
    experiments: Sequence[Experiment],
    data_dir: Path,
    gpus: int,
    without: str = "this machine has none",
) -> Plan:
    """Plan every run of every seed of the experiments.

    `gpus` is how many there are for them; `without` says why there are none. Each data set is
    looked at once, and its files are read where they may have changed since they were read last.
    """
    runs: dict[str, ConcreteRun] = {}
    members: dict[Member, str] = {}
    remarks: dict[str, None] = {}

    @functools.cache
    def look_at(source: str) -> _Look:
        name, parameters = json.loads(source)
        look = _look(Component(name, parameters), data_dir)
        remarks.update(dict.fromkeys([look.remark] if look.remark else []))
        return look

    for experiment in experiments:
        lacking = f"it needs a GPU, and {without}" if experiment.requires.gpu and not gpus else None
        for seed in experiment.seeds:
            keys: dict[str, str] = {}
            for run in _parents_first(experiment.runs):
                if seed not in experiment.seeds_of(run.name):
                    continue
                source = run.settings.dataset.source
                look = look_at(json.dumps([source.name, source.parameters], sort_keys=True))
                concrete = _concrete(experiment.name, run, seed, keys, runs, look, lacking)
                keys[run.name] = concrete.key
                members[Member(experiment.name, run.name, seed)] = concrete.key
                known = runs.get(concrete.key)
                if known is None or (known.blocked and not concrete.blocked):
                    runs[concrete.key] = concrete
    return Plan(runs, members, tuple(remarks))


@dataclass(frozen=True)
class _Look:
    """What a look at the files of a data set shows; `content` is as in `ConcreteRun`."""

    missing: str | None
    content: str | None
    facts: Facts | None
    remark: str | None


def _look(source: Component, data_dir: Path) -> _Look:
    name, parameters = source.name, source.parameters
    missing = catalog.SOURCES[name].missing(parameters, data_dir)
    known = facts(source, data_dir)
    try:
        found = catalog.content(name, parameters, data_dir, progress=True)
    except DataError as error:
        # Not blocked: a run of it ends in an error, as data that are wrong are not data to wait
        # for.
        return _Look(missing, None, known, str(error))
    return _Look(missing, found.sha256, known, found.remark)


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
    look: _Look,
    lacking: str | None,
) -> ConcreteRun:
    start = run.initialize_from
    parent = keys[start] if isinstance(start, str) else None
    blocked = lacking or machine.why_no_backend(run.settings.training.backend)
    blocked = blocked or look.missing
    if blocked is None and parent is not None and runs[parent].blocked:
        blocked = f"it starts from {start}, which is blocked: {runs[parent].blocked}"
    steps, images = _cost(run.settings, look.facts)
    begun = start.sha256 if isinstance(start, WeightsFile) else parent
    key = content_key(run.settings, seed, begun, look.content)
    return ConcreteRun(key, experiment, run, seed, parent, blocked, steps, images, look.content)


def _cost(settings: Settings, known: Facts | None) -> tuple[int | None, int | None]:
    if known is None:
        return None, None
    training, count = settings.training, examples(settings, known)
    rounding = math.ceil if training.last_batch == "keep" else math.floor
    steps = rounding(count / training.batch_size)
    images = count if training.last_batch == "keep" else steps * training.batch_size
    return steps * training.epochs, images * training.epochs


def content_key(settings: Settings, seed: int, start: str | None, data: str | None) -> str:
    """Return the SHA-256, in hex, over the canonical JSON (RFC 8785) of exactly what decides a
    run's result.

    `start` is the parent's key or the SHA-256 of a weights file, `data` what identifies the content
    of the data set. Where the data lie is left out and what they are is put in, so that moving a
    folder changes nothing and changing it does.
    """
    content = asdict(settings)
    for place in _LATER:
        _leave_out(content, place)
    content["dataset"]["source"] = _identity(settings.dataset.source, data)
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


def _identity(source: Component, content: str | None) -> Json:
    info = catalog.SOURCES[source.name]
    parameters = {
        name: value
        for name, value in source.parameters.items()
        if name not in info.location_parameters
    }
    return {"name": source.name, "parameters": parameters, "content": content}
