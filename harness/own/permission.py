"""Whether Python that a specification names may run: whoever runs it says so, nobody else."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from harness.errors import UsageFault
from harness.experiment import Component, Metric, Settings
from harness.own.kinds import PYTHON, parts
from harness.words import listed

PROJECT_FILE = "pyproject.toml"
_TABLE, _SWITCH = "harness", "allow_python"


Part = Component | Metric


def why_not_allowed(settings: Settings, allowed: bool) -> str | None:
    """Say that a run calls Python which nobody has allowed, or return None.

    Args:
        settings: Of the run.
        allowed: Whether the person allowed it for this invocation.

    Raises:
        UsageFault: the project's file says something else than true or false.
    """
    return why_not_called([part for _, _, part in parts(settings)], allowed)


def why_not_called(own: Collection[Part], allowed: bool) -> str | None:
    """Say that some parts call Python which nobody has allowed, or return None.

    Args:
        own: The parts.
        allowed: Whether the person allowed it for this invocation.

    Raises:
        UsageFault: the project's file says something else than true or false.
    """
    if may_run(own, allowed):
        return None
    named = listed(list(dict.fromkeys(_calls(own))), 3)
    return (
        f"it runs Python that the specification names ({named}), and only whoever runs it can allow"
        f" that: --allow-python, or {_SWITCH} = true below [tool.{_TABLE}] in {PROJECT_FILE}"
    )


def may_run(components: Iterable[Part], allowed: bool) -> bool:
    """Tell whether no component is Python that a specification names, or the person allows it.

    Raises:
        UsageFault: the project's file says something else than true or false.
    """
    return allowed or not any(_calls(components)) or allowed_by_project(Path.cwd())


def _calls(components: Iterable[Part]) -> Iterator[str]:
    for each in components:
        if each.name == PYTHON and each.own is not None:
            yield str(each.own.call)


def allowed_by_project(folder: Path) -> bool:
    """Tell whether the nearest project file, of a folder or of one that it lies in, allows it.

    Raises:
        UsageFault: it cannot be read, or says something else than true or false.
    """
    file = next((each / PROJECT_FILE for each in _upwards(folder) if _is_project(each)), None)
    if file is None:
        return False
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageFault(f"{file} cannot be read: {error}") from error
    allowed = found.get("tool", {}).get(_TABLE, {}).get(_SWITCH, False)
    if not isinstance(allowed, bool):
        raise UsageFault(
            f"{file}: {_SWITCH} below [tool.{_TABLE}] is true or false, not {allowed!r}"
        )
    return allowed


def _upwards(folder: Path) -> list[Path]:
    return [folder, *folder.parents]


def _is_project(folder: Path) -> bool:
    return (folder / PROJECT_FILE).is_file()
