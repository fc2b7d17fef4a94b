"""The questions of first specifications: their runs, expectations and figures."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.authoring import starts
from harness.experiment import Json

_GUESS = (
    "a guess: say why you expect it, or replace it by a published claim and its place, or by a"
    " measurement"
)
_FITTED = 0.99
_LIU = {
    "citation": (
        "Liu, Papailiopoulos, Achlioptas: Bad Global Minima Exist and SGD Can Reach Them (NeurIPS"
        " 2020)"
    ),
    "url": "https://arxiv.org/abs/1906.02613",
    "locator": "Algorithm 1",
}
_ZHANG = {
    "citation": (
        "Zhang, Bengio, Hardt, Recht, Vinyals: Understanding Deep Learning Requires Rethinking"
        " Generalization (ICLR 2017)"
    ),
    "url": "https://arxiv.org/abs/1611.03530",
    "locator": "figure 1",
}
_USUAL = ("augmentation", "momentum", "l2")


@dataclass(frozen=True)
class Choices:
    """What a person chose."""

    name: str
    dataset: str
    model: str
    question: str
    regularizers: tuple[str, ...]
    path: str | None = None


@dataclass(frozen=True)
class Question:
    """A question: its usual regularizers, and what makes the members of its specification."""

    regularizers: tuple[str, ...]
    members: Callable[[Choices], Json]


def _matrix(cells: Sequence[Sequence[str]]) -> Json:
    return {"matrix": {"regularizers": [list(cell) for cell in cells]}} if len(cells) > 1 else {}


def _label(cell: Sequence[str]) -> str:
    return "+".join(cell) or "none"


def _cell(run: str, cell: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Return the name of a cell of a run, which has a matrix where there are several cells."""
    return f"{run}[{_label(cell)}]" if len(cells) > 1 else run


def _fits(run: str, title: str, source: str = _GUESS, id_: str = "fits") -> Json:
    return {
        "id": id_,
        "title": title,
        "metric": f"{run}.train_accuracy",
        "at_least": _FITTED,
        "statistic": "every",
        "basis": "hypothesis" if source is _GUESS else "claim",
        "source": source,
    }


def _by_cell(title: str, metric: str, groups: Mapping[str, str]) -> Json:
    return {"name": "by_cell", "title": title, "metric": metric, "groups": dict(groups)}


def _plain(choices: Choices) -> Json:
    known = starts.known(choices.dataset)
    guess = (
        0.5
        if known is None
        else max(0.75 if known.classes == 2 else 0.0, round(2 / known.classes, 3))
    )
    cells: list[tuple[str, ...]] = [(), choices.regularizers] if choices.regularizers else [()]
    plain = _cell("trained", (), cells)
    found = {
        "title": (
            f"How well a {choices.model} does on {choices.dataset}: say in one sentence what it"
            " shows"
        ),
        "question": (
            "Does the network fit its training set, and how much of that carries over to the test"
            " set?"
        ),
        "runs": {"trained": _matrix(cells)},
        "expectations": [
            _fits(plain, "The training set is fitted, for every seed"),
            {
                "id": "tests",
                "title": "The test accuracy is far from chance, for the mean over seeds",
                "metric": f"{plain}.test_accuracy",
                "at_least": guess,
                "basis": "hypothesis",
                "source": _GUESS,
            },
            {
                "id": "carries-over",
                "title": "Much of it carries over: the test accuracy is not far below the training",
                "metric": f"{plain}.train_accuracy - {plain}.test_accuracy",
                "at_most": round(1 - guess, 3),
                "basis": "hypothesis",
                "source": _GUESS,
            },
            *(_helps("trained", cell) for cell in cells[1:]),
        ],
    }
    if len(cells) == 1:
        return found
    groups = {"trained": "trained"}
    figures = [_by_cell("Test accuracy by regularizers", "test_accuracy", groups)]
    return {**found, "figures": figures}


