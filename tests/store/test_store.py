import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.experiment import Json
from harness.run_result import Detail, Loaded, RunResult, Status
from harness.store import predictions
from harness.store.predictions import Predictions
from harness.store.run_files import Origin
from harness.store.snapshot import Snapshot
from harness.store.store import Checkpoint, DamagedRun, Store, StoreError
from harness.system.files import temporary_path

KEY = "k" * 64
HISTORY = [
    {"epoch": 0, "step": 0, "seconds": 0.0, "train_loss": 2.302585092994046},
    {"epoch": 1, "step": 4, "seconds": 0.25, "train_loss": 0.1 + 0.2},
]
RUN: Json = {"experiment": "a", "run": "one", "seed": 3, "parent": None, "settings": {"model": "x"}}
ENVIRONMENT: Json = {
    "environment": {"python": "3"},
    "seconds": 1.5,
    "images_per_second": 10.0,
    "parameters": 7,
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    made.prepare()
    return made


def finish(store: Store, **changes: Any) -> None:
    content = {
        "run": RUN,
        "history": HISTORY,
        "measurements": {"test_accuracy": 0.75, "epochs_to_fit": None},
        "environment": ENVIRONMENT,
        "files": {"final.weights.h5": lambda path: path.write_bytes(b"weights")},
    }
    store.finish(KEY, **(content | changes))


def everything_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_finished_run_reads_as_it_was_written(store: Store) -> None:
    assert store.result(KEY, "one", 3).status is Status.MISSING
    finish(store)
    folder = store.root / "runs" / KEY
    assert store.done(KEY)
    assert store.result(KEY, "one", 3) == RunResult(
        "one",
        3,
        KEY,
        Status.DONE,
        measurements={"test_accuracy": 0.75, "epochs_to_fit": None},
        history={
            "epoch": [0, 1],
            "step": [0, 4],
            "seconds": [0.0, 0.25],
            "train_loss": [2.302585092994046, 0.30000000000000004],
        },
        environment={"python": "3"},
        seconds=1.5,
        images_per_second=10.0,
        parameters=7,
        weights=folder / "final.weights.h5",
    )
    assert store.result(KEY, "one", 3).data is None
    assert json.loads((folder / "run.json").read_text()) == {"key": KEY, **RUN}
    assert (folder / "final.weights.h5").read_bytes() == b"weights"


def test_a_decision_grid_is_told_where_there_is_one(store: Store) -> None:
    def grid(path: Path) -> None:
        score, points = np.zeros((2, 3)), np.zeros((4, 2))
        with path.open("wb") as file:
            np.savez(
                file,
                x=np.zeros(3),
                y=np.zeros(2),
                score=score,
                train_inputs=points,
                train_labels=np.zeros(4),
            )

    finish(store, files={"decision_grid.npz": grid})
    assert store.result(KEY, "one", 0).decision_grid == store.folder(KEY) / "decision_grid.npz"


@pytest.mark.parametrize(
    ("detail", "beside"),
    [
        (Detail.NUMBERS, set()),
        (Detail.IMAGES, {"predictions.npz"}),
        (Detail.HISTORY, {"predictions.npz", "history.csv"}),
    ],
)
def test_only_what_is_asked_for_is_read_of_a_finished_run(
    store: Store, opened: Counter[Path], detail: Detail, beside: set[str]
) -> None:
    labels = np.array([0, 1, 1], np.uint16)
    found = Predictions(np.array([0, 1, 0], np.uint16), labels, None, "a" * 64)
    finish(store, files={"predictions.npz": lambda path: predictions.save(path, found)})
    opened.clear()
    result = store.result(KEY, "one", 0, detail=detail)
    numbers = {"SHA256SUMS", "run.json", "measurements.json", "environment.json"}
    assert {path.name for path in opened} == numbers | beside
    assert result.predicted
    right = None if result.tested is None else result.tested.right.tolist()
    assert right == ([True, True, False] if "predictions.npz" in beside else None)
    assert bool(result.history) == ("history.csv" in beside)


def test_of_runs_that_are_not_asked_for_one_file_is_read(
    store: Store, opened: Counter[Path]
) -> None:
    other = "b" * 64
    finish(store)
    store.finish(
        other, run=RUN | {"run": "two"}, history=HISTORY, measurements={}, environment={}, files={}
    )
    opened.clear()
    assert list(store.origins(lambda label: label == "a / one / seed 3")) == [KEY]
    assert {path.name for path in opened if path.parent.name == other} == {"run.json"}
    snapshot = Snapshot(store.root)
    snapshot.origins(lambda _: False)
    opened.clear()
    assert list(snapshot.labels()) == [(other, "a / two / seed 3"), (KEY, "a / one / seed 3")]
    assert not snapshot.origins(lambda _: False)
    assert not opened


def test_finishing_clears_the_unfinished_run(store: Store) -> None:
    store.save_checkpoint(KEY, Checkpoint({}, HISTORY))
    finish(store)
    assert everything_below(store.root / "unfinished") == []
    assert store.progress(KEY) is None


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()])
def test_a_run_whose_files_cannot_be_written_is_not_finished(
    store: Store, error: BaseException
) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise error

    store.save_checkpoint(KEY, Checkpoint({}, HISTORY))
    with pytest.raises(type(error)):
        finish(store, files={"final.weights.h5": fail})
    assert not store.done(KEY)
    assert everything_below(store.root / "runs") == []
    assert store.progress(KEY) == 1


