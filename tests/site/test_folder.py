"""The folder of a site: what is not the site's stays, and what is no longer the site's goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.site.folder import write_site
from harness.system.ownership import OverwriteError


def there(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "site.json"
    }


def test_pages_of_an_earlier_site_go_and_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "CNAME").write_text("example.org")
    write_site(tmp_path, {"index.html": b"1", "reports/a.html": b"a", "reports/a/x.png": b"x"})
    (tmp_path / "reports" / "mine.txt").write_text("mine")
    write_site(tmp_path, {"index.html": b"2", "reports/b.html": b"b"})
    assert there(tmp_path) == {
        "CNAME": "example.org",
        "index.html": "2",
        "reports/b.html": "b",
        "reports/mine.txt": "mine",
    }
    assert not (tmp_path / "reports" / "a").exists()


def test_a_folder_of_somebody_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.md").write_text("mine")
    with pytest.raises(OverwriteError, match=r"not empty .*thesis\.md.* --out"):
        write_site(tmp_path, {"index.html": b"1"})
    with pytest.raises(OverwriteError, match="is no folder"):
        write_site(tmp_path / "thesis.md", {"index.html": b"1"})
    assert there(tmp_path) == {"thesis.md": "mine"}


def test_a_file_of_somebody_among_the_pages_is_not_replaced(tmp_path: Path) -> None:
    write_site(tmp_path, {"index.html": b"1"})
    (tmp_path / "runs.html").write_text("mine")
    with pytest.raises(OverwriteError, match=r"runs\.html was not written by an earlier site"):
        write_site(tmp_path, {"index.html": b"2", "runs.html": b"2"})
    assert there(tmp_path) == {"index.html": "1", "runs.html": "mine"}


def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    site, outside = tmp_path / "site", tmp_path / "outside"
    outside.mkdir()
    (outside / "a.html").write_text("mine")
    write_site(site, {"index.html": b"1"})
    (site / "reports").symlink_to(outside)
    with pytest.raises(OverwriteError, match="reports is no folder"):
        write_site(site, {"index.html": b"1", "reports/a.html": b"2"})
    listed = ["index.html", "reports/a.html", "../outside/a.html", str(outside / "a.html"), ""]
    (site / "site.json").write_text(
        json.dumps({"format": "reproduction-harness site 1", "files": listed})
    )
    write_site(site, {"index.html": b"1"})
    assert (outside / "a.html").read_text() == "mine"


def test_a_damaged_list_is_told_and_a_foreign_one_is_somebodys(tmp_path: Path) -> None:
    listed = tmp_path / "site.json"
    listed.write_text('{"format": "reproduction-harness site 1", "files": 3}')
    with pytest.raises(OverwriteError, match=r"cannot be read .*expected an array"):
        write_site(tmp_path, {"index.html": b"1"})
    listed.write_text('{"name": "my site"}')
    with pytest.raises(OverwriteError, match="not empty"):
        write_site(tmp_path, {"index.html": b"1"})


def test_what_is_the_same_is_not_written_again(tmp_path: Path) -> None:
    write_site(tmp_path, {"index.html": b"1", "runs.html": b"1"})
    before = {path: path.stat().st_ino for path in tmp_path.glob("*.html")}
    write_site(tmp_path, {"index.html": b"1", "runs.html": b"2"})
    changed = [path.name for path, inode in before.items() if path.stat().st_ino != inode]
    assert changed == ["runs.html"]
