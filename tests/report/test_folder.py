"""Which files of a folder of reports are the harness's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.report import folder
from harness.system.ownership import Kind, OverwriteError, comment

REPORTS = Path(__file__).parents[2] / "reports"


def results(path: Path, **members: object) -> None:
    path.write_text(json.dumps({"format": "reproduction-harness result 1"} | members))


class TestListedPlots:
    def test_the_list_in_the_results_decides(self, tmp_path: Path) -> None:
        results(tmp_path / "a.json", files=["1-by_cell.png", "curves.png"])
        (tmp_path / "a.md").write_text(f"{comment(Kind.REPORT)}\n\n![x](a/9-history.png)\n")
        assert folder.listed_plots(tmp_path, "a") == {"1-by_cell.png", "curves.png"}

    def test_a_list_leads_to_no_other_folder_and_no_other_kind_of_file(
        self, tmp_path: Path
    ) -> None:
        outside = ["../b/1.png", "/etc/1.png", "../b/1.svg", "..", ".png", ".svg"]
        listed = [*outside, "notes.txt", 3, None, "ok.png", "ok.svg", "ok-dark.svg"]
        results(tmp_path / "a.json", files=listed)
        assert folder.listed_plots(tmp_path, "a") == {"ok.png", "ok.svg", "ok-dark.svg"}

    def test_without_a_list_those_count_that_the_report_shows(self, tmp_path: Path) -> None:
        results(tmp_path / "a.json")
        shown = (
            "![x](a/1-by_cell.png) ![x](a/curves.png) ![x](a/my_photo.png) ![x](b/2-history.png)"
        )
        (tmp_path / "a.md").write_text(f"{comment(Kind.REPORT)}\n\n{shown}\n")
        assert folder.listed_plots(tmp_path, "a") == {"1-by_cell.png", "curves.png"}
        (tmp_path / "a.md").write_text(f"# Mine\n\n{shown}\n")
        assert folder.listed_plots(tmp_path, "a") == set()

    def test_every_plot_of_the_reports_that_are_kept_here_is_known(self) -> None:
        for images in filter(Path.is_dir, REPORTS.iterdir()):
            there = {path.name for path in images.iterdir()} - {"histories.json"}
            assert there == folder.listed_plots(REPORTS, images.name)


class TestRefuseForeign:
    def test_a_foreign_plot_of_the_same_name_is_not_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        photo = tmp_path / "a" / "curves.png"
        photo.touch()
        folder.refuse_foreign(tmp_path, "a", ["curves.png"])
        photo.write_bytes(b"mine")
        folder.refuse_foreign(tmp_path, "a", ["1-by_cell.png"])
        with pytest.raises(OverwriteError, match=r"curves\.png was not written .* --reports"):
            folder.refuse_foreign(tmp_path, "a", ["1-by_cell.png", "curves.png"])
        results(tmp_path / "a.json", files=["curves.png"])
        folder.refuse_foreign(tmp_path, "a", ["1-by_cell.png", "curves.png"])

    def test_a_link_in_the_place_of_a_plot_is_somebody_s(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "curves.png").symlink_to("/nowhere")
        with pytest.raises(OverwriteError, match="was not written"):
            folder.refuse_foreign(tmp_path, "a", ["curves.png"])
