"""The paths that `--set` names: whether there is such a setting, and which one is nearest."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from harness.experiment import Json
from harness.spec import schema
from harness.spec.document import Pointer
from harness.spec.patch import Assignment
from harness.spec.problems import nearest, usual
from harness.spec.schema import Schema
from harness.words import listed, plural

_MOST_NAMED = 20
"""So many settings or runs are named where none is near."""

_LONGEST_EXAMPLE = 60
"""Characters of an example in a message."""

_TWIN = 0.85
"""So similar, as difflib measures it, a name beside is meant before one elsewhere."""

_RUN = ("runs", "*")
_MATRIX_DEPTH = 2


class WrongPath(NamedTuple):
    """A path at which there is no setting, and what is right instead."""

    pointer: Pointer
    message: str


def wrong_paths(patch: Json, document: Json) -> Iterator[WrongPath]:
    """Yield the paths of an assignment that lead to no setting.

    Args:
        patch: The assignment, as a merge patch.
        document: What it changes.
    """
    written = patch.path if isinstance(patch, Assignment) else ()
    for path, value in _leaves(patch):
        found = _in_runs(path, value, document, written) or _wrong(path, document)
        if found is not None:
            yield found


def _leaves(patch: Json, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Json]]:
    if isinstance(patch, dict) and patch:
        for name, value in patch.items():
            yield from _leaves(value, (*at, name))
    elif at:
        yield at, patch


def _in_runs(
    path: tuple[str, ...], value: Json, document: Json, written: Sequence[str]
) -> WrongPath | None:
    """Return what is wrong with a path through a run: the run is not there, or an axis has dots."""
    runs = document.get("runs")
    if path[0] != "runs" or len(path) == 1 or not isinstance(runs, dict):
        return None
    _, run, *rest = path
    if run not in runs:
        if len(written) <= len(_RUN):  # all of a run is given at once: it is a new one
            return None
        near = nearest(run, runs)
        meant = f"; did you mean {'.'.join(['runs', near, *rest])}?" if near else ""
        there = listed(list(runs), _MOST_NAMED)
        return WrongPath(path, f"there is no run {run!r}{meant} (there are: {there})")
    axis = ".".join(rest[1:])
    known = [*((runs[run] or {}).get("matrix") or ()), *run_paths()]
    if rest[:1] != ["matrix"] or len(rest) <= _MATRIX_DEPTH or axis not in known:
        return None
    right = f"runs.{run}.matrix={schema.compact({axis: value})}"
    return WrongPath(
        path, f"the name of an axis has dots, which a path cannot write: --set '{right}'"
    )


def _wrong(path: tuple[str, ...], document: Json) -> WrongPath | None:
    parts: list[Schema] = [schema.definition("experiment")]
    for depth, name in enumerate(path):
        inner = _inside(parts, name)
        if not inner:
            return WrongPath(path, _message(parts, path, depth, document))
        parts = inner
    return None


def _inside(parts: Sequence[Schema], name: str) -> list[Schema]:
    """Return the schemas of a member, of whatever kind the object that has it may be."""
    applied = [each for part in parts for each in schema.every_part(part)]
    named = [each["properties"][name] for each in applied if name in each.get("properties", ())]
    others = [each.get("additionalProperties") for each in applied]
    return named or [each for each in others if isinstance(each, Mapping)]


def _message(parts: Sequence[Schema], path: tuple[str, ...], depth: int, document: Json) -> str:
    """Say what is wrong with a path that leads nowhere from a depth on."""
    before, name = ".".join(path[:depth]), path[depth]
    applied = [each for part in parts for each in schema.every_part(part)]
    if any("array" in schema.types(each) for each in applied):
        example = next((each["examples"][0] for each in applied if "examples" in each), None)
        shown = schema.compact(example)
        right = f", such as --set '{before}={shown}'" if len(shown) <= _LONGEST_EXAMPLE else ""
        item = _item(path, depth, document)
        return f"{before} is a list, which --set replaces as a whole{right}{item}"
    members = dict.fromkeys(each for one in applied for each in one.get("properties", ()))
    if not members:
        return f"{before} has no parts; did you mean {before}?"
    near = nearest_path(path, depth, members, document)
    if near:
        return f"there is no such setting; did you mean {near}?"
    there = listed(list(members), _MOST_NAMED)
    return (
        f"there is no such setting; {before or 'a specification'} has {there}, not {name!r}"
        " (explain lists what there is)"
    )


def _item(path: tuple[str, ...], depth: int, document: Json) -> str:
    """Return a clause on the item of a list that a path means, "" where it means none."""
    items: Json = functools.reduce(
        lambda value, part: value.get(part) if isinstance(value, dict) else None,
        path[:depth],
        document,
    )
    if not isinstance(items, list):
        return ""
    ids = [str(item.get("id", "")) if isinstance(item, dict) else "" for item in items]
    name = path[depth]
    if not name.isdigit():
        near = nearest(name, [each for each in ids if each])
        return f"; {near!r} is one of its items: change that in the file" if near else ""
    if int(name) >= len(items):
        return f"; this one has {plural(len(items), 'item')}"
    called = f", {ids[int(name)]!r}," if ids[int(name)] else ""
    return f"; change its item {name}{called} in the file"


def nearest_path(
    path: Sequence[str], depth: int, members: Mapping[str, None], document: Json
) -> str | None:
    """Return the path of the setting that was probably meant, or None.

    Args:
        path: What was written.
        depth: From where on it leads nowhere.
        members: What stands there instead.
        document: What is changed, which has the runs.
    """
    path = [*path[:-1], usual(path[-1])]
    first, *rest = path
    if first in (document.get("runs") or ()):
        return ".".join(["runs", *path]) if ".".join(rest) in run_paths() else f"runs.{first}"
    known = list(_paths("experiment"))
    if first == "runs":
        known = [f"runs.{path[1]}.{each}" for each in ("matrix", *run_paths())]
    found = _twin(path, depth, members, known) or _elsewhere(path, depth, known)
    if found is not None:
        return found
    near = nearest(path[depth], members)
    if near is not None:
        meant = ".".join([*path[:depth], near, *path[depth + 1 :]])
        if meant in known:
            return meant
    whole = ".".join(path)
    similar = difflib.get_close_matches(whole, _ends(known, len(path)), n=1, cutoff=0.7)
    if similar:
        return _ends(known, len(path))[similar[0]]
    by_last = nearest_setting(path[-1])
    if by_last is not None:
        return f"runs.{path[1]}.{by_last}" if first == "runs" else f"defaults.{by_last}"
    return None if near is None else ".".join([*path[:depth], near])


def _twin(
    path: Sequence[str], depth: int, members: Mapping[str, None], known: Sequence[str]
) -> str | None:
    """Return the path with a name beside that is all but the one written; None without any."""
    twins = difflib.get_close_matches(path[depth], members, n=1, cutoff=_TWIN)
    meant = [".".join([*path[:depth], twin, *path[depth + 1 :]]) for twin in twins]
    return next((each for each in meant if each in known), None)


def _elsewhere(path: Sequence[str], depth: int, known: Sequence[str]) -> str | None:
    """Return the shortest path that has what was written, or the end of it, in another place."""
    for start in range(depth + 1):
        beginning = "".join(f"{each}." for each in path[:start])
        tail = ".".join(path[start:])
        found = _shortest(f"{beginning}{each}" for each in _tails(known, beginning, tail))
        if found is not None:
            return found
    return None


def _tails(known: Sequence[str], beginning: str, tail: str) -> Iterator[str]:
    """Yield what follows a beginning in the known paths that have it and end with a tail."""
    for each in known:
        rest = each.removeprefix(beginning)
        if (rest != each or not beginning) and rest.endswith(f".{tail}"):
            yield rest


def _shortest(paths: Iterable[str]) -> str | None:
    return min(paths, key=lambda each: each.count("."), default=None)


def _ends(known: Sequence[str], length: int) -> dict[str, str]:
    """Return the shortest known path by its last names, as many as there were written."""
    longest_first = sorted(known, key=lambda each: -each.count("."))
    return {
        ".".join(each.split(".")[-length:]): each
        for each in longest_first
        if each.count(".") >= length - 1
    }


def nearest_setting(written: str) -> str | None:
    """Return the path of a run's setting that was probably meant by what names an axis."""
    written = ".".join([*written.split(".")[:-1], usual(written.rpartition(".")[2])])
    known = run_paths()
    found = _shortest(each for each in known if each.endswith(f".{written}"))
    if found is not None:
        return found
    ends = _ends(known, written.count(".") + 1)
    near = nearest(written.rpartition(".")[2], ends, 0.7) or nearest(written, ends, 0.7)
    return None if near is None else ends[near]


def run_paths() -> tuple[str, ...]:
    """Return the dotted paths of all settings of a run."""
    return _paths("run")


@functools.cache
def _paths(definition: str) -> tuple[str, ...]:
    return tuple(schema.paths(schema.definition(definition)))
