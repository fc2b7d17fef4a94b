"""What was loaded for a run, as it is recorded with its result."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, TypeGuard

from harness.spec.records import Json


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


def loaded_from_json(value: Any) -> Loaded:
    """Return the record that JSON holds.

    Raises:
        ValueError: it is none.
    """
    record = value if isinstance(value, dict) else {}
    train, test = record.get("train_examples"), record.get("test_examples")
    classes, content = record.get("classes"), record.get("content")
    if (
        not (_is_count(train) and _is_count(test))
        or not isinstance(classes, list)
        or not all(isinstance(name, str) for name in classes)
        or not (content is None or isinstance(content, str))
    ):
        raise ValueError("it says nothing of the data that can be understood")
    return Loaded(train, test, tuple(classes), content)


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
