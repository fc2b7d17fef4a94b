"""The files of a folder of reports: where each lies, and which of them are the harness's.

Each experiment has NAME.md, NAME.json, NAME.expectations.json, and in NAME/ the plots and
histories.json; README.md is the index of all. NAME.json lists the plots, and only those in the list
are replaced or removed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from harness.experiment import Experiment
from harness.judging.ledger_file import path_beside_reports
from harness.report.data_card import data_sets
from harness.system import files
from harness.system.ownership import Kind, OverwriteError, is_folder, kind_of, refuse

OVERVIEW, CURVES = "expectations", "curves"
"""The names of the plots that every report has, before the ending of their files."""

PNG, SVG, DARK = ".png", ".svg", "-dark.svg"
"""The endings of a plot's files: for any page, and sharp ones for light and for dark pages."""

_ADVICE = "choose another folder with --reports, or move it away"
_OF_A_FIGURE = re.compile(r"\]\(([a-z0-9-]+)/((?:\d+-[a-z_]+|curves|data(?:-\d+)?)\.png)\)")
"""How a report's Markdown refers to a plot."""


def plot_names(experiment: Experiment) -> tuple[str, ...]:
    """Return the name of each of the experiment's figures, before the ending of its files."""
    return tuple(
        f"{index}-{figure.name}" for index, figure in enumerate(experiment.figures, start=1)
    )


def example_files(count: int) -> tuple[str, ...]:
    """Return the file name of the picture of each of so many data sets."""
    return tuple(f"data-{place}.png" if place > 1 else "data.png" for place in range(1, count + 1))


def files_of(plot: str) -> tuple[str, ...]:
    """Return the names of the files that a plot has."""
    return tuple(plot + ending for ending in (PNG, SVG, DARK))


def plot_files(experiment: Experiment) -> tuple[str, ...]:
    """Return the name of every file that the plots of an experiment's report may need."""
    plots = (OVERVIEW, *plot_names(experiment), CURVES)
    return tuple(file for plot in plots for file in files_of(plot))


def markdown_path(folder: Path, name: str) -> Path:
    """Return where an experiment's report lies."""
    return folder / f"{name}.md"


def results_path(folder: Path, name: str) -> Path:
    """Return where the numbers of an experiment's report lie."""
    return folder / f"{name}.json"


def plots_folder(folder: Path, name: str) -> Path:
    """Return where the plots of an experiment's report lie."""
    return folder / name


def histories_path(folder: Path, name: str) -> Path:
    """Return where the histories of the runs of an experiment's report lie."""
    return plots_folder(folder, name) / "histories.json"


def index_path(folder: Path) -> Path:
    """Return where the index of a folder lies."""
    return folder / "README.md"


def outputs(folder: Path, experiments: Sequence[Experiment]) -> Iterator[tuple[str, Path]]:
    """Yield every file that the reports of some experiments may need, with its name in words."""
    yield "the index of the reports", index_path(folder)
    for experiment in experiments:
        name = experiment.name
        yield f"the report of {name}", markdown_path(folder, name)
        yield f"the results of {name}", results_path(folder, name)
        yield f"what {name} was expected to show", path_beside_reports(folder, name)
        yield f"the folder of the plots of {name}", plots_folder(folder, name)
        yield f"the histories of {name}", histories_path(folder, name)
        pictures = example_files(len(data_sets(experiment, ())))
        for plot in (*plot_files(experiment), *pictures):
            yield f"the plot {plot} of {name}", plots_folder(folder, name) / plot


def refuse_foreign(folder: Path, name: str, plots: Collection[str]) -> None:
    """Check that a report with some plots may be written: it replaces none but an earlier one.

    Raises:
        OverwriteError: a file that is not the harness's is in the way.
        OSError: a file cannot be read.
    """
    refuse(markdown_path(folder, name), Kind.REPORT, f"the report of {name}", _ADVICE)
    refuse(results_path(folder, name), Kind.RESULT, f"the results of {name}", _ADVICE)
    images, listed = plots_folder(folder, name), listed_plots(folder, name)
    if os.path.lexists(images) and not is_folder(images):
        raise OverwriteError(
            f"{images} is no folder, and the plots of {name} would lie in one: {_ADVICE}"
        )
    refuse(histories_path(folder, name), Kind.HISTORIES, f"the histories of {name}", _ADVICE)
    for plot in plots:
        path = images / plot
        if is_folder(path) or (plot not in listed and _holds_something(path)):
            raise OverwriteError(
                f"{path} was not written by this harness, and a plot of {name} would replace it:"
                f" {_ADVICE}"
            )


def refuse_foreign_index(folder: Path) -> None:
    """Check that the index of a folder may be written.

    Raises:
        OverwriteError: README.md is somebody's.
        OSError: it cannot be read.
    """
    refuse(index_path(folder), Kind.INDEX, "the index of the reports", _ADVICE)


def listed_plots(folder: Path, name: str) -> frozenset[str]:
    """Return the file names of the plots that an earlier report of the experiment wrote.

    A report of an earlier version has no list; its plots are those that its Markdown shows.

    Raises:
        OSError: a file of the report cannot be read.
    """
    found = own_text(results_path(folder, name), Kind.RESULT)
    listed = json.loads(found).get("files") if found else None
    if isinstance(listed, list):
        return frozenset(each for each in listed if isinstance(each, str) and _is_plot(each))
    shown = _OF_A_FIGURE.findall(own_text(markdown_path(folder, name), Kind.REPORT))
    return frozenset(file for of, file in shown if of == name)


def _is_plot(name: str) -> bool:
    """Tell whether it is a mere file name, so that a damaged list leads to no other folder."""
    return Path(name).name == name and name.endswith((PNG, SVG)) and not name.startswith(".")


def _holds_something(path: Path) -> bool:
    try:
        return path.lstat().st_size > 0  # that of a link is the length of its target's path
    except (FileNotFoundError, NotADirectoryError):
        return False


def own_text(path: Path, kind: Kind) -> str:
    """Return the text of a file of the harness, or nothing."""
    try:
        content = files.read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    return content.decode("utf-8-sig") if kind_of(content) is kind else ""