def test_measurements_that_are_not_numbers_are_never_stored(store: Store) -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        finish(store, measurements={"test_accuracy": float("nan")})
    assert not store.done(KEY)


def test_a_disk_that_refuses_is_a_store_error(store: Store) -> None:
    def fail(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(
        StoreError, match=f"the store {store.root} cannot be written: No space left on device"
    ):
        finish(store, files={"x": fail})


def test_what_a_killed_process_left_is_cleared_away(store: Store) -> None:
    left = store.root / "runs" / f".{KEY}.12345"
    left.mkdir()
    (left / "final.weights.h5").write_bytes(b"half")
    finish(store)
    assert [path.name for path in (store.root / "runs").iterdir()] == [KEY]


def assert_damaged(store: Store, file: str) -> None:
    """Assert that the run is an error that names the file and the way out, whatever is asked."""
    result = store.result(KEY, "one", 0)
    assert result.status is Status.ERROR
    assert result.reason.startswith(str(store.folder(KEY) / file))
    assert f"python -m harness runs remove {KEY} --store {store.root}" in result.reason
    assert store.done(KEY)
    assert any(file in told for told in store.damage(KEY))
    store.remove(KEY)
    finish(store)
    assert store.result(KEY, "one", 0).status is Status.DONE


def test_what_was_loaded_is_read_with_the_result(store: Store) -> None:
    record = {"train_examples": 7, "test_examples": 3, "classes": ["cat", "dog"], "content": "ab"}
    finish(store, environment=ENVIRONMENT | {"data": record})
    assert store.result(KEY, "one", 3).data == Loaded(7, 3, ("cat", "dog"), "ab")


def test_a_record_of_the_data_that_is_none_is_an_error(store: Store) -> None:
    finish(store, environment=ENVIRONMENT | {"data": {"test_examples": "3"}})
    assert store.result(KEY, "one", 3).status is Status.ERROR


@pytest.mark.parametrize(
    "name", ["run.json", "history.csv", "measurements.json", "environment.json", "SHA256SUMS"]
)
@pytest.mark.parametrize("how", ["changed", "removed", "empty", "a folder"])
def test_a_file_that_is_not_as_it_was_written_is_an_error(
    store: Store, name: str, how: str
) -> None:
    finish(store)
    file = store.folder(KEY) / name
    content = bytearray(file.read_bytes())
    file.unlink()
    if how == "changed":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif how == "empty":
        file.touch()
    elif how == "a folder":
        file.mkdir()
    assert_damaged(
        store, name if (name, how) != ("SHA256SUMS", "changed") else ""
    )  # the file whose line it is


def test_a_fault_is_told_of_the_files_that_verdicts_need(store: Store) -> None:
    finish(store)
    assert store.fault(KEY) is None
    (store.folder(KEY) / "history.csv").write_text("")
    assert store.fault(KEY) is None
    (store.folder(KEY) / "environment.json").write_text("")
    assert store.fault(KEY) == store.result(KEY, "one", 0, detail=Detail.NUMBERS).reason


def test_one_changed_bit_of_the_measurements_is_an_error(store: Store) -> None:
    """57 epochs must not become 17."""
    finish(store, measurements={"epochs": 57})
    file = store.folder(KEY) / "measurements.json"
    file.write_text(file.read_text().replace("57", "17"))
    assert_damaged(store, "measurements.json")


def test_a_missing_checksum_a_foreign_file_and_a_run_of_another_key_are_errors(
    store: Store,
) -> None:
    finish(store)
    sums = store.folder(KEY) / "SHA256SUMS"
    sums.write_text(
        "".join(
            line for line in sums.read_text().splitlines(keepends=True) if "weights" not in line
        )
    )
    assert_damaged(store, "final.weights.h5")
    (store.folder(KEY) / "more.txt").touch()
    assert_damaged(store, "more.txt")
    (store.folder(KEY) / "run.json").unlink()
    (store.folder(KEY) / "SHA256SUMS").unlink()
    assert_damaged(store, "SHA256SUMS")
    other = "o" * 64
    shutil.copytree(store.folder(KEY), store.folder(other))
    result = store.result(other, "one", 0)
    assert result.status is Status.ERROR
    assert f"run.json is of another run, whose key is {KEY}" in result.reason
    with pytest.raises(DamagedRun, match="of another run"):
        store.weights(other)


def test_a_file_in_the_place_of_the_folder_is_an_error(store: Store) -> None:
    store.folder(KEY).write_text("")
    assert_damaged(store, "")


def test_what_a_file_manager_leaves_is_no_damage(store: Store) -> None:
    finish(store)
    (store.folder(KEY) / ".DS_Store").touch()
    assert store.damage(KEY) == []
    assert store.result(KEY, "one", 0).status is Status.DONE


@pytest.mark.parametrize("change", ["a bit", "no line", "gone"])
def test_weights_are_compared_with_their_checksum_before_they_are_given_out(
    store: Store, change: str
) -> None:
    finish(store)
    assert store.weights(KEY).read_bytes() == b"weights"
    sums, file = (store.folder(KEY) / name for name in ("SHA256SUMS", "final.weights.h5"))
    if change == "a bit":
        file.write_bytes(b"weighus")
    elif change == "no line":
        sums.write_text(
            "".join(
                line for line in sums.read_text().splitlines(keepends=True) if "weights" not in line
            )
        )
    else:
        file.unlink()
    with pytest.raises(DamagedRun, match=f"{file} is .*runs remove {KEY}"):
        store.weights(KEY)


def test_a_checkpoint_comes_back_bit_by_bit(store: Store) -> None:
    odd = np.array([np.nan, -0.0, np.inf, 1e-45], np.float32)
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "w/0": odd,
        "history": np.arange(6, dtype=np.int64).reshape(2, 3),
        "empty": np.zeros((0, 4), np.float16),
        "step": np.asarray(2**40),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "flag": np.asarray(True),
    }
    store.save_checkpoint(KEY, Checkpoint(arrays, HISTORY))
    loaded = store.load_checkpoint(KEY)
    assert loaded is not None
    assert loaded.history == HISTORY
    assert loaded.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert loaded.arrays[name].dtype == array.dtype
        assert loaded.arrays[name].shape == array.shape
        assert loaded.arrays[name].tobytes() == array.tobytes()


