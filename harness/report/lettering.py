"""How much room text takes in a plot, and how it is made to fit."""

from __future__ import annotations

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from harness.report.style import FONT, plain

_POINTS_AN_INCH = 72.0
_HINTING = 1.05  # letters that are fitted to pixels may be so much wider
_ELLIPSIS = "\u2026"


def width_of(text: str, size: float) -> float:
    """Return how wide a line of text is in inches; `size` is that of the font in points."""
    if not text:
        return 0.0
    font = FontProperties(family=FONT, size=size)
    width, _, _ = text_to_path.get_text_width_height_descent(plain(text), font, ismath=False)
    return _HINTING * float(width) / _POINTS_AN_INCH


def fitted(text: str, inches: float, size: float, most_lines: int) -> str:
    """Return text on at most so many lines of that width; what does not fit ends in an ellipsis."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size) <= inches:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > most_lines:
        lines[most_lines - 1 :] = [" ".join(lines[most_lines - 1 :])]
    return "\n".join(_cut(line, inches, size) for line in lines)


def _cut(line: str, inches: float, size: float) -> str:
    """Return the beginning of a line that is too long."""
    if width_of(line, size) <= inches:
        return line
    fits, too_long = 0, len(line)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if width_of(line[:middle] + _ELLIPSIS, size) <= inches:
            fits = middle
        else:
            too_long = middle
    return line[:fits].rstrip() + _ELLIPSIS
