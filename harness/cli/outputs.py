"""The options of run and check that say what continuous integration gets."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import options

if TYPE_CHECKING:
    from harness.ci.outputs import Outputs


class Output(click.ParamType[Path | None]):
    """A file to write; an empty text, as of a variable that is not set, names none."""

    name = "FILE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | None:
        """Return the path, or None."""
        return Path(value) if value else None


def _no_specifications(
    _context: click.Context, _parameter: click.Parameter, folder: Path | None
) -> Path | None:
    """Refuse specifications that stand after the option, which then takes them for its folder."""
    from harness.spec.find import below

    if folder is None or not folder.exists():
        return folder
    if folder.is_dir() and (
        any(folder.glob("*.baseline.json")) or not below(folder).specifications
    ):
        return folder
    raise click.BadParameter(
        f"{folder} is no folder of kept numbers; name the specifications first, or write "
        f"--baseline={BASELINES} before them"
    )


def _no_specification(
    _context: click.Context, _parameter: click.Parameter, path: Path | None
) -> Path | None:
    """Refuse a specification that stands after --json, which would take it for its file."""
    from harness.spec.find import is_specification
    from harness.system.ownership import OverwriteError

    if path is not None and path.is_file() and is_specification(path):
        raise OverwriteError(
            f"{path} is a specification, which what --json writes would replace; name the"
            f" specifications first, or write --json={STANDARD_OUTPUT} before them"
        )
    return path


STANDARD_OUTPUT = "-"
"""Stands for a file where the verdicts are printed."""

BASELINES = Path("reports")
"""The folder of the kept numbers where none is named."""

_OPTIONS = options(
    click.option(
        "--baseline",
        type=click.Path(path_type=Path),
        is_flag=False,
        flag_value=BASELINES,
        metavar="[FOLDER]",
        callback=_no_specifications,
        help=(
            "Compare with the numbers kept in FOLDER (reports, where none is named): drift is a"
            " fail, no kept numbers are blocked."
        ),
    ),
    click.option("--junit", type=Output(), help="Write JUnit XML: a test case an expectation."),
    click.option(
        "--json",
        type=Output(),
        is_flag=False,
        flag_value=STANDARD_OUTPUT,
        metavar="[FILE]",
        callback=_no_specification,
        help=(
            "Write the verdicts as compact JSON; without FILE, print them, and what people read on"
            " standard error."
        ),
    ),
    click.option(
        "--summary",
        type=Output(),
        help='Append the verdicts as Markdown, such as to "$GITHUB_STEP_SUMMARY".',
    ),
    click.option(
        "--annotate",
        type=click.Choice(["github", "none"]),
        help=(
            "Print what does not pass as workflow commands, which a forge shows at the"
            " specification's line.  [default: github where GITHUB_ACTIONS is true]"
        ),
    ),
)


def with_outputs(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as one `outputs`."""

    @functools.wraps(function)
    def command(**rest: Any) -> None:
        with _printed(rest.pop("json")) as json_file:
            outputs = _outputs(
                json_file,
                *(rest.pop(name) for name in ("junit", "summary", "annotate", "baseline")),
            )
            _clear(outputs)
            function(outputs=outputs, **rest)

    decorated: Callable[..., None] = _OPTIONS(command)
    return decorated


@contextlib.contextmanager
def _printed(path: Path | None) -> Iterator[Path | None]:
    """Give the file that the verdicts go to, and print them at the end where they are to be.

    Until then, what people read goes to standard error.
    """
    if path != Path(STANDARD_OUTPUT):
        yield path
        return
    from harness.cli.documents import alone, print_json

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "verdicts.json"
        try:
            with alone():
                yield file
        finally:
            if file.exists():
                print_json(json.loads(file.read_text(encoding="utf-8")))


def _clear(outputs: Outputs) -> None:
    from harness.ci.outputs import clear

    clear(outputs)


def _outputs(
    json_file: Path | None,
    junit: Path | None,
    summary: Path | None,
    annotate: str | None,
    baseline: Path | None,
) -> Outputs:
    from harness.ci.forge import in_actions
    from harness.ci.outputs import Outputs

    wanted = annotate == "github" if annotate else in_actions(os.environ)
    return Outputs(junit, json_file, summary, wanted, baseline)
