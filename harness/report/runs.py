"""The tables of runs: what was run, and what it measured."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.experiment import (
    PER_IMAGE,
    Dataset,
    Experiment,
    Json,
    Metric,
    RunSpec,
    Training,
    Validation,
    WarmUp,
    WeightsFile,
)
from harness.final_metrics import measurement_of, names, parameters_besides
from harness.judging.inference import sample_deviation
from harness.metrics import METRICS, ON_TEST_IMAGES, ON_VALIDATION
from harness.report.component import component_words
from harness.report.markdown import bullets, code, escape, table, unbroken
from harness.run_result import RunResult, Status
from harness.spec.schema import compact
from harness.units import NOTHING, Scale, measured, scale_of
from harness.words import listed, percent, plural

_MOST_CLASSES = 5

_SHOWN = {
    "train_accuracy": "train acc.",
    "validation_accuracy": "validation acc.",
    "test_accuracy": "test acc.",
    "steps": "steps",
    "epochs_to_fit": "epochs to fit",
    "relative_distance": "relative distance",
}
"""The metrics of the table of runs, each with its heading."""


def metrics_shown(experiment: Experiment) -> list[str]:
    """Return the metrics that the table of runs has; those of a validation set if there is one."""
    held_out = any(run.settings.dataset.validation for run in experiment.runs.values())
    return [metric for metric in _SHOWN if held_out or metric not in ON_VALIDATION]


def status_counts(experiment: Experiment, results: Sequence[RunResult]) -> Counter[Status]:
    """Count the experiment's trainings by status; one without a result is missing."""
    status = {(result.run, result.seed): result.status for result in results}
    return Counter(
        status.get((run, seed), Status.MISSING)
        for run in experiment.runs
        for seed in experiment.seeds_of(run)
    )


def measured_table(experiment: Experiment, results: Sequence[RunResult]) -> str:
    """Return one row a run, mean ± sample deviation over its finished seeds, and reasons below.

    The reasons say why other seeds are not finished. Columns in which no run has a number are left
    out, and so is the last where every seed of every run is done.
    """
    by_run = {
        run: [r for r in results if r.run == run and r.seed in experiment.seeds_of(run)]
        for run in experiment.runs
    }
    rows = [
        [
            code(name),
            *_measured([by_run[run] for run in runs]),
            _seeds(
                [result for run in runs for result in by_run[run]],
                sum(len(experiment.seeds_of(run)) for run in runs),
            ),
        ]
        for name, runs in _over_draws(experiment).items()
    ]
    columns = list(zip(["run", *_SHOWN.values(), "seeds"], *rows, strict=True))
    whole = status_counts(experiment, results).keys() <= {Status.DONE}
    shown = [
        column
        for column in columns
        if set(column[1:]) != {NOTHING} and not (whole and column[0] == "seeds")
    ]
    headers, *body = ([column[row] for column in shown] for row in range(len(rows) + 1))
    align = "".join("<" if header in ("run", "seeds") else ">" for header in headers)
    note = "Mean ± sample deviation over the seeds that are done"
    if len(rows) < len(by_run):
        note += "; of a run with `[*]`, of the means of the settings that were drawn"
    if any("(" in cell for column in columns if column[0] == "epochs to fit" for cell in column):
        note += "; *k* of *n* says how many of them ever fitted their training set"
    reasons = [_reason(run, r) for run, found in by_run.items() for r in _stopped(found)]
    return "\n\n".join(filter(None, [table(headers, body, align), f"{note}.", bullets(reasons)]))


def final_table(experiment: Experiment, results: Sequence[RunResult]) -> str:
    """Return a row for each number of a final metric, over the finished seeds, and reasons below.

    The reasons say why some seed has no number. Empty where no run has a final metric.
    """
    rows: list[list[str]] = []
    reasons: dict[str, None] = {}
    for row, runs in _over_draws(experiment).items():
        done = [[r for r in results if r.run == run and r.status is Status.DONE] for run in runs]
        for metric in experiment.runs[runs[0]].metrics:
            for name in names(metric).values():
                rows.append([code(row), *_final(name, metric, done)])
                without = (each for of in done for each in of if name in each.unmeasured)
                reasons |= dict.fromkeys(_without(name, each) for each in without)
    if not rows:
        return ""
    shown = table(["run", "metric", "what it is", "parameters", "measured"], rows, "<<<<>")
    note = "Measured of the finished runs, as mean ± sample deviation over the seeds that have it."
    return "\n\n".join(filter(None, [shown, note, bullets(list(reasons))]))


def _final(name: str, metric: Metric, done: Sequence[Sequence[RunResult]]) -> list[str]:
    """Return the cells of a number of a final metric but for its run."""
    measurement = measurement_of(name)
    words = parameters_besides(metric)
    return [
        code(name),
        escape(measurement.title) if measurement is not None else _own_title(metric),
        escape(", ".join(f"{each} {_value(value)}" for each, value in words.items())),
        _over_settings(done, name),
    ]