def _helps(run: str, cell: Sequence[str]) -> Json:
    """Return the expectation that compares a run with regularizers and the same without."""
    return {
        "id": f"{'-'.join(cell)}-helps",
        "title": f"With {' and '.join(cell)} the network tests as well as without, or better",
        "metric": f"{run}[{_label(cell)}].test_accuracy - {run}[none].test_accuracy",
        "at_least": 0,
        "basis": "hypothesis",
        "source": _GUESS,
    }


def _regularizers(choices: Choices) -> Json:
    singles = [(name,) for name in choices.regularizers]
    cells: list[tuple[str, ...]] = [
        (),
        *singles,
        *([choices.regularizers] if len(singles) > 1 else []),
    ]
    return {
        "title": (
            f"A {choices.model} on {choices.dataset}, with and without"
            f" {', '.join(choices.regularizers)}: say what you find"
        ),
        "question": (
            "With all else the same, what does each regularizer change, and what do they all"
            " together?"
        ),
        "runs": {"trained": _matrix(cells)},
        "expectations": [
            _fits(
                "trained[none]", "Without a regularizer the training set is fitted, for every seed"
            ),
            *(_helps("trained", cell) for cell in cells[1:]),
        ],
        "figures": [
            _by_cell("Test accuracy by regularizers", "test_accuracy", {"trained": "trained"})
        ],
    }


def _adversarial(choices: Choices) -> Json:
    start = starts.DATASETS[choices.dataset]
    cells = _pairs(choices.regularizers)
    return {
        "title": (
            f"From weights that fit random labels, where does SGD take a {choices.model} on"
            f" {choices.dataset}? Say what you find"
        ),
        "question": (
            "Does vanilla SGD, started from weights that fit random labels, end in a minimum that"
            " is worse than from random weights, and do regularizers lead out of it?"
        ),
        "source": _LIU,
        "runs": {
            "confusion": {
                "dataset": {"randomize": [{"name": "confusion", **start.confusion}]},
                "training": start.memorize,
            },
            "random": _matrix(cells),
            "adversarial": {"initialize_from": "confusion", **_matrix(cells)},
        },
        "expectations": [
            _fits(
                "confusion",
                "SGD fits the random labels, for every seed",
                "Liu et al.: it does",
                "confusion-fits",
            ),
            _fits(
                _cell("adversarial", (), cells),
                "From there, vanilla SGD fits the true labels, for every seed",
                "Liu et al.: it does",
                "adversarial-fits",
            ),
            _is_worse(start.quality, cells),
            *(_recovers(start.quality, cell) for cell in cells[1:]),
        ],
        "figures": _of_both_starts(start.quality, cells),
    }


def _pairs(regularizers: Sequence[str]) -> list[tuple[str, ...]]:
    """Return no regularizer and every pair of several; both of two, the one of one."""
    several = (
        list(itertools.combinations(regularizers, 2))
        if len(regularizers) > 2
        else [tuple(regularizers)]
    )
    return [(), *(cell for cell in several if cell)]


def _is_worse(quality: str, cells: Sequence[Sequence[str]]) -> Json:
    random, adversarial = (
        f"{_cell(run, (), cells)}.{quality}" for run in ("random", "adversarial")
    )
    longer = quality == "boundary_length"
    return {
        "id": "adversarial-is-worse",
        "title": (
            "Its boundary is longer than from random weights"
            if longer
            else "It tests worse than from random weights"
        ),
        "metric": f"{adversarial} - {random}" if longer else f"{random} - {adversarial}",
        "at_least": 0,
        "basis": "claim",
        "source": "Liu et al.: the minimum that it ends in is worse",
    }


def _recovers(quality: str, cell: Sequence[str]) -> Json:
    random, adversarial = (f"{run}[{_label(cell)}].{quality}" for run in ("random", "adversarial"))
    with_them = f"With {' and '.join(cell)}"
    expected = (
        {
            "title": f"{with_them} the boundary is about as short",
            "metric": f"{adversarial} / {random}",
            "at_most": 1.5,
        }
        if quality == "boundary_length"
        else {
            "title": f"{with_them} it tests about as well",
            "metric": f"{adversarial} - {random}",
            "at_least": -0.02,
        }
    )
    source = "a guess of how far it may be off; Liu et al. find that regularizers lead out of it"
    return {"id": f"{'-'.join(cell)}-recovers", **expected, "basis": "hypothesis", "source": source}


