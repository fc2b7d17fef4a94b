"""Which finished runs of a store a person names: by specifications, keys or patterns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.cli.options import Selection
from harness.cli.stored_runs import matches
from harness.data import catalog
from harness.runner.looks import plan_all
from harness.store.store import DamagedRun, Store, StoreError
from harness.system import machine

_KEY = re.compile("[0-9a-f]{4,64}")
"""Text that is taken for the beginning of a key where a run has it."""


def chosen(store: Store, what: Sequence[str], allow_python: bool) -> list[str]:
    """Return the keys of the finished runs that are named, sorted; all where nothing is.

    Raises:
        SpecError: a specification has faults.
        StoreError: something names no finished run.
    """
    if not what:
        return store.keys()
    paths = [each for each in what if Path(each).exists()]
    found = set(_planned(store, paths, allow_python))
    for each in what:
        if each not in paths:
            found |= _named(store, each)
    return sorted(found)


def _planned(store: Store, paths: Sequence[str], allow_python: bool) -> list[str]:
    """Return the finished runs of specifications, with all seeds that they may come to have."""
    if not paths:
        return []
    selection = Selection(tuple(map(Path, paths)), store.root, allow_python=allow_python)
    plan = plan_all(selection.load(), catalog.data_dir(), machine.gpus())
    found = [key for key in plan.runs if store.done(key)]
    if not found:
        raise StoreError(f"no run of {', '.join(paths)} is finished in the store {store.root}")
    return found


def _named(store: Store, what: str) -> set[str]:
    keys = store.keys()
    if _KEY.fullmatch(what) and any(key.startswith(what) for key in keys):
        return {store.find(what)}
    found = set(store.origins(lambda label: matches(label, what)))
    if not found:
        raise StoreError(
            f"{what!r} is no file, no key and no part of a label of a run in the store {store.root}"
        )
    return found


def with_ancestors(store: Store, keys: Sequence[str]) -> list[str]:
    """Return runs with those that they start from, and so on, as far as they are in the store."""
    found: set[str] = set()
    for key in keys:
        following: str | None = key
        while following is not None and following not in found and store.done(following):
            found.add(following)
            try:
                following = store.origin(following).parent
            except DamagedRun:
                following = None
    return sorted(found)
