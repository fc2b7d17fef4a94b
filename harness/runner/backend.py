"""The backend: imported without its chatter, and set up alike on every machine."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from harness import machine

_STANDARD_ERROR = 2


def import_backend() -> None:
    """Import TensorFlow and Keras; of what they log, only errors reach a person."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # Without a GPU, TensorFlow logs the lack of its driver as an error; what matters raises an exception anyway.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if machine.gpus() else "3")
    from absl import logging

    logging.set_verbosity(logging.ERROR)
    with _unless_it_fails():
        import keras  # noqa: F401
        import tensorflow  # noqa: F401


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
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


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