def test_the_last_checkpoint_counts(store: Store) -> None:
    assert store.load_checkpoint(KEY) is None
    assert store.progress(KEY) is None
    store.save_checkpoint(KEY, Checkpoint({"a": np.zeros(1)}, HISTORY[:1]))
    store.save_checkpoint(KEY, Checkpoint({"b": np.ones(1)}, HISTORY))
    loaded = store.load_checkpoint(KEY)
    assert loaded is not None
    assert list(loaded.arrays) == ["b"]
    assert store.progress(KEY) == 1
    assert everything_below(store.root / "unfinished") == [
        f"{KEY}/checkpoint.npz",
        f"{KEY}/checkpoint.previous.npz",
    ]
    for damage in (b"PK", None):  # damaged, and not there because of a kill between two renames
        latest = store.root / "unfinished" / KEY / "checkpoint.npz"
        latest.write_bytes(damage) if damage else latest.unlink()
        loaded = store.load_checkpoint(KEY)
        assert loaded is not None
        assert (list(loaded.arrays), store.progress(KEY)) == (["a"], 0)


def test_an_error_is_kept_until_the_run_is_finished_and_ends_its_checkpoint(store: Store) -> None:
    assert store.error(KEY) is None
    store.save_checkpoint(KEY, Checkpoint({}, HISTORY))
    store.save_error(KEY, "the loss is not finite", "Traceback")
    assert store.load_checkpoint(KEY) is None
    result = store.result(KEY, "one", 0, blocked="no data")
    assert (result.status, result.reason) == (Status.ERROR, "the loss is not finite")
    finish(store)
    assert store.error(KEY) is None
    assert store.result(KEY, "one", 0).status is Status.DONE


