"""Text stays text, whatever it says."""

from __future__ import annotations

import html
import json
import os
import re
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.report.markdown import bullets, code, details, escape, fence, file_link, link, table

RENDERER = MarkdownIt("commonmark").enable("table")
TRICKY = st.text(
    st.sampled_from("ab1 .)-+=#>|\\`*_~[](){}!<>&;$:\n\t\"'/x\u202e"), max_size=30
) | st.text(max_size=30)


def plain(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@given(TRICKY)
def test_a_paragraph_shows_the_text(text: str) -> None:
    expected = f"<p>{html.escape(plain(text))}</p>\n" if plain(text) else ""
    assert RENDERER.render(escape(text)).replace("&#x27;", "'") == expected.replace("&#x27;", "'")


@given(TRICKY, TRICKY)
def test_a_table_cell_shows_the_text(first: str, second: str) -> None:
    rendered = RENDERER.render(table(["h", "i"], [[escape(first), escape(second)]]))
    cells = [
        html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", rendered, re.DOTALL)
    ]
    assert cells == [plain(first), plain(second)]


@given(TRICKY)
def test_inline_code_shows_the_text(text: str) -> None:
    rendered = RENDERER.render(table(["h"], [[code(text)]]))
    (cell,) = re.findall(r"<td[^>]*><code>(.*?)</code></td>", rendered, re.DOTALL)
    assert html.unescape(cell) == plain(text)


@given(st.text(st.sampled_from("`a\n</>"), max_size=30))
def test_a_fence_holds_any_text(text: str) -> None:
    rendered = RENDERER.render(fence(text, "json") + "\n\nafter")
    assert (
        html.unescape(rendered)
        == f'<pre><code class="language-json">{text}\n</code></pre>\n<p>after</p>\n'
    )


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "ftp://x", "", None]
)
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


def test_a_summary_of_details_is_html_and_no_markdown() -> None:
    assert "<summary>all [runs] *x* a_ &lt;b&gt; c</summary>" in details(
        "all [runs] *x* a_\n\n<b> c", "body"
    )


def test_a_document_in_a_fence_keeps_its_meaning_and_hides_nothing() -> None:
    document = {"title": "\u202e \x9b \ud800 \U000e0041 中", "list": [1, 2]}
    text = fence(json.dumps(document, indent=1, ensure_ascii=False), "json")
    text.encode()
    body = text.removeprefix("```json\n").removesuffix("\n```")
    assert all(line.isprintable() for line in body.split("\n"))
    assert "中" in body
    assert json.loads(body) == document


@pytest.mark.parametrize(
    "name", ["a b).md", "a\nb](x).md", "<b>|.md", "a\udcff.md", "%41.md", "ü#?.md"]
)
def test_any_file_can_be_linked_to(name: str) -> None:
    rendered = RENDERER.render(table(["h"], [[file_link("text", f"sub/{name}", "#L3")]]))
    (address,) = re.findall(r'<td[^>]*><a href="([^"]*)">text</a></td>', rendered)
    assert address.startswith("sub/")
    assert unquote_to_bytes(address.removesuffix("#L3")) == os.fsencode(f"sub/{name}")


def test_half_a_sign_breaks_no_address() -> None:
    assert link("text", "https://x/\ud800") == "[text](<https://x/?>)"
