"""A plot as bytes that only data decides: PNG, and SVG for light and for dark pages."""

from __future__ import annotations

import colorsys
import io
import re

import matplotlib as mpl
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from harness.report.style import FONT

DPI = 144
PAGE = "#0d1117"
"""What plots for dark pages stand on: the background of a forge's dark pages."""

_TEXT = "#f6f8fa"
_PADDING = 0.08  # inches
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_COORDINATES = re.compile(r'translate\([^)]*\)| (?:d|x|y)="[^"]*"')
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LONG = re.compile(r"-?\d+\.\d{3,}")
_NEUTRAL, _PALE = 0.12, 0.75
_LEAST_CONTRAST = 5.0
_TINT = 0.22


def png(figure: Figure) -> bytes:
    """Return a figure as PNG, opaque white so that it is legible on dark pages too."""
    buffer = io.BytesIO()
    figure.savefig(
        buffer,
        format="png",
        dpi=DPI,
        facecolor="white",
        bbox_inches="tight",
        pad_inches=_PADDING,
        metadata={"Software": None},
    )
    return buffer.getvalue()


def svg(figure: Figure) -> bytes:
    """Return a figure as SVG on white, its letters as outlines, so that no font is needed."""
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "harness"}):
        figure.savefig(
            buffer,
            format="svg",
            facecolor="white",
            bbox_inches="tight",
            pad_inches=_PADDING,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    return _smaller(buffer.getvalue().decode()).encode()


def _smaller(image: str) -> str:
    """Return an SVG in half its size: coordinates to a hundredth of a point, short names."""
    image = _COORDINATES.sub(lambda found: _rounded(found[0]), _COMMENT.sub("", image))
    image = "\n".join(filter(None, map(str.strip, image.splitlines())))
    return image.replace(f"{FONT.replace(' ', '')}-", "g") + "\n"


def _rounded(coordinates: str) -> str:
    return _LONG.sub(lambda number: f"{float(number[0]):.2f}", coordinates)


def dark(image: bytes) -> bytes:
    """Return an SVG with each of its colours replaced by its counterpart for dark pages."""
    return _COLOUR.sub(lambda found: on_dark(found[0]), image.decode()).encode()


def on_dark(colour: str) -> str:
    """Return the counterpart of a colour on dark pages.

    White becomes the page. Greys are turned round, pale tints become deep ones, and all other
    colours keep their hue and are as light as it takes to stand out from the page.
    """
    hue, lightness, saturation = colorsys.rgb_to_hls(*to_rgb(colour))
    if lightness > 0.999:
        return PAGE
    if saturation < _NEUTRAL:
        return _between(PAGE, _TEXT, 1.0 - lightness**2)
    if lightness > _PALE:
        return _colour(hue, _TINT, 0.6 * saturation)
    while contrast(_colour(hue, lightness, saturation), PAGE) < _LEAST_CONTRAST:
        lightness += 0.02
    return _colour(hue, lightness, saturation)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21 (WCAG 2.1)."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _between(one: str, other: str, share: float) -> str:
    pairs = zip(to_rgb(one), to_rgb(other), strict=True)
    red, green, blue = (first + share * (second - first) for first, second in pairs)
    return to_hex((red, green, blue))


def _colour(hue: float, lightness: float, saturation: float) -> str:
    return to_hex(colorsys.hls_to_rgb(hue, lightness, saturation))
