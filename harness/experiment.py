"""The typed, frozen records that a specification becomes; every later floor speaks in them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from harness.rounding import share_of

Json = Any
"""A JSON value: None, bool, int, float, str, list or dict."""


@dataclass(frozen=True)
class OwnPart:
    """What identifies a part that the harness does not bring: a function, or a file.

    Attributes:
        call: The function, as "module:function"; None where the part is a file.
        place: The folder that the function's module is looked for in first, or the file.
        sha256: The digest of the code, or of the file.
        distribution: The installed package that the function belongs to, and its version; None
            where it belongs to none.
        files: Further files whose content the digest covers.
    """

    call: str | None
    place: str
    sha256: str
    distribution: str | None = None
    files: tuple[str, ...] = ()

    PLACES: ClassVar[tuple[str, ...]] = ("place", "files")
    """The members that say where it lies, which decides nothing."""

    @property
    def identity(self) -> Json:
        """Return what decides a result, as JSON."""
        return {"call": self.call, "sha256": self.sha256, "distribution": self.distribution}


@dataclass(frozen=True)
class Component:
    """A named piece with its parameters: a model, a randomization, a schedule, ...

    `parameters` holds every parameter of that name in the schema, defaults filled in. `own`
    identifies a part that the harness does not bring, and is None for all others.
    """

    name: str
    parameters: Mapping[str, Json] = field(default_factory=dict)
    own: OwnPart | None = None

    @property
    def leading(self) -> tuple[OwnPart, ...]:
        """Return what its function is given by position, before its parameters by their names."""
        return () if self.own is None else (self.own,)

    @property
    def identity(self) -> Json:
        """Return what it is, as JSON, wherever it lies."""
        named = {"name": self.name, "parameters": dict(self.parameters)}
        return named if self.own is None else {**named, "own": self.own.identity}


@dataclass(frozen=True)
class Normalization:
    """`(x - mean) / deviation`, a value a channel, on inputs scaled to [0, 1]."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


PER_IMAGE: Final = "per_image"
"""Every input on its own: `(x - mean) / max(deviation, 1/sqrt(n))` over its n raw values."""

Standardization = Literal["per_image"]


@dataclass(frozen=True)
class Validation:
    """How many training examples a run is not trained on but validated with: a share, or a count.

    One of the two is None. They are drawn from `split_seed`, or where it is None from the run's.
    `randomized` tells whether they are randomized as the training set is, else as the test set.
    """

    share: float | None
    examples: int | None
    split_seed: int | None = None
    randomized: bool = False

    def of(self, train_examples: int) -> int:
        """Return how many of so many training examples that is."""
        if self.examples is not None:
            return self.examples
        return share_of(self.share or 0.0, train_examples)


@dataclass(frozen=True)
class Dataset:
    """Which examples a run sees, before augmentation.

    `center_crop` is the side, in pixels, of the square that is cut from the middle of every image
    after randomization; None leaves images whole. `classes` are those that are used, by their names
    or indices, in the order of their new labels; None: all. `validation` is None where all examples
    are trained on.
    """

    source: Component
    train_examples: int | None
    test_examples: int | None
    normalize: Normalization | Standardization | None
    randomize: tuple[Component, ...]
    center_crop: int | None = None
    classes: tuple[str | int, ...] | None = None
    validation: Validation | None = None


@dataclass(frozen=True)
class StopRule:
    """Stop at the first epoch, of those divisible by `check_every`, that reaches the accuracies.

    One that is None need not be reached.
    """

    train_accuracy: float | None
    check_every: int
    validation_accuracy: float | None = None


@dataclass(frozen=True)
class EarlyStopping:
    """Stop once `metric` has not improved by more than `min_delta` for `patience` epochs.

    `metric` is one of the history's and is looked at where it is measured; `mode`, "min" or "max",
    says which way it improves.
    """

    metric: str
    patience: int
    min_delta: float
    mode: str


@dataclass(frozen=True)
class WarmUp:
    """Let the learning rate grow at first, for so many steps or, where they are None, epochs.

    `per`, "step" or "epoch", says whether it grows with every step of these epochs.
    """

    steps: int | None
    epochs: int | None
    per: str


@dataclass(frozen=True)
class Average:
    """The exponential moving average of the weights; `decay` is what a step leaves of it."""

    decay: float


@dataclass(frozen=True)
class SharpnessAware:
    """Take the gradient at the distance `rho` from the weights, uphill."""

    rho: float


