"""What a trained network says of every test image: its logits and the class that it predicts.

They are kept with a finished run in `predictions.npz`, so that two networks can be compared image
by image (`harness.judging.paired`). The file holds, in the order of the test set:

- `predicted`, uint16 [n]: the class, from the logits in full precision, as the test accuracy counts
  it;
- `labels`, uint16 [n]: those that the test accuracy was measured with;
- `logits`, float16 [n, outputs]: left out where they would take more than `LARGEST_LOGITS`. What
  float16 has no number for is the nearest that it has. Ties that rounding makes change nothing, as
  the predicted class is kept too;
- `test_set`, a text: a digest of which images these are, and in which order (`identity`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.experiment import Dataset

LARGEST_LOGITS = 2**24
"""Bytes of float16 above which logits are left out: 80,000 images of 100 classes take less.

The predicted classes and the labels are kept always, 4 bytes an image before they are compressed.
"""


class Disagreement(Exception):
    """The predicted classes give another test accuracy than was measured; the message has both."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What the file holds; `logits` is None where they were left out."""

    predicted: NDArray[np.uint16]
    labels: NDArray[np.uint16]
    logits: NDArray[np.float16] | None
    test_set: str

    @property
    def right(self) -> NDArray[np.bool_]:
        """Return which images are classified right, bool [n]."""
        return np.equal(self.predicted, self.labels, dtype=np.bool_)

    def summary(self) -> dict[str, int | str]:
        """Return what is there, as JSON.

        That is how many images, how many logits of each (0 where they were left out), and a digest
        of the test set.
        """
        outputs = 0 if self.logits is None else self.logits.shape[1]
        return {"images": len(self.labels), "logits": outputs, "test_set": self.test_set}


def gathered(
    batches: Iterable[NDArray[np.float32]],
    labels: NDArray[np.int32],
    test_set: str,
    accuracy: float | None,
) -> Predictions:
    """Gather the predictions of a test set, batch after batch.

    The class is that of the largest logit, of several the first; with one logit 1 where it is above
    0. Memory holds no more of the logits than is kept.

    Args:
        batches: The logits, float32 [b, outputs], in the order of the labels.
        labels: Those of the test set, int32 [n].
        test_set: Its `identity`.
        accuracy: The test accuracy that was measured.

    Raises:
        Disagreement: the predicted classes have another accuracy. A network whose logits are all
            but tied may come to this where two programs compute them, each with its own rounding.
    """
    predicted: list[NDArray[np.uint16]] = []
    kept: list[NDArray[np.float16]] | None = []
    for batch in batches:
        classes = np.argmax(batch, axis=1) if batch.shape[1] > 1 else batch[:, 0] > 0
        predicted.append(classes.astype(np.uint16))
        if kept is not None and 2 * len(labels) * batch.shape[1] <= LARGEST_LOGITS:
            kept.append(_halved(batch))
        else:
            kept = None
    found = Predictions(
        np.concatenate(predicted),
        labels.astype(np.uint16),
        np.concatenate(kept) if kept is not None else None,
        test_set,
    )
    right = int(np.count_nonzero(found.right))
    if accuracy is None or right / len(labels) != accuracy:
        raise Disagreement(
            f"at the end {right} of {len(labels)} test images are classified right, which is not"
            f" the test accuracy that was measured, {accuracy}: the network's logits are all but"
            " tied, and are rounded otherwise"
        )
    return found


def _halved(logits: NDArray[np.float32]) -> NDArray[np.float16]:
    largest = np.finfo(np.float16).max
    return np.clip(logits, -largest, largest).astype(np.float16)


def identity(dataset: Dataset, content: str | None, labels: NDArray[np.int32]) -> str:
    """Return a digest of which test images there are, in which order and with which labels.

    The images are named by the source and its parameters, by the content of its files where
    parameters do not fix it, and by how many of which classes are taken. What is done to an image
    before a network sees it, such as a permutation of its pixels or a crop, makes no other image of
    it.
    """
    named = {
        "source": dataset.source.identity,
        "content": content,
        "examples": dataset.test_examples,
    } | ({"classes": dataset.classes} if dataset.classes is not None else {})
    digest = hashlib.sha256(json.dumps(named, sort_keys=True).encode())
    digest.update(np.asarray(labels, "<i4").tobytes())
    return digest.hexdigest()


def save(path: Path, found: Predictions) -> None:
    """Write the file.

    Raises:
        OSError: it cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {
        "predicted": found.predicted,
        "labels": found.labels,
        "test_set": np.array(found.test_set),
    }
    if found.logits is not None:
        arrays["logits"] = found.logits
    with path.open("wb") as file:  # an open file, because NumPy would add a suffix to a path
        np.savez_compressed(file, allow_pickle=False, **arrays)
