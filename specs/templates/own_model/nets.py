"""A network of one's own: change it, and its runs are made again."""

from collections.abc import Sequence

import keras


def mixer(input_shape: Sequence[int], outputs: int, *, patch: int = 2, width: int = 32):
    """Build a small network that mixes the patches of an image, and then the channels of each.

    Args:
        input_shape: [height, width, channels], as the data set gives it.
        outputs: How many logits there must be.
        patch: Side of a patch in pixels.
        width: Channels of a patch.
    """
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(width, patch, strides=patch)(inputs)
    x = keras.layers.Reshape((-1, width))(x)
    mixed = keras.layers.Permute((2, 1))(keras.layers.LayerNormalization()(x))
    mixed = keras.layers.Dense(x.shape[1], activation="gelu")(mixed)
    x = keras.layers.Add()([x, keras.layers.Permute((2, 1))(mixed)])
    x = keras.layers.Dense(width, activation="gelu")(keras.layers.LayerNormalization()(x))
    logits = keras.layers.Dense(outputs)(keras.layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, logits, name="mixer")
