"""The concrete runs of some experiments: their dependency graph, their content keys, their cost."""

from __future__ import annotations

import functools
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import rfc8785

from harness import budget
from harness.data import availability, catalog
from harness.data.errors import DataError
from harness.data.facts import Facts, facts
from harness.experiment import (
    Component,
    Experiment,
    Json,
    OwnPart,
    RunSpec,
    Settings,
    Training,
    WeightsFile,
)
from harness.models.registry import architecture
from harness.own.permission import why_not_allowed
from harness.spec.consistency import examples
from harness.system import machine
from harness.words import run_label

_FORMAT = 1
"""To be raised when the same settings come to mean another computation.

No earlier result is taken for the new one then.
"""

_EACH = "*"
"""Stands in the path of a setting for every item of a list."""


class _LaterSetting(NamedTuple):
    """A setting that came later, and the value that stands for what was done before it."""

    path: tuple[str, ...]
    neutral: Json


_SOURCE = ("dataset", "source", "parameters")

_LATER = (
    _LaterSetting(("dataset", "center_crop"), None),
    _LaterSetting(("model", "parameters", "bias"), True),
    _LaterSetting(("initialization", "parameters", "gamma"), "one"),
    _LaterSetting(("dataset", "randomize", _EACH, "parameters", "seed"), None),
    _LaterSetting(("dataset", "randomize", _EACH, "parameters", "test"), False),
    _LaterSetting(("training", "dropout"), 0.0),
    _LaterSetting(("training", "label_smoothing"), 0.0),
    _LaterSetting(("training", "precision"), "float32"),
    _LaterSetting(("training", "early_stopping"), None),
    _LaterSetting(("training", "deterministic"), True),
    _LaterSetting(("training", "optimizer", "parameters", "momentum_rule"), "pytorch"),
    _LaterSetting(("training", "backend"), None),
    _LaterSetting(("training", "optimizer", "parameters", "weight_decay"), 0.0),
    _LaterSetting(("training", "steps"), None),
    _LaterSetting(("training", "accumulate"), 1),
    _LaterSetting(("training", "warm_up"), None),
    _LaterSetting(("training", "clip_norm"), None),
    _LaterSetting(("training", "average"), None),
    _LaterSetting(("training", "sharpness_aware"), None),
    _LaterSetting(("dataset", "classes"), None),
    _LaterSetting((*_SOURCE, "resize"), None),
    _LaterSetting((*_SOURCE, "mode"), None),
    _LaterSetting((*_SOURCE, "nested"), False),
    _LaterSetting((*_SOURCE, "test_share"), None),
    _LaterSetting((*_SOURCE, "split_seed"), 0),
    _LaterSetting(("dataset", "validation"), None),
    _LaterSetting(("training", "stop_when", "validation_accuracy"), None),
)
"""Settings younger than the format, which enter a key only where they are used.

So a language that grows repeats no run. One younger setting enters always: `dense` of the
initialization `fan_out_normal`. With it came biases of zero, so that a result from before must not
be taken for one from after.
"""


