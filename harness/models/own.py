"""Networks of one's own: the Keras models that functions of other packages build."""

from __future__ import annotations

import keras

from harness.experiment import Json, OwnPart
from harness.models.shapes import Shapes
from harness.own.running import OwnPartError, function, keywords


def own(shapes: Shapes, part: OwnPart, **settings: Json) -> keras.Model:
    """Build the network that a function of one's own builds.

    Raises:
        OwnPartError: the function builds none, or one of other shapes.
    """
    found = function(part)(shapes.example, shapes.outputs, **keywords(part, settings))
    if not isinstance(found, keras.Model):
        raise OwnPartError(f"{part.call} returned {type(found).__name__}, not a keras.Model")
    check_shapes(found, shapes, str(part.call))
    return found


def check_shapes(model: keras.Model, shapes: Shapes, name: str) -> None:
    """See that a network takes the examples and gives the logits that are asked for.

    Raises:
        OwnPartError: it does not; the message begins with its name.
    """
    inputs, outputs = (None, *shapes.example), (None, shapes.outputs)
    if not model.built:
        model.build(inputs)
    takes = getattr(model, "input_shape", inputs)
    if tuple(takes) != inputs:
        raise OwnPartError(
            f"{name} takes inputs of the shape {_shown(takes)}, not {_shown(inputs)}"
        )
    gives = model.compute_output_shape(inputs)
    if tuple(gives) != outputs:
        raise OwnPartError(
            f"{name} gives outputs of the shape {_shown(gives)}, not {_shown(outputs)}"
        )


def _shown(shape: object) -> str:
    return str(shape).replace("None", "batch")
