"""The Markdown of a report as HTML: headings that can be linked to, tables that fit a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from harness.site.markup import Anchors, tag, text
from harness.site.raw_html import Places, cleaned

_WIDE = 3
"""From so many columns on, a row of a table is a card of its own on a phone."""

_WEB = ("http", "https", "mailto")


@dataclass(frozen=True)
class Heading:
    """A heading of a page: from 1, the title, downwards; its words and its anchor."""

    level: int
    words: str
    anchor: str


@dataclass(frozen=True)
class Rendered:
    """A text as HTML.

    `sections` are pieces, each of which but the first begins with a heading of the second level.
    """

    title: str
    sections: Sequence[str]
    headings: Sequence[Heading]
    anchors: Sequence[str]


@dataclass(frozen=True)
class Surroundings:
    """What lies around a text.

    Args:
        page: Returns the address of the page that a file's name in the folder of reports leads to,
            None where there is none.
        image: Returns the address of an image of the folder, None where there is none.
    """

    page: Callable[[str], str | None]
    image: Callable[[str], str | None]


def render(source: str, around: Surroundings) -> Rendered:
    """Render a report's Markdown. HTML that no report writes stays text, and runs nothing."""
    return _Page(around).render(source)


class _Page:
    """One text being rendered: which anchors are taken, and which headings there were."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.anchors = Anchors()
        self.headings: list[Heading] = []
        self.places = Places(self.link, self.image, self.anchors.given)
        self.parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

    def render(self, source: str) -> Rendered:
        environment: dict[str, object] = {}
        tokens = self.parser.parse(source, environment)
        for token in _all(tokens):
            if token.type in ("html_block", "html_inline"):
                token.content = cleaned(token.content, self.places)
        self._number_headings(tokens)
        sections = [
            self.parser.renderer.render(part, self.parser.options, environment)
            for part in _sections(list(self._completed(tokens)))
        ]
        title = next((each.words for each in self.headings if each.level == 1), "")
        return Rendered(title, sections, self.headings, list(self.anchors.taken))

    def link(self, address: str) -> str | None:
        """Return where a link leads from the page, or None where it leads nowhere there."""
        parts = urlsplit(address)
        if parts.scheme:
            return address if parts.scheme.lower() in _WEB else None
        if parts.netloc or not (parts.path or parts.fragment):
            return None
        anchor = f"#{parts.fragment}" if parts.fragment else ""
        if not parts.path:
            return anchor
        page = self.around.page(unquote(parts.path))
        return None if page is None else f"{page}{anchor}"

    def image(self, address: str) -> str | None:
        """Return where an image lies as the page sees it; none is fetched from elsewhere."""
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            return None
        return self.around.image(unquote(parts.path))

    def _number_headings(self, tokens: Sequence[Token]) -> None:
        """Give every heading its anchor, and let no level be skipped, nor two titles be there."""
        last, place = 0, [0]
        for index, token in enumerate(tokens):
            if token.type != "heading_open":
                continue
            words = _words(tokens[index + 1])
            level = 1 if last == 0 else min(max(int(token.tag[1]), 2), last + 1)
            last = level
            anchor = self.anchors.heading(words)
            self.headings.append(Heading(level, words, anchor))
            place.append(index)
            token.tag = tokens[index + 2].tag = f"h{level}"
            token.attrSet("id", anchor)

    def _completed(self, tokens: Sequence[Token]) -> Iterator[Token]:
        """Yield the tokens with links and images as they are here, and all that tables need."""
        heading = ""
        for index, token in enumerate(tokens):
            if token.type == "heading_open":
                heading = _words(tokens[index + 1])
            if token.type == "inline":
                token.children = list(self._inline(token.children or []))
            if token.type == "heading_close":
                anchor = str(tokens[index - 2].attrGet("id"))
                yield _raw(_permalink(anchor, heading))
            if token.type in ("fence", "code_block"):
                yield _raw(
                    tag(
                        "pre",
                        tag("code", text(token.content)),
                        tabindex="0",
                        role="group",
                        aria_label=f"Code: {token.info or 'text'}",
                    )
                )
                continue
            if token.type == "table_open":
                yield from _opened_table(tokens, index, heading)
                continue
            yield token
            if token.type == "table_close":
                yield _raw("</div>\n")

    def _inline(self, tokens: Sequence[Token]) -> Iterator[Token]:
        dead = False
        for token in tokens:
            if token.type == "link_open":
                address = self.link(str(token.attrGet("href") or ""))
                dead = address is None
                if address is not None:
                    token.attrSet("href", address)
                    if urlsplit(address).scheme:
                        token.attrSet("rel", "noopener noreferrer")
            if dead and token.type in ("link_open", "link_close"):
                continue
            if token.type == "image":
                yield self._image(token)
                continue
            yield token

    def _image(self, token: Token) -> Token:
        words = token.content
        address = self.image(str(token.attrGet("src") or ""))
        if address is None:
            return _raw(text(words))
        return _raw(tag("img", src=address, alt=words, loading="lazy"))


def _sections(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield the tokens in pieces: what comes before the sections, and each section."""
    part: list[Token] = []
    for token in tokens:
        if token.type == "heading_open" and token.tag == "h2" and token.level == 0:
            yield part
            part = []
        part.append(token)
    yield part


def _opened_table(tokens: Sequence[Token], index: int, heading: str) -> Iterator[Token]:
    """Yield the beginning of a table, and tell every cell of its column's header."""
    end = next(i for i in range(index, len(tokens)) if tokens[i].type == "table_close")
    heads = [_words(tokens[i + 1]) for i in range(index, end) if tokens[i].type == "th_open"]
    wide = len(heads) >= _WIDE
    column = 0
    for token in tokens[index:end]:
        if token.type in ("tr_open", "th_open", "td_open"):
            style = str(token.attrs.pop("style", ""))
            if style:
                token.attrSet("class", style.replace("text-align:", "to-"))
        if token.type == "tr_open":
            column = 0
        elif token.type == "th_open":
            token.attrSet("scope", "col")
        elif token.type == "td_open":
            if wide and column < len(heads) and heads[column]:
                token.attrSet("data-label", heads[column])
            column += 1
    label = f"Table: {heading}" if heading else "Table"
    opened = tag("div", class_="scroll", tabindex="0", role="group", aria_label=label)
    caption = tag("caption", text(heading or "Table"), class_="unseen")
    table = tag("table", caption, class_="cards" if wide else None)
    yield _raw(opened.removesuffix("</div>") + table.removesuffix("</table>"))


def _permalink(anchor: str, words: str) -> str:
    return tag(
        "a", "#", class_="permalink", href=f"#{anchor}", aria_label=f"Link to this section: {words}"
    )


def _raw(content: str) -> Token:
    return Token("html_inline", "", 0, content=content)


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or [])


def _words(token: Token) -> str:
    """Return the text of a heading or a cell."""
    return " ".join(
        "".join(
            each.content if each.type in ("text", "code_inline", "image") else " "
            for each in token.children or []
            if each.type in ("text", "code_inline", "softbreak", "hardbreak", "image")
        ).split()
    )
