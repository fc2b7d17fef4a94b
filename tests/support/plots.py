"""Plots of reports, which take long to draw: stand-ins, but where a test asks for the drawn ones.

Every figure is made all the same; what is spared is to lay it out and to write its three images.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import pytest
from matplotlib.figure import Figure
from PIL import Image

from harness.report import figures

_DRAWN = figures.rendered


@contextlib.contextmanager
def stand_ins() -> Iterator[None]:
    """Let every plot be a blank image of its kind."""
    png, svg = io.BytesIO(), b'<svg xmlns="http://www.w3.org/2000/svg"/>\n'
    Image.new("L", (1, 1), 255).save(png, "png")

    def blank(_figure: Figure) -> tuple[bytes, bytes, bytes]:
        return png.getvalue(), svg, svg

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "rendered", blank)
        yield


@contextlib.contextmanager
def drawn() -> Iterator[None]:
    """Let plots be drawn as for a person."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "rendered", _DRAWN)
        yield


@pytest.fixture
def drawn_plots() -> Iterator[None]:
    with drawn():
        yield
