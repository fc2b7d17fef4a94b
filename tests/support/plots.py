"""Images in reports, which take long to draw: blank, but where a test asks for them as they are.

Every figure of results is made all the same, and all data are read whose examples are shown; what
is spared is to lay the figures out and to write them.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from harness.report import examples, figures

DRAWN = "HARNESS_TEST_DRAWN"
"""A variable; with it in its environment, a fork draws its images as they are."""

_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>\n'

_FUNCTIONS = {
    (module, name): getattr(module, name)
    for module, name in (
        (figures, "rendered"),
        (examples, "_draw_images"),
        (examples, "_draw_points"),
        (examples, "_png"),
    )
}


@contextlib.contextmanager
def blank() -> Iterator[None]:
    """Let every image be a white dot; one of examples bears its key."""
    functions = (_plot, _no_figure, _no_figure, _dot)
    with pytest.MonkeyPatch.context() as patch:
        # Another process would import TensorFlow for each picture.
        patch.setattr(examples, "draw_elsewhere", examples._draw)
        for (module, name), function in zip(_FUNCTIONS, functions, strict=True):
            patch.setattr(module, name, function)
        yield


@contextlib.contextmanager
def drawn() -> Iterator[None]:
    """Let images be drawn as for a person."""
    with pytest.MonkeyPatch.context() as patch:
        for (module, name), function in _FUNCTIONS.items():
            patch.setattr(module, name, function)
        yield


@pytest.fixture
def drawn_plots() -> Iterator[None]:
    with drawn():
        yield


def _plot(figure: Figure) -> tuple[bytes, bytes, bytes]:
    return _dot(figure), _SVG, _SVG


def _no_figure(*_: Any) -> Figure:
    return Figure()


def _dot(_figure: Figure, key: str = "") -> bytes:
    image, text = io.BytesIO(), PngInfo()
    text.add_text(examples._KEY, key)
    Image.new("L", (1, 1), 255).save(image, "png", pnginfo=text)
    return image.getvalue()
