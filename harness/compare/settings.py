"""Why two runs of the same name and seed are not the same run."""

from __future__ import annotations

from harness.compare.difference import key_alone
from harness.compare.records import Run
from harness.compare.reuse import NOT_ITS_SETTINGS, NOT_THIS_LANGUAGE, differences, told


def why(before: Run, after: Run) -> str:
    """Say what differs between two runs of different keys, as far as their settings are known."""
    if before.settings is None or after.settings is None:
        return key_alone(before, after)
    changed = differences(before.settings, after.settings)
    if changed is None:
        return NOT_THIS_LANGUAGE
    if changed:
        return told(changed)
    if before.parent != after.parent:
        return f"{after.settings['initialize_from']} changed, from which it starts"
    return NOT_ITS_SETTINGS
