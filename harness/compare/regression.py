"""Compare an experiment with its kept numbers: a verdict, what drifted, and what may explain it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.compare import baseline, baseline_file
from harness.compare.baseline import Baseline, BaselineError
from harness.compare.causes import (
    code_causes,
    runs_with_changed_settings,
    setting_causes,
    surrounding_causes,
)
from harness.compare.drift import BaselineComparison, compare, one_sided
from harness.compare.drift_table import drift_table
from harness.experiment import Experiment
from harness.run_result import RunResult, Status
from harness.words import Verdict, agreeing, listed

_MOST_NAMED = 5


@dataclass(frozen=True)
class Regression:
    """The comparison of an experiment with the numbers that a file keeps.

    `message` is one sentence, empty for a pass. `comparisons` are of all numbers, none where they
    could not be compared. `causes` say what changed since the numbers were kept, whether or not any
    drifted, `notes` which final metrics were not compared.
    """

    path: Path
    verdict: Verdict
    message: str = ""
    comparisons: tuple[BaselineComparison, ...] = ()
    causes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def drifted(self) -> list[BaselineComparison]:
        """Return the numbers that drifted."""
        return [each for each in self.comparisons if each.drifted]

    @property
    def uncertain(self) -> list[BaselineComparison]:
        """Return the numbers that may have drifted, or differ by chance."""
        return [each for each in self.comparisons if each.uncertain]

    @property
    def counted(self) -> str:
        """Return how many numbers drifted, in words."""
        drifted, uncertain = len(self.drifted), len(self.uncertain)
        verb = agreeing(uncertain, "differs", "differ")
        more = (
            f", {uncertain} {verb} by more than the tolerance, maybe by chance" if uncertain else ""
        )
        return f"{drifted} of {len(self.comparisons)} numbers drifted{more}"

    @property
    def lines(self) -> list[str]:
        """Return what explains the verdict, a line each: what changed, then what drifted."""
        table = drift_table(self.moved).splitlines() if self.moved else []
        return [*self.changes, *self.notes, *table]

    @property
    def moved(self) -> list[BaselineComparison]:
        """Return the numbers that drifted, then those that may have."""
        return [*self.drifted, *self.uncertain]

    @property
    def changes(self) -> list[str]:
        """Return what changed since the numbers were kept, a line each."""
        return [f"changed since: {cause}" for cause in self.causes]


def compare_with_kept(
    experiment: Experiment, results: Sequence[RunResult], folder: Path
) -> Regression:
    """Compare an experiment's results with its baseline in a folder.

    Returns:
        A `FAIL` where a number drifted, else `INCONCLUSIVE` where one may have, else a `PASS`.
        Where nothing could be compared: `BLOCKED`, as nothing is kept yet or a run is not done, or
        `ERROR`, as the file cannot be read or a run ended in an error.
    """
    path = baseline.path_of(experiment.name, folder)
    try:
        kept = baseline_file.read(path)
    except BaselineError as error:
        return Regression(path, Verdict.ERROR, str(error))
    if kept is None:
        command = f"python -m harness baseline update {experiment.path}"
        return Regression(
            path, Verdict.BLOCKED, f"no numbers are kept in {path} yet; keep them with: {command}"
        )
    failed = sorted(
        baseline.unfinished(results), key=lambda result: result.status is not Status.ERROR
    )
    if failed:
        verdict = Verdict.ERROR if failed[0].status is Status.ERROR else Verdict.BLOCKED
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        reason = f"{failed[0].run}, seed {failed[0].seed}{more}: {failed[0].reason}"
        return Regression(path, verdict, f"nothing is compared with {path}: {reason}")
    return compare_baselines(kept, baseline.measure(experiment, results), experiment, path)


def compare_baselines(
    kept: Baseline, now: Baseline, experiment: Experiment, path: Path
) -> Regression:
    """Compare kept numbers with measured ones, all of whose runs are done."""
    runs = runs_with_changed_settings(kept.settings, now.settings)
    compared = compare(kept, now, experiment.tolerances, runs)
    found = Regression(
        path,
        Verdict.PASS,
        comparisons=compared,
        causes=tuple(causes(kept, now)),
        notes=tuple(notes(kept, now, experiment.path)),
    )
    if not found.drifted and not found.uncertain:
        return found
    verdict = Verdict.FAIL if found.drifted else Verdict.INCONCLUSIVE
    because = f"; {found.causes[0]}" if found.causes else ""
    message = f"{found.counted} (kept in {path}){because}"
    return replace(found, verdict=verdict, message=message)


def notes(kept: Baseline, now: Baseline, specification: Path) -> list[str]:
    """Say which final metrics are not compared, and what to do: they are on one side alone."""
    alone, path = one_sided(kept, now), specification.as_posix()
    said = []
    if alone.measured:
        named = listed(alone.measured, _MOST_NAMED)
        said.append(f"not kept yet: {named} (python -m harness baseline update {path})")
    if alone.kept:
        named = listed(alone.kept, _MOST_NAMED)
        said.append(f"kept and not measured now: {named} (python -m harness measure {path})")
    return said


def causes(kept: Baseline, now: Baseline) -> list[str]:
    """Say what changed since the numbers were kept: settings, code, packages, all else."""
    return [
        *setting_causes(kept.settings, now.settings),
        *code_causes(kept.code, now.code),
        *surrounding_causes(kept.environment, now.environment),
    ]
