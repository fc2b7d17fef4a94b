"""Run the benchmarks and write what they found: python -m benchmarks."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from benchmarks.figures import from_json
from benchmarks.notes import WHY
from benchmarks.table import Group, page, quantity, ratio, verdict
from harness.system import machine

HERE = Path(__file__).parent
ROOT = HERE.parent
GROUPS = ("start", "confusion", "input", "overhead", "pytorch", "profile", "growth", "stores")
PACKAGES = ("jax", "torch", "pytest-benchmark")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(GROUPS),
    help="Only this group; may be given several times.",
)
@click.option(
    "--quick", is_flag=True, help="See that all benchmarks still run; their figures mean nothing."
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help=(
        "Folder of results.json and README.md; groups that it has already and that are not run"
        " again stay.  [default: benchmarks, or .harness/benchmarks with --only or --quick]"
    ),
)
def main(only: tuple[str, ...], quick: bool, output: Path | None) -> None:
    """Measure speed and memory, in a process a group, and write results.json and README.md.

    Exit code 1 where a benchmark fails; a target that is missed is no failure.
    """
    folder = output or (ROOT / ".harness" / "benchmarks" if only or quick else HERE)
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in [group for group in GROUPS if not only or group in only]:
        result, code = _measured(name, quick)
        if code:
            failed.append(name)
        _write(folder, name, result)
        for value in result["rows"]:
            row = from_json(value)
            click.echo(
                f"{row.name:32} {quantity(row.figure, row.unit):>18} {ratio(row.ratio):>22}"
                f" {verdict(row)}"
            )
    click.echo(f"written: {folder / 'results.json'}, {folder / 'README.md'}")
    if failed:
        sys.exit(f"error: these benchmarks failed, see above: {', '.join(failed)}")


def _measured(name: str, quick: bool) -> tuple[dict[str, Any], int]:
    """Run the benchmarks of a group in a process of their own; what it found, and its exit code."""
    environment = _environment()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "benchmarks.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            str(HERE / f"bench_{name}.py"),
            "--quiet",
            "-p",
            "no:cacheprovider",
        ]
        options = ["python_files=bench_*.py", "python_functions=bench_*", "timeout=0"]
        command += [part for option in options for part in ("-o", option)]
        command += [
            "--benchmark-quiet",
            f"--benchmark-json={file}",
            *(["--quick"] if quick else []),
        ]
        # What another pytest has set, in whose test this runs, would switch benchmarks off.
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
        code = subprocess.run(command, cwd=ROOT, env=clean, check=False).returncode
        found = json.loads(file.read_text()) if file.exists() and file.stat().st_size else {}
    measured = found.get("benchmarks", [])
    rows = [row for benchmark in measured for row in benchmark["extra_info"].pop("rows", [])]
    about = found.get("machine_info", {})
    about.pop("node", None)
    about.get("cpu", {}).pop("flags", None)
    result = {
        "environment": environment,
        "machine_info": about,
        "rows": rows,
        "benchmarks": measured,
    }
    return result, code


def _environment() -> dict[str, str]:
    """The machine, the software and the load, in words."""
    known = machine.environment("tensorflow", {"device": "CPU"}, "float32", True)
    return {
        "taken": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "harness": known.pop("harness"),
        "processor": known.pop("processor"),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "load at the start": f"{os.getloadavg()[0]:.2f}",
        **{name: known[name] for name in ("system", "python", "keras", "tensorflow", "numpy")},
        **{name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _write(folder: Path, name: str, result: dict[str, Any]) -> None:
    """Put a group into the results that the folder has, and write its page again."""
    file = folder / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    results[name] = result
    ordered = {group: results[group] for group in GROUPS if group in results}
    file.write_text(json.dumps(ordered, indent=1, allow_nan=False) + "\n")
    groups = [
        Group(group, _title(group), value["environment"], [from_json(row) for row in value["rows"]])
        for group, value in ordered.items()
    ]
    (folder / "README.md").write_text(page(groups, WHY))


def _title(group: str) -> str:
    """What the group's file says of itself."""
    return ast.get_docstring(ast.parse((HERE / f"bench_{group}.py").read_text())) or ""


if __name__ == "__main__":
    main()