def _own_title(metric: Metric) -> str:
    called = "" if metric.own is None else f" of {code(str(metric.own.call))}"
    between = f", between it and {code(metric.partner)}" if metric.partner else ""
    return f"number{called}{between}"


def _value(value: Json) -> str:
    """Write the value of a parameter, short where it is a number."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:g}" if is_number else compact(value)


def _without(name: str, result: RunResult) -> str:
    why = escape(result.unmeasured[name])
    return f"{code(result.run)} has no {code(name)} for seed {result.seed}: {why}"


def _over_draws(experiment: Experiment) -> dict[str, list[str]]:
    """Return the runs that share a row, by its name: all draws of a cell, else each its own."""
    found: dict[str, list[str]] = {}
    for name, run in experiment.runs.items():
        found.setdefault(run.over_draws, []).append(name)
    return found


def _measured(found: Sequence[Sequence[RunResult]]) -> list[str]:
    """Return each metric over the seeds of a run; of several settings, over the mean of each."""
    done = [[each for each in of if each.status is Status.DONE] for of in found]
    return [_over_settings(done, metric) for metric in _SHOWN]


def _over_settings(done: Sequence[Sequence[RunResult]], metric: str) -> str:
    """Return a metric over the finished seeds of a run, or over the means of several settings."""
    values = (
        [result.measurements.get(metric) for result in done[0]]
        if len(done) == 1
        else [_mean(of, metric) for of in done if of]
    )
    return unbroken(_over_seeds(values, scale_of(metric)))


def _mean(found: Sequence[RunResult], metric: str) -> float | None:
    """Return the mean over seeds; None where one has no value."""
    values = [each.measurements.get(metric) for each in found]
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def _over_seeds(values: Sequence[float | None], scale: Scale) -> str:
    present = [value for value in values if value is not None]
    if not present:
        return NOTHING
    if not all(map(math.isfinite, present)):
        return f"not finite in {sum(not math.isfinite(v) for v in present)} of {len(present)}"
    deviation = sample_deviation(present) if len(present) > 1 else None
    if scale.unit in (" epochs", " steps") and len(set(present)) == 1:
        deviation = None  # the same whole number in every seed
    # The heading says what is counted.
    unit = scale.unit if scale.factor != 1.0 else ""
    shown = measured(
        statistics.mean(present),
        deviation,
        scale if unit == scale.unit else replace(scale, unit=unit),
    )
    return shown if len(present) == len(values) else f"{shown} ({len(present)} of {len(values)})"


def _seeds(found: Sequence[RunResult], seeds: int) -> str:
    counts = Counter(result.status for result in found)
    counts[Status.MISSING] += seeds - len(found)
    words = {
        Status.DONE: "done",
        Status.BLOCKED: "blocked",
        Status.ERROR: "error",
        Status.MISSING: "not run",
    }
    return ", ".join(f"{counts[status]} {word}" for status, word in words.items() if counts[status])


def _stopped(found: Iterable[RunResult]) -> list[RunResult]:
    """Return one result for each reason that some seed is blocked or ended in an error."""
    stopped = (r for r in found if r.status in (Status.BLOCKED, Status.ERROR))
    return list({(r.status, r.reason): r for r in stopped}.values())


def _reason(run: str, result: RunResult) -> str:
    word = "is blocked" if result.status is Status.BLOCKED else "ended in an error"
    return f"{code(run)} {word}: {escape(result.reason or 'no reason is known')}"


def settings_table(experiment: Experiment) -> str:
    """Return what the runs were trained on and how: what all share, and a row a run of the rest."""
    headers = [
        "data set",
        "model",
        "starts from",
        "regularizers",
        "learning rate",
        "batch",
        "epochs at most",
    ]
    runs = {
        name: [_settings_row(experiment, experiment.runs[run]) for run in cells]
        for name, cells in _over_draws(experiment).items()
    }
    columns = list(zip(headers, *map(_common, runs.values()), strict=True))
    shared = [column for column in columns if len(set(column[1:])) == 1]
    rest = [column for column in columns if column not in shared]
    alike = [f"{header}: {values[0]}" for header, *values in shared]
    who = (
        f"All {len(experiment.runs)} runs have in common"
        if len(experiment.runs) > 1
        else f"{code(next(iter(runs)))} has"
    )
    rows = [
        [code(name), *(column[place] for column in rest)]
        for place, name in enumerate(runs, start=1)
    ]
    align = "<" + "".join(">" if column[0] in _NUMBERS else "<" for column in rest)
    parts = [
        f"{who} {'; '.join(alike)}." if alike else "",
        table(["run", *(column[0] for column in rest)], rows, align) if rest else "",
        _stopped_by_test_set(experiment),
    ]
    return "\n\n".join(filter(None, parts))


def _stopped_by_test_set(experiment: Experiment) -> str:
    """Say which runs choose by the test set when to stop, in Markdown; nothing where none does."""
    chosen = [
        f"{code(name)} by its {METRICS[early.metric].title}"
        for name, run in experiment.runs.items()
        if (early := run.settings.training.early_stopping) and early.metric in ON_TEST_IMAGES
    ]
    if not chosen:
        return ""
    return (
        f"Early stopping looks at the test set: it stops {listed(chosen, _MOST_STOPPED)}. So the"
        " test set took part in training, and what is measured on it afterwards is likely to be too"
        f" good. With a validation set ({code('dataset.validation')}), that looks at it instead."
    )


_MOST_STOPPED = 4
"""The most runs that are named which the test set stops."""

_NUMBERS = ("batch", "epochs at most")


_MOST_DRAWN = 4
"""So many different settings of the draws of a run are named."""


def _common(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the settings of all draws of a run: what they share, or what was drawn."""
    found = [list(dict.fromkeys(values)) for values in zip(*rows, strict=True)]
    return [" or ".join(each) if len(each) <= _MOST_DRAWN else "drawn" for each in found]


