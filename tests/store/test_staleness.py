"""Which code decides results, and that no change of it passes with all runs in the store."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

import harness
from harness.cli import main
from harness.experiment import Json
from harness.run_result import Code
from harness.store import staleness
from harness.store.staleness import code, difference, modules_in, present
from harness.system.json_value import parse

if TYPE_CHECKING:
    from tests.conftest import Pretend

OURS = Path(harness.__file__).parent


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the harness that can be changed."""
    return Path(
        shutil.copytree(
            OURS, tmp_path / "copy" / "harness", ignore=shutil.ignore_patterns("__pycache__")
        )
    )


def changed(copy: Path, name: str, before: str, after: str) -> set[str]:
    """Change a module, and give the names of those whose digests differ from ours then."""
    file = copy / name
    text = file.read_text()
    assert before in text
    assert after not in text
    file.write_text(text.replace(before, after))
    ours, theirs = staleness.modules(), modules_in(copy)
    return {module for module in {*ours, *theirs} if ours.get(module) != theirs.get(module)}


class TestModulesIn:
    """Which modules count, and what of them."""

    def test_all_that_compiles_feeds_and_trains_counts_but_for_a_stated_few(self) -> None:
        found = set(modules_in(OURS))
        for part in ("data", "models", "training"):
            there = {path.relative_to(OURS.parent) for path in (OURS / part).rglob("*.py")}
            names = {
                ".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in there
            }
            assert names - found == {
                name for name in staleness.RECORDING if name.startswith(f"harness.{part}.")
            }
        beside = {
            name for name in found if name.split(".")[1] not in ("data", "models", "training")
        }
        assert beside == {
            "harness.backend",
            "harness.budget",
            "harness.compile",
            "harness.experiment",
            "harness.metrics",
            "harness.own.kinds",
            "harness.own.running",
            "harness.rounding",
            "harness.runner.make",
            "harness.system.files",
        }

    def test_what_is_said_to_decide_nothing_is_there(self) -> None:
        for name in staleness.RECORDING:
            path = OURS.parent / name.replace(".", "/")
            assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()

    def test_a_new_module_counts_by_itself(self, copy: Path) -> None:
        (copy / "training" / "anew.py").write_text("RATE = 1\n")
        assert set(modules_in(copy)) - set(modules_in(OURS)) == {"harness.training.anew"}

    def test_so_does_one_elsewhere_that_is_imported_in_a_function(self, copy: Path) -> None:
        (copy / "anew.py").write_text("RATE = 1\n")
        with (copy / "training" / "step.py").open("a") as file:
            file.write("\n\ndef anew():\n    if True:\n        from harness import anew\n")
        assert "harness.anew" in modules_in(copy)

    def test_what_is_imported_for_types_alone_does_not_count(self, copy: Path) -> None:
        (copy / "anew.py").write_text("RATE = 1\n")
        with (copy / "training" / "step.py").open("a") as file:
            file.write("\nif TYPE_CHECKING:\n    from harness import anew\n")
        assert "harness.anew" not in modules_in(copy)

    @pytest.mark.parametrize(
        ("name", "before", "after"),
        [
            (
                "training/schedules.py",
                '"""Give 1 in every epoch."""',
                '"""Give one."""  # in every epoch',
            ),
            ("training/schedules.py", '"""Learning rates by epoch and', '"""Rates by epoch and'),
            ("training/schedules.py", '"""The schedules by the', '"""Those by the'),
            ("training/schedules.py", "    return 1.0\n", "\n    return (\n        1.0\n    )\n"),
            ("follow/progress.py", '"waiting for other', '"idle for other'),
            ("runner/local.py", "_WAIT_SECONDS = 0.2", "_WAIT_SECONDS = 0.3"),
        ],
    )
    def test_words_layout_and_what_only_shows_do_not_count(
        self, copy: Path, name: str, before: str, after: str
    ) -> None:
        assert changed(copy, name, before, after) == set()

    def test_a_string_that_is_used_counts(self, copy: Path) -> None:
        assert changed(copy, "data/pipeline.py", '"shuffle"', '"shuffled"') == {
            "harness.data.pipeline"
        }


class TestDifference:
    """What a person is told."""

    @pytest.fixture(autouse=True)
    def _here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            staleness, "modules", lambda: {"harness.a": "1", "harness.b": "2", "harness.c": "3"}
        )
        monkeypatch.setattr(
            staleness,
            "version",
            lambda name: {"keras": "3.12.1", "numpy": "2.4.6"}.get(name, "1.0"),
        )

    def test_the_same_modules_and_packages_are_no_difference(self) -> None:
        assert difference(present("tensorflow")) == difference(present("jax")) == ""

    def test_modules_are_named_before_packages_with_their_versions(self) -> None:
        made_by = Code(
            {"harness.a": "1", "harness.b": "x", "harness.d": "4"},
            {"keras": "3.12.0", "numpy": "2.4.6"},
        )
        assert difference(made_by) == (
            "harness.b changed; harness.c is new; harness.d is gone; and 1 more"
        )

    def test_another_patch_of_a_package_counts(self) -> None:
        made_by = Code(staleness.modules(), {"keras": "3.12.0", "numpy": "2.4.6"})
        assert difference(made_by) == "keras is 3.12.1 now, not 3.12.0"

    def test_a_record_without_it_is_too_old(self) -> None:
        assert difference(None) == "it was made before the code that makes a run was recorded"

    def test_a_record_reads_as_it_was_written(self) -> None:
        found = present("jax")
        assert set(found.packages) == {"keras", "tensorflow", "numpy", "jax"}
        assert code(parse(json.dumps(found.to_json()).encode())) == found

    def test_any_difference_changes_the_digest(self) -> None:
        found = present("tensorflow")
        others = [
            Code({**found.modules, "harness.a": "0"}, found.packages),
            Code(found.modules, {"keras": "4"}),
        ]
        assert len({each.digest for each in (found, *others)}) == 3


