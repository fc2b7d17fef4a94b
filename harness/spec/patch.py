"""JSON Merge Patch (RFC 7396): the one way in which parts of a specification combine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from harness.experiment import Json
from harness.spec import document
from harness.spec.problems import shortened


class Assignment(dict[str, Json]):
    """The merge patch that `PATH=VALUE` makes; `path` has the names that were written."""

    def __init__(self, path: Sequence[str], value: Json) -> None:
        super().__init__(nest(path, value))
        self.path = tuple(path)


def merge_patch(target: Json, patch: Json) -> Json:
    """Return `target` changed by `patch`, as RFC 7396 section 2 defines it; neither is modified."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def without_nulls(value: Json) -> Json:
    """Return a document as it acts: without the members that are null."""
    return merge_patch({}, value)


def nest(path: Sequence[str], value: Json) -> Json:
    """Return the patch that sets `value` at `path`: `nest(["a", "b"], 1)` is `{"a": {"b": 1}}`."""
    for name in reversed(path):
        value = {name: value}
    return value


def parse_assignment(text: str) -> Json:
    """Turn `a.b=VALUE` into a merge patch; VALUE is JSON, or else taken as a plain string.

    Raises:
        ValueError: there is no `=`, a name of the path is empty, there are too many, or the text is
            not UTF-8.
    """
    if not text.encode(errors="replace").decode() == text:
        raise ValueError(f"expected UTF-8, found {text!r}")
    path, equals, value = text.partition("=")
    names = path.split(".")
    if not equals or not all(names):
        raise ValueError(
            "expected PATH=VALUE, such as defaults.training.epochs=3, found"
            f" {shortened(text, 100)!r}"
        )
    if len(names) > document.DEEPEST:
        raise ValueError(f"the path has {len(names):,} names, {document.DEEPEST} is the most")
    try:
        return Assignment(names, document.parse(Path("--set"), value).value)
    except document.SyntaxProblem:
        return Assignment(names, value)


def assignments(patch: Json, path: tuple[str, ...] = ()) -> list[str]:
    """Return a merge patch as `a.b=VALUE`, one for each value.

    Together they are what `parse_assignment` reads as the same patch.
    """
    if (
        isinstance(patch, dict)
        and patch
        and not any(set(".=") & set(name) or not name for name in patch)
    ):
        return [each for name, value in patch.items() for each in assignments(value, (*path, name))]
    return [f"{'.'.join(path)}={_value(patch)}"]


def _value(value: Json) -> str:
    """Return a value as it may stand behind the `=`.

    A text has no quotes, unless it would be read as other JSON without them.
    """
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not isinstance(value, str):
        return written
    try:
        document.parse(Path("--set"), value)
    except document.SyntaxProblem:
        return value
    return written


def compose(first: Json, second: Json) -> Json:
    """Return the one patch that does what `first` and then `second` do.

    Nulls of both are kept, to act later. Only an object over a null differs: it changes what the
    null would have taken away, instead of replacing it.
    """
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return second
    both = {name: compose(first[name], second[name]) for name in first.keys() & second.keys()}
    return {**first, **second, **both}
