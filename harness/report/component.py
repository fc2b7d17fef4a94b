"""A component of the settings, such as a randomization, in a few words."""

from __future__ import annotations

from collections.abc import Sequence

from harness.experiment import Component


def component_words(component: Component) -> str:
    """Return the name and those parameters that fit into a cell: numbers, words and their lists."""
    parts = {
        key: value if isinstance(value, list) else [value]
        for key, value in component.parameters.items()
    }
    simple = {
        k: v
        for k, v in parts.items()
        if v and all(isinstance(item, str | int | float) for item in v)
    }
    inside = ", ".join(_parameter(key, value) for key, value in simple.items())
    return f"{component.name} ({inside})" if inside else component.name


def _parameter(name: str, value: Sequence[str | int | float]) -> str:
    if isinstance(value[0], bool):
        return name if value[0] else f"no {name}"
    return f"{name} {'-'.join(map(str, value))}"
