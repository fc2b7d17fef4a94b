"""JSON as a person would lay it out: what is short on one line, what is long a member a line."""

from __future__ import annotations

import json

from harness.experiment import Json
from harness.spec.schema import compact

_WIDTH = 100


def laid_out(value: Json, indent: int = 0, before: int = 0) -> str:
    """Return JSON text, indented by two.

    Args:
        value: To be written.
        indent: How far the lines after the first are indented.
        before: How many characters stand on the first line before it.
    """
    short = compact(value)
    if (
        not isinstance(value, dict | list)
        or not value
        or (indent and indent + before + len(short) <= _WIDTH)
    ):
        return short
    inner = indent + 2
    if isinstance(value, dict):
        names = [json.dumps(name, ensure_ascii=False) + ": " for name in value]
        lines = [
            name + laid_out(item, inner, len(name))
            for name, item in zip(names, value.values(), strict=True)
        ]
        start, end = "{}"
    else:
        lines, (start, end) = [laid_out(item, inner) for item in value], "[]"
    body = f",\n{' ' * inner}".join(lines)
    return f"{start}\n{' ' * inner}{body}\n{' ' * indent}{end}"
