"""The folder of a test session, which all of its processes share."""

from __future__ import annotations

from collections.abc import Mapping

FOLDER = "HARNESS_TEST_SESSION"
"""The variable that names it."""

QUICKLY_COMPILED = (
    "--xla_backend_optimization_level=0"
    " --xla_llvm_disable_expensive_passes=true"
    " --xla_cpu_use_fusion_emitters=false"
)
"""Flags with which XLA compiles in a quarter of the time what then takes longer to run.

What a person runs is optimized: so is the main job, whose numbers are compared with kept ones.
"""


def variables(folder: str) -> dict[str, str]:
    """Return the variables that a session sets.

    By them TensorFlow and JAX keep what XLA compiles, in whichever process.
    """
    return {
        FOLDER: folder,
        "TF_XLA_FLAGS": f"--tf_xla_persistent_cache_directory={folder}"
        " --tf_xla_persistent_cache_device_types=CPU",
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def apart(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that shares nothing, and compiles all itself."""
    return {name: value for name, value in environment.items() if name not in variables("")}
