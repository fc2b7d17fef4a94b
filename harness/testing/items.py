"""The tests of a specification: one for each expectation, one for the kept numbers."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from harness.ci.cases import Case
from harness.ci.message import headline, message
from harness.compare import baseline
from harness.errors import HarnessError
from harness.experiment import Experiment
from harness.judging.check import Mark, Verdict, stale_runs
from harness.report.statements import timing_sentence
from harness.spec.problems import Place
from harness.system.console import visible
from harness.system.crash import internal_error
from harness.testing.judged import JudgedSpecification
from harness.testing.regression import compare_with_kept, regressions_are_here


class _Item(pytest.Item):
    """What the items share: a place in a specification, and a verdict once they were set up."""

    def __init__(self, judged: JudgedSpecification, **rest: Any) -> None:
        super().__init__(**rest)
        self.specification = judged
        self.verdict: Verdict | None = None
        self._outcome: BaseException | None = None
        self.extra_keyword_matches.add(self.specification.experiment.name)
        if self.config.pluginmanager.hasplugin("xdist"):
            self.add_marker(pytest.mark.xdist_group(name=self.specification.experiment.name))
        if self.config.pluginmanager.hasplugin("timeout"):
            self.add_marker(pytest.mark.timeout(0))  # training takes as long as it takes

    def reportinfo(self) -> tuple[Path, int, str]:
        place = self.specification.places.get(self.name, Place(self.path, 1))
        return place.path, place.line - 1, f"{self.specification.experiment.name}: {self.name}"

    def setup(self) -> None:
        """Make the runs, where no earlier item has, and judge them.

        What nobody foresaw is an error of the item: it says nothing of what is expected.
        """
        error = self._fault()
        if error is not None:
            self.fail(Verdict.ERROR, "\n".join(map(visible, error.lines())))

    def _fault(self) -> HarnessError | None:
        """Judge, and return why that cannot be done; the outcome is for later."""
        try:
            self.prepare()
            try:
                self.judge()
            except (pytest.fail.Exception, pytest.skip.Exception) as outcome:
                self._outcome = outcome
        except HarnessError as error:
            return error
        except Exception as error:
            return internal_error(error, self.specification.settings.store)
        return None

    def runtest(self) -> None:
        """Pass, fail, or say why there is neither, as it was judged."""
        if self._outcome is not None:
            raise self._outcome

    def prepare(self) -> None:
        """Make the runs, where no earlier item has."""
        if self.specification.trouble:
            self.fail(Verdict.ERROR, self.specification.trouble)

    def judge(self) -> None:
        """Pass, fail, or say why there is neither."""
        raise NotImplementedError

    def fail(self, verdict: Verdict, text: str) -> NoReturn:
        self.verdict = verdict
        pytest.fail(text, pytrace=False)

    def skip(self, verdict: Verdict | None, reason: str) -> NoReturn:
        self.verdict = verdict
        pytest.skip(reason)


class ExpectationItem(_Item):
    """One expectation, or the runs that no expectation reads."""

    def prepare(self) -> None:
        """Make the runs; one that ended in an error is an error of the item, not a failure."""
        super().prepare()
        case = self._case
        self.user_properties += _properties(self.specification.experiment, case)
        statements = self.specification.conclusion.statements
        if statements is not None and case.id in statements.each:
            self.user_properties.append(("stated", timing_sentence(statements.each[case.id])))
        if case.verdict is Verdict.ERROR:
            self.fail(case.verdict, message(case, self.specification.report))

    def judge(self) -> None:
        """Pass, fail, or say why there is neither."""
        case = self._case
        self.verdict = case.verdict
        if case.verdict is Verdict.BLOCKED:
            self.skip(case.verdict, f"blocked: {headline(case)}")
        if case.verdict is Verdict.INCONCLUSIVE and self.specification.settings.allows(
            "inconclusive"
        ):
            pytest.xfail(f"inconclusive: {case.message}")
        if not case.passes([Mark.STALE] if self.specification.settings.allows("stale") else ()):
            self.fail(case.verdict, message(case, self.specification.report))

    @property
    def _case(self) -> Case:
        return self.specification.cases[self.name]


def _properties(experiment: Experiment, case: Case) -> list[tuple[str, object]]:
    judgement = case.judgement
    found: list[tuple[str, object]] = [
        ("experiment", experiment.name),
        ("verdict", case.verdict.value),
    ]
    if judgement is not None:
        found += [
            ("metric", judgement.expectation.metric),
            ("basis", judgement.expectation.basis.value),
        ]
        found += [("mean", judgement.mean)] if judgement.mean is not None else []
    return found


class BaselineItem(_Item):
    """The measured numbers against those that are kept."""

    def judge(self) -> None:
        """Compare through pytest-regressions, whose --force-regen keeps new numbers.

        They are shown before they are kept.
        """
        specification = self.specification
        experiment, results = specification.experiment, specification.conclusion.results
        unfinished = baseline.unfinished(results)
        if unfinished:
            first = unfinished[0]
            self.skip(Verdict.BLOCKED, f"blocked: {first.run}, seed {first.seed}: {first.reason}")
        stale = stale_runs(
            experiment.runs,
            experiment.seeds,
            {(result.run, result.seed): result for result in results},
        )
        if stale and not specification.settings.allows("stale"):
            self.fail(Verdict.FAIL, f"the measured numbers rest on stale runs: {stale}")
        if not regressions_are_here(self.config):
            install = "python -m pip install 'reproduction-harness[test]'"
            reason = "blocked: the kept numbers need pytest-regressions, which is not here"
            self.skip(Verdict.BLOCKED, f"{reason}: {install}")
        kept = baseline.path_of(experiment.name, specification.settings.baselines)
        if not kept.is_file() and not self.config.getoption("force_regen"):
            command = f"python -m harness baseline update {experiment.path}"
            self.skip(None, f"no numbers are kept in {kept} yet; keep them with: {command}")
        found, said = compare_with_kept(
            self.config, kept, baseline.measure(experiment, results), experiment
        )
        if found is Verdict.INCONCLUSIVE and specification.settings.allows("inconclusive"):
            self.verdict = found
            pytest.xfail(f"inconclusive: {said}")
        if said:
            self.fail(found, said)
        self.verdict = Verdict.PASS


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Add the specification and the verdict to a report, for the process that writes reports."""
    found = yield
    if isinstance(item, _Item):
        verdict = item.verdict.value if item.verdict is not None else ""
        found.harness = {
            "specification": os.fspath(item.path),
            "name": item.name,
            "verdict": verdict,
        }
        if found.skipped and isinstance(found.longrepr, tuple):
            place = item.reportinfo()
            found.longrepr = os.fspath(place[0]), place[1] + 1, found.longrepr[2]
    return found
