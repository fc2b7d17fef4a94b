"""The HTML that reports themselves write into their Markdown; all other HTML stays text.

A report folds its details, and offers a plot for light and for dark pages. Elements and attributes
beyond the few that this takes are shown as the text that they are, so nothing runs.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser

_ELEMENTS: dict[str, frozenset[str]] = {
    "a": frozenset({"id", "name", "href", "title"}),
    "img": frozenset({"src", "alt", "title", "width", "height"}),
    "source": frozenset({"srcset", "media", "type"}),
    "details": frozenset({"open", "id"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan", "scope"}),
    "ol": frozenset({"start"}),
} | {
    name: frozenset({"id"})
    for name in (
        *("b", "br", "caption", "code", "dd", "dl", "div", "dt", "em", "figcaption", "figure"),
        *("hr", "i", "kbd", "li", "p", "picture", "samp", "span", "strong", "sub", "summary"),
        *("sup", "table", "tbody", "thead", "tr", "ul", "var"),
    )
}
_VOID = frozenset({"br", "hr", "img", "source"})


@dataclass(frozen=True)
class Places:
    """What becomes of the places that HTML names.

    Args:
        link: Returns the address of a link on the page, None where it leads nowhere.
        image: Returns that of an image, None where it cannot be shown.
        anchor: Returns an anchor that is free, None where it is taken.
    """

    link: Callable[[str], str | None]
    image: Callable[[str], str | None]
    anchor: Callable[[str], str | None]


def cleaned(raw: str, places: Places) -> str:
    """Return a piece of HTML with no more than reports write; the rest of it as text."""
    parser = _Cleaner(places)
    parser.feed(raw)
    parser.close()
    return "".join(parser.written)


class _Cleaner(HTMLParser):
    def __init__(self, places: Places) -> None:
        super().__init__(convert_charrefs=False)
        self.places = places
        self.written: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _ELEMENTS:
            self._show(self.get_starttag_text() or "")
            return
        kept = {name: self._attribute(tag, name, value or "") for name, value in attrs}
        shown = {name: value for name, value in kept.items() if value is not None}
        if tag == "source" and "srcset" not in shown:
            return
        if tag == "img" and "src" not in shown:
            self._show(dict(attrs).get("alt") or "")
            return
        if tag == "img":
            shown.setdefault("alt", "")
        written = "".join(
            f" {name}" if name == "open" else f' {name}="{html.escape(value)}"'
            for name, value in shown.items()
        )
        self.written.append(f"<{tag}{written}>")

    def handle_endtag(self, tag: str) -> None:
        if tag not in _ELEMENTS:
            self._show(f"</{tag}>")
        elif tag not in _VOID:
            self.written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._show(data)

    def handle_entityref(self, name: str) -> None:
        self.written.append(html.escape(html.unescape(f"&{name};")))

    def handle_charref(self, name: str) -> None:
        self.written.append(html.escape(html.unescape(f"&#{name};")))

    def set_cdata_mode(self, *_arguments: object, **_options: object) -> None:
        """Read on: the elements whose content would be no HTML are text here."""

    def _show(self, words: str) -> None:
        self.written.append(html.escape(words, quote=False))

    def _attribute(self, tag: str, name: str, value: str) -> str | None:
        if name not in _ELEMENTS[tag]:
            return None
        if name == "href":
            return self.places.link(value)
        if name in ("src", "srcset"):
            return self.places.image(value)
        return self.places.anchor(value) if name in ("id", "name") else value
