"""Write reports to disk: `<name>.md`, `<name>.json`, plots, histories, and the index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from harness.experiment import Experiment
from harness.judging.judgement import Judgement
from harness.judging.timing import Statements
from harness.report import circumstance
from harness.report import folder as places
from harness.report.data_card import data_sets
from harness.report.examples import pictures
from harness.report.figures import draw
from harness.report.histories import histories_json
from harness.report.index import index, read_results
from harness.report.result_json import result_json, written
from harness.report.sections import report
from harness.run_result import RunResult
from harness.system import files
from harness.system.ownership import Kind, comment


def write_report(
    experiment: Experiment,
    results: Sequence[RunResult],
    judgements: Sequence[Judgement],
    folder: Path,
    when: datetime | None = None,
    statements: Statements | None = None,
) -> Path:
    """Write the report of one experiment and return the path of its Markdown.

    Plots that an earlier report of the same name lists, and this one has not, are removed. `when`
    is the date that the report bears, now where it is None; where the earlier report has the same
    numbers, its date and the other circumstances stay. `statements` tell when the expectations were
    stated, None for a trial.

    Raises:
        OverwriteError: a file that is not the harness's is in the way; nothing is changed.
        OSError: a file cannot be written.
    """
    when, name = when or datetime.now(UTC), experiment.name
    images = draw(experiment, results, judgements) | _examples(experiment, results, folder)
    places.refuse_foreign(folder, name, images)
    plots = places.plots_folder(folder, name)
    plots.mkdir(parents=True, exist_ok=True)
    for old in places.listed_plots(folder, name) - images.keys():
        (plots / old).unlink(missing_ok=True)
    # The list is written before the plots, so that a plot which a kill leaves behind is listed.
    document = result_json(experiment, results, judgements, when, tuple(images), statements)
    first = circumstance.as_first(document, places.results_path(folder, name))
    if first is not None:
        document, results = first, circumstance.results_of(first, results)
    _write(places.results_path(folder, name), written(document).encode())
    for plot, image in images.items():
        _write(plots / plot, image)
    _write_or_remove(places.histories_path(folder, name), histories_json(experiment, results))
    path = places.markdown_path(folder, name)
    text = report(experiment, results, judgements, list(images), statements)
    _write(path, f"{comment(Kind.REPORT)}\n\n{text}".encode())
    return path


def _examples(
    experiment: Experiment, results: Sequence[RunResult], folder: Path
) -> dict[str, bytes]:
    """Return the pictures of the data by their file names; those of an earlier report stay."""
    used, plots = data_sets(experiment, results), places.plots_folder(folder, experiment.name)
    names = places.example_files(len(used))
    listed = places.listed_plots(folder, experiment.name)
    earlier = [
        files.read_bytes(plots / each)
        for each in names
        if (plots / each).is_file() and each in listed
    ]
    return {names[place]: image for place, image in pictures(experiment, used, earlier).items()}


def write_index(folder: Path) -> Path:
    """Write `README.md`, the index of all reports in a folder, and return its path.

    Raises:
        OverwriteError: there is one that is not the harness's.
        OSError: it cannot be written.
    """
    places.refuse_foreign_index(folder)
    path = places.index_path(folder)
    _write(path, f"{comment(Kind.INDEX)}\n\n{index(*read_results(folder))}".encode())
    return path


def _write_or_remove(path: Path, text: str) -> None:
    if text:
        _write(path, text.encode())
    else:
        path.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    files.replace(path, lambda temporary: _written(temporary, content))


def _written(path: Path, content: bytes) -> None:
    path.write_bytes(content)