@pytest.mark.parametrize("content", ["", "[]", "{}", "nonsense", '{"message": 3}', None])
def test_a_damaged_error_record_is_an_error_still(store: Store, content: str | None) -> None:
    store.save_error(KEY, "x")
    file = store.root / "unfinished" / KEY / "error.json"
    file.unlink()
    file.mkdir() if content is None else file.write_text(content)
    found = store.error(KEY)
    assert found is not None
    assert f"its last attempt failed; the reason in {file} cannot be read: " in found
    assert store.result(KEY, "one", 0).status is Status.ERROR
    store.remove(KEY)
    assert store.error(KEY) is None


def test_what_is_not_run_is_blocked_or_missing(store: Store) -> None:
    blocked, missing = store.result(KEY, "one", 0, blocked="no data"), store.result(KEY, "one", 0)
    assert (blocked.status, blocked.reason) == (Status.BLOCKED, "no data")
    assert (missing.status, missing.reason) == (Status.MISSING, "not run yet")


def test_a_store_that_cannot_be_written_says_where_and_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for root in (file, file / "below"):
        store = Store(root)
        advice = "; choose another folder with --store$"
        with pytest.raises(StoreError, match=f"the store {root} cannot be written: .*{advice}"):
            store.prepare()
        with pytest.raises(StoreError, match=f"the store {root} cannot be written: "):
            store.save_checkpoint(KEY, Checkpoint({}, HISTORY))
        assert not store.done(KEY)
        assert store.result(KEY, "one", 0).status is Status.MISSING


HOLD = """
import sys, time
from pathlib import Path
from harness.store.store import Store
with Store(Path(sys.argv[1])).lock(sys.argv[2]) as held:
    print(held, flush=True)
    time.sleep(60)
"""


def test_two_processes_do_not_hold_one_run(store: Store) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store.root), KEY], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "True\n"
            with store.lock(KEY) as held:
                assert not held
            with store.lock("another") as held:
                assert held
        finally:
            other.kill()
    # The operating system has released a dead process's lock.
    with store.lock(KEY) as held:
        assert held


