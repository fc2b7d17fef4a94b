"""What can be measured of finished runs: every kind of final metric, its numbers and their units.

A final metric decides nothing of a run. It is worked out afterwards, from what is kept of one run
or of two: their predictions of the test images, or their weights. A specification lists those that
it wants, with their parameters, and each gives numbers with names of their own. Such a name alone
tells what the number is (`measurement_of`), so that a report of any age can be read without its
specification.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from harness.experiment import SOURCE, Json, Metric
from harness.metrics import METRICS, Measurement

Source = Literal["predictions", "weights"]
"""What of a finished run a final metric is worked out from."""


@dataclass(frozen=True)
class FinalMetric:
    """A kind of final metric.

    Attributes:
        function: What works it out, as "module:function", so that the list imports nothing. It
            takes what is kept of the run (of both runs, where there is `between`), and the metric's
            parameters as keywords, and gives its numbers by name.
        source: What is kept of the run: its predictions, or its weights.
        numbers: What it gives, by name. A parameter in braces stands for its value, in the title
            too; one that is a list gives a number for each of its values.
        between: The word between the two runs that it compares, such as "with"; empty for one run.
    """

    function: str
    source: Source
    numbers: Mapping[str, Measurement]
    between: str = ""


FINAL = {
    "top_k_accuracy": FinalMetric(
        "harness.measuring.on_predictions:top_k_accuracy",
        "predictions",
        {
            "top_{k}_accuracy": Measurement(
                "top-{k} test accuracy",
                "fraction",
                "share of the test set whose label is among the {k} classes with the largest"
                " logits",
            )
        },
    ),
    "class_accuracy": FinalMetric(
        "harness.measuring.on_predictions:class_accuracy",
        "predictions",
        {
            "class_{classes}_accuracy": Measurement(
                "test accuracy of class {classes}",
                "fraction",
                "share of the test images with the label {classes} that are classified right",
            )
        },
    ),
    "worst_class_accuracy": FinalMetric(
        "harness.measuring.on_predictions:worst_class_accuracy",
        "predictions",
        {
            "worst_class_accuracy": Measurement(
                "worst test accuracy of a class",
                "fraction",
                "the smallest, over all classes, of the shares of their test images that are"
                " classified right",
            )
        },
    ),
    "expected_calibration_error": FinalMetric(
        "harness.measuring.on_predictions:expected_calibration_error",
        "predictions",
        {
            "expected_calibration_error": Measurement(
                "expected calibration error",
                "fraction",
                "mean distance, over the test set, of confidence from accuracy, both averaged in"
                " bins of equal width of the confidence, the largest softmax probability (Guo et"
                " al. 2017)",
            )
        },
    ),
    "negative_log_likelihood": FinalMetric(
        "harness.measuring.on_predictions:negative_log_likelihood",
        "predictions",
        {
            "negative_log_likelihood": Measurement(
                "negative log-likelihood",
                "nats",
                "mean over the test set of -log of the probability of the label, from the logits as"
                " they are kept, in float16",
            )
        },
    ),
    "gradient_norm": FinalMetric(
        "harness.measuring.on_weights:gradient_norm",
        "weights",
        {
            "gradient_norm": Measurement(
                "gradient norm",
                "",
                "Euclidean norm of the gradient of the training loss, inference mode, no"
                " augmentation, no l2",
            )
        },
    ),
    "sharpness": FinalMetric(
        "harness.measuring.on_weights:sharpness",
        "weights",
        {
            "sharpness": Measurement(
                "sharpness",
                "",
                "largest eigenvalue of the Hessian of the training loss, inference mode, no"
                " augmentation, no l2, by power iteration",
            )
        },
    ),
    "path_norm": FinalMetric(
        "harness.measuring.path_norm:path_norm",
        "weights",
        {
            "l{p}_path_norm": Measurement(
                "l{p} path norm",
                "",
                "l{p} norm, over all paths from an input or a bias to an output, of the product of"
                " the weights along the path (Neyshabur et al. 2015)",
            )
        },
    ),
    "agreement": FinalMetric(
        "harness.measuring.on_predictions:agreement",
        "predictions",
        {
            "agreement": Measurement(
                "agreement of predictions",
                "fraction",
                "share of the test set to which both networks give the same class",
            )
        },
        between="with",
    ),
    "linear_path": FinalMetric(
        "harness.measuring.linear_path:linear_path",
        "weights",
        {
            f"{split}_{what}_barrier": Measurement(
                f"{word} {what} barrier",
                unit,
                f"how far the {word} {what}, along the straight line between the weights of both"
                f" runs, is {worse} the straight line between its values at the ends, where it is"
                " farthest; statistics of batch normalization are interpolated as weights are",
            )
            for split, word in (("train", "training"), ("test", "test"))
            for what, unit, worse in (("loss", "nats", "above"), ("accuracy", "points", "below"))
        },
        between="to",
    ),
}
"""Every kind of final metric, by the name that a specification gives."""

OWN = FinalMetric("harness.measuring.own:own", "predictions", {})
"""A metric that the harness does not bring: its number has a name that the specification gives."""

GIVEN: Mapping[Source, str] = {
    "predictions": "harness.store.predictions:Predictions",
    "weights": "harness.measuring.trained:Trained",
}
"""What the function of a metric is given of a run, as "module:class"."""

NUMBER = "number"
"""What the function of such a metric calls its number."""

LINE = "linear_path"
"""The kind whose numbers come with what was measured along the line."""

_BRACED = re.compile(r"\{(\w+)\}")
_LABEL = "label"


def names(metric: Metric) -> dict[str, str]:
    """Return the names of a metric's numbers: in expressions, by what its function calls them."""
    if metric.name not in FINAL:
        return {NUMBER: metric.label}
    kind = FINAL[metric.name]
    own = [name for template in kind.numbers for name in _filled(template, metric.parameters)]
    parts = [part for part in (kind.between, metric.label) if part]
    return {name: "_".join([name, *parts]) for name in own}


