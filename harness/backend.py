"""The backend: chosen in one place, imported quietly, and set up alike on every machine.

A process has one backend. That of a run is what its specification says or else what `KERAS_BACKEND`
says, and where that says nothing, TensorFlow. TensorFlow reads and augments the data whatever the
backend, on the CPU.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from importlib import metadata
from typing import IO, Any

from harness.errors import INVALID, HarnessError
from harness.experiment import Training
from harness.system import machine, processor

VARIABLE = "KERAS_BACKEND"

_STANDARD_ERROR = 2


class BackendError(HarnessError):
    """The backend that was asked for cannot be used here; the message says what to do."""

    exit_code = INVALID


def chosen() -> str:
    """Return the backend of runs that name none.

    Raises:
        BackendError: the environment names one that is unknown or not installed.
    """
    name = os.environ.get(VARIABLE) or machine.BACKENDS[0]
    if name not in machine.BACKENDS:
        raise BackendError(
            f"{VARIABLE} is {name!r}; the backends are {' and '.join(machine.BACKENDS)}"
        )
    why_not = machine.why_no_backend(name)
    if why_not is not None:
        raise BackendError(f"{VARIABLE} is {name!r}, but {why_not}")
    return name


def backend_of(training: Training, default: str) -> str:
    """Return the backend of a run; `default` is what `chosen` returned."""
    return training.backend or default


def backend_here(default: str, wanted: Collection[str]) -> str:
    """Return the backend of this process: the one that is imported, or one to import.

    Args:
        default: What `chosen` returned; it is preferred where some run wants it.
        wanted: The backends of the runs.
    """
    keras = sys.modules.get("keras")
    if keras is not None:
        return str(keras.backend.backend())
    return default if default in wanted or not wanted else min(wanted)


def import_backend(name: str = machine.BACKENDS[0]) -> None:
    """Import Keras with this backend; of what it logs, only errors reach a person."""
    os.environ[VARIABLE] = name
    # Without a GPU, TensorFlow logs that there is no driver as an error. Nothing is lost by hiding
    # that: what matters raises an exception.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if machine.gpus() else "3")
    from absl import logging

    logging.set_verbosity(logging.ERROR)
    with _quietly(), _hidden({"jax", "matplotlib", "sklearn"} - {name}):
        import keras  # noqa: F401
        import tensorflow as tf
    # It warns where one function is traced for several programs, as every network needs its own.
    tf.get_logger().setLevel("ERROR")


def gpus() -> int:
    """Count the GPUs that the backend can use, without starting it."""
    import keras
    import tensorflow as tf

    if keras.backend.backend() == "jax":
        return machine.gpus() if metadata.entry_points(group="jax_plugins") else 0
    return len(tf.config.list_physical_devices("GPU"))


def check_devices(asked: int | None, here: str) -> None:
    """Check that this process's backend can share a batch among devices.

    Args:
        asked: How many devices, None for all that there are.
        here: The backend of this process.

    Raises:
        BackendError: it cannot.
    """
    if asked != 1 and here != "jax":
        raise BackendError(
            "only JAX shares a batch among devices: KERAS_BACKEND=jax. TensorFlow would normalize"
            " each device's part by its own moments, which is another mathematics"
        )


def devices_of(asked: int | None) -> int:
    """Return how many devices share a batch, once the backend is prepared; None asks for all.

    Raises:
        BackendError: there are fewer.
    """
    if asked == 1:
        return 1
    import jax

    there = len(jax.devices())
    if asked is not None and asked > there:
        raise BackendError(
            f"{asked} devices were asked for, but this machine has {there} that JAX can use"
        )
    return there if asked is None else asked


def prepare_backend(threads: int | None = None, deterministic: bool = True) -> None:
    """Set the backend up, before its first operation: repeatable, with GPU memory as needed.

    What a person's `~/.keras/keras.json` says of number formats and axes is overruled. Operations
    once made deterministic stay so.

    Args:
        threads: How many this process may use at once, None for all.
        deterministic: Whether only operations are used that give the same bits every time.
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
        os.environ["XLA_FLAGS"] = (
            f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()
        )
    # For sums over a set and for norms; all else is float32, as its tensors say.
    jax.config.update("jax_enable_x64", True)


