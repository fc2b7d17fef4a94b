import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data.loaded import Loaded
from harness.results import RunResult, Status
from harness.spec.records import Json
from harness.store import Checkpoint, Store, StoreError

KEY = "k" * 64
HISTORY = [
    {"epoch": 0, "step": 0, "seconds": 0.0, "train_loss": 2.302585092994046},
    {"epoch": 1, "step": 4, "seconds": 0.25, "train_loss": 0.1 + 0.2},
]
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
        "run": {"name": "one"},
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
    assert json.loads((folder / "run.json").read_text()) == {"name": "one"}
    assert (folder / "final.weights.h5").read_bytes() == b"weights"


def test_a_decision_grid_is_told_where_there_is_one(store: Store) -> None:
    finish(store, files={"decision_grid.npz": lambda path: path.write_bytes(b"grid")})
    assert store.result(KEY, "one", 0).decision_grid == store.folder(KEY) / "decision_grid.npz"


def test_finishing_clears_the_unfinished_run(store: Store) -> None:
    store.save_checkpoint(KEY, Checkpoint({}, HISTORY))
    finish(store)
    assert everything_below(store.root / "unfinished") == []
    assert store.progress(KEY) is None


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()])
def test_a_run_whose_files_cannot_be_written_is_not_finished(store: Store, error: BaseException) -> None:
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

    with pytest.raises(StoreError, match=f"the store {store.root} cannot be written: No space left on device"):
        finish(store, files={"x": fail})


def test_what_a_killed_process_left_is_cleared_away(store: Store) -> None:
    left = store.root / "runs" / f".{KEY}.12345"
    left.mkdir()
    (left / "final.weights.h5").write_bytes(b"half")
    finish(store)
    assert [path.name for path in (store.root / "runs").iterdir()] == [KEY]


def test_a_damaged_record_can_be_made_again(store: Store) -> None:
    finish(store)
    (store.folder(KEY) / "measurements.json").unlink()
    assert not store.done(KEY)
    finish(store)
    assert store.result(KEY, "one", 0).status is Status.DONE


def test_what_was_loaded_is_read_with_the_result(store: Store) -> None:
    record = {"train_examples": 7, "test_examples": 3, "classes": ["cat", "dog"], "content": "ab"}
    finish(store, environment=ENVIRONMENT | {"data": record})
    assert store.result(KEY, "one", 3).data == Loaded(7, 3, ("cat", "dog"), "ab")


def test_a_record_of_the_data_that_is_none_is_an_error(store: Store) -> None:
    finish(store, environment=ENVIRONMENT | {"data": {"test_examples": "3"}})
    assert store.result(KEY, "one", 3).status is Status.ERROR


@pytest.mark.parametrize("name", ["history.csv", "measurements.json", "environment.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "epoch,step\n1\n", "epoch\nx\n", "\udcff"])
def test_a_damaged_record_is_an_error_and_no_crash(store: Store, name: str, content: str) -> None:
    finish(store)
    (store.folder(KEY) / name).write_bytes(content.encode(errors="surrogateescape"))
    result = store.result(KEY, "one", 0)
    assert result.status is Status.ERROR
    assert result.reason.startswith(f"its record {store.folder(KEY)} cannot be read: ")


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


def test_a_damaged_checkpoint_counts_as_none_or_changes_nothing(store: Store) -> None:
    arrays = {"weights": np.arange(4, dtype=np.float32)}
    store.save_checkpoint(KEY, Checkpoint(arrays, HISTORY[:1]))
    file = store.root / "unfinished" / KEY / "checkpoint.npz"
    whole = file.read_bytes()
    damaged = [whole[:length] for length in range(0, len(whole), 7)]
    damaged += [whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :] for at in range(len(whole)) for bit in (1, 128)]
    damaged += [b"nonsense", b"\x93NUMPY", b"PK\x03\x04" * 9]
    refused = 0
    for content in damaged:
        file.write_bytes(content)
        loaded = store.load_checkpoint(KEY)
        refused += loaded is None
        if loaded is not None:
            assert loaded.history == HISTORY[:1]
            assert {name: array.tobytes() for name, array in loaded.arrays.items()} == {
                "weights": arrays["weights"].tobytes()
            }
    assert refused > len(damaged) / 2


def test_an_array_of_another_kind_counts_as_none(store: Store) -> None:
    file = store.root / "unfinished" / KEY / "checkpoint.npz"
    file.parent.mkdir()
    with file.open("wb") as opened:
        np.save(opened, np.zeros(3))
    assert store.load_checkpoint(KEY) is None


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


@pytest.mark.parametrize("content", ["", "[]", "{}", "nonsense"])
def test_a_damaged_error_record_counts_as_none(store: Store, content: str) -> None:
    store.save_error(KEY, "x")
    (store.root / "unfinished" / KEY / "error.json").write_text(content)
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
from harness.store import Store
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
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=True)
    assert len(checked.stdout.splitlines()) == 5
    content = bytearray((folder / "final.weights.h5").read_bytes())
    content[3] ^= 1
    (folder / "final.weights.h5").write_bytes(content)
    (folder / "history.csv").unlink()
    (folder / "more").touch()
    assert store.damage(KEY) == ["history.csv is missing", "more does not belong there", "final.weights.h5 is damaged"]
    (folder / "SHA256SUMS").write_bytes(b"\xff\xfe")
    assert store.damage(KEY)[0].startswith("SHA256SUMS cannot be read: ")
    (folder / "SHA256SUMS").unlink()
    assert store.damage(KEY) == ["it was written without SHA256SUMS"]


def test_a_run_is_found_by_the_beginning_of_its_key(store: Store) -> None:
    finish(store)
    assert store.keys() == [KEY]
    assert store.find("kk") == store.find(KEY) == KEY
    with pytest.raises(StoreError, match="has a key that begins with 'a'"):
        store.find("a")
    shutil.copytree(store.folder(KEY), store.folder("k" * 63 + "l"))
    with pytest.raises(StoreError, match="2 runs"):
        store.find("k")


def test_records_are_by_key_and_leave_out_what_cannot_be_read(store: Store) -> None:
    finish(store)
    assert store.records() == {KEY: {"name": "one"}}
    (store.folder(KEY) / "run.json").write_text("{")
    assert store.records() == {}


def test_a_removed_run_is_gone_with_all_that_was_unfinished(store: Store) -> None:
    finish(store)
    store.save_error(KEY, "no")
    store.remove(KEY)
    assert not store.done(KEY)
    assert everything_below(store.root) == []
    store.remove(KEY)
