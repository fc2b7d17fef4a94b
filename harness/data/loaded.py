"""What was loaded for a run, as it is recorded with its result."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from harness.spec.records import Json
from harness.typed import Value


@dataclass(frozen=True)
class Loaded:
    """How many examples of which classes a run was given, before its training set was randomized.

    `content` identifies the content of the data set, None where its parameters do.
    """

    train_examples: int
    test_examples: int
    classes: tuple[str, ...]
    content: str | None = None

    def to_json(self) -> Json:
        """Return the record as JSON."""
        return {**asdict(self), "classes": list(self.classes)}


def loaded(value: Value) -> Loaded:
    """Return the record that JSON holds.

    Raises:
        WrongForm: it is none.
    """
    return Loaded(
        train_examples=_count(value.member("train_examples")),
        test_examples=_count(value.member("test_examples")),
        classes=tuple(name.text() for name in value.member("classes").items()),
        content=value.member_or("content", None).text_or_none(),
    )


def _count(value: Value) -> int:
    count = value.integer()
    if count < 0:
        raise value.wrong("a count")
    return count
