from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.compare.setting_changes import why_run_again
from harness.experiment import Json
from harness.plan import Plan, make_plan
from harness.spec.load import load
from harness.spec.patch import merge_patch
from harness.store.run_files import Origin
from tests.support import specifications

BASE: Json = specifications.small(
    defaults={"dataset": {"name": "digits"}, "model": {"name": "perceptron", "hidden": [3]}},
    runs={"parent": {}, "child": {"initialize_from": "parent", "regularizers": ["l2"]}},
)


def planned(folder: Path, change: Json) -> Plan:
    path = folder / "a.json"
    path.write_text(json.dumps(merge_patch(BASE, change)))
    return make_plan(load([path]), folder, gpus=0)


def origins(plan: Plan) -> list[Origin]:
    return [
        Origin(r.key, r.experiment, r.run.name, r.seed, r.parent, r.run.resolved)
        for r in plan.runs.values()
    ]


@pytest.mark.parametrize(
    ("change", "of_parent", "of_child"),
    [
        (
            {"defaults": {"training": {"optimizer": {"name": "sgd", "learning_rate": 0.5}}}},
            "training.optimizer.learning_rate (0.1 -> 0.5) changed",
            "training.optimizer.learning_rate (0.1 -> 0.5) changed",
        ),
        (
            {"runs": {"child": {"strengths": {"l2": 0.1}}}},
            None,
            "strengths.l2 (0.0005 -> 0.1) changed",
        ),
        (
            {"runs": {"parent": {"training": {"epochs": 7}}}},
            "training.epochs (100 -> 7) changed",
            "parent changed, from which it starts",
        ),
        (
            {
                "runs": {
                    "child": {
                        "model": {"hidden": [3]},
                        "dataset": {"randomize": [{"name": "confusion"}]},
                    }
                }
            },
            None,
            (
                'dataset.randomize ([] -> [{"name": "confusion", "seed": null, "replicas": 1,'
                ' "zero_out": 0.1, "unit": "channel"}]) changed'
            ),
        ),
        (
            {
                "defaults": {
                    "training": {
                        "batch_size": 9,
                        "epochs": 9,
                        "last_batch": "drop",
                        "loss_reduction": "sum",
                    }
                }
            },
            (
                'training.loss_reduction ("mean" -> "sum") and training.batch_size (128 -> 9) and '
                'training.last_batch ("keep" -> "drop") and 1 more changed'
            ),
            None,
        ),
    ],
)
def test_what_changed_is_told(
    change: Json, of_parent: str | None, of_child: str | None, tmp_path: Path
) -> None:
    kept, now = origins(planned(tmp_path, {})), planned(tmp_path, change)
    parent, child = now.runs.values()
    if of_parent is not None:
        assert why_run_again(now, parent, kept) == of_parent
    if of_child is not None:
        assert why_run_again(now, child, kept) == of_child


def test_a_run_that_never_was_has_no_reason(tmp_path: Path) -> None:
    now = planned(tmp_path, {"seeds": [1]})
    assert why_run_again(now, next(iter(now.runs.values())), origins(planned(tmp_path, {}))) is None


def test_of_several_kept_runs_the_nearest_is_compared(tmp_path: Path) -> None:
    far = {"defaults": {"training": {"batch_size": 5, "epochs": 5}}}
    near = {"defaults": {"training": {"epochs": 3}}}
    kept = [*origins(planned(tmp_path, far)), *origins(planned(tmp_path, near))]
    now = planned(tmp_path, {})
    assert (
        why_run_again(now, next(iter(now.runs.values())), kept)
        == "training.epochs (3 -> 100) changed"
    )


def test_settings_younger_than_the_kept_run_have_their_defaults(tmp_path: Path) -> None:
    plan = planned(tmp_path, {})
    kept = [replace(each, settings=json.loads(json.dumps(each.settings))) for each in origins(plan)]
    for each in kept:
        del each.settings["training"]["precision"]
    now = planned(tmp_path, {"defaults": {"training": {"epochs": 2}}})
    assert (
        why_run_again(now, next(iter(now.runs.values())), kept)
        == "training.epochs (100 -> 2) changed"
    )


def test_equal_settings_leave_the_data_and_the_code(tmp_path: Path) -> None:
    plan = planned(tmp_path, {})
    reason = why_run_again(plan, next(iter(plan.runs.values())), origins(plan))
    assert reason == "its data changed, or the harness computes it in another way now"


@pytest.mark.parametrize(
    "change", [{}, {"training": 3}, {"regularizers": {}}, {"model": None}, {"dataset": [1]}]
)
def test_settings_of_another_language_are_told_so(change: Json, tmp_path: Path) -> None:
    plan = planned(tmp_path, {})
    run = next(iter(plan.runs.values()))
    settings = {**run.run.resolved, **change} if change else {}
    kept = [replace(each, settings=settings) for each in origins(plan)]
    assert (
        why_run_again(plan, run, kept)
        == "its settings were written in another version of the language"
    )
