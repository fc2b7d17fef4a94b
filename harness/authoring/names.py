"""What may be chosen for a first specification.

Nothing heavy is imported here, so that help and completion answer at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

QUESTIONS = {
    "regularizers": "what each regularizer changes",
    "adversarial": (
        "where SGD goes from weights that fit random labels (adversarial initialization)"
    ),
    "randomization": "whether random labels are fitted as the true ones are (randomization test)",
    "plain": "how well one network does",
}
"""What each question is for a person; `harness.authoring.questions` has what they make."""

REGULARIZERS = ("augmentation", "momentum", "l2", "dropout")

SHELLS = ("bash", "zsh", "fish")
"""For which a script of completion can be made."""


class NameList(click.ParamType[tuple[str, ...]]):
    """An option whose value is a comma-separated list of known names, or "none"."""

    name = "LIST"

    def __init__(self, choices: Sequence[str]) -> None:
        self.choices = choices

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the names in the order of the choices, or end with what is wrong."""
        if isinstance(value, tuple):
            return value
        names = [name.strip() for name in value.split(",") if name.strip() not in ("", "none")]
        for name in names:
            if name not in self.choices:
                self.fail(f"{name!r} is none of {', '.join(self.choices)}", param, ctx)
        return tuple(name for name in self.choices if name in names)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the last name of the list."""
        before, comma, last = incomplete.rpartition(",")
        return [
            CompletionItem(f"{before}{comma}{name}")
            for name in self.choices
            if name.startswith(last)
        ]
