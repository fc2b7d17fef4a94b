import json
from importlib import resources

import pytest

from harness.spec.records import Component
from harness.training.schedules import SCHEDULES, learning_rate


def test_schema_and_registry_name_the_same_schedules() -> None:
    schema = json.loads(resources.files("harness.spec").joinpath("experiment.schema.json").read_text())
    assert set(schema["$defs"]["schedule"]["properties"]["name"]["enum"]) == set(SCHEDULES)


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        (Component("constant"), {0: 0.1, 349: 0.1}),
        (Component("piecewise", {"epochs": [150, 250], "factor": 0.1}), {0: 0.1, 149: 0.1, 150: 0.01, 250: 0.001}),
        (Component("exponential", {"factor": 0.95}), {0: 0.1, 1: 0.095, 2: 0.09025}),
    ],
)
def test_learning_rates(component: Component, expected: dict[int, float]) -> None:
    assert {epoch: learning_rate(component, 0.1, epoch) for epoch in expected} == pytest.approx(expected)
