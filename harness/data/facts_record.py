"""The record of what is known of a data set's examples before they are loaded.

Nothing here imports TensorFlow or NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.data.class_subset import Wanted, index_of

Sizes = tuple[tuple[int, ...], tuple[int, ...]]
"""How many examples of each class are for training, and how many for testing."""


@dataclass(frozen=True)
class Facts:
    """A data set's input shape (None where only the data tell), classes and numbers of examples.

    Args:
        shape: that of one input.
        classes: how many there are.
        train_examples: how many there are for training; None where only loading tells.
        test_examples: the same for testing.
        names: those of the classes, in the order of their labels; None where they are not known.
        sizes: how many examples of each class are for training, and how many for testing; None
            where `count_sizes` tells, or nothing does.
        count_sizes: counts the same in files, which may take a while; None where it cannot.
    """

    shape: tuple[int, ...] | None
    classes: int
    train_examples: int | None
    test_examples: int | None
    names: tuple[str, ...] | None = field(default=None, compare=False)
    sizes: Sizes | None = field(default=None, compare=False)
    count_sizes: Callable[[], Sizes | None] | None = field(default=None, compare=False, repr=False)

    def of_classes(self, wanted: Wanted | None) -> Facts:
        """Return the facts of some classes alone; those of an unknown class are not known.

        None takes all classes.
        """
        if wanted is None:
            return self
        found = [index_of(each, self.names or ()) for each in wanted]
        places = [place for place in found if place is not None]
        sizes = self.count_sizes() if self.count_sizes is not None else self.sizes
        if sizes is None or len(places) < len(wanted):
            return Facts(self.shape, len(wanted), None, None)
        train, test = (tuple(part[place] for place in places) for part in sizes)
        names = tuple((self.names or ())[place] for place in places)
        return Facts(self.shape, len(wanted), sum(train), sum(test), names, (train, test))
