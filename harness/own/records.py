"""What identifies the parts of one's own of a run, as the store keeps it with the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.experiment import Component, OwnPart, Settings
from harness.own.kinds import Kind, Place, changed, parts
from harness.system.json_value import Value


def own_parts(settings: Settings) -> dict[str, OwnPart]:
    """Return what identifies the parts that are not the harness's, by their dotted places."""
    return {_dotted(place): part.own for _, place, part in parts(settings) if part.own is not None}


def with_own_parts(settings: Settings, own: Mapping[str, OwnPart]) -> Settings:
    """Return settings with what identifies the parts at some places."""

    def change(kind: Kind, place: Place, component: Component) -> Component:
        return replace(component, own=own.get(_dotted(place)))

    return changed(settings, change)


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))


def own_part(value: Value) -> OwnPart:
    """Return the record that JSON holds.

    Raises:
        WrongForm: it is none.
    """
    return OwnPart(
        call=value.member("call").text_or_none(),
        place=value.member("place").text(),
        sha256=value.member("sha256").text(),
        distribution=value.member("distribution").text_or_none(),
        files=tuple(each.text() for each in value.member("files").items()),
    )