def row_of(metric: Metric) -> FinalMetric:
    """Return the kind of a metric that a specification lists."""
    if metric.name in FINAL:
        return FINAL[metric.name]
    return replace(OWN, source=metric.parameters.get(SOURCE, OWN.source))


def parameters_besides(metric: Metric) -> dict[str, Json]:
    """Return the parameters of a metric that the names of its numbers do not tell."""
    if metric.name not in FINAL:
        return _of_own(metric)
    told = {each for template in FINAL[metric.name].numbers for each in _BRACED.findall(template)}
    return {
        name: value
        for name, value in metric.parameters.items()
        if name not in told and value is not None
    }


def _of_own(metric: Metric) -> dict[str, Json]:
    """Return what a function of one's own is given by name, and from what of a run it computes."""
    given = dict(metric.parameters)
    if metric.own is not None and given.get("call") == metric.own.call:
        given |= given.pop("parameters")
        del given["call"]
    return {name: value for name, value in given.items() if value is not None}


def _filled(template: str, parameters: Mapping[str, object]) -> Iterator[str]:
    """Yield a template with every choice of a value for each parameter in it."""
    braced = _BRACED.findall(template)
    values = [parameters[name] for name in braced]
    choices = [value if isinstance(value, list | tuple) else [value] for value in values]
    for chosen in itertools.product(*choices):
        yield template.format(**dict(zip(braced, chosen, strict=True)))


def measurement_of(name: str) -> Measurement | None:
    """Return what a number of this name is, whether a training measures it or not; None: nothing.

    >>> measurement_of("top_5_accuracy").title
    'top-5 test accuracy'
    >>> measurement_of("agreement_with_random").title
    'agreement of predictions with random'
    """
    if name in METRICS:
        return METRICS[name]
    for pattern, measurement, joint in _patterns():
        found = pattern.fullmatch(name)
        if found:
            values = {key: value for key, value in found.groupdict().items() if value is not None}
            label = values.pop(_LABEL, "")
            words = f" {joint} {label}" if joint else f" ({label})" if label else ""
            return replace(
                measurement,
                title=measurement.title.format(**values) + words,
                definition=measurement.definition.format(**values),
            )
    return None


def kind_of(name: str) -> str | None:
    """Return the kind of final metric that gives numbers of such a name, None where none does."""
    return next(
        (
            kind
            for kind, row in FINAL.items()
            for template in row.numbers
            if _pattern(template, row.between).fullmatch(name)
        ),
        None,
    )


@functools.cache
def _patterns() -> tuple[tuple[re.Pattern[str], Measurement, str], ...]:
    return tuple(
        (_pattern(template, row.between), measurement, row.between)
        for row in FINAL.values()
        for template, measurement in row.numbers.items()
    )


def _pattern(template: str, between: str) -> re.Pattern[str]:
    own = _BRACED.sub(r"(?P<\1>\\d+)", template)
    label = rf"(?P<{_LABEL}>[a-z0-9_]+)"
    return re.compile(f"{own}_{between}_{label}" if between else f"{own}(?:_{label})?")
