"""Pictures of a data set: some training examples, and what the randomizations make of them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from harness.data.availability import requested, why_not_ready
from harness.data.catalog import data_dir
from harness.data.origins import MadeHere, OwnFunction
from harness.experiment import Experiment
from harness.own.permission import may_run
from harness.report.component import component_words
from harness.report.data_card import Chain, Used
from harness.report.style import COLOURS, MARKERS, VERMILLION, plain, styled
from harness.system.console import visible

if TYPE_CHECKING:
    from harness.data.records import Examples, Split

Row = tuple[NDArray[Any], NDArray[np.int32]]
"""Images [b, height, width, channels], and the labels that they are trained with."""

_VERSION = 1
"""Counted up where the same examples are drawn in another way."""

_KEY = "Comment"
"""Under which name a PNG bears the key of what it shows."""

_DPI = 96
_MOST_EXAMPLES = 10
_MOST_LETTERS = 11
_SIDE = 0.82
_TITLE = 1.3


def pictures(
    experiment: Experiment, used: Sequence[Used], earlier: Sequence[bytes] = ()
) -> dict[int, bytes]:
    """Return the picture of each data set, a PNG, by its place, as far as there can be one.

    One of an `earlier` report is taken as it is where it shows the same data, randomizations and
    seed, as its key says. So it also stays where the data are not here. What cannot be drawn is
    left out, with a message where that is a fault: it costs no verdict.
    """
    known = {key: image for image in earlier if (key := _key_of(image))}
    found: dict[int, bytes] = {}
    for place, each in enumerate(used):
        seed = experiment.seeds[0]
        try:
            key = _key(each, seed)
            image = known.get(key)
            if image is None and _may_be_drawn(each, experiment):
                image = _drawn(each, seed, key)
        except Exception as error:
            words = f"the examples of {each.name} are not shown: {error}"
            print(visible(words), file=sys.stderr)
            continue
        if image is not None:
            found[place] = image
    return found


def _may_be_drawn(used: Used, experiment: Experiment) -> bool:
    """Tell whether no Python has to run for it that nobody has allowed."""
    own = [used.dataset.source, *(each for chain in used.chains for each in chain)]
    return may_run(own, experiment.allow_python)


def _key_of(image: bytes) -> str:
    """Return the key that a picture bears; nothing where it is none of these."""
    try:
        with Image.open(io.BytesIO(image)) as opened:
            return str(opened.info.get(_KEY, ""))
    except OSError:
        return ""


def _key(used: Used, seed: int) -> str:
    """Return a digest of all that decides a picture."""
    chains = [[component.identity for component in chain] for chain in used.chains]
    dataset, held_out = used.dataset, used.dataset.validation
    parts = [
        _VERSION,
        dataset.source.identity,
        [dataset.train_examples, dataset.test_examples],
        chains,
        seed,
        used.loaded.content if used.loaded is not None else None,
        *([dataset.classes] if dataset.classes is not None else []),
        *([asdict(held_out)] if held_out is not None else []),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _drawn(used: Used, seed: int, key: str) -> bytes | None:
    """Draw the picture here where TensorFlow is at work already, else in a process of its own.

    So a process that only writes reports stays free of it, and takes no memory of a GPU.
    """
    if not _readable(used):
        return None
    return (_draw if "tensorflow" in sys.modules else draw_elsewhere)(used, seed, key)


def draw_elsewhere(used: Used, seed: int, key: str) -> bytes | None:
    """Draw the picture in a process of its own.

    Raises:
        RuntimeError: it could not; the message is the last line that it wrote.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        done = subprocess.run(
            [sys.executable, "-m", "harness.report.examples", str(path)],
            input=pickle.dumps((used, seed, key)),
            capture_output=True,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
            check=False,
        )
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it ended early"]
            raise RuntimeError(lines[-1])
        return path.read_bytes() if path.exists() else None


def _readable(used: Used) -> bool:
    """Tell whether the data are here; an archive that is still packed is not unpacked for this."""
    name, parameters = used.name, used.dataset.source.parameters
    if why_not_ready(name, parameters, data_dir()) is not None:
        return False
    request = requested(name, parameters, data_dir())
    origin = request.info.origin
    return isinstance(origin, MadeHere | OwnFunction) or origin.files(request) is not None


def _draw(used: Used, seed: int, key: str) -> bytes | None:
    """Draw the picture, which bears its key.

    None where the data are not those of the runs, or have no examples that can be drawn.
    """
    from harness.data.loading import load
    from harness.data.validation import held_out

    examples = load(used.dataset, data_dir())
    if used.loaded is not None and used.loaded.content != examples.content:
        return None  # other data of the same name than the runs were given
    if used.dataset.validation is not None:
        train, _ = held_out(examples.train, used.dataset.validation, seed)
        examples = replace(examples, train=train)
    shape = examples.train.inputs.shape[1:]
    if len(shape) == 3 and shape[2] in (1, 3):
        rows = _rows(examples, used.chains, seed)
        with styled():
            return _png(_draw_images(rows, used.chains, examples), key)
    if shape == (2,):
        with styled():
            return _png(_draw_points(used, examples, seed), key)
    return None