def _settings_row(experiment: Experiment, run: RunSpec) -> list[str]:
    settings, training = run.settings, run.settings.training
    return [
        escape(
            ", ".join(
                [_source(settings.dataset), *map(component_words, settings.dataset.randomize)]
            )
        ),
        escape(component_words(settings.model)),
        _start(experiment, run),
        escape(_regularizers(run)),
        escape(_learning_rate(training)),
        _batch(training),
        _budget(training),
    ]


def _source(dataset: Dataset) -> str:
    count, side = dataset.train_examples, dataset.center_crop
    parts = [f"{count} training examples"] if count is not None else []
    classes = list(map(str, dataset.classes or ()))
    parts += [f"classes {listed(classes, _MOST_CLASSES)}"] if classes else []
    parts += [_held_out(dataset.validation)] if dataset.validation is not None else []
    parts += [f"centre {side}x{side}"] if side is not None else []
    parts += ["each standardized"] if dataset.normalize == PER_IMAGE else []
    return f"{dataset.source.name} ({', '.join(parts)})" if parts else dataset.source.name


def _held_out(validation: Validation) -> str:
    """Return how much of the training examples is held out, in words."""
    if validation.examples is not None:
        how_many = str(validation.examples)
    else:
        how_many = percent(validation.share or 0.0)
    randomized = ", randomized like the rest" if validation.randomized else ""
    return f"{how_many} held out for validation{randomized}"


def _learning_rate(training: Training) -> str:
    optimizer, schedule, warm_up = training.optimizer, training.schedule, training.warm_up
    rate = f"{optimizer.parameters['learning_rate']:g}"
    parts = [rate if optimizer.name == "sgd" else f"{optimizer.name} {rate}"]
    parts += [] if schedule.name == "constant" else [component_words(schedule)]
    parts += [] if warm_up is None else [f"warm-up of {_length(warm_up)}"]
    return ", ".join(parts)


def _length(warm_up: WarmUp) -> str:
    if warm_up.steps is not None:
        return plural(warm_up.steps, "step")
    return plural(warm_up.epochs or 0, "epoch")


def _batch(training: Training) -> str:
    times = f" x {training.accumulate}" if training.accumulate > 1 else ""
    return f"{training.batch_size}{times}"


def _budget(training: Training) -> str:
    return str(training.epochs) if training.steps is None else f"{training.steps:,} steps"


def _start(experiment: Experiment, run: RunSpec) -> str:
    start = run.initialize_from
    if isinstance(start, WeightsFile):
        return f"file {code(start.path.name)}"
    if not start:
        return escape(f"random, {run.settings.initialization.name}")
    parent = experiment.runs.get(start)
    epoch = "" if run.start_epoch is None else f" after epoch {run.start_epoch}"
    return f"{code(parent.over_draws if parent and run.drawn else start)}{epoch}"


def _regularizers(run: RunSpec) -> str:
    training = run.settings.training
    parts = [component.name for component in run.settings.augmentation]
    parts += [f"{name} {value:g}" for name, value in _strengths(training) if value]
    return ", ".join(parts) or "none"


def _strengths(training: Training) -> tuple[tuple[str, float], ...]:
    average, aware = training.average, training.sharpness_aware
    return (
        ("momentum", training.momentum),
        ("l2", training.l2),
        ("dropout", training.dropout),
        ("weight decay", training.optimizer.parameters.get("weight_decay", 0.0)),
        ("clipped at", training.clip_norm or 0.0),
        ("averaged", average.decay if average else 0.0),
        ("sharpness-aware", aware.rho if aware else 0.0),
    )
