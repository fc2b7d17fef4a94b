"""Killed at any moment, and started again until it is through: the results are those of one clean run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.runner.conftest import Person

KILLS = int(os.environ.get("HARNESS_KILLS", "2"))
"""How often a process is killed; a long test asks for more."""

SPEC = {
    "seeds": [0, 1],
    "runs": {
        "parent": {"training": {"epochs": 1500, "measure_every": 50}},
        "child": {"initialize_from": "parent", "training": {"epochs": 1000, "measure_every": 100}},
        "images": {
            "dataset": {"train_examples": 60, "test_examples": 50},
            "model": {"name": "convnet", "hidden": None, "width": 2},
            "regularizers": ["augmentation", "momentum", "l2", "dropout"],
            "strengths": {"augmentation": [{"name": "random_crop", "padding": 1}]},
            "training": {"epochs": 40},
        },
    },
}
STARTING_SECONDS = 4.0
"""Before this nothing has begun: a kill hits the import of TensorFlow."""


def test_kills_change_nothing(person: Person, another: Person) -> None:
    spec = person.spec(**SPEC)
    moments, killed, codes = random.Random(0), 0, []
    while killed < KILLS:
        process = person.start(spec)
        try:
            process.communicate(timeout=moments.uniform(STARTING_SECONDS, 2.5 * STARTING_SECONDS))
            codes.append(process.returncode)
            for key in moments.sample(person.store.keys(), 1):  # all is done: begin one of the runs anew
                person.store.remove(key)
        except subprocess.TimeoutExpired:
            process.send_signal(moments.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            process.communicate(timeout=60)
            killed += 1
    assert set(codes) <= {0}
    assert person.run(spec).exit_code == 0
    assert another.run(spec).exit_code == 0
    keys = set(person.plan(spec).runs)
    assert set(person.store.keys()) == keys
    assert len(keys) == 6
    for key in keys:
        assert person.same(another, key)
        assert person.store.damage(key) == []
    assert list((person.folder / "store" / "unfinished").iterdir()) == []
