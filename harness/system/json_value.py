"""Values of JSON files, each read as the type that it must have, with its place in messages."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from harness.experiment import Json

_LONGEST = 40
"""Characters of a value that a message shows."""


class WrongForm(ValueError):
    """A file does not hold what it should; the message says where, and what was expected."""


def parse(content: bytes) -> Value:
    """Parse strict JSON in UTF-8: no NaN, no infinity, and only text that can be written again.

    Raises:
        WrongForm: it is something else.
    """
    try:
        value = json.loads(content.decode(), parse_constant=_no_number, parse_float=_finite)
        check_text(value, content)
    except RecursionError as error:
        raise WrongForm("it is no JSON: it is nested too deeply") from error
    except ValueError as error:
        raise WrongForm(f"it is no JSON: {error}") from error
    return Value(value)


def check_text(value: Json, content: bytes) -> None:
    """Check that all text of a value can be written again; `content` is what it was read from.

    Raises:
        ValueError: some is half of a surrogate pair, which is no text.
    """
    if b"\\u" in content:  # it can only be written so
        json.dumps(value, ensure_ascii=False).encode()


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _finite(digits: str) -> float:
    number = float(digits)
    if abs(number) > sys.float_info.max:
        raise ValueError(f"the number {digits[:_LONGEST]} is too large")
    return number


@dataclass(frozen=True)
class Value:
    """A value and its place in the file, such as `runs.one.0`."""

    value: Json
    place: str = ""

    def member(self, name: str) -> Value:
        """Return a member of an object.

        Raises:
            WrongForm: this is no object, or it has no such member.
        """
        members = self._of(dict, "an object")
        if name not in members:
            raise WrongForm(f"{self._inside(name)} is missing")
        return Value(members[name], self._inside(name))

    def member_or(self, name: str, default: Json) -> Value:
        """Return a member of an object, or a default where it has none of that name.

        Raises:
            WrongForm: this is no object.
        """
        return Value(self._of(dict, "an object").get(name, default), self._inside(name))

    def has(self, name: str) -> bool:
        """Tell whether an object has a member of that name.

        Raises:
            WrongForm: this is no object.
        """
        return name in self._of(dict, "an object")

    def members(self) -> Iterator[tuple[str, Value]]:
        """Yield the members of an object with their names.

        Raises:
            WrongForm: this is none.
        """
        for name, value in self._of(dict, "an object").items():
            yield name, Value(value, self._inside(name))

    def items(self) -> Iterator[Value]:
        """Yield the items of an array.

        Raises:
            WrongForm: this is none.
        """
        for index, value in enumerate(self._of(list, "an array")):
            yield Value(value, self._inside(str(index)))

    def object(self) -> dict[str, Json]:
        """Return an object as it is, whatever its members hold.

        Raises:
            WrongForm: this is none.
        """
        return dict(self._of(dict, "an object"))

    def text(self) -> str:
        """Return a string.

        Raises:
            WrongForm: this is none.
        """
        return str(self._of(str, "a string"))

    def flag(self) -> bool:
        """Return true or false.

        Raises:
            WrongForm: this is neither.
        """
        return bool(self._of(bool, "true or false"))

    def number(self) -> float:
        """Return a finite number, an integer as an integer; true and false are none.

        Raises:
            WrongForm: this is none.
        """
        number = self.value
        real = isinstance(number, int | float) and not isinstance(number, bool)
        if not real or not abs(number) <= sys.float_info.max:
            raise self.wrong("a number")
        return float(number) if isinstance(number, float) else int(number)

    def integer(self) -> int:
        """Return an integer that a float holds too.

        Raises:
            WrongForm: this is none.
        """
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.wrong("an integer")
        return int(self.number())

    def number_or_none(self) -> float | None:
        """Return a number, or None for null.

        Raises:
            WrongForm: this is neither.
        """
        return None if self.value is None else self.number()

    def text_or_none(self) -> str | None:
        """Return a string, or None for null.

        Raises:
            WrongForm: this is neither.
        """
        return None if self.value is None else self.text()

    def wrong(self, expected: str) -> WrongForm:
        """Return the fault that this is not what was expected."""
        shown = json.dumps(self.value, default=str)
        shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."
        return WrongForm(f"at {self.place or 'the top'} expected {expected}, found {shown}")

    def _of(self, kind: type, words: str) -> Json:
        if not isinstance(self.value, kind):
            raise self.wrong(words)
        return self.value

    def _inside(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name
