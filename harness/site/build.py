"""Make a site of a folder of reports: its pages, their images, and what they are shown with."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from harness.site.folder import refuse_foreign, write_site
from harness.site.frame import Frame
from harness.site.images import Images
from harness.site.overview_pages import claims_page, index_page, runs_page
from harness.site.reading import Expected, Folder, Report, read_folder
from harness.site.report_page import Page, report_page

_ASSETS = (
    *("site.css", "site.js", "theme.js", "curves.js"),
    *("uPlot.iife.min.js", "uPlot.min.css", "uPlot.LICENSE"),
)
_ROOM = 4_000_000
"""In bytes, for the plots of all reports; beyond that they are pictures of few colours."""

_NUMBERS = 400_000
"""For the curves of all reports; beyond that they have fewer points."""

_AT_ONCE = 4
_MOST_NUMBERS = 60_000
"""For the curves of one report."""


@dataclass(frozen=True)
class Site:
    """What a site has: its files by their place, and why some reports are not in it."""

    files: dict[str, bytes]
    reports: int
    runs: int
    unshown: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return how many bytes its files have."""
        return sum(map(len, self.files.values()))


def make_site(reports: Path, out: Path) -> Site:
    """Write the site of a folder of reports to another folder, and return what it has.

    Raises:
        NothingToShow: there are no reports.
        OverwriteError: the folder is somebody's.
        OSError: something cannot be read or written.
    """
    refuse_foreign(out)
    site = build(read_folder(reports))
    write_site(out, site.files)
    return site


def build(folder: Folder) -> Site:
    """Return the site of a folder of reports: the same bytes for the same reports."""
    claims = bool(folder.index)
    names = {report.name for report in folder.reports}
    room = _ROOM // max(len(names), 1)
    numbers = min(_NUMBERS // max(len(names), 1), _MOST_NUMBERS)
    written: dict[str, bytes] = {}
    pages: dict[str, Page] = {}
    # Pictures take most of the time, in code that lets other threads work.
    threads = ThreadPoolExecutor(_AT_ONCE)
    pictures = []
    for report in folder.reports:
        images = Images(folder.path, room)
        frame = Frame("../", claims, _place(report.name))
        page = report_page(
            report, frame, lambda file: _page_of(file, names, claims, "../"), images, numbers
        )
        pages[report.name] = page
        written[_place(report.name)] = page.html
        pictures.append(threads.submit(images.contents))
    addresses = {name: quote(_place(name)) for name in names}

    def anchor_of(report: Report, expected: Expected) -> str | None:
        anchors = pages[report.name].anchors
        ends = (expected.id, f"-{expected.id}")
        return next((each for each in anchors if each == ends[0] or each.endswith(ends[1])), None)

    for found in pictures:
        written |= {f"reports/{place}": image for place, image in found.result().items()}
    threads.shutdown()
    frame = Frame("", claims, "index.html")
    written["index.html"] = index_page(folder, frame, addresses, anchor_of)
    written["runs.html"] = runs_page(folder, Frame("", claims, "runs.html"), addresses)
    if claims:
        written["claims.html"] = claims_page(
            folder,
            Frame("", claims, "claims.html"),
            lambda file: _page_of(file, names, claims, ""),
        )
    written |= dict(_assets())
    runs = sum(len(report.runs) for report in folder.reports)
    return Site(written, len(folder.reports), runs, folder.unshown)


def _place(name: str) -> str:
    """Return the place of a report's page: as in the folder of reports, so that images are found.

    A report may be called index, or runs; so the pages of reports have a folder of their own.
    """
    return f"reports/{name}.html"


def _page_of(file: str, names: set[str], claims: bool, up: str) -> str | None:
    """Return the address of the page that a file of the folder of reports leads to."""
    path = file.removeprefix("./")
    name, _, kind = path.rpartition(".")
    if kind == "md" and name in names:
        return quote(_place(name) if not up else f"{name}.html")
    if path == "README.md" and claims:
        return f"{up}claims.html"
    return None


def _assets() -> Iterator[tuple[str, bytes]]:
    folder = resources.files("harness.site") / "assets"
    for name in _ASSETS:
        yield f"assets/{name}", (folder / name).read_bytes()
