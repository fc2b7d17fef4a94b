"""Pack the settings of an experiment's runs for a file: what all share, and the rest of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.experiment import Json

Settings = Mapping[str, Mapping[str, Json]]
"""The complete JSON that the settings of each run were read from (`RunSpec.resolved`), by run."""

_Path = tuple[str, ...]


def pack(settings: Settings) -> dict[str, Json]:
    """Return `common`, the members that are the same in every run, and `runs`, the rest of each."""
    leaves = {run: list(_leaves(of)) for run, of in settings.items()}
    first, *others = leaves.values() if leaves else [[]]
    common = [leaf for leaf in first if all(leaf in other for other in others)]
    return {
        "common": _tree(common),
        "runs": {
            run: _tree([leaf for leaf in of if leaf not in common]) for run, of in leaves.items()
        },
    }


def unpack(document: Json) -> dict[str, dict[str, Json]]:
    """Return the whole settings of every run.

    Raises:
        ValueError: it is not what `pack` returns.
    """
    parts = [
        document.get(name) if isinstance(document, dict) else None for name in ("common", "runs")
    ]
    common, runs = parts
    if (
        not isinstance(common, dict)
        or not isinstance(runs, dict)
        or not all(isinstance(of, dict) for of in runs.values())
    ):
        raise ValueError("its settings must be objects: `common`, and one for each of `runs`")
    return {run: _tree([*_leaves(common), *_leaves(of)]) for run, of in runs.items()}


def _leaves(value: Mapping[str, Json], path: _Path = ()) -> Iterator[tuple[_Path, Json]]:
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _leaves(item, (*path, name))
        else:
            yield (*path, name), item


def _tree(leaves: list[tuple[_Path, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for (*holders, name), item in leaves:
        place = found
        for holder in holders:
            place = place.setdefault(holder, {})
            if not isinstance(place, dict):
                raise ValueError(f"its settings say two things of {'.'.join(holders)}")
        place[name] = item
    return found