@dataclass(frozen=True)
class Training:
    """How the weights move. `momentum`, `l2` and `dropout` are 0 where those regularizers are off.

    The budget is `epochs`, or `steps` where those are None; `harness.budget` counts with it.
    `accumulate` batches make a step. `backend` is what Keras computes with; None leaves it to who
    runs it.
    """

    loss: str
    loss_reduction: str
    optimizer: Component
    momentum: float
    l2: float
    schedule: Component
    batch_size: int
    last_batch: str
    epochs: int | None
    stop_when: StopRule | None
    measure_every: int
    dropout: float = 0.0
    label_smoothing: float = 0.0
    precision: str = "float32"
    early_stopping: EarlyStopping | None = None
    deterministic: bool = True
    backend: str | None = None
    steps: int | None = None
    accumulate: int = 1
    warm_up: WarmUp | None = None
    clip_norm: float | None = None
    average: Average | None = None
    sharpness_aware: SharpnessAware | None = None


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run's result, except its seed and its parent's weights.

    `augmentation` is empty where that regularizer is off.
    """

    dataset: Dataset
    model: Component
    initialization: Component
    augmentation: tuple[Component, ...]
    training: Training


PARTNER: Final = "with"
"""The setting of a final metric that names the run which this one is compared with."""

SOURCE: Final = "from"
"""The setting of a final metric that says what of a run it is worked out from, where it has one."""


@dataclass(frozen=True)
class Metric:
    """A final metric that a specification lists: it is measured of the finished run.

    `parameters` holds every parameter of that name in the schema, defaults filled in. `partner` is
    the run that this one is compared with, seed by seed, None where it is measured of one run.
    `label` ends the names of its numbers, and is empty where nothing does; of a metric that the
    harness does not bring it is the name of its number. `own` identifies such a one.
    """

    name: str
    parameters: Mapping[str, Json] = field(default_factory=dict)
    partner: str | None = None
    label: str = ""
    own: OwnPart | None = None

    @property
    def leading(self) -> tuple[OwnPart, ...]:
        """Return what its function is given before the runs."""
        return () if self.own is None else (self.own,)


@dataclass(frozen=True)
class WeightsFile:
    """A `.weights.h5` file to start from, and the SHA-256 of its bytes."""

    path: Path
    sha256: str


def parent_of(initialize_from: Json) -> str | None:
    """Return the run that a setting `initialize_from` names, None where it names none."""
    if isinstance(initialize_from, Mapping):
        initialize_from = initialize_from.get("run")
    return initialize_from if isinstance(initialize_from, str) else None


SAMPLE: Final = "sample"
"""The axis on which the label of a draw stands."""


@dataclass(frozen=True)
class RunSpec:
    """One named cell of an experiment: a run before it is multiplied by seeds.

    `base` is the run's name in the specification. `labels` has the cell's label on each axis of
    that run's matrix, by the axis's name, that of a draw of its sample first; it is empty where
    there is neither. Where it starts from another run, `start_epoch` is the epoch of that one after
    which its weights are taken, None for its final ones. `resolved` is the complete JSON the
    settings were read from, defaults filled in. `drawn` has what a sample drew: by path the value,
    or the label of the change. `metrics` are measured of the finished run, and `keep_weights` are
    the epochs after which its weights are kept: neither changes a result.
    """

    base: str
    settings: Settings
    initialize_from: str | WeightsFile | None
    regularizers: tuple[str, ...]
    resolved: Mapping[str, Json]
    labels: Mapping[str, str] = field(default_factory=dict)
    drawn: Mapping[str, Json] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    keep_weights: tuple[int, ...] = ()
    start_epoch: int | None = None

    @property
    def start(self) -> str:
        """Return from where it starts, in words; "" where its weights are drawn."""
        if isinstance(self.initialize_from, WeightsFile):
            return self.initialize_from.path.name
        epoch = "" if self.start_epoch is None else f" after epoch {self.start_epoch}"
        return f"{self.initialize_from or ''}{epoch}"

    @property
    def label(self) -> str:
        """Return the label of the cell, such as "l2,0.1" or "07"; "" where there is one alone."""
        return cell_label(self.labels)

    @property
    def name(self) -> str:
        """Return the name that it has in all that is kept and shown: "base[label]"."""
        return cell_name(self.base, self.label)

    @property
    def over_draws(self) -> str:
        """Return the name of all draws of its cell: "base[*]"; its own where nothing was drawn."""
        if not self.drawn:
            return self.name
        return cell_name(self.base, cell_label({**self.labels, SAMPLE: "*"}))


def cell_label(labels: Mapping[str, str]) -> str:
    """Join the labels that a cell has on the axes of its matrix."""
    return ",".join(labels.values())


def cell_name(base: str, label: str) -> str:
    """Return the name of a run's cell; the run's own where it has no matrix, and so no label."""
    return f"{base}[{label}]" if label else base


class Statistic(enum.Enum):
    """Of what an expectation speaks.

    `EVERY` is about the seeds at hand, `SETTINGS` about all settings that a sample draws from, the
    others about all seeds that there could be.
    """

    MEAN = "mean"
    MEDIAN = "median"
    WORST = "worst"
    EVERY = "every"
    SETTINGS = "settings"


class Interval(enum.Enum):
    """How the confidence limits of a mean are found: from the seeds, or from the test images.

    `BINOMIAL` and `PAIRED` are from the test images, the latter of a difference of two test
    accuracies, image by image.
    """

    STUDENT = "student"
    BOOTSTRAP = "bootstrap"
    BINOMIAL = "binomial"
    PAIRED = "paired"


class Basis(enum.Enum):
    """On what an expectation rests.

    `PAPER` is a number that is published, `CLAIM` a statement that is published, `MEASURED` a
    result of our own, `HYPOTHESIS` a conjecture.
    """

    PAPER = "paper"
    CLAIM = "claim"
    MEASURED = "measured"
    HYPOTHESIS = "hypothesis"


@dataclass(frozen=True)
class Expectation:
    """A bound on a metric expression; `lower` or `upper` is None where that side is open.

    `published` is the metric's value in a publication; None unless the basis is `PAPER`. `share`
    is that of all seeds (of all settings) which must be within the bounds; None unless the
    statistic is `WORST` (`SETTINGS`). For the latter, `cells` are the labels that the wildcard of
    the metric stands for, a cell of each draw, and `samples` the samples that these were drawn
    from, by run. `citation` is the publication that it alone rests on; None where the experiment's
    source counts. `base` is its id in the specification where a wildcard makes it one of many, a
    cell each. `claim` is the label of the published claim that it speaks of.
    """

    id: str
    title: str
    metric: str
    lower: float | None
    upper: float | None
    statistic: Statistic
    confidence: float
    basis: Basis
    source: str
    published: float | None = None
    interval: Interval = Interval.STUDENT
    share: float | None = None
    citation: str | None = None
    base: str | None = None
    claim: str | None = None
    cells: tuple[str, ...] = ()
    samples: Mapping[str, Json] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Figure:
    """A plot that the report shows; `name` is a registered kind of figure."""

    name: str
    title: str
    parameters: Mapping[str, Json]


@dataclass(frozen=True)
class AnswerSentence:
    """A sentence of the answer, as verdicts choose it; metric expressions stand in braces.

    `passes` stands there where every expectation passes that it rests on, `fails` where any fails,
    `otherwise` in all other cases; None leaves its words to the report. `rests_on` has ids as the
    specification writes them; where there are none, `passes` stands there whatever came out.
    """

    passes: str
    fails: str = ""
    otherwise: str | None = None
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tolerance:
    """How far a number may drift: the larger of the two.

    `relative` is a share of the kept number.
    """

    absolute: float = 0.0
    relative: float = 0.0


@dataclass(frozen=True)
class Source:
    """Where the experiment was first published, and what it claims, by label."""

    citation: str
    url: str | None
    locator: str | None
    claims: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Requirements:
    """What the machine must have before the experiment may start."""

    gpu: bool = False


class Control(enum.Enum):
    """What holds for the expectations of an experiment taken together.

    `HOLM`: no false pass, with the stated confidence; `FDR`: a small share of false passes at most.
    """

    HOLM = "holm"
    FDR = "fdr"


@dataclass(frozen=True)
class SeedPlan:
    """Seeds that are added, look after look, where an expectation is undecided.

    They are 0, 1, ..., first `first` of them, then `step` more at every look, `most` in all.
    """

    first: int
    most: int
    step: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the number of seeds at every look."""
        return (*range(self.first, self.most, self.step), self.most)


