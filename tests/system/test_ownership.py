"""What the harness may write over: what it wrote itself, and nothing else."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest

from harness.system import ownership
from harness.system.ownership import Kind, OverwriteError

REPORTS = Path(__file__).parents[2] / "reports"

SPECIFICATIONS = [
    '{"name": "tiny", "title": "T", "runs": {}, "expectations": []}',
    '{"extends": "_base.json"}',
    '{"$schema": "../harness/spec/experiment.schema.json"}',
    '\ufeff{"defaults": {}}',
]


class TestKindOf:
    @pytest.mark.parametrize("kind", [Kind.REPORT, Kind.INDEX])
    def test_markdown_is_known_by_its_comment(self, kind: Kind) -> None:
        text = f"{ownership.comment(kind)}\n\n# Title\n"
        assert ownership.kind_of(text.encode()) is kind
        assert ownership.kind_of(text.replace("\n", "\r\n").encode()) is kind
        assert ownership.kind_of(f"# Mine\n\n{text}".encode()) is None

    def test_xml_is_known_by_its_comment(self) -> None:
        head = '<?xml version="1.0" encoding="utf-8"?>\n'
        text = f"{head}{ownership.comment(Kind.JUNIT)}\n<testsuites/>\n"
        assert ownership.kind_of(text.encode()) is Kind.JUNIT
        assert ownership.kind_of(f"{head}<testsuites/>".encode()) is None
        other = f'{head}<testsuites name="pytest tests"><testsuite/></testsuites>'
        assert ownership.kind_of(other.encode()) is None

    def test_the_xml_of_earlier_versions_is_known(self) -> None:
        text = (
            '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="harness" tests="2" '
            'failures="0" errors="0" skipped="0" time="1.500">\n</testsuites>\n'
        )
        assert ownership.kind_of(text.encode()) is Kind.JUNIT

    @pytest.mark.parametrize("kind", [Kind.RESULT, Kind.BASELINE, Kind.VERDICTS, Kind.EXPECTATIONS])
    def test_json_is_known_by_its_format_of_any_number(self, kind: Kind) -> None:
        for number in (1, 23):
            text = json.dumps({"a": 1, "format": f"reproduction-harness {kind.value} {number}"})
            assert ownership.kind_of(text.encode()) is kind
            assert ownership.kind_of(f"[{text}]".encode()) is None
            assert ownership.kind_of(f'{{"mine": {text}}}'.encode()) is None

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b'{"format": 1}',
            b'{"format": "reproduction-harness"}',
            b'{"format": "reproduction-harness poem 1"}',
            b"\xff\xfe",
            b"# Results\n\nof my thesis\n",
            b"{" * 100_000,
        ],
    )
    def test_all_else_is_somebody_s(self, content: bytes) -> None:
        assert ownership.kind_of(content) is None

    def test_the_reports_that_are_kept_here_are_known(self) -> None:
        kinds = {path: ownership.kind_of(path.read_bytes()) for path in REPORTS.glob("*.*")}
        assert len(kinds) > 30
        for path, kind in kinds.items():
            if path.name == "README.md":
                assert kind is Kind.INDEX
            elif path.suffix == ".md":
                assert kind is Kind.REPORT, path
            else:
                kept = {".baseline": Kind.BASELINE, ".expectations": Kind.EXPECTATIONS}
                assert kind is kept.get(Path(path.stem).suffix, Kind.RESULT), path

    def test_an_earlier_report_with_words_of_a_person_below_it_is_theirs(self) -> None:
        lines = "\n".join(f"- x {word}: y" for word in ("pass", "fail", "inconclusive", "blocked"))
        text = f"# A\n\n**b** c\n\n## What the verdicts mean\n\n{lines}\n- x error: y\n"
        assert ownership.kind_of(text.encode()) is Kind.REPORT
        assert ownership.kind_of(f"{text}\nMy own words.\n".encode()) is None


class TestRefuse:
    def refuse(self, path: Path, kind: Kind = Kind.RESULT) -> None:
        ownership.refuse(path, kind, "the results of tiny", "name another folder")

    def test_nothing_and_an_empty_file_are_in_nobody_s_way(self, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()
        (tmp_path / "link").symlink_to("nowhere")
        for name in ("none", "empty", "link", "empty/below"):
            self.refuse(tmp_path / name)

    @pytest.mark.parametrize("content", SPECIFICATIONS)
    def test_a_specification_is_never_replaced_also_at_the_end_of_a_link(
        self, tmp_path: Path, content: str
    ) -> None:
        (tmp_path / "spec.json").write_text(content, encoding="utf-8")
        (tmp_path / "link.json").symlink_to("spec.json")
        for kind in Kind:
            for name in ("spec.json", "link.json"):
                with pytest.raises(OverwriteError) as caught:
                    self.refuse(tmp_path / name, kind)
                assert str(caught.value) == (
                    f"{tmp_path / name} is a specification, and the results of tiny would "
                    "replace it: name another folder"
                )

    def test_one_kind_is_not_replaced_by_another(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        path.write_text('{"format": "reproduction-harness baseline 1"}')
        self.refuse(path, Kind.BASELINE)
        for kind in set(Kind) - {Kind.BASELINE}:
            with pytest.raises(OverwriteError, match="holds kept numbers, a baseline, and"):
                self.refuse(path, kind)

    def test_what_cannot_be_looked_at_is_not_replaced(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "folder").mkdir()
        for name, why in {
            "pipe": "is no regular file",
            "folder": "is a folder",
        }.items():
            with pytest.raises(OverwriteError, match=why):
                self.refuse(tmp_path / name)
        (tmp_path / "loop").symlink_to("loop")
        with pytest.raises(OSError, match="levels of symbolic links"):
            self.refuse(tmp_path / "loop")


class TestRefuseAppending:
    def refuse(self, path: Path) -> None:
        ownership.refuse_appending(path, "what --summary writes", "name another file")

    @pytest.mark.parametrize("name", ["step_summary_1f2e", "SUMMARY.md", "log.txt"])
    def test_prose_is_appended_to(self, tmp_path: Path, name: str) -> None:
        self.refuse(tmp_path / name)
        for text in ("", "# Another step\n", "[a link](x)\n"):
            (tmp_path / name).write_text(text)
            self.refuse(tmp_path / name)

    @pytest.mark.parametrize(
        ("name", "content", "why"),
        [
            ("spec", SPECIFICATIONS[0], "is a specification"),
            ("a.md", '{"mine": 1}', "is no Markdown"),
            ("a.md", '<?xml version="1.0"?><a/>', "is no Markdown"),
            ("a.md", f"{ownership.comment(Kind.REPORT)}\n\n# T\n", "is a report"),
            ("train.py", "print()\n", "is no Markdown"),
            ("a.md", b"\x89PNG\r\n", "is no Markdown"),
        ],
    )
    def test_all_else_is_not(
        self, tmp_path: Path, name: str, content: str | bytes, why: str
    ) -> None:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        with pytest.raises(OverwriteError, match=f"{why}, and what --summary writes would be app"):
            self.refuse(path)


class TestRefuseShared:
    def test_two_names_of_one_file_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("a")
        a = tmp_path / "a"
        accent = tmp_path / unicodedata.normalize("NFC", "é")
        apart = tmp_path / unicodedata.normalize("NFD", "é")
        for one, other in (
            (a, a),
            (a, tmp_path / "A"),
            (a, tmp_path / "link"),
            (a, tmp_path / "x" / ".." / "a"),
            (accent, apart),
        ):
            with pytest.raises(OverwriteError, match="--json and --junit would be written to one"):
                ownership.refuse_shared([("--junit", one), ("--json", other)])
        ownership.refuse_shared([("--junit", a), ("--json", tmp_path / "b")])


class TestIsStream:
    def test_devices_and_pipes_are_streams_and_files_are_not(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "file").touch()
        (tmp_path / "device").symlink_to("/dev/null")
        assert not ownership.is_stream(Path("/dev/shm/verdicts.json"))
        streams = [Path("/dev/stdout"), Path("/dev/null"), tmp_path / "pipe", tmp_path / "device"]
        assert all(map(ownership.is_stream, streams))
        assert not any(ownership.is_stream(tmp_path / name) for name in ("file", "none", "."))
