"""Final metrics of one's own: of predictions, and of the weights of two runs."""

import numpy as np
from scipy.special import log_softmax

from harness.measuring.found import Unmeasurable
from harness.measuring.trained import Trained
from harness.store.predictions import Predictions


def entropy(run: Predictions, *, base: float = 2.0) -> float:
    """Compute the mean entropy, over the test images, of the predicted probabilities.

    0 is certain of one class. All classes alike are log(classes): 1 for two, with the base 2.
    """
    if run.logits is None:
        raise Unmeasurable("the run kept no logits, as they take too much room")
    logs = log_softmax(run.logits.astype(np.float64), axis=1)
    return -(np.exp(logs) * logs).sum(axis=1).mean() / np.log(base)


def distance(run: Trained, other: Trained) -> float:
    """Compute the Euclidean distance of the trainable weights of two runs."""
    pairs = zip(run.weights.trainable, other.weights.trainable, strict=True)
    return float(np.sqrt(sum(np.square(one - two, dtype=np.float64).sum() for one, two in pairs)))
