"""The images of a report as a site has them: drawings where there is room, else small pictures."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from PIL import Image, UnidentifiedImageError

from harness.system import files

_KINDS = (".png", ".svg", ".jpg", ".jpeg", ".webp", ".gif")
_PALER = 0.7
"""About what is left of that, as to scale a picture makes more of its pixels differ."""

_SMALL_ENOUGH = 16_000
"""In bytes; an image as small as this is left as it is."""

_COLOURS = 256
_LEAST_SCALE = 0.5
_FEWER_BYTES = 0.33
"""About what so few colours leave of a plot's bytes."""

_PICTURE = re.compile(r"<picture>.*?</picture>\s*", re.DOTALL)
_SOURCE = re.compile(r'<source [^>]*?srcset="(?P<place>[^"]+)"[^>]*>')
_IMG = re.compile(r'<img [^>]*?src="(?P<place>[^"]+)"[^>]*>')


@dataclass
class Images:
    """The images that one report shows: only files of its folder, by their place from there.

    Args:
        folder: Of the reports.
        room: How many bytes the plots should take. Those that are drawings have the first of it,
            as long as they fit; the others are pictures, made smaller where it is not enough.
    """

    folder: Path
    room: int
    chosen: dict[str, Path] = field(default_factory=dict)

    def place(self, name: str) -> str | None:
        """Return the place of an image, None where it is none of the folder's."""
        path = Path(name)
        if path.is_absolute() or ".." in path.parts or path.suffix.lower() not in _KINDS:
            return None
        found = self.folder / path
        try:
            inside = found.resolve().is_relative_to(self.folder.resolve())
        except OSError:
            return None
        return quote(path.as_posix()) if inside and found.is_file() else None

    def settle(self, page: str) -> str:
        """Choose the files of the images on a page, and return its HTML with no others.

        A plot that is there for light and for dark pages is shown so, without the picture for those
        who can show neither, as long as there is room.
        """
        settled = _PICTURE.sub(lambda found: self._picture(found[0]), page)
        for found in (*_IMG.finditer(settled), *_SOURCE.finditer(settled)):
            place = _path(found["place"])
            self.chosen[place] = self.folder / place
        return settled

    def _picture(self, written: str) -> str:
        shown = _IMG.search(written)
        if shown is None:
            return ""
        sources = list(_SOURCE.finditer(written))
        drawn = [each for each in sources if each["place"].endswith(".svg")]
        size = sum((self.folder / _path(each["place"])).stat().st_size for each in drawn)
        light = [each for each in drawn if "media=" not in each[0]]
        if not light or len(drawn) < len(sources) or size > self.room:
            return shown[0]
        self.room -= size
        kept = "".join(each[0] for each in drawn if each is not light[0])
        image = shown[0].replace(f'"{shown["place"]}"', f'"{light[0]["place"]}"')
        return f"<picture>{kept}{image}</picture>"

    def contents(self) -> Mapping[str, bytes]:
        """Return the files that were chosen, by place.

        Raises:
            OSError: one cannot be read.
        """
        found = {place: files.read_bytes(path) for place, path in self.chosen.items()}
        pictures = sum(len(content) for content in found.values() if _is_png(content))
        wanted = max(self.room, 1) / max(_FEWER_BYTES * pictures, 1)
        scale = 1.0 if wanted >= 1.0 else max((_PALER * wanted) ** 0.5, _LEAST_SCALE)
        return {place: _small(content, scale) for place, content in found.items()}


def _is_opaque(image: Image.Image) -> bool:
    """Tell whether nothing shines through: to know it halves the work."""
    if image.has_transparency_data:
        return image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255)
    return True


def _path(address: str) -> str:
    """Return the path of an image from its address on a page."""
    return unquote(html.unescape(address))


def _is_png(content: bytes) -> bool:
    return content.startswith(b"\x89PNG") and len(content) >= _SMALL_ENOUGH


def _small(content: bytes, scale: float = 1.0) -> bytes:
    """Return a PNG with at most 256 colours, which plots do not notice, and scaled; if smaller."""
    if not _is_png(content):
        return content
    try:
        with Image.open(io.BytesIO(content)) as image:
            full = image.convert("RGB" if _is_opaque(image) else "RGBA")
        if scale < 1.0:
            size = (round(full.width * scale), round(full.height * scale))
            full = full.resize(size, Image.Resampling.BOX)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return content
    few = full.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    few.save(buffer, "PNG")
    return min(buffer.getvalue(), content, key=len)
