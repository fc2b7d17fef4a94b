"""The backend: chosen in one place, imported without its chatter, and set up alike on every machine.

A process has one backend. That of a run is what its specification says or else what `KERAS_BACKEND` says, and where
that says nothing, TensorFlow. TensorFlow reads and augments the data whatever the backend, on the CPU.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Collection, Iterator
from importlib import metadata

from harness import machine
from harness.spec.records import Training

VARIABLE = "KERAS_BACKEND"

_STANDARD_ERROR = 2


class BackendError(Exception):
    """What was asked for cannot be computed with here; the text says what is allowed, or how to get it."""


def chosen() -> str:
    """Return the backend of runs that name none.

    Raises:
        BackendError: the environment names one that is unknown or not installed.
    """
    name = os.environ.get(VARIABLE) or machine.BACKENDS[0]
    if name not in machine.BACKENDS:
        raise BackendError(f"{VARIABLE} is {name!r}; the backends are {' and '.join(machine.BACKENDS)}")
    lacking = machine.lacking(name)
    if lacking is not None:
        raise BackendError(f"{VARIABLE} is {name!r}, but {lacking}")
    return name


def backend_of(training: Training, default: str) -> str:
    """Return with what a run is computed; `default` is what `chosen` gave."""
    return training.backend or default


def backend_here(default: str, wanted: Collection[str]) -> str:
    """Return the backend of this process: the one that it has, or else the default where some run wants it."""
    keras = sys.modules.get("keras")
    if keras is not None:
        return str(keras.backend.backend())
    return default if default in wanted or not wanted else min(wanted)


def import_backend(name: str = machine.BACKENDS[0]) -> None:
    """Import Keras with this backend; of what it logs, only errors reach a person."""
    os.environ[VARIABLE] = name
    # Without a GPU, TensorFlow logs the lack of its driver as an error; what matters raises an exception anyway.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if machine.gpus() else "3")
    from absl import logging

    logging.set_verbosity(logging.ERROR)
    with _unless_it_fails():
        import keras  # noqa: F401
        import tensorflow  # noqa: F401


def gpus() -> int:
    """Count the GPUs that the backend can use, without starting it."""
    import keras
    import tensorflow as tf

    if keras.backend.backend() == "jax":
        return machine.gpus() if metadata.entry_points(group="jax_plugins") else 0
    return len(tf.config.list_physical_devices("GPU"))


def check_devices(asked: int | None, here: str) -> None:
    """See that this process's backend can share a batch among `asked` devices; None is all that there are.

    Raises:
        BackendError: it cannot.
    """
    if asked != 1 and here != "jax":
        raise BackendError(
            "only JAX shares a batch among devices: KERAS_BACKEND=jax. TensorFlow would normalize each device's "
            "part by its own moments, which is another mathematics"
        )


def devices_of(asked: int | None) -> int:
    """Return how many devices share a batch, after the backend is prepared; None asks for all.

    Raises:
        BackendError: there are fewer.
    """
    if asked == 1:
        return 1
    import jax

    there = len(jax.devices())
    if asked is not None and asked > there:
        raise BackendError(f"{asked} devices were asked for, but this machine has {there} that JAX can use")
    return there if asked is None else asked


def prepare_backend(threads: int | None = None, deterministic: bool = True) -> None:
    """Make the backend repeatable and modest: deterministic operations where asked for, GPU memory taken as needed.

    What a person's `~/.keras/keras.json` says of number formats and axes is overruled. `threads` is how many
    this process may use at once, None for all; it is settled before the first operation. Operations once made
    deterministic stay so.
    """
    import keras
    import tensorflow as tf

    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)

    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    if keras.backend.backend() == "jax":
        tf.config.set_visible_devices([], "GPU")
        _prepare_jax(threads, deterministic)
        return
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


def _prepare_jax(threads: int | None, deterministic: bool) -> None:
    """Set JAX up as TensorFlow is; it reads its variables when it computes first."""
    import jax

    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if threads is not None:
        os.environ["PJRT_NPROC"] = os.environ["NPROC"] = str(threads)
    if deterministic and "xla_gpu_deterministic_ops" not in os.environ.get("XLA_FLAGS", ""):
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()
    # For sums over a set and for norms; all else is float32, as its tensors say.
    jax.config.update("jax_enable_x64", True)


def threads() -> int:
    """Return how many threads an operation may use; 0 is for one a core."""
    import keras
    import tensorflow as tf

    if keras.backend.backend() == "jax":
        return int(os.environ.get("NPROC", "0"))
    return int(tf.config.threading.get_intra_op_parallelism_threads())


def device() -> str:
    """Return the name of what the backend computes on: a GPU's, or CPU."""
    import keras
    import tensorflow as tf

    if keras.backend.backend() == "jax":
        import jax

        first = jax.devices()[0]
        return "CPU" if first.platform == "cpu" else str(first.device_kind)
    found = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(found[0]).get("device_name", "GPU") if found else "CPU"


@contextlib.contextmanager
def _unless_it_fails() -> Iterator[None]:
    """Hold the standard error back, and let it go where an exception comes.

    TensorFlow's libraries write some lines while they are loaded, before they know the log level.
    """
    sys.stderr.flush()
    original = os.dup(_STANDARD_ERROR)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), _STANDARD_ERROR)
        try:
            yield
        except Exception:
            held.seek(0)
            os.write(original, held.read())
            raise
        finally:
            os.dup2(original, _STANDARD_ERROR)
            os.close(original)
