"""Say which settings of a run changed, and why it is not the run that it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from harness.compare.records import RunRecord
from harness.experiment import Json, OwnPart, parent_of
from harness.own.records import own_parts
from harness.plan import ConcreteRun, Plan
from harness.spec import schema
from harness.store.run_files import Origin

SETTINGS_UNCHANGED = "its data changed, or the harness computes it in another way now"
OTHER_LANGUAGE = "its settings were written in another version of the language"

_MOST = 3
_ABSENT = object()


def why_run_again(plan: Plan, run: ConcreteRun, kept: Sequence[Origin]) -> str | None:
    """Say how a run differs from the stored one that it replaces; None where it was never run.

    Of the `kept` runs of the same experiment, name and seed, the one that differs in the fewest
    settings is compared.
    """
    place = (run.experiment, run.run.name, run.seed)
    own = [each for each in kept if (each.experiment, each.run, each.seed) == place]
    if not own:
        return None
    found = [
        changed
        for each in own
        if (changed := changed_settings(each.settings, run.run.resolved)) is not None
    ]
    if not found:
        return OTHER_LANGUAGE
    fewest = min(found, key=len)
    if not fewest and run.parent is not None and run.parent not in {each.parent for each in own}:
        return f"{run.run.initialize_from} changed, from which it starts"
    if fewest:
        return changed_sentence(fewest)
    of_same = [each for each in own if changed_settings(each.settings, run.run.resolved) == []]
    return _changed_code(of_same[-1].own, own_parts(run.run.settings)) or SETTINGS_UNCHANGED


def _changed_code(before: Mapping[str, OwnPart], after: Mapping[str, OwnPart]) -> str | None:
    """Say which parts of one's own have other code now, or None."""
    changed = [
        f"the {'code of ' if now.call else 'file of '}{place}, {now.call or now.place},"
        for place, now in after.items()
        if place in before and before[place].identity != now.identity
    ]
    return changed_sentence(changed) if changed else None


def why_keys_differ(before: RunRecord, after: RunRecord) -> str:
    """Say what differs between two runs of different keys, as far as their settings are known."""
    if before.settings is None or after.settings is None:
        return unknown_settings_changed(before, after)
    changed = changed_settings(before.settings, after.settings)
    if changed is None:
        return OTHER_LANGUAGE
    if changed:
        return changed_sentence(changed)
    if before.parent != after.parent:
        parent = parent_of(after.settings["initialize_from"])
        return f"{parent} changed, from which it starts"
    return SETTINGS_UNCHANGED


def unknown_settings_changed(before: RunRecord, after: RunRecord) -> str:
    """Say what a different key means where the settings are not known."""
    return "its settings, its data or what it starts from changed"


def changed_sentence(changed: Sequence[str]) -> str:
    """Say in one sentence which settings changed; at least one did."""
    rest = len(changed) - _MOST
    return " and ".join(changed[:_MOST]) + (f" and {rest} more" if rest > 0 else "") + " changed"


def changed_settings(before: Mapping[str, Json], after: Mapping[str, Json]) -> list[str] | None:
    """Return the settings that differ between two runs, each by its path with both of its values.

    A setting that was not yet in the language when a run was made has its default; a setting that
    decides nothing is left out. None where one of the two is not in this language.
    """
    complete = schema.definition("complete_run")
    filled = [schema.fill_defaults(complete, dict(each)) for each in (before, after)]
    sections = schema.Sections()
    if any(sections.faults(each) for each in filled):
        return None
    old, new = (dict(_leaves(_without_unused(each))) for each in filled)
    return [
        f"{path} ({_shown(old.get(path, _ABSENT))} -> {_shown(new.get(path, _ABSENT))})"
        for path in dict.fromkeys([*old, *new])
        if old.get(path, _ABSENT) != new.get(path, _ABSENT)
    ]


def _without_unused(settings: Json) -> Json:
    """Return the settings without those that decide nothing, such as an unused strength."""
    on = settings["regularizers"]
    strengths = {name: value for name, value in settings["strengths"].items() if name in on}
    acting = {**settings, "strengths": strengths, "regularizers": sorted(on)}
    if settings["initialize_from"] is not None:
        del acting["initialization"]
    return acting


def _leaves(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else name)
    else:
        yield path, value


def _shown(value: object) -> str:
    return "nothing" if value is _ABSENT else json.dumps(value)
