"""Parts of one's own in settings and metrics of a run: found, checked and identified from files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.experiment import Component, Json, Metric, OwnPart, Settings
from harness.models.registry import architecture
from harness.own.calls import CallFault, find, misfits
from harness.own.kinds import (
    COMPARISON,
    DATASET,
    METRIC,
    MODEL,
    PYTHON,
    Kind,
    Place,
    changed,
)
from harness.own.registered import registered
from harness.own.sources import identified
from harness.spec.document import Pointer
from harness.spec.problems import unknown

_CALL, _PARAMETERS, _FILES = "call", "parameters", "files"

Folder = Callable[[Pointer, str], Path]
"""Gives the folder of the file that says a setting, by its place and value."""

Digest = Callable[[Path], str]
"""Gives the SHA-256 of a file, "" where it cannot be read."""

Found = tuple[Settings, list[tuple[Pointer, str]]]
FoundMetrics = tuple[tuple[Metric, ...], list[tuple[Pointer, str]]]


class OwnParts:
    """Identifies the parts of one's own of one specification, and reads each function once."""

    def __init__(self, digest: Digest) -> None:
        self._digest = digest
        self._known: dict[tuple[str, Path | None, tuple[str, ...]], OwnPart | CallFault] = {}

    def identified(self, settings: Settings, folder: Folder) -> Found:
        """Return the settings with what identifies own parts, and what is wrong with these."""
        faults: list[tuple[Pointer, str]] = []

        def change(kind: Kind, place: Place, component: Component) -> Component:
            own, found = self._looked_at(kind, place, component, folder)
            faults.extend(found)
            return replace(component, own=own)

        return changed(settings, change), faults

    def identified_metrics(self, metrics: Sequence[Metric], folder: Folder) -> FoundMetrics:
        """Return final metrics with what identifies own ones, and what is wrong with these."""
        faults: list[tuple[Pointer, str]] = []
        known: list[Metric] = []
        for index, metric in enumerate(metrics):
            kind = METRIC if metric.partner is None else COMPARISON
            own, found = self._looked_at(kind, ("metrics", index), metric, folder)
            faults.extend(found)
            known.append(replace(metric, own=own))
        return tuple(known), faults

    def _looked_at(
        self, kind: Kind, place: Place, part: Component | Metric, folder: Folder
    ) -> tuple[OwnPart | None, list[tuple[Pointer, str]]]:
        """Return what identifies a part, None where it is the harness's, and what is wrong."""
        try:
            own = self._own(kind, part, lambda call: folder((*place, _CALL), call))
        except CallFault as fault:
            return None, [((*place, *fault.at), _words(fault))]
        if own is None or part.name != PYTHON:
            return own, []
        return own, list(_mismatches(kind, place, part, own))

    def _own(
        self, kind: Kind, component: Component | Metric, folder: Callable[[str], Path]
    ) -> OwnPart | None:
        parameters = component.parameters
        if component.name == PYTHON:
            call = parameters[_CALL]
            listed = parameters.get(_FILES, ()) if kind is DATASET else ()
            files = tuple(str(Path(file).absolute()) for file in listed)
            return self._function(call, folder(call), files)
        known = registered(METRIC if kind is COMPARISON else kind).parts
        if component.name in known:
            return self._function(known[component.name].call, None, ())
        if kind is MODEL and (file := architecture(component.name).file) is not None:
            return self._file(file, parameters[file])
        return None

    def _function(self, call: str, folder: Path | None, files: tuple[str, ...]) -> OwnPart:
        asked = call, folder, files
        if asked not in self._known:
            try:
                self._known[asked] = identified(call, folder, files)
            except CallFault as fault:
                self._known[asked] = fault
            except OSError as error:
                message = f"{error.filename} cannot be read: {error.strerror}"
                self._known[asked] = CallFault((_FILES,), message)
        found = self._known[asked]
        if isinstance(found, CallFault):
            raise found
        return found

    def _file(self, parameter: str, path: str) -> OwnPart:
        digest = self._digest(Path(path))
        if not digest:
            raise CallFault((parameter,), f"there is no file {path} that can be read")
        return OwnPart(None, str(Path(path).absolute()), digest)


def _mismatches(
    kind: Kind, place: Place, component: Component | Metric, own: OwnPart
) -> Iterator[tuple[Pointer, str]]:
    """Yield what of a call does not go with the function."""
    given: Json = component.parameters[_PARAMETERS]
    names = [*given, *([_FILES] if own.files else [])]
    for fault in misfits(find(str(own.call), Path(own.place)), kind, names):
        yield (*place, *fault.at), _words(fault)


def _words(fault: CallFault) -> str:
    if not fault.allowed:
        return str(fault)
    return f"{unknown(fault.kind, fault.found, fault.allowed)}: {fault}"
