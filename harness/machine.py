"""What machine and what software a run had: recorded beside its result, never part of its key."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import harness

_PACKAGES = ("keras", "tensorflow", "tensorflow-datasets", "numpy")

BACKENDS = ("tensorflow", "jax")
"""What Keras may compute with here, the default first."""


def gpus() -> int:
    """Count the GPUs of this machine, without importing TensorFlow."""
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def lacking(backend: str | None) -> str | None:
    """Say how to install a backend that is not there, or return None; nothing is imported for it."""
    if backend == "jax" and importlib.util.find_spec("jax") is None:
        return "JAX is not installed: pip install -e '.[jax]'"
    return None


def environment(
    backend: str, device: str, precision: str, threads: int, deterministic: bool, devices: int = 1
) -> dict[str, str]:
    """Describe hardware, software and code revision in words, in a fixed order.

    `threads` is how many an operation may use; 0 is the backend's word for one a core. `deterministic` says
    whether only operations were used that give the same bits every time, `devices` how many shared every batch.
    """
    on_jax = ("jax",) if backend == "jax" else ()
    return {
        "device": device,
        **({"devices": str(devices)} if devices > 1 else {}),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "threads": str(threads or os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "backend": backend,
        **_versions(*_PACKAGES, *on_jax),
        "precision": precision,
        "deterministic": "yes" if deterministic else "no",
        "harness": revision(),
    }


def software() -> dict[str, str]:
    """Return the versions that must be the same wherever the runs of an invocation are made.

    That of the harness is a digest of its code: a commit that changes nothing makes no difference.
    """
    on_jax = ("jax",) if lacking("jax") is None else ()
    return {"python": platform.python_version(), **_versions(*_PACKAGES, *on_jax), "harness": _code()}


def _code() -> str:
    digest, folder = hashlib.sha256(), Path(harness.__file__).parent
    for path in sorted(path for suffix in ("py", "json") for path in folder.rglob(f"*.{suffix}")):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes())
    return f"{metadata.version('reproduction-harness')} (code {digest.hexdigest()[:12]})"


def _versions(*packages: str) -> dict[str, str]:
    return {name: metadata.version(name) for name in packages}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


@functools.cache
def revision() -> str:
    """Return the version, and the git revision where the code runs from its own checkout.

    The first call is remembered: what counts is the code that was there when the process began.
    """
    version = metadata.version("reproduction-harness")
    folder = Path(harness.__file__).parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        changes = " with changes" if git("status", "--porcelain", "--", ".") else ""
        return f"{version} ({git('rev-parse', '--short=12', 'HEAD')}{changes})"
    except (OSError, subprocess.SubprocessError):
        return version
