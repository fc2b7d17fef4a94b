"""Whole sites, without a browser: valid HTML, links that lead somewhere, text that stays text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import html5lib
import pytest

from harness.experiment import Experiment
from harness.report.markdown import escape
from harness.site import build as site_build
from harness.site.build import build, make_site
from harness.site.reading import NothingToShow, read_folder
from tests.site.conftest import HOSTILE, OLDER, write_synthetic


class Elements(HTMLParser):
    """The elements of a page: their names and attributes, and the text of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, *names: str) -> list[dict[str, str]]:
        """Return the attributes of all elements of some names."""
        return [attributes for tag, attributes in self.found if tag in names]


def pages(site: Path) -> Iterator[tuple[Path, Elements]]:
    for path in sorted(site.rglob("*.html")):
        yield path, Elements(path.read_text(encoding="utf-8"))


def test_there_is_a_page_for_each_report_and_three_about_all(
    site: Path, experiment: Experiment
) -> None:
    assert {path.relative_to(site).as_posix() for path, _ in pages(site)} == {
        "index.html",
        "claims.html",
        "runs.html",
        f"reports/{experiment.name}.html",
        f"reports/{OLDER}.html",
    }


def test_the_html_is_valid(site: Path) -> None:
    for path, elements in pages(site):
        parser = html5lib.HTMLParser(strict=False)
        parser.parse(path.read_text(encoding="utf-8"))
        assert not parser.errors, (path, parser.errors[:3])
        anchors = [of["id"] for _, of in elements.found if "id" in of]
        assert sorted(anchors) == sorted(set(anchors))
        assert all("alt" in image for image in elements.of("img"))


def test_every_address_leads_to_a_file_of_the_site_and_to_an_anchor_there(site: Path) -> None:
    for path, elements in pages(site):
        for of in elements.of("a", "img", "script", "link", "source", "form"):
            for name in ("href", "src", "srcset", "action"):
                address = of.get(name, "")
                if not address or address.startswith(("https://", "http://")):
                    assert name not in ("src", "srcset") or not address
                    continue
                file, _, anchor = address.partition("#")
                target = (path.parent / unquote(file)).resolve() if file else path
                assert target.is_file(), (path, address)
                if anchor:
                    assert f'id="{unquote(anchor)}"' in target.read_text(), (path, address)


def test_nothing_of_the_web_is_loaded_and_no_script_is_in_a_page(site: Path) -> None:
    for _, elements in pages(site):
        policy = next(
            of["content"]
            for of in elements.of("meta")
            if of.get("http-equiv") == "Content-Security-Policy"
        )
        assert "http:" not in policy and "https:" not in policy and "unsafe" not in policy
        for script in elements.of("script"):
            assert script.get("type") == "application/json" or "src" in script
        assert not any(name.startswith("on") for _, of in elements.found for name in of)
        assert not any("style" in of for _, of in elements.found)


def test_hostile_words_stay_words_on_every_page(site: Path, experiment: Experiment) -> None:
    words = "<script>alert(1)</script>"
    assert words in HOSTILE
    for path in (site / "index.html", site / "reports" / f"{experiment.name}.html"):
        elements = Elements(path.read_text(encoding="utf-8"))
        assert words in elements.text
        assert not any("javascript:" in of.get("href", "") for of in elements.of("a"))


def test_headings_are_in_order_and_each_can_be_linked_to(site: Path) -> None:
    for path, elements in pages(site):
        levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch("h[1-6]", tag)]
        assert levels.count(1) == 1 and levels[0] == 1, path
        assert all(after <= before + 1 for before, after in pairwise(levels)), path
        links = {of["href"] for of in elements.of("a") if of.get("class") == "permalink"}
        named = {
            of["id"] for tag, of in elements.found if re.fullmatch("h[2-6]", tag) and "id" in of
        }
        assert {f"#{name}" for name in named} <= links


def test_those_who_do_not_see_the_page_are_told_where_they_are(site: Path) -> None:
    for _, elements in pages(site):
        assert elements.of("html") == [{"lang": "en"}]
        for landmark in ("header", "main", "footer"):
            assert len(elements.of(landmark)) == 1
        assert elements.of("a")[0]["href"] == "#site-main"
        assert len({of.get("aria-label") for of in elements.of("nav")}) == len(elements.of("nav"))
        tables = len(elements.of("table"))
        assert len(elements.of("caption")) == tables
        assert all(of.get("scope") == "col" for of in elements.of("th"))
        assert sum(of.get("aria-current") == "page" for of in elements.of("a")) <= 1


def test_a_report_has_curves_where_it_has_histories(site: Path, experiment: Experiment) -> None:
    page = (site / "reports" / f"{experiment.name}.html").read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="site-data">(.*?)</script>', page)
    assert found is not None
    assert {"test_accuracy", "train_loss"} <= {
        each["name"] for each in json.loads(found[1])["metrics"]
    }
    assert "site-data" not in (site / "reports" / f"{OLDER}.html").read_text(encoding="utf-8")


def test_the_same_reports_give_the_same_bytes(reports: Path) -> None:
    assert build(read_folder(reports)).files == build(read_folder(reports)).files


def test_a_damaged_report_is_told_and_the_others_are_shown(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "reports", 2, runs=3, points=5)
    damaged = tmp_path / "reports" / "synthetic-001.json"
    damaged.write_text('{"format": "reproduction-harness result 1", "title": <b>}')
    (tmp_path / "reports" / "mine.json").write_text("{}")
    (tmp_path / "reports" / "other.json").write_text('{"format": "reproduction-harness result 2"}')
    site = make_site(tmp_path / "reports", tmp_path / "site")
    assert site.reports == 1
    assert [each.partition(":")[0].rpartition("/")[2] for each in site.unshown] == ["other.json"]
    assert "Not shown" in (tmp_path / "site" / "index.html").read_text()


def test_a_folder_without_reports_is_told(tmp_path: Path) -> None:
    for each in (tmp_path, tmp_path / "none"):
        with pytest.raises(NothingToShow, match="has no report"):
            make_site(each, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_hundred_experiments_fit_into_20_megabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten of them do into 2, each with the room that it has among a hundred."""
    for shared in ("_ROOM", "_NUMBERS"):
        monkeypatch.setattr(site_build, shared, getattr(site_build, shared) // 10)
    write_synthetic(tmp_path, 10)
    assert build(read_folder(tmp_path)).size < 2e6


def test_an_experiment_may_be_called_as_a_page_is(tmp_path: Path) -> None:
    write_synthetic(tmp_path, 1, runs=3, points=5)
    for each in list(tmp_path.iterdir()):
        each.rename(each.with_name(each.name.replace("synthetic-000", "index")))
    files = build(read_folder(tmp_path)).files
    assert {"index.html", "reports/index.html", "runs.html"} <= files.keys()
    assert escape("Synthetic") in files["index.html"].decode()
