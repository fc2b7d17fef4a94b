"""The commands; what they do lies in the floors below.

What takes long to import is imported by the command that needs it: help answers at once.
"""

from __future__ import annotations

import click

from harness.cli import authoring, baseline, compare, data, experiments, runs, status


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="reproduction-harness")
def main() -> None:
    """Run experiments that are written as JSON specifications, and check what they are expected to show.

    Exit codes of run and check: 0 all pass; 1 a fail; 2 invalid specification or usage; 3 an error;
    4 nothing failed, but something is blocked or inconclusive.
    """


for command in (
    authoring.new,
    authoring.explain,
    authoring.schema,
    experiments.validate,
    experiments.plan,
    experiments.run,
    experiments.check,
    experiments.report,
    baseline.baseline,
    compare.diff,
    runs.runs,
    status.status,
    data.data,
    authoring.completion,
):
    main.add_command(command)
