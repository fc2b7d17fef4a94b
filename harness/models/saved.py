"""Networks whose architecture Keras saved in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras

from harness.experiment import Json, OwnPart
from harness.models.own import check_shapes
from harness.models.saved_config import read
from harness.models.shapes import Shapes
from harness.own.running import OwnPartError
from harness.system.files import sha256


def saved(shapes: Shapes, part: OwnPart, *, path: str) -> keras.Model:
    """Build the architecture that a file holds anew; its weights are not read.

    No code of the file is run: Keras reads it in safe mode, after `harness.models.saved_config` has
    looked at it.

    Raises:
        OwnPartError: the file was changed since the run was planned, or Keras refuses it, or the
            network has other shapes.
    """
    file = Path(part.place)
    try:
        if sha256(file) != part.sha256:
            raise OwnPartError(
                f"{file} is not what it was when the run was planned: run again when it stays as"
                " it is"
            )
        config = _computing_in(keras.config.dtype_policy().name, read(file))
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise OwnPartError(f"{file} cannot be used: {error}") from error
    check_shapes(model, shapes, str(file))
    return model


def _computing_in(policy: str, value: Json) -> Json:
    """Return the JSON of an architecture whose layers compute as the run's precision says."""
    if isinstance(value, list):
        return [_computing_in(policy, item) for item in value]
    if not isinstance(value, Mapping):
        return value
    found = {name: _computing_in(policy, item) for name, item in value.items()}
    return {**found, "config": {"name": policy}} if _is_policy(value) else found


def _is_policy(value: Mapping[str, Json]) -> bool:
    return value.get("class_name") == "DTypePolicy"
