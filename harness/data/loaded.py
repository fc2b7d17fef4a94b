"""What was loaded for a run, as it is recorded with its result."""

from __future__ import annotations

from harness.run_result import Loaded
from harness.system.json_value import Value


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
        version=value.member_or("version", None).text_or_none(),
        validation_examples=_count(value.member_or("validation_examples", 0)),
    )


def _count(value: Value) -> int:
    count = value.integer()
    if count < 0:
        raise value.wrong("a count")
    return count
