"""What machine and what software a run had: recorded beside its result, never part of its key."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

import harness
from harness.system import processor

_PACKAGES = ("keras", "tensorflow", "tensorflow-datasets", "numpy")

BACKENDS = ("tensorflow", "jax")
"""What Keras may compute with here, the default first."""

DECIDING = (
    "device",
    "devices",
    "engine",
    "processor",
    "instructions",
    "cpus",
    "threads",
    "inter-op threads",
    "onednn",
    "multiplication",
    "flags",
    "backend",
    *_PACKAGES,
    "jax",
    "deterministic",
    "harness",
)
"""Entries of an environment that can change the bits of a result.

The number format is not among them, as it is part of the settings.
"""

UNKNOWN = "unknown"
"""What is said of a fact that cannot be found out."""

_FLAGS = (
    "XLA_FLAGS",
    "TF_XLA_FLAGS",
    "TF_DETERMINISTIC_OPS",
    "TF_CUDNN_DETERMINISTIC",
    "TF_CUDNN_USE_AUTOTUNE",
    "TF_DISABLE_MKL",
    "ONEDNN_CPU_ISA_HINTS",
    "DNNL_CPU_ISA_HINTS",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE",
    "NVIDIA_TF32_OVERRIDE",
    "CUBLAS_WORKSPACE_CONFIG",
    "OPENBLAS_CORETYPE",
    "MKL_CBWR",
    "GLIBC_TUNABLES",
)
"""Variables that choose among operations, their order or their instructions.

Others are recorded by their effect.
"""


def gpus() -> int:
    """Count the GPUs of this machine, without importing TensorFlow."""
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def why_no_backend(backend: str | None) -> str | None:
    """Say how to install a backend that is not there, or return None; nothing is imported."""
    if backend == "jax" and importlib.util.find_spec("jax") is None:
        return "JAX is not installed: pip install -e '.[jax]'"
    return None


def environment(
    backend: str, computing: Mapping[str, str], precision: str, deterministic: bool
) -> dict[str, str]:
    """Describe hardware, software and code revision in words, in a fixed order.

    What cannot be found out is "unknown".

    Args:
        backend: With what Keras computes.
        computing: What the backend says of itself, the device first.
        precision: The number format of the networks.
        deterministic: Whether only operations were used that give the same bits every time.
    """
    on_jax = ("jax",) if backend == "jax" else ()
    return {
        "device": computing["device"],
        "processor": known(lambda: f"{processor.name()}, {os.cpu_count()} cores"),
        "instructions": known(processor.instructions),
        "cpus": known(processor.in_words),
        **computing,
        "flags": flags(os.environ),
        "blas": known(_blas),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "backend": backend,
        **{name: _imported(name) for name in (*_PACKAGES, *on_jax)},
        "precision": precision,
        "deterministic": "yes" if deterministic else "no",
        "harness": known(revision),
    }


def with_engine(recorded: Mapping[str, str], engine: str, devices: int) -> dict[str, str]:
    """Add to an environment how the epochs of a run were computed.

    Args:
        recorded: The environment, the device first.
        engine: Whether a program took whole epochs, or batches were streamed to it.
        devices: How many devices shared every batch; it is told where they were several.
    """
    first, *others = recorded.items()
    several = [("devices", str(devices))] if devices > 1 else []
    return dict([first, *several, ("engine", engine), *others])


def known(fact: Callable[[], str]) -> str:
    """Return a fact, "unknown" where finding it out fails: no run fails for a mere record."""
    try:
        return fact()
    except Exception:
        return UNKNOWN


def flags(environment: Mapping[str, str]) -> str:
    """Return the variables that choose how a backend computes: "NAME=value; NAME=value"."""
    found = [
        f"{name}={environment[name].strip()}"
        for name in _FLAGS
        if environment.get(name, "").strip()
    ]
    return "; ".join(found) or "none"


def version() -> str:
    """Return the version of this harness, "unknown" from a checkout that is not installed."""
    return installed("reproduction-harness")


def software() -> dict[str, str]:
    """Return the versions that must be the same wherever the runs of an invocation are made.

    That of the harness is a digest of its code: a commit that changes nothing makes no difference.
    """
    on_jax = ("jax",) if why_no_backend("jax") is None else ()
    versions = {name: installed(name) for name in (*_PACKAGES, *on_jax)}
    return {"python": platform.python_version(), **versions, "harness": _code()}


def _code() -> str:
    digest, folder = hashlib.sha256(), Path(harness.__file__).parent
    for path in sorted(path for suffix in ("py", "json") for path in folder.rglob(f"*.{suffix}")):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes())
    return f"{version()} (code {digest.hexdigest()[:12]})"


def _imported(package: str) -> str:
    """Return the version of a package by its module, whatever it was installed as."""
    module = sys.modules.get(_module(package))
    return str(getattr(module, "__version__", None) or installed(package))


def installed(package: str) -> str:
    """Return the installed version of a package, "unknown" where it cannot be found out.

    Another distribution may bring it: tensorflow-cpu, tf-nightly, the build of a vendor. Nothing is
    imported.
    """
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return known(
            lambda: metadata.version(metadata.packages_distributions()[_module(package)][0])
        )


def _module(package: str) -> str:
    return package.replace("-", "_")


def _blas() -> str:
    """Return what NumPy multiplies matrices with, and for which kind of core.

    It takes no part in training, but may in making data.
    """
    import threadpoolctl

    found = [each for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas"]
    of_numpy = next((each for each in found if "numpy" in each["filepath"]), found[0])
    words = (of_numpy["internal_api"], of_numpy["version"], of_numpy.get("architecture"))
    return f"{' '.join(filter(None, words))}, {of_numpy['num_threads']} threads"


def revision() -> str:
    """Return the version of this harness, and the git revision where it runs from its own checkout.

    What git says is asked for once: what counts is the code that was there when the process began.
    """
    return f"{version()}{_own_checkout()}"


def revision_of(folder: Path) -> str:
    """Return the version, and the git revision where the code in a folder is a checkout."""
    return f"{version()}{_checkout(folder)}"


@functools.cache
def _own_checkout() -> str:
    return _checkout(Path(harness.__file__).parent)


def _checkout(folder: Path) -> str:
    """Return the git revision of a folder in brackets, nothing where git does not know it."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        changes = " with changes" if git("status", "--porcelain", "--", ".") else ""
        return f" ({git('rev-parse', '--short=12', 'HEAD')}{changes})"
    except (OSError, subprocess.SubprocessError):
        return ""
