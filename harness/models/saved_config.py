"""Architectures that Keras saved, looked at without Keras: what is there, and whether it fits.

A `.keras` file is an archive with the JSON of the architecture in `config.json`; `model.to_json()`
gives the same JSON. It names a class for every object. Those that would run code of the file, or
read other files, are refused here, and once more by Keras itself in its safe mode.
"""

from __future__ import annotations

import builtins
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.experiment import Json
from harness.models.shapes import Shapes
from harness.system.files import read_bytes
from harness.words import listed

MOST_BYTES = 1 << 32
"""A file is no larger; its weights are in it, which are not used."""

_MOST_CONFIG = 1 << 26
"""The JSON of an architecture is no larger."""

_CONFIG = "config.json"

_BELOW_KERAS = (
    *("layers", "models", "initializers", "regularizers", "constraints", "activations"),
    *("dtype_policies", "ops"),
)
_MODULES = ("builtins", *(f"keras.{part}{each}" for part in ("", "src.") for each in _BELOW_KERAS))
"""Where the classes of an architecture come from, and the modules below these."""

_LEFT_OUT = ("compile_config", "build_config")
"""What the JSON says besides of the training of then, which is not used."""

_MODELS = ("Functional", "Sequential")

_REFUSED = {
    "Lambda": "its function is code in the file",
    "TorchModuleWrapper": "it holds a pickled module, which is code in the file",
    "TFSMLayer": "it loads another file, with code of its own",
    "JaxLayer": "its function is code in the file",
    "FlaxLayer": "its function is code in the file",
    "TextVectorization": "it may read another file",
    "StringLookup": "it may read another file",
    "IntegerLookup": "it may read another file",
}
"""Classes of Keras that are not taken from a file, and why."""


_VALUES = (
    "__keras_tensor__",
    "__tensor__",
    "__numpy__",
    "__tuple__",
    "__bytes__",
    "__ellipsis__",
    "slice",
)
"""What Keras writes in the place of a class for plain values."""


def read(path: Path) -> Mapping[str, Json]:
    """Return the JSON of an architecture that can be used.

    Raises:
        ValueError: there is none in the file, or one that would run code; the message says why.
        OSError: the file cannot be read.
    """
    found = _config(path)
    refused = list(dict.fromkeys(_refused(found)))
    if refused:
        raise ValueError(f"no code of a file is run: {listed(refused, 5, 'more')}")
    if found.get("class_name") not in _MODELS:
        raise ValueError(
            f"it holds {found.get('class_name')!r}, not a model of layers ({' or '.join(_MODELS)})"
        )
    return found


def _config(path: Path) -> Mapping[str, Json]:
    try:
        content = read_bytes(path, MOST_BYTES)
        if zipfile.is_zipfile(io.BytesIO(content)):
            content = _unpacked(content)
        found = json.loads(content)
    except (zipfile.BadZipFile, KeyError, RecursionError) as error:
        raise ValueError(f"it is no file that Keras saves: {error}") from error
    except ValueError as error:
        raise ValueError(f"it is not JSON, nor an archive with {_CONFIG}: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("it holds no object")
    return {name: value for name, value in found.items() if name not in _LEFT_OUT}


def _unpacked(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(_CONFIG) as file:
        return file.read(_MOST_CONFIG)


def _refused(value: Json) -> Iterator[str]:
    """Yield why objects in the JSON are not taken, wherever they stand."""
    if isinstance(value, list):
        for item in value:
            yield from _refused(item)
    if not isinstance(value, dict):
        return
    if "class_name" in value:
        yield from _why_refused(value)
    for item in value.values():
        yield from _refused(item)


def _why_refused(part: Mapping[str, Json]) -> Iterator[str]:
    name, module = str(part["class_name"]), str(part.get("module"))
    if name in _REFUSED:
        yield f"{name} is refused, as {_REFUSED[name]}"
    elif name == "__lambda__":
        yield "a lambda is refused, as it is code in the file"
    elif name in _VALUES:
        return
    elif module == "builtins" and hasattr(builtins, str(part.get("config"))):
        yield f"the function {part['config']} is refused, as it is none of Keras"
    elif module != "keras" and not any(f"{module}.".startswith(f"{each}.") for each in _MODULES):
        custom = part.get("registered_name") or name
        yield f"{custom} is refused, as it is no class of Keras"


def misfits(path: str, shapes: Shapes | None) -> Iterator[str]:
    """Yield what is wrong with the architecture in a file, and with its shapes where it has any."""
    try:
        config = read(Path(path))
    except OSError as error:
        yield f"{path} cannot be read: {error.strerror}"
        return
    except ValueError as error:
        yield f"{path} cannot be used: {error}"
        return
    if shapes is None:
        return
    layers = config.get("config", {}).get("layers", [])
    takes, gives = _input_shape(layers), _units(config, layers)
    if takes is not None and takes != shapes.example:
        yield f"{path} takes inputs of the shape {_shown(takes)}, not {_shown(shapes.example)}"
    if gives is not None and gives != shapes.outputs:
        yield f"{path} gives {gives} outputs, not {shapes.outputs}"


def _input_shape(layers: list[Json]) -> tuple[int, ...] | None:
    """Return the shape of an example, None where the first layer does not say it."""
    first = layers[0].get("config", {}) if layers else {}
    shape = first.get("batch_shape") or first.get("batch_input_shape")
    return tuple(shape[1:]) if shape else None


def _units(config: Json, layers: list[Json]) -> int | None:
    """Return the number of outputs, None where the last layer is no dense one."""
    last = layers[-1] if layers else {}
    outputs = config["config"].get("output_layers")
    if outputs:
        name = outputs[0] if isinstance(outputs[0], str) else outputs[0][0]
        last = next((each for each in layers if each.get("name") == name), {})
    units = last.get("config", {}).get("units") if last.get("class_name") == "Dense" else None
    return units if isinstance(units, int) else None


def _shown(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
