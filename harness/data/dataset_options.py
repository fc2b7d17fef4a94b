"""How TensorFlow goes through the data sets of `tf.data` that the harness makes and reads."""

from __future__ import annotations

import tensorflow as tf


def in_order() -> tf.data.Options:
    """Return options with which elements keep their order, and nothing tunes itself.

    The tuner's thread sleeps for longer and longer, and whoever lets go of an iterator waits for
    it.
    """
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False
    return options
