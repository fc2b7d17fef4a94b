"""The processor as far as it decides results: its instructions, and how much one may use."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator
from pathlib import Path

_INSTRUCTIONS = (
    ("amx_tile", "amx"),
    ("avx512_bf16", "avx512 with bf16"),
    ("avx512_vnni", "avx512 with vnni"),
    ("avx512f", "avx512"),
    ("avx_vnni", "avx2 with vnni"),
    ("avx2", "avx2"),
    ("avx", "avx"),
    ("sse4_2", "sse4"),
    ("sve2", "sve2"),
    ("sve", "sve"),
    ("asimd", "neon"),
)
"""Sets of instructions by their names in the kernel and here, the widest first."""


def name() -> str:
    """Return what the processor calls itself."""
    return _described("model name") or platform.processor() or "unknown"


def instructions() -> str:
    """Return the widest set of instructions of the processor, such as "avx2", or "unknown"."""
    flags = (_described("flags") or _described("Features")).split()
    return next((shown for flag, shown in _INSTRUCTIONS if flag in flags), "unknown")


def allowed() -> int:
    """Count the CPUs in this process's affinity mask.

    A backend has as many threads, unless it is given another number.
    """
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on this system
        return os.cpu_count() or 1


def quota() -> float | None:
    """Return how many CPUs' time the control group of this process may use, None without limit."""
    limits = [limit for folder in _groups() for limit in (_limit(folder),) if limit is not None]
    return min(limits, default=None)


def share() -> int:
    """Return how many CPUs this process can use at once, by its mask and its quota."""
    limit = quota()
    return allowed() if limit is None else max(1, min(allowed(), math.ceil(limit)))


def in_words() -> str:
    """Return how many CPUs this process may use: "1 of 4", "4 of 4, the time of 1.5"."""
    limit = quota()
    words = f"{allowed()} of {os.cpu_count()}"
    return words if limit is None or limit >= allowed() else f"{words}, the time of {limit:g}"


def _described(what: str) -> str:
    """Return what the kernel says of the first processor."""
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        label, _, value = line.partition(":")
        if label.strip() == what:
            return value.strip()
    return ""


def _groups() -> Iterator[Path]:
    """Yield the folders of the control groups of this process, up to the root.

    Groups of version 1 and of version 2 are both found.
    """
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = Path("/sys/fs/cgroup", "cpu" if controllers else "")
        inside = Path(path.lstrip("/"))
        yield from (root / above for above in (inside, *inside.parents))


def _limit(group: Path) -> float | None:
    """Return the CPUs whose time a control group has, None without limit.

    Version 2 keeps that in one file, version 1 in two.
    """
    texts = _read(group / "cpu.max").split() or [
        _read(group / f"cpu.cfs_{what}_us").strip() for what in ("quota", "period")
    ]
    try:
        time, period = (float(text) for text in texts)
    except ValueError:  # "max", or no such file
        return None
    return time / period if time > 0 and period > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