def _png(figure: Figure, key: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(
        buffer,
        format="png",
        dpi=_DPI,
        facecolor="white",
        bbox_inches="tight",
        pad_inches=0.06,
        metadata={"Software": None, _KEY: key},
    )
    return buffer.getvalue()


def randomized(examples: Examples, chain: Chain, seed: int) -> Split:
    """Return the training set as a chain of randomizations leaves it in a run of this seed.

    Its rows are made when they are asked for, so that a few cost little.
    """
    from harness.data.randomizations import RANDOMIZATIONS, Draw
    from harness.data.records import Split
    from harness.data.rows import Changed

    split = examples.train
    for position, component in enumerate(chain):
        parameters = dict(component.parameters)
        own = parameters.pop("seed", None)
        draw = Draw(
            seed if own is None else own,
            f"randomization/{position}/{component.name}",
            len(examples.classes),
            examples.maximum,
        )
        change = RANDOMIZATIONS[component.name].train(split, draw, *component.leading, **parameters)
        inputs = split.inputs
        if change.rows is not None:
            inputs = Changed(inputs, len(change.labels), change.rows)
        split = Split(inputs, change.labels)
    return split


def _rows(examples: Examples, chains: Sequence[Chain], seed: int) -> list[Row]:
    """Return the first example of each class, and what each chain makes of the same ones."""
    from harness.data.rows import take

    places = _first_of_each_class(examples.train.labels)
    splits = [randomized(examples, chain, seed) for chain in [(), *chains]]
    return [(take(split.inputs, places), split.labels[places]) for split in splits]


def _first_of_each_class(labels: NDArray[np.int32]) -> NDArray[np.intp]:
    _, first = np.unique(labels, return_index=True)
    return first[:_MOST_EXAMPLES]


def _draw_images(
    rows: Sequence[Row],
    chains: Sequence[Chain],
    examples: Examples,
) -> Figure:
    """Draw a row of images for the training set, and one below it for each chain."""
    count, titles = len(rows[0][0]), ["training set", *map(_title, chains)]
    size = (_TITLE + _SIDE * count, (_SIDE + 0.22) * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(
        len(rows), count + 1, squeeze=False, width_ratios=[_TITLE / _SIDE, *[1] * count]
    )
    true = rows[0][1]
    for axes_of_row, (images, labels), title in zip(grid, rows, titles, strict=True):
        _write(axes_of_row[0], title)
        for axes, image, label, right in zip(axes_of_row[1:], images, labels, true, strict=True):
            shown = image.astype(np.float64) / examples.maximum
            axes.imshow(
                shown[..., 0] if shown.shape[2] == 1 else np.clip(shown, 0, 1),
                cmap="gray",
                vmin=0,
                vmax=1,
                interpolation="nearest",
            )
            axes.set_axis_off()
            name = examples.classes[label]
            axes.set_title(
                plain(name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"),
                fontsize=7.5,
                pad=2,
                color="#222222" if label == right else VERMILLION,
            )
    return figure


def _write(axes: Axes, title: str) -> None:
    axes.set_axis_off()
    axes.text(0, 0.5, plain(title), va="center", fontsize=7.5, transform=axes.transAxes)


def _title(chain: Chain) -> str:
    """Return what stands beside a row: each randomization, its parameters below it."""
    words = [component_words(each) for each in chain]
    return "\n".join(each.replace(" (", "\n").replace(", ", "\n").rstrip(")") for each in words)


def _draw_points(used: Used, examples: Examples, seed: int) -> Figure:
    """Draw the points of the training set, and beside them what each chain makes of them."""
    from harness.data.rows import whole

    panels = [((), "training set"), *((chain, _one_line(chain)) for chain in used.chains)]
    figure = Figure(figsize=(2.4 * len(panels), 2.6), layout="constrained")
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (chain, title) in zip(grid, panels, strict=True):
        split = randomized(examples, chain, seed)
        points, labels = whole(split.inputs), split.labels
        for kind in range(len(examples.classes)):
            own = points[labels == kind]
            axes.scatter(own[:, 0], own[:, 1], 14, COLOURS[kind % 8], marker=MARKERS[kind % 8])
        axes.set_title(plain(title), fontsize=8)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_box_aspect(1)
    return figure


def _one_line(chain: Chain) -> str:
    return ", ".join(each.name for each in chain)


if __name__ == "__main__":
    picture = _draw(*pickle.load(sys.stdin.buffer))
    if picture is not None:
        Path(sys.argv[1]).write_bytes(picture)
