"""How many steps, epochs and examples the training of a run has, from its settings."""

from __future__ import annotations

from harness.experiment import Training


def examples_a_step(training: Training) -> int:
    """Return how many examples make a whole step."""
    return training.batch_size * training.accumulate


def images_an_epoch(training: Training, examples: int) -> int:
    """Return how many of the training examples the steps of an epoch see."""
    rest = examples % examples_a_step(training)
    return examples - (rest if training.last_batch == "drop" else 0)


def steps_an_epoch(training: Training, examples: int) -> int:
    """Return how many optimizer steps a whole epoch has; the last may have fewer examples."""
    return -(-images_an_epoch(training, examples) // examples_a_step(training))


def most_steps(training: Training, examples: int) -> int:
    """Return how many optimizer steps there are at most."""
    if training.epochs is None:
        return training.steps or 0
    return training.epochs * steps_an_epoch(training, examples)


def most_epochs(training: Training, examples: int) -> int:
    """Return how many epochs there are at most; one that the budget cuts short counts."""
    if training.epochs is not None:
        return training.epochs
    return -(-(training.steps or 0) // max(1, steps_an_epoch(training, examples)))


def images(training: Training, examples: int, steps: int) -> int:
    """Return how many training examples so many steps see, the first of them an epoch's first."""
    epochs, more = divmod(steps, max(1, steps_an_epoch(training, examples)))
    return epochs * images_an_epoch(training, examples) + more * examples_a_step(training)
