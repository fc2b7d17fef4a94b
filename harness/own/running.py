"""Importing the functions that a specification calls, once a run is made."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import HarnessError
from harness.experiment import Json, OwnPart
from harness.own.calls import CallFault, find
from harness.own.sources import folder_of, identified


class OwnPartError(HarnessError):
    """A part of one's own cannot be used, or is not what it should be."""


class _Beside(str):
    """A folder of a specification, where Python looks for modules first while its parts run.

    `names` are those of the modules that were imported from it, and `digests` tell by which code,
    by the modules of the functions.
    """

    names: set[str]
    digests: dict[str, str]


@functools.lru_cache(maxsize=32)
def function(part: OwnPart) -> Callable[..., Any]:
    """Import the function of a part, after checking that its code is what the run's key names.

    The folder of the specification comes first among those that Python looks in, and modules of
    another specification's folder are forgotten: two specifications may have modules of one name.

    Raises:
        OwnPartError: the code was changed since, or cannot be imported.
    """
    assert part.call is not None
    check_unchanged(part)
    module, _, name = part.call.partition(":")
    found = _imported(module, part)
    path = find(part.call, folder_of(part)).path
    if os.path.realpath(str(found.__file__)) != os.path.realpath(path):
        raise OwnPartError(
            f"{path} cannot be imported: Python has another module {module} already,"
            f" {found.__file__}; give yours another name"
        )
    called: Callable[..., Any] = getattr(found, name)
    return called


def check_unchanged(part: OwnPart) -> None:
    """See that the code of a part, and the files that it reads, are what the run's key names.

    Raises:
        OwnPartError: they are not.
    """
    try:
        now = identified(str(part.call), folder_of(part), part.files)
    except (CallFault, OSError) as error:
        raise OwnPartError(f"{part.call} cannot be used: {error}") from error
    if now.identity != part.identity:
        raise OwnPartError(
            f"the code of {part.call} is not what it was when the run was planned: run again when"
            " it stays as it is"
        )


def _imported(module: str, part: OwnPart) -> ModuleType:
    """Import a module with its part's folder first among those that Python looks in.

    What was imported from there before the code was edited is forgotten.
    """
    beside = _brought_to_the_front(part.place)
    if beside.digests.get(module, part.sha256) != part.sha256:
        _forget(beside)
    beside.digests[module], before = part.sha256, set(sys.modules)
    _forget_builders()
    try:
        return importlib.import_module(module)
    except Exception as error:
        raise OwnPartError(
            f"{module} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    finally:
        new = {name: sys.modules[name] for name in sys.modules.keys() - before}
        beside.names.update(name for name, each in new.items() if _lies_in(each, part.place))


def _brought_to_the_front(folder: str) -> _Beside:
    """Let Python look in a folder first, and in no other specification's folder."""
    for other in [each for each in sys.path if isinstance(each, _Beside)]:
        if other == folder:
            return other
        sys.path.remove(other)
        _forget(other)
    beside = _Beside(folder)
    beside.names, beside.digests = set(), {}
    if folder:
        sys.path.insert(0, beside)
    return beside


def _forget(beside: _Beside) -> None:
    for name in beside.names:
        sys.modules.pop(name, None)
    beside.names, beside.digests = set(), {}


def _forget_builders() -> None:
    """Let TFDS forget the builders of modules that are forgotten.

    It has no function for this, and refuses a second builder of a name.
    """
    registry = vars(sys.modules.get("tensorflow_datasets.core.registered", object)).get(
        "_DATASET_REGISTRY", {}
    )
    for name in [name for name, each in registry.items() if each.__module__ not in sys.modules]:
        del registry[name]


def _lies_in(module: ModuleType, folder: str) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and bool(folder) and Path(file).is_relative_to(folder)


def keywords(part: OwnPart, settings: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return what a function of one's own is given by name, by the settings of its part.

    One that the specification names is given the settings' `parameters`, and the files that it
    reads, one that a package registers all settings.
    """
    if settings.get("call") != part.call:
        return settings
    files = {"files": list(part.files)} if part.files else {}
    return {**settings["parameters"], **files}
