"""Reports on disk: `<name>.md`, `<name>.json`, `<name>/*.png`, and the index of a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from harness.check import Judgement
from harness.report.figures import draw
from harness.report.index import index, read_results
from harness.report.result_json import result_json
from harness.report.sections import report
from harness.results import RunResult
from harness.spec.records import Experiment


def write_report(
    experiment: Experiment,
    results: Sequence[RunResult],
    judgements: Sequence[Judgement],
    folder: Path,
    when: datetime | None = None,
) -> Path:
    """Write the report of one experiment and return the path of its Markdown.

    Plots of an earlier report of the same name are removed. `when` is the date that the report
    bears, now where it is None.
    """
    when = when or datetime.now(UTC)
    images = draw(experiment, results)
    plots = folder / experiment.name
    plots.mkdir(parents=True, exist_ok=True)
    for old in plots.glob("*.png"):
        if old.name not in images:
            old.unlink()
    for name, image in images.items():
        _write(plots / name, image)
    _write(folder / f"{experiment.name}.json", result_json(experiment, results, judgements, when).encode())
    path = folder / f"{experiment.name}.md"
    _write(path, report(experiment, results, judgements, list(images), when).encode())
    return path


def write_index(folder: Path) -> Path:
    """Write `README.md`, the index of all reports in a folder, and return its path."""
    path = folder / "README.md"
    _write(path, index(read_results(folder)).encode())
    return path


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a reader never sees half a report."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.close()
            temporary.chmod(0o644)  # temporary files are private by default
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
