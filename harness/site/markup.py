"""HTML from text of any origin: what is not markup of ours stays text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

_VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "source"})


def text(value: object) -> str:
    """Return text as HTML that shows it; what cannot be printed becomes a space."""
    shown = "".join(c if c.isprintable() or c in "\n\t" else " " for c in str(value))
    return html.escape(shown)


def tag(name: str, content: str = "", /, **attributes: str | bool | None) -> str:
    """Return an element of content that is HTML already.

    Args:
        name: Of the element.
        content: What is in it.
        attributes: By name, with `_` for `-` and a `_` at the end of what Python reserves; True for
            one without a value, None or False for none.
    """
    written = "".join(
        f" {key.removesuffix('_').replace('_', '-')}"
        + ("" if value is True else f'="{text(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return f"<{name}{written}>" + ("" if name in _VOID else f"{content}</{name}>")


def join(parts: Iterable[str], between: str = "") -> str:
    """Return parts that are HTML already, one after another, without the empty ones."""
    return between.join(part for part in parts if part)


def slug(words: str) -> str:
    """Return the anchor of a heading, as forges make it."""
    kept = re.sub(r"[^\w\- ]", "", words.strip().lower())
    return kept.replace(" ", "-")


class Anchors:
    """The anchors of a page, of which no two are the same."""

    def __init__(self) -> None:
        self.taken: dict[str, None] = {}

    def heading(self, words: str) -> str:
        """Return a new anchor for a heading."""
        wanted = slug(words) or "section"
        wanted = f"section-{wanted}" if wanted.startswith("site-") else wanted
        anchor, number = wanted, 0
        while anchor in self.taken:
            number += 1
            anchor = f"{wanted}-{number}"
        self.taken[anchor] = None
        return anchor

    def given(self, name: str) -> str | None:
        """Return an anchor that the text itself has, or None where it cannot be one."""
        if not re.fullmatch(r"[A-Za-z0-9][\w.:\-\[\]+,=]*", name) or name.startswith("site-"):
            return None
        if name in self.taken:
            return None
        self.taken[name] = None
        return name