def _of_both_starts(quality: str, cells: Sequence[Sequence[str]]) -> list[Json]:
    runs = {"random initialization": "random", "adversarial initialization": "adversarial"}
    if len(cells) > 1:
        titles = {
            quality: quality.replace("_", " ").capitalize(),
            "relative_distance": "Relative distance travelled",
        }
        return [_by_cell(title, metric, runs) for metric, title in titles.items()]
    return [
        {"name": "history", "title": "Test accuracy", "metrics": ["test_accuracy"], "groups": runs}
    ]


def _randomization(choices: Choices) -> Json:
    start = starts.DATASETS[choices.dataset]
    cells: list[tuple[str, ...]] = [(), choices.regularizers] if choices.regularizers else [()]
    first = {run: _cell(run, (), cells) for run in ("true_labels", "half_random", "random_labels")}
    labels = {
        run: {"dataset": {"randomize": [{"name": "label_corruption", "probability": probability}]}}
        for run, probability in (("half_random", 0.5), ("random_labels", 1))
    }
    return {
        "title": (
            f"Does a {choices.model} fit random labels of {choices.dataset}? Say what you find"
        ),
        "question": (
            "Does the network fit labels that say nothing as it fits the true ones, and what is"
            " left of its test accuracy?"
        ),
        "source": _ZHANG,
        "runs": {
            "true_labels": _matrix(cells),
            **{
                run: {**labels[run], "training": start.memorize, **_matrix(cells)} for run in labels
            },
        },
        "expectations": [
            _fits(
                first["true_labels"],
                "The true labels are fitted, for every seed",
                "Zhang et al.: they are",
                "true-labels-fit",
            ),
            _fits(
                first["random_labels"],
                "Random labels are fitted too, for every seed",
                "Zhang et al.: they are, by the same network",
                "random-labels-fit",
            ),
            {
                "id": "nothing-is-learned",
                "title": (
                    "From random labels nothing is learned: the test accuracy is far below that"
                    " from true ones"
                ),
                "metric": (
                    f"{first['true_labels']}.test_accuracy - {first['random_labels']}.test_accuracy"
                ),
                "at_least": 0.1,
                "basis": "hypothesis",
                "source": "a guess of ten points; Zhang et al. find that it is that of chance",
            },
            {
                "id": "half-is-between",
                "title": "From half-random labels, less is learned than from true ones",
                "metric": (
                    f"{first['true_labels']}.test_accuracy - {first['half_random']}.test_accuracy"
                ),
                "at_least": 0,
                "basis": "hypothesis",
                "source": "a guess; Zhang et al. find that errors grow with the share of them",
            },
            *(each for cell in cells[1:] for each in _with_regularizers(cell)),
        ],
        "figures": [
            {
                "name": "history",
                "title": "Training accuracy",
                "metrics": ["train_accuracy"],
                "groups": {run.replace("_", " "): cell for run, cell in first.items()},
            }
        ],
    }


def _with_regularizers(cell: Sequence[str]) -> Iterator[Json]:
    """Yield what compares runs on each kind of labels with and without regularizers."""
    yield _helps("true_labels", cell)
    for run, labels in (("half_random", "half-random"), ("random_labels", "random")):
        yield {
            "id": f"{'-'.join(cell)}-still-fits-{labels}",
            "title": f"With {' and '.join(cell)} {labels} labels are fitted about as well",
            "metric": f"{run}[{_label(cell)}].train_accuracy - {run}[none].train_accuracy",
            "at_least": -0.1,
            "basis": "hypothesis",
            "source": (
                "a guess of ten points; Zhang et al. find that regularizers alone do not keep a"
                " network from fitting random labels"
            ),
        }


QUESTIONS: Mapping[str, Question] = {
    "regularizers": Question(_USUAL, _regularizers),
    "adversarial": Question(_USUAL, _adversarial),
    "randomization": Question((), _randomization),
    "plain": Question((), _plain),
}
"""By the names in `harness.authoring.names`."""