def test_a_lock_that_is_no_file_is_told(store: Store) -> None:
    store.lock_file(KEY).mkdir()
    with (
        pytest.raises(StoreError, match=rf"\({store.lock_file(KEY)}\); remove what lies there$"),
        store.lock(KEY),
    ):
        pass


def test_a_failure_has_its_moment_and_can_be_forgotten(store: Store) -> None:
    begin = time.time() - 1
    assert not store.failed_since(KEY, begin)
    store.save_error(KEY, "no")
    assert store.failed_since(KEY, begin)
    assert not store.failed_since(KEY, time.time() + 1)
    store.forget_error(KEY)
    assert store.error(KEY) is None
    assert not store.failed_since(KEY, begin)
    store.forget_error(KEY)


def test_the_files_of_a_run_answer_for_themselves(store: Store) -> None:
    finish(store)
    assert store.damage(KEY) == []
    folder = store.folder(KEY)
    checked = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=True
    )
    assert len(checked.stdout.splitlines()) == 5
    content = bytearray((folder / "final.weights.h5").read_bytes())
    content[3] ^= 1
    (folder / "final.weights.h5").write_bytes(content)
    (folder / "history.csv").unlink()
    (folder / "more").touch()
    assert store.damage(KEY) == [
        "history.csv is missing",
        "more is not in SHA256SUMS",
        "final.weights.h5 is damaged: its SHA-256 is not the one in SHA256SUMS",
    ]
    (folder / "SHA256SUMS").write_bytes(b"\xff\xfe")
    assert store.damage(KEY)[0].startswith("SHA256SUMS cannot be read: ")
    (folder / "SHA256SUMS").unlink()
    assert store.damage(KEY) == ["SHA256SUMS is missing"]


def test_a_run_is_found_by_the_beginning_of_its_key(store: Store) -> None:
    finish(store)
    assert store.keys() == [KEY]
    assert store.find("kk") == store.find(KEY) == KEY
    with pytest.raises(StoreError, match="has a key that begins with 'a'"):
        store.find("a")
    shutil.copytree(store.folder(KEY), store.folder("k" * 63 + "l"))
    with pytest.raises(StoreError, match="2 runs"):
        store.find("k")


def test_an_unfinished_run_is_found_where_it_is_asked_for(store: Store) -> None:
    store.save_error(KEY, "no")
    with pytest.raises(StoreError, match="no run"):
        store.find("k")
    assert store.find("k", unfinished=True) == KEY


def test_origins_are_by_key_and_leave_out_what_cannot_be_read(store: Store) -> None:
    finish(store)
    assert store.origins(lambda label: label == "a / one / seed 3") == {
        KEY: Origin(KEY, "a", "one", 3, None, {"model": "x"})
    }
    (store.folder(KEY) / "run.json").write_text("{")
    assert store.origins(lambda _: True) == {}
    assert store.keys() == [KEY]
    with pytest.raises(DamagedRun, match=r"run\.json is damaged"):
        store.origin(KEY)


def test_a_folder_of_runs_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(
        StoreError, match=f"the store {tmp_path} cannot be read: {tmp_path}/runs: Not a directory"
    ):
        Store(tmp_path).keys()
    assert Store(tmp_path / "nothing").keys() == []


def test_a_removed_run_is_gone_with_all_that_was_unfinished(store: Store) -> None:
    finish(store)
    store.save_error(KEY, "no")
    store.remove(KEY)
    assert not store.done(KEY)
    assert everything_below(store.root) == []
    store.remove(KEY)


