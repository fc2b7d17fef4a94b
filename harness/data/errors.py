"""What goes wrong with data. Imports neither TensorFlow nor NumPy."""

from collections.abc import Sequence

from harness.errors import HarnessError
from harness.words import listed

Setting = tuple[str | int, ...]
"""The path of a setting within those of a data set: ("classes", 0)."""

_MOST_NAMED = 50


class DataError(HarnessError):
    """Data that are missing, damaged, or do not fit a specification.

    The message is for the person who has to mend them.
    """


class Unfit(DataError):
    """A setting of a data set does not go with its data, or with another of its settings."""

    def __init__(self, setting: Setting, message: str) -> None:
        super().__init__(setting, message)
        self.setting, self.message = setting, message

    def __str__(self) -> str:
        return self.message


class UnknownName(Unfit):
    """A setting of a data set names what its data do not have.

    Args:
        setting: the setting.
        kind: what is named, such as a split.
        found: the name.
        known: the names that there are.
        place: the file, folder or data set that has these.
    """

    def __init__(
        self, setting: Setting, kind: str, found: str, known: Sequence[str], place: str
    ) -> None:
        names = listed(known, _MOST_NAMED) or "none"
        super().__init__(setting, f"{place} has no {kind} {found}; it has {names}")
        self.kind, self.found, self.known = kind, found, tuple(known)
        self.args = setting, kind, found, self.known, place  # what another process makes it from
