"""The options of run and check that say what continuous integration gets."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
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
    click.option("--json", type=Output(), help="Write the verdicts as compact JSON."),
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
        outputs = _outputs(
            *(rest.pop(name) for name in ("junit", "json", "summary", "annotate", "baseline"))
        )
        _clear(outputs)
        function(outputs=outputs, **rest)

    decorated: Callable[..., None] = _OPTIONS(command)
    return decorated


def _clear(outputs: Outputs) -> None:
    from harness.ci.outputs import clear

    clear(outputs)


def _outputs(
    junit: Path | None,
    json: Path | None,
    summary: Path | None,
    annotate: str | None,
    baseline: Path | None,
) -> Outputs:
    from harness.ci.forge import in_actions
    from harness.ci.outputs import Outputs

    wanted = annotate == "github" if annotate else in_actions(os.environ)
    return Outputs(junit, json, summary, wanted, baseline)
