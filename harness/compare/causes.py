"""Name what changed between two measurements and may explain their difference, likeliest first.

A changed setting goes before changed code, that before another version of a package, and that
before another device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.compare.setting_changes import OTHER_LANGUAGE, changed_settings
from harness.experiment import parent_of
from harness.report.packed_settings import Settings
from harness.system.machine import BACKENDS

_PACKAGES = ("keras", "numpy", "python", "tensorflow-datasets", *BACKENDS)
_MOST = 3


def setting_causes(before: Settings, after: Settings) -> list[str]:
    """Say which settings changed and in which runs, of the runs that both sides have."""
    runs = [run for run in after if run in before]
    found: dict[str, list[str]] = {}
    for run in runs:
        for sentence in _changed(before[run], after[run]):
            found.setdefault(sentence, []).append(run)
    ordered = sorted(found.items(), key=lambda pair: -len(pair[1]))
    return [f"{sentence} in {_runs(names, len(runs))}" for sentence, names in ordered]


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    if before == after:
        return []
    changed = changed_settings(before, after)
    return [OTHER_LANGUAGE] if changed is None else [f"{each} changed" for each in changed]


def _runs(names: Sequence[str], total: int) -> str:
    if len(names) == total > 1:
        return f"all {total} runs"
    rest = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {rest} more" if rest > 0 else "")


def runs_with_changed_settings(before: Settings, after: Settings) -> frozenset[str]:
    """Return the runs whose settings changed, or those of a run that they start from."""
    found = {run for run in after if run in before and _changed(before[run], after[run])}
    while True:
        follow = {
            run
            for run, of in after.items()
            if run in before and parent_of(of.get("initialize_from")) in found
        } - found
        if not follow:
            return frozenset(found)
        found |= follow


def code_causes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Say which modules' digests changed, where both sides recorded any."""
    if not before or not after:
        return []
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    rest = len(changed) - _MOST
    named = ", ".join(changed[:_MOST]) + (f" and {rest} more modules" if rest > 0 else "")
    return [f"the code of {named} changed"] if changed else []


def surrounding_causes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Say what both sides recorded of their surroundings and recorded differently, packages first.

    What one side alone recorded is left out: it may have been the same.
    """
    names = [name for name in after if name in before and before[name] != after[name]]
    return [f"{name}: {before[name]} -> {after[name]}" for name in sorted(names, key=rank)]


def rank(name: str) -> tuple[int, str]:
    """Return the rank of an environment's entry among causes: the harness, packages, all else."""
    return (0 if name == "harness" else 1 if name in _PACKAGES else 2), name
