from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from harness.follow.tensorboard import log_folder

if TYPE_CHECKING:
    from tests.support.person import Person


def scalars(folder: Path, name: str) -> dict[int, float]:
    """Read a metric back as TensorBoard itself reads it: by step."""
    log = EventAccumulator(str(folder))
    log.Reload()
    return {event.step: float(make_ndarray(event.tensor_proto)) for event in log.Tensors(name)}


def test_the_logs_hold_the_history(person: Person) -> None:
    spec = person.spec(runs={"plain": {}, "m": {"matrix": {"regularizers": [["momentum", "l2"]]}}})
    assert person.run(spec, "--tensorboard", str(person.folder / "logs")).exit_code == 0
    for name, place in (("plain", "plain"), ("m[momentum+l2]", "m[momentum+l2]")):
        history = person.history(person.keys(spec)[name])
        for metric in ("train_loss", "test_accuracy", "learning_rate"):
            found = scalars(person.folder / "logs" / "tiny" / place / "seed_0", metric)
            assert list(found) == history["step"]
            assert list(found.values()) == pytest.approx(history[metric], rel=1e-6)


def test_a_run_that_is_kept_gets_its_log_once(person: Person) -> None:
    spec, folder = person.spec(), person.folder / "logs" / "tiny" / "random" / "seed_0"
    assert person.run(spec).exit_code == 0
    for _ in range(2):
        assert person.run(spec, "--tensorboard", str(person.folder / "logs")).exit_code == 0
        assert (
            list(scalars(folder, "test_loss"))
            == person.history(person.keys(spec)["random"])["step"]
        )
        assert len(list(folder.iterdir())) == 1


def test_a_log_that_cannot_be_written_is_told_and_stops_nothing(
    person: Person, capfd: pytest.CaptureFixture[str]
) -> None:
    (person.folder / "logs").write_text("in the way")
    found = person.run(person.spec(), "--tensorboard", str(person.folder / "logs"))
    assert found.exit_code == 0
    assert found.stderr.startswith("no log for TensorBoard of tiny / random / seed 0: ")


@pytest.mark.parametrize("name", ["../../up", "a / b", "..", ". ", "\0", "m[momentum+l2]"])
def test_a_folder_s_name_leads_nowhere_else(person: Person, name: str) -> None:
    (run,) = person.plan(person.spec()).runs.values()
    parts = log_folder(replace(run, run=replace(run.run, base=name, labels={}))).parts
    assert parts[0] == "tiny"
    assert parts[-1] == "seed_0"
    assert not {"..", ".", "/", ""} & set(parts)
