"""Standard streams that cannot show a sign, whose reader has gone, that are full or not there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.system import streams

PRINTS = """
import click, sys
from rich.console import Console
from harness.system import streams
streams.prepare()
click.echo("echo \\u2713 \\u00b1 \\u00e9 \\u4e2d")
print("print \\u2713 \\udc80")
Console().print("rich [green]\\u2713[/] \\u00b1")
click.echo("error \\u00b1", err=True)
for number in range(20_000):
    print(number)
sys.exit(3)
"""


def program(encoding: str, output: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.Popen(
        [sys.executable, "-c", PRINTS], env=environment, stdout=output, stderr=output
    )


class TestPlain:
    """Text in an encoding that lacks some of its signs."""

    @pytest.mark.parametrize(
        ("encoding", "shown"),
        [
            ("ascii", "96.4 +- 0.3% + x - -> 3 x 4 \\u4e2d e"),
            ("latin-1", "96.4 ± 0.3% + x - -> 3 \u00d7 4 \\u4e2d é"),
            ("cp1252", "96.4 ± 0.3% + x - -> 3 \u00d7 4 \\u4e2d é"),
            ("utf-8", "96.4 ± 0.3% ✓ ✗ ⊘ → 3 \u00d7 4 中 é"),
        ],
    )
    def test_what_is_missing_has_a_substitute(self, encoding: str, shown: str) -> None:
        assert streams.plain("96.4 ± 0.3% ✓ ✗ ⊘ → 3 \u00d7 4 中 é", encoding) == shown

    def test_half_a_sign_is_a_number(self) -> None:
        assert streams.plain("a\udc80", "utf-8") == "a\\udc80"


class TestPrepare:
    """A process that prints."""

    @pytest.mark.parametrize(
        ("encoding", "lines"),
        [
            ("ascii", [b"echo + +- e \\u4e2d", b"print + \\udc80", b"rich + +-"]),
            ("latin-1", [b"echo + \xb1 \xe9 \\u4e2d", b"print + \\udc80", b"rich + \xb1"]),
            ("utf-8", ["echo ✓ ± é 中".encode(), "print ✓ \\udc80".encode(), "rich ✓ ±".encode()]),
        ],
    )
    def test_everything_is_printed_in_order(self, encoding: str, lines: list[bytes]) -> None:
        process = program(encoding)
        output, errors = process.communicate(timeout=60)
        assert output.splitlines() == [*lines, *(b"%d" % number for number in range(20_000))]
        assert errors == "error ±\n".encode(encoding, "replace").replace(b"?", b"+-")
        assert process.returncode == 3

    def test_a_reader_that_goes_ends_nothing(self) -> None:
        process = program("utf-8")
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == "error ±\n".encode()
        assert process.wait(timeout=60) == 3

    def test_a_full_disk_ends_nothing(self) -> None:
        with open("/dev/full", "wb") as full:  # noqa: PTH123
            assert program("utf-8", full.fileno()).wait(timeout=60) == 3

    def test_streams_that_are_closed_end_nothing_and_give_no_file_their_output(self) -> None:
        code = (
            "from harness.system import streams; streams.prepare(); print('lost'); import os; "
            "opened = os.open(os.devnull, os.O_RDONLY); os._exit(opened)"
        )
        command = f'exec "{sys.executable}" -c "{code}" 0<&- 1>&- 2>&-'
        assert subprocess.run(["bash", "-c", command], check=False, timeout=60).returncode == 3

    def test_a_stream_that_is_none_of_the_systems_stays(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = sys.stdout
        streams.prepare()
        assert sys.stdout is before
        print("✓")
        assert capsys.readouterr().out == "✓\n"