@dataclass(frozen=True)
class ConcreteRun:
    """One run of one seed.

    `key` is the SHA-256 of all that decides its result; `parent` is the key of the run whose
    weights it starts from. `blocked` says why it cannot be run here, or is None. `steps` and
    `images` are what training costs at most (None where the data set's size is not known yet), and
    `examples` is how many of them there are to train on. `content` identifies the content of its
    data set, None where the parameters do, or where the data cannot be read. `keep_weights` are the
    epochs after which any of the places that it fills wants its weights kept. `forbidden` says that
    nobody has allowed Python that it names, be it finished or not, or is None. `blocked_by` is the
    key of the first run above it that is blocked; None where its own reason blocks it, or nothing.
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
    examples: int | None = None
    keep_weights: tuple[int, ...] = ()
    forbidden: str | None = None
    blocked_by: str | None = None

    @property
    def label(self) -> str:
        """Return what a person calls it."""
        return run_label(self.experiment, self.run.name, self.seed)

    @property
    def epochs(self) -> int:
        """Return how many epochs it trains at most.

        Where its budget is steps and the data set's size is not known, an epoch has at least one.
        """
        return budget.most_epochs(self.run.settings.training, self.examples or 1)


@dataclass(frozen=True)
class Member:
    """A place that a concrete run has in an experiment."""

    experiment: str
    run: str
    seed: int


@dataclass(frozen=True)
class Plan:
    """All concrete runs, parents before children, and the places that they fill.

    `members` holds the key of the run at each place of each experiment. `remarks` say what of the
    data sets is left out, and what of them cannot be used.
    """

    runs: Mapping[str, ConcreteRun]
    members: Mapping[Member, str]
    remarks: tuple[str, ...] = ()

    @functools.cached_property
    def _uses(self) -> Counter[str]:
        return Counter(self.members.values())

    @functools.cached_property
    def _children(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for key, run in self.runs.items():
            if run.parent is not None:
                found[run.parent].append(key)
        return found

    def children(self, key: str) -> Sequence[str]:
        """Return the keys of the runs that start from a run."""
        return self._children.get(key, ())

    def shared(self, key: str) -> bool:
        """Tell whether a run fills more than one place, and so saves work."""
        return self._uses[key] > 1

    def narrowed(self, experiments: Sequence[Experiment]) -> Plan:
        """Return the part that these experiments, which may have fewer seeds now, take of it."""
        seeds = {
            (each.name, run): set(each.seeds_of(run)) for each in experiments for run in each.runs
        }
        members = {
            member: key
            for member, key in self.members.items()
            if member.seed in seeds.get((member.experiment, member.run), ())
        }
        kept = set(members.values())
        return Plan(
            {key: run for key, run in self.runs.items() if key in kept}, members, self.remarks
        )


def make_plan(
    experiments: Sequence[Experiment],
    data_dir: Path,
    gpus: int,
    why_no_gpu: str = "this machine has none",
) -> Plan:
    """Plan every run of every seed of the experiments.

    Each data set is inspected once, and its files are read where they may have changed since they
    were read last.

    Args:
        experiments: What is to be run.
        data_dir: The folder of the prepared data sets.
        gpus: How many GPUs there are for the runs.
        why_no_gpu: Why there are none, where there are none.
    """
    runs: dict[str, ConcreteRun] = {}
    members: dict[Member, str] = {}
    remarks: dict[str, None] = {}

    @functools.cache
    def inspected(source: str) -> _Inspection:
        name, parameters = json.loads(source)
        found = _inspect(Component(name, parameters), data_dir)
        remarks.update(dict.fromkeys([found.remark] if found.remark else []))
        return found

    for experiment in experiments:
        needs_gpu = experiment.requires.gpu and not gpus
        blocked = f"it needs a GPU, and {why_no_gpu}" if needs_gpu else None
        alike = [
            _alike(experiment, run, inspected(_text(run.settings.dataset.source)), blocked)
            for run in parents_first(experiment.runs)
        ]
        for seed in experiment.seeds:
            keys: dict[str, str] = {}
            for each in alike:
                if seed not in each.seeds:
                    continue
                start = each.run.initialize_from
                parent = runs[keys[start]] if isinstance(start, str) else None
                concrete = _concrete(each, seed, parent, _stopping(runs, parent))
                key = concrete.key
                keys[each.run.name] = members[Member(experiment.name, each.run.name, seed)] = key
                known = runs.get(key)
                if known is None:
                    runs[key] = concrete
                    continue
                kept = tuple(sorted({*known.keep_weights, *concrete.keep_weights}))
                better = concrete if known.blocked and not concrete.blocked else known
                runs[key] = replace(better, keep_weights=kept)
    return Plan(runs, members, tuple(remarks))


@dataclass(frozen=True)
class _Inspection:
    """What the files of a data set show; `content` is as in `ConcreteRun`."""

    missing: str | None
    content: str | None
    facts: Facts | None
    remark: str | None


def _text(source: Component) -> str:
    return json.dumps([source.name, source.parameters], sort_keys=True)


def _inspect(source: Component, data_dir: Path) -> _Inspection:
    name, parameters = source.name, source.parameters
    missing = availability.why_unavailable(name, parameters, data_dir)
    known = facts(source, data_dir)
    try:
        found = availability.content(name, parameters, data_dir, progress=True)
    except DataError as error:
        # Not blocked but an error: nobody will bring other data by waiting.
        return _Inspection(missing, None, known, str(error))
    return _Inspection(missing, found.sha256, known, found.remark)


def parents_first(runs: Mapping[str, RunSpec]) -> Iterator[RunSpec]:
    """Yield the runs of an experiment, each after the one that it starts from."""
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


@dataclass(frozen=True)
class _Alike:
    """What all seeds of a run of an experiment have in common.

    `seeds` are those that it has, `canonical` is the part of their keys that is the same. `blocked`
    says why none can be run, whatever it starts from, or is None.
    """

    experiment: str
    run: RunSpec
    seeds: frozenset[int]
    canonical: Mapping[str, bytes]
    content: str | None
    blocked: str | None
    forbidden: str | None
    examples: int | None
    cost: tuple[int | None, int | None]


def _alike(experiment: Experiment, run: RunSpec, data: _Inspection, blocked: str | None) -> _Alike:
    """Find out what all seeds of a run have in common; `blocked` is why none can be run here."""
    settings, starts = run.settings, run.initialize_from is not None
    forbidden = why_not_allowed(settings, experiment.allow_python)
    no_backend = machine.why_no_backend(settings.training.backend)
    count = _count(settings, data.facts)
    return _Alike(
        experiment=experiment.name,
        run=run,
        seeds=frozenset(experiment.seeds_of(run.name)),
        canonical=_canonical(settings, starts, data.content),
        content=data.content,
        blocked=blocked or forbidden or no_backend or data.missing,
        forbidden=forbidden,
        examples=count,
        cost=_cost(settings.training, count),
    )


def _stopping(runs: Mapping[str, ConcreteRun], parent: ConcreteRun | None) -> ConcreteRun | None:
    """Return the first run, from a parent upwards, that blocks what starts from the parent."""
    if parent is None or parent.blocked is None:
        return None
    first = runs[parent.blocked_by] if parent.blocked_by is not None else parent
    # Another experiment may allow what blocked the first one.
    return parent if first.blocked is None else first


def _concrete(
    alike: _Alike, seed: int, parent: ConcreteRun | None, stopping: ConcreteRun | None
) -> ConcreteRun:
    """Return the concrete run of a seed.

    Args:
        alike: What it has in common with other seeds.
        seed: Its seed.
        parent: The run that it starts from, None where it starts from no run.
        stopping: The run that blocks what starts from the parent, None where none does.
    """
    blocked, by = alike.blocked, None
    if blocked is None and parent is not None and stopping is not None:
        why, by = f"is blocked: {stopping.blocked}", stopping.key
        blocked = inherited(alike.run, parent, stopping, why)
    steps, images = alike.cost
    return ConcreteRun(
        key=_key(
            alike.canonical,
            seed,
            start_identity(alike.run, None if parent is None else parent.key),
        ),
        experiment=alike.experiment,
        run=alike.run,
        seed=seed,
        parent=None if parent is None else parent.key,
        blocked=blocked,
        steps=steps,
        images=images,
        content=alike.content,
        examples=alike.examples,
        keep_weights=alike.run.keep_weights,
        forbidden=alike.forbidden,
        blocked_by=by,
    )


def inherited(run: RunSpec, parent: ConcreteRun, first: ConcreteRun, why: str) -> str:
    """Say why a run cannot be made on account of one above it.

    Those between are left out, as chains may be long.

    Args:
        run: The run, as its experiment has it.
        parent: The run that it starts from.
        first: The one that something is wrong with: the parent, or what that starts from.
        why: What is wrong with it, as in "failed: out of memory".
    """
    if first.key == parent.key:
        return f"it starts from {run.start}, which {why}"
    others = "" if parent.parent == first.key else "by way of others "
    return (
        f"it starts from {run.start}, which is blocked: {others}it starts from"
        f" {first.run.name}, which {why}"
    )


def start_identity(run: RunSpec, parent: str | None) -> Json:
    """Return what identifies the weights that a run starts from, None where they are drawn.

    `parent` is the key of the run that they are taken from, None where it starts from none.
    """
    if isinstance(run.initialize_from, WeightsFile):
        return run.initialize_from.sha256
    return parent if run.start_epoch is None else {"run": parent, "epoch": run.start_epoch}


def _count(settings: Settings, known: Facts | None) -> int | None:
    """Count the training examples, as far as is known of the data."""
    if known is None:
        return None
    return examples(settings, known.of_classes(settings.dataset.classes))


def _cost(training: Training, count: int | None) -> tuple[int | None, int | None]:
    if count is None:
        return None, None
    steps = budget.most_steps(training, count)
    return steps, budget.images(training, count, steps)


def content_key(settings: Settings, seed: int, start: Json, data: str | None) -> str:
    """Return the key of a run: the SHA-256, in hex, of exactly what decides its result.

    That is put into canonical JSON (RFC 8785). Where the data lie is left out and what they are is
    put in, so that moving a folder changes nothing and changing it does.

    Args:
        settings: Of the run.
        seed: Of the run.
        start: What identifies the weights that it starts from (`start_identity`).
        data: What identifies the content of the data set, None where its parameters do.
    """
    return _key(_canonical(settings, start is not None, data), seed, start)


def _key(canonical: Mapping[str, bytes], seed: int, start: Json) -> str:
    """Return the digest of the canonical JSON that has these members, a seed and a start."""
    members = {**canonical, "seed": rfc8785.dumps(seed), "start": rfc8785.dumps(start)}
    # In canonical JSON members are sorted, and nothing stands between them but a comma.
    text = b",".join(b'"%b":%b' % (name.encode(), members[name]) for name in sorted(members))
    return hashlib.sha256(b"{%b}" % text).hexdigest()


def _canonical(settings: Settings, started: bool, data: str | None) -> dict[str, bytes]:
    """Return what the keys of all seeds have in common: each member of it as canonical JSON.

    `started` says whether the run starts from weights that are there.
    """
    content = asdict(settings, dict_factory=_identifying)
    content["model"]["parameters"].pop(architecture(settings.model.name).file, None)
    content["dataset"]["source"] = _identity(settings.dataset.source, data)
    for setting in _LATER:
        _leave_out(content, setting)
    if started:
        content["initialization"] = None
    content["format"] = _FORMAT
    return {name: rfc8785.dumps(value) for name, value in content.items()}


def _leave_out(content: Json, setting: _LaterSetting) -> None:
    *path, name = setting.path
    for holder in _objects_at(content, path):
        if holder.get(name, setting.neutral) == setting.neutral:
            holder.pop(name, None)


def _objects_at(value: Json, path: Sequence[str]) -> Iterator[Json]:
    """Yield every object that the path leads to."""
    if value is None:
        return
    if not path:
        yield value
    elif path[0] == _EACH:
        for item in value:
            yield from _objects_at(item, path[1:])
    else:
        yield from _objects_at(value.get(path[0], {}), path[1:])


def _identity(source: Component, content: str | None) -> Json:
    origin = catalog.DATASETS[source.name].origin
    parameters = {
        name: value
        for name, value in source.parameters.items()
        if name not in origin.location_parameters
    }
    found = {"name": source.name, "parameters": parameters, "content": content}
    return found if source.own is None else {**found, "own": source.own.identity}


def _identifying(members: Sequence[tuple[str, Json]]) -> Json:
    """Return the members of a record but for what says where a part of one's own lies."""
    return {
        name: value
        for name, value in members
        if name not in OwnPart.PLACES and (name, value) != ("own", None)
    }