@pytest.mark.parametrize("what", ["a link", "a file"])
def test_what_lies_in_the_place_of_a_run_is_removed_and_nothing_beside_it(
    store: Store, tmp_path: Path, what: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").touch()
    if what == "a link":
        store.folder(KEY).symlink_to(tmp_path / "elsewhere")
    else:
        store.folder(KEY).touch()
    store.remove(KEY)
    assert not store.done(KEY)
    assert (tmp_path / "elsewhere" / "mine").exists()


def dead() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_what_dead_processes_left_is_swept_and_nothing_else(store: Store) -> None:
    runs, mine, gone = store.root / "runs", str(os.getpid()), str(dead())
    store.save_checkpoint(KEY, Checkpoint({}, HISTORY))
    for folder in (store.root, runs, store.root / "unfinished" / KEY):
        own = temporary_path(folder / "x").name
        for name in (own, own.replace(mine, gone), f".x.another-host.{gone}.tmp"):
            (folder / name).mkdir()
            (folder / name / "half").touch()
    for name in (f".{KEY}.removed.{gone}", f".{KEY}.removed.{mine}"):
        (runs / name).mkdir()
    for number in (gone, mine):
        (store.root / f".probe-{number}").touch()
    before = {
        path for path in store.root.rglob("*") if not path.is_relative_to(store.root / "locks")
    }
    store.prepare()
    after = {
        path for path in store.root.rglob("*") if not path.is_relative_to(store.root / "locks")
    }
    assert after < before
    assert {path.name for path in before - after} == {
        temporary_path(Path("x")).name.replace(mine, gone),
        "half",
        f".{KEY}.removed.{gone}",
        f".probe-{gone}",
    }
    assert len(before - after) == 8
    assert store.progress(KEY) == 1


DIE = """
import os, sys
from pathlib import Path
from harness.store.store import Checkpoint, Store
store, key = Store(Path(sys.argv[1])), sys.argv[2]
die = {
    "during a checkpoint": "harness.store.checkpoint.np.savez",
    "during a removal": "harness.store.clearing.remove",
}
if sys.argv[3] in die:
    import unittest.mock
    with unittest.mock.patch(die[sys.argv[3]], lambda *_, **__: os._exit(9)):
        if "removal" in sys.argv[3]:
            store.remove(key)
        else:
            store.save_checkpoint(key, Checkpoint({}, [{"epoch": 1}]))
store.finish(
    key, run={}, history=[{"epoch": 0}], measurements={}, environment={},
    files={"weights": lambda path: os._exit(9)},
)
"""


@pytest.mark.parametrize("moment", ["during a checkpoint", "during a removal", "at the end"])
def test_what_a_process_leaves_that_dies_is_gone_with_the_next_start(
    store: Store, moment: str
) -> None:
    finish(store)
    if moment != "during a removal":
        store.remove(KEY)
    died = subprocess.run([sys.executable, "-c", DIE, str(store.root), KEY, moment], check=False)
    assert died.returncode == 9
    assert not store.done(KEY)
    left = [path for path in store.root.rglob(".*") if KEY in str(path)]
    assert len(left) == 1
    store.prepare()
    assert not left[0].exists()
    assert (
        everything_below(store.root / "runs") == everything_below(store.root / "unfinished") == []
    )


def test_the_checkpoint_of_a_run_that_is_finished_is_swept_unless_somebody_works_on_it(
    store: Store,
) -> None:
    finish(store)
    store.save_checkpoint(KEY, Checkpoint({}, HISTORY))
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store.root), KEY], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "True\n"
            store.prepare()
            assert store.progress(KEY) == 1
        finally:
            other.kill()
    store.prepare()
    assert list((store.root / "unfinished").iterdir()) == []


def test_a_folder_in_the_place_of_a_file_to_write_is_told_with_the_way_out(store: Store) -> None:
    (store.root / "unfinished" / KEY / "error.json").mkdir(parents=True)
    in_the_way = rf"Is a directory \(.*error\.json.*runs remove {KEY}"
    with pytest.raises(StoreError, match=in_the_way):
        store.save_error(KEY, "no")
    with pytest.raises(StoreError, match=in_the_way):
        store.forget_error(KEY)
