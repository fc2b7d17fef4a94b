"""What all pages share: their head, the way to the others, and how tables of data are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.site.markup import join, tag, text

POLICY = (
    "default-src 'none'; img-src 'self' file: data:; style-src 'self' file:;"
    " script-src 'self' file:; form-action 'self' file:; base-uri 'none'"
)
"""What a page may load: the files beside it, and nothing from anywhere else."""

_THEMES = (("auto", "as the system"), ("light", "light"), ("dark", "dark"))


@dataclass(frozen=True)
class Frame:
    """Where a page is among the others.

    Args:
        up: The address of the site's folder from the page, such as "../".
        claims: Whether there is a page of claims.
        current: The address of the page itself from the site's folder.
    """

    up: str
    claims: bool
    current: str

    def page(self, title: str, main: str, scripts: Sequence[str] = ()) -> bytes:
        """Return a whole page: `main` is HTML, `scripts` are names of assets beyond the usual."""
        heading = title if title == "Results" else f"{title} - Results"
        styles = ("uPlot.min.css", "site.css") if scripts else ("site.css",)
        head = join(
            [
                '<meta charset="utf-8">',
                tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                '<meta name="color-scheme" content="light dark">',
                tag("title", text(heading)),
                *(tag("link", rel="stylesheet", href=f"{self.up}assets/{each}") for each in styles),
                tag("script", src=f"{self.up}assets/theme.js"),
                *(
                    tag("script", src=f"{self.up}assets/{each}", defer=True)
                    for each in (*scripts, "site.js")
                ),
            ],
            "\n",
        )
        body = join(
            [
                tag("a", "Skip to the content", class_="skip", href="#site-main"),
                self._header(),
                tag("main", f"\n{main}\n", id="site-main", tabindex="-1"),
                tag(
                    "footer",
                    "Written by the reproduction harness from a folder of reports."
                    " Curves are drawn with uPlot (MIT licence).",
                ),
            ],
            "\n",
        )
        whole = tag("html", f"\n{tag('head', head)}\n{tag('body', body)}\n", lang="en")
        return f"<!DOCTYPE html>\n{whole}\n".encode()

    def _header(self) -> str:
        pages = [("index.html", "Experiments"), ("runs.html", "Runs")]
        pages[1:1] = [("claims.html", "Claims")] if self.claims else []
        links = join(
            tag(
                "li",
                tag(
                    "a",
                    words,
                    href=self.up + address,
                    aria_current="page" if address == self.current else None,
                ),
            )
            for address, words in pages
        )
        search = tag(
            "form",
            tag("label", "Search", for_="site-find", class_="unseen")
            + tag(
                "input",
                type="search",
                name="q",
                id="site-find",
                placeholder="Search experiments and expectations",
            )
            + tag("button", "Search", type="submit"),
            role="search",
            action=f"{self.up}index.html",
        )
        theme = tag(
            "label",
            tag("span", "Colours ")
            + tag("select", join(tag("option", words, value=value) for value, words in _THEMES)),
            class_="theme",
        )
        return tag("header", tag("nav", tag("ul", links), aria_label="Pages") + search + theme)


@dataclass(frozen=True)
class Column:
    """A column of a table of data.

    `number` says that it is sorted by numbers; `choices` that it can be filtered by its words.
    """

    title: str
    number: bool = False
    choices: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell: HTML, and what it is sorted by where that is not its text; a number always has it."""

    content: str
    key: str | None = None


def data_table(
    anchor: str, caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]
) -> str:
    """Return a table that can be filtered and sorted, with the fields for it above.

    Without scripts it is a plain table, and the fields are not there.

    Args:
        anchor: The table's own.
        caption: What its rows are, such as "runs".
        columns: In their order; the first names its row.
        rows: A cell for each column.
    """
    heads = join(
        tag(
            "th",
            text(column.title),
            scope="col",
            class_="to-right" if column.number else None,
            data_choices=column.choices,
        )
        for column in columns
    )
    body = "\n".join(tag("tr", join(_cells(columns, row))) for row in rows)
    table = tag(
        "table",
        tag("caption", text(caption), class_="unseen")
        + tag("thead", tag("tr", heads))
        + tag("tbody", f"\n{body}\n"),
        id=anchor,
        class_="data cards",
        data_rows=caption,
    )
    return tag(
        "div", table, class_="scroll", tabindex="0", role="group", aria_label=f"Table: {caption}"
    )


def _cells(columns: Sequence[Column], row: Sequence[Cell]) -> Sequence[str]:
    """Return the cells of a row, written short: there are thousands of them."""
    written = []
    for column, cell in zip(columns, row, strict=True):
        mark = "v" if column.number else "k"
        key = "" if cell.key is None else f' data-{mark}="{text(cell.key)}"'
        written.append(f"<td{key}>{cell.content}</td>")
    return written