@dataclass(frozen=True)
class Experiment:
    """One specification, validated, combined and expanded.

    `remarks` are what its author says of the results, `tolerances` how far each metric may drift
    from the baseline, where that is not the default of its kind. `trial` holds the options of the
    command that changed what the specification says, such as --seeds and 0; it is empty where
    nothing did. Where seeds are added by `seed_plan`, `seeds` are those that any run has so far,
    and `counts` says how many of them a run has that has fewer. `answer` is what the author says
    that came out, sentence by sentence, `terms` what words mean that the author uses.
    `allow_python` tells whether the person who runs it allowed Python that it names.
    """

    path: Path
    name: str
    title: str
    question: str
    source: Source | None
    requires: Requirements
    seeds: tuple[int, ...]
    runs: Mapping[str, RunSpec]
    expectations: tuple[Expectation, ...]
    figures: tuple[Figure, ...]
    document: Mapping[str, Json]
    remarks: tuple[str, ...] = ()
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    trial: tuple[str, ...] = ()
    seed_plan: SeedPlan | None = None
    control: Control | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    answer: tuple[AnswerSentence, ...] = ()
    terms: Mapping[str, str] = field(default_factory=dict)
    allow_python: bool = False

    def seeds_of(self, run: str) -> tuple[int, ...]:
        """Return the seeds of a run."""
        return self.seeds[: self.counts.get(run, len(self.seeds))]