def computing() -> dict[str, str]:
    """Describe how the backend computes, once it is prepared, as far as that decides results.

    The device, the threads that an operation has and how many operations go on at once; of
    TensorFlow, whether it computes with oneDNN and with which instructions at most; with how many
    bits matrices are multiplied.
    """
    import keras

    on_jax = keras.backend.backend() == "jax"
    facts: dict[str, Callable[[], str]] = {"device": device, "threads": lambda: str(threads())}
    if not on_jax:
        facts |= {"inter-op threads": lambda: str(inter_op_threads()), "onednn": _onednn}
    facts |= {"multiplication": _multiplication_on_jax if on_jax else _multiplication}
    return {name: machine.known(fact) for name, fact in facts.items()}


def threads() -> int:
    """Return how many threads an operation has: as set, or else one for each CPU it may use."""
    import keras
    import tensorflow as tf

    if keras.backend.backend() == "jax":
        return _given("PJRT_NPROC", "NPROC") or processor.allowed()
    given = int(tf.config.threading.get_intra_op_parallelism_threads())
    return given or _given("TF_NUM_INTRAOP_THREADS") or processor.allowed()


def inter_op_threads() -> int:
    """Return how many of TensorFlow's operations go on at once."""
    import tensorflow as tf

    given = int(tf.config.threading.get_inter_op_parallelism_threads())
    return given or _given("TF_NUM_INTEROP_THREADS") or processor.allowed()


def _given(*names: str) -> int:
    """Return the first number above 0 that one of these variables holds, 0 where none does."""
    texts = (os.environ.get(name, "").strip() for name in names)
    return next((int(text) for text in texts if text.isdecimal() and int(text)), 0)


def _onednn() -> str:
    from tensorflow.python.util import _pywrap_util_port

    if not _pywrap_util_port.IsMklEnabled():
        return "off"
    limits = (
        os.environ.get(name, "").strip() for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
    )
    limit = next(filter(None, limits), None)
    return "on" if limit is None else f"on, {limit} at most"


def _multiplication() -> str:
    import tensorflow as tf

    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    return (
        "tf32"
        if on_gpu and tf.config.experimental.tensor_float_32_execution_enabled()
        else "float32"
    )


def _multiplication_on_jax() -> str:
    import jax

    return str(jax.config.jax_default_matmul_precision or "default")


def device() -> str:
    """Return the name of what the backend computes on: a GPU's, or CPU."""
    import keras
    import tensorflow as tf

    if keras.backend.backend() == "jax":
        import jax

        first = jax.devices()[0]
        return "CPU" if first.platform == "cpu" else str(first.device_kind)
    found = tf.config.list_physical_devices("GPU")
    return (
        tf.config.experimental.get_device_details(found[0]).get("device_name", "GPU")
        if found
        else "CPU"
    )


@contextlib.contextmanager
def _hidden(packages: Collection[str]) -> Iterator[None]:
    """Let imports within the block take packages for missing, unless they are imported already.

    Keras imports what its wrappers and its other backends could use, wherever it is installed.
    That is a third of the time of its import, and nothing here uses it.
    """
    modules: dict[str, Any] = sys.modules
    hidden = [each for each in packages if each not in modules]
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for each in hidden:
            del modules[each]


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Hold back what is written to the standard error, and show it only after an exception.

    TensorFlow's libraries write some lines while they are loaded, before they know the log level.
    Where there is no standard error, or nothing can be held back, they are shown.
    """
    with contextlib.ExitStack() as ends:
        held, original = _redirected(ends)
        try:
            yield
        except Exception:
            if held is not None:
                held.seek(0)
                os.write(original, held.read())
            raise
        finally:
            if held is not None:
                os.dup2(original, _STANDARD_ERROR)


def _redirected(ends: contextlib.ExitStack) -> tuple[IO[bytes] | None, int]:
    """Redirect the standard error into a file.

    Returns:
        The file, None where that is not possible; and a descriptor of what it led to before.
    """
    try:
        held = ends.enter_context(tempfile.TemporaryFile())  # noqa: SIM115, closed by `ends`
        original = os.dup(_STANDARD_ERROR)
        ends.callback(os.close, original)
        if sys.stderr is not None:
            sys.stderr.flush()
        os.dup2(held.fileno(), _STANDARD_ERROR)
    except OSError:
        return None, _STANDARD_ERROR
    return held, original
