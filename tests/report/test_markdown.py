"""Text stays text, whatever it says."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.report.markdown import bullets, code, details, escape, fence, link, table

RENDERER = MarkdownIt("commonmark").enable("table")
TRICKY = st.text(st.sampled_from("ab1 .)-+=#>|\\`*_~[](){}!<>&;$:\n\t\"'/x\u202e"), max_size=30) | st.text(max_size=30)


def plain(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@given(TRICKY)
def test_a_paragraph_shows_the_text(text: str) -> None:
    expected = f"<p>{html.escape(plain(text))}</p>\n" if plain(text) else ""
    assert RENDERER.render(escape(text)).replace("&#x27;", "'") == expected.replace("&#x27;", "'")


@given(TRICKY, TRICKY)
def test_a_table_cell_shows_the_text(first: str, second: str) -> None:
    rendered = RENDERER.render(table(["h", "i"], [[escape(first), escape(second)]]))
    cells = [html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", rendered, re.DOTALL)]
    assert cells == [plain(first), plain(second)]


@given(TRICKY)
def test_inline_code_shows_the_text(text: str) -> None:
    rendered = RENDERER.render(table(["h"], [[code(text)]]))
    (cell,) = re.findall(r"<td[^>]*><code>(.*?)</code></td>", rendered, re.DOTALL)
    assert html.unescape(cell) == plain(text)


@given(st.text(st.sampled_from("`a\n</>"), max_size=30))
def test_a_fence_holds_any_text(text: str) -> None:
    rendered = RENDERER.render(fence(text, "json") + "\n\nafter")
    assert html.unescape(rendered) == f'<pre><code class="language-json">{text}\n</code></pre>\n<p>after</p>\n'


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "ftp://x", "", None])
def test_only_addresses_of_the_web_are_links(address: str | None) -> None:
    assert link("paper", address) == "paper"


@pytest.mark.parametrize("address", ["https://x/a b", "https://x/>)<b>", "https://x/\n\n# h"])
def test_an_address_cannot_leave_its_link(address: str, hostile: str) -> None:
    rendered = RENDERER.render(link(hostile, address))
    assert re.fullmatch(r'<p><a href="https://x/[^"<> ]*">[^<]*</a></p>\n', rendered)


def test_details_hold_markdown() -> None:
    rendered = RENDERER.render(details("a < b", bullets(["one", "two"])))
    assert "<summary>a &lt; b</summary>" in rendered
    assert "<li>one</li>" in rendered
