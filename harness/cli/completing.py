"""What a shell is told while a person types: quick, without a backend."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

_SHORT = 12
"""Characters of a key that are enough to name it, as in the list of runs."""


def paths(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Leave it to the shell, which knows files and folders."""
    return [CompletionItem(incomplete, type="file")]


def properties(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the path of a property of the language, one name further, with its title."""
    from harness.authoring.explain import names_below

    return [CompletionItem(name, help=title) for name, title in names_below(incomplete)]


def keys(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the key of a finished run, with its label; it is short until more of it is typed."""
    from harness.store.store import Store, StoreError

    store = Store(Path(context.params.get("store") or ".harness/store"))
    shown = None if len(incomplete) > _SHORT else _SHORT
    try:
        return [
            CompletionItem(key[:shown], help=label)
            for key, label in store.labels()
            if label is not None and key.startswith(incomplete)
        ]
    except StoreError:
        return []