SPEC: Json = {
    "name": "full",
    "title": "Full",
    "seeds": [0, 1],
    "defaults": {
        "dataset": {"name": "digits"},
        "model": {"name": "perceptron"},
        "training": {"epochs": 3},
    },
    "runs": {"parent": {}, "child": {"initialize_from": "parent"}},
    "expectations": [
        {"id": "e", "metric": "child.test_accuracy", "at_least": 0.5, "statistic": "every"}
        | {"basis": "hypothesis", "source": "s"}
    ],
}

MUTATIONS = {
    "the learning rate is halved in the loop": (
        "training/schedules.py",
        "rates = initial * f",
        "rates = 0.5 * initial * f",
    ),
    "momentum is ignored": (
        "training/optimizers.py",
        '"momentum": training.momentum',
        '"momentum": 0 * training.momentum',
    ),
    "l2 is halved": (
        "training/optimizers.py",
        'gradient + scalars["l2"] * value',
        'gradient + 0.5 * scalars["l2"] * value',
    ),
    "labels are not random": (
        "data/randomizations.py",
        "0, n, 1, draw.classes)[:, 0]",
        "0, n, 1, 1)[:, 0]",
    ),
    "no image is flipped": (
        "data/augmentation.py",
        '{"flip": drawn[:, 0] == 1}',
        '{"flip": drawn[:, 0] == 2}',
    ),
    "every epoch has the same order": (
        "data/pipeline.py",
        '"shuffle", epoch), n)',
        '"shuffle", 0), n)',
    ),
    "one pixel too many is zeroed": (
        "data/randomizations.py",
        "return share_of(zero_out, units)",
        "return 1 + share_of(zero_out, units)",
    ),
    "losses are added": ("training/losses.py", '{"mean": ops.mean,', '{"mean": ops.sum,'),
    "batch normalization remembers less": (
        "models/layers.py",
        "momentum: float = 0.9",
        "momentum: float = 0.8",
    ),
    "a schedule steps an epoch late": (
        "training/schedules.py",
        "boundary <= epoch",
        "boundary < epoch",
    ),
    "early stopping waits an epoch longer": (
        "training/stopping.py",
        "_best(rule, history) >= rule.patience",
        "_best(rule, history) > rule.patience",
    ),
    "each seed is the next one": ("runner/make.py", "run.seed, start", "run.seed + 1, start"),
    "a child starts from weights of its own": (
        "runner/make.py",
        "else weights_of(run.parent, run.run.start_epoch)",
        "else None",
    ),
    "a last small batch is lost": ("compile.py", "dataset, settings.augmentation", "dataset, ()"),
    "operations are not deterministic": (
        "backend.py",
        "enable_op_determinism()",
        "list_logical_devices()",
    ),
    "accuracy is that of the first half": (
        "training/measure.py",
        "train.correct / epoch.train_examples",
        "train.correct / 2 / epoch.train_examples",
    ),
}


def test_a_version_is_kept_as_it_was_first_found_and_that_none_was_found_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = iter(["unknown", "1.0", "2.0"])
    monkeypatch.setattr("harness.system.machine.installed", lambda _: next(told))
    package = "a package of this test alone"
    assert [staleness.version(package) for _ in range(3)] == ["unknown", "1.0", "1.0"]


class TestMutations:
    """A line that decides a result is changed, all runs are in the store, nothing is trained."""

    @pytest.fixture
    def full(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pretend: Pretend) -> Path:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "300")
        spec = tmp_path / "full.json"
        spec.write_text(json.dumps(SPEC))
        pretend(
            spec, tmp_path / "store", {run: {"test_accuracy": [0.9, 0.9]} for run in SPEC["runs"]}
        )
        return spec

    def command(self, name: str, spec: Path, *arguments: str) -> Result:
        return CliRunner().invoke(main, [name, str(spec), "--store", "store", *arguments])

    def test_without_a_change_all_pass(self, full: Path) -> None:
        assert self.command("check", full).exit_code == 0
        assert "4 runs: 4 done, 0 to do, 0 blocked" in self.command("plan", full).output

    @pytest.mark.parametrize("mutation", MUTATIONS)
    def test_a_change_ends_in_no_plain_pass_and_names_the_module(
        self, full: Path, copy: Path, mutation: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name, before, after = MUTATIONS[mutation]
        module = f"harness.{name.removesuffix('.py').replace('/', '.')}"
        assert changed(copy, name, before, after) == {module}
        there = modules_in(copy)
        monkeypatch.setattr(staleness, "modules", lambda: there)
        checked = self.command("check", full)
        assert checked.exit_code == 4
        assert (
            "The one verdict rests on stale runs, which other code made: no plain pass."
            in checked.output
        )
        assert f"e: child, seeds 0, 1: {module} changed" in checked.output
        assert self.command("check", full, "--allow", "stale").exit_code == 0
        planned = self.command("plan", full).output
        assert f"4 runs are stale: {module} changed" in planned
        assert (
            "4 runs: 0 done, 4 to do (4 of them again, because they are stale), 0 blocked"
            in planned
        )

    def test_another_keras_does_so_too(self, full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        here = staleness.version("keras")
        monkeypatch.setattr(staleness, "version", lambda name: "9.9.9" if name == "keras" else here)
        monkeypatch.setattr("harness.system.machine.installed", lambda name: "9.9.9")
        checked = self.command("check", full)
        assert checked.exit_code == 4
        assert f"keras is 9.9.9 now, not {here}" in checked.output
