import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.store import checkpoint
from harness.store.checkpoint import Checkpoint

KEY = "k" * 64
HISTORY = [{"epoch": 0, "train_loss": 0.1 + 0.2}]


@pytest.fixture
def arrays() -> dict[str, np.ndarray[Any, Any]]:
    return {
        "trainable/0": np.arange(12, dtype=np.float32).reshape(3, 4),
        "slots/0": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "step": np.asarray(2**40),
        "backend": np.array("tensorflow"),
    }


class TestRead:
    def test_gives_back_what_was_written(
        self, tmp_path: Path, arrays: dict[str, np.ndarray[Any, Any]]
    ) -> None:
        checkpoint.write(tmp_path / "c", KEY, Checkpoint(arrays, HISTORY))
        found = checkpoint.read(tmp_path / "c", KEY)
        assert found is not None
        assert found.history == HISTORY
        assert found.arrays.keys() == arrays.keys()
        for name, array in arrays.items():
            assert (found.arrays[name].dtype, found.arrays[name].shape) == (
                array.dtype,
                array.shape,
            )
            assert found.arrays[name].tobytes() == array.tobytes()

    def test_no_changed_bit_passes(
        self, tmp_path: Path, arrays: dict[str, np.ndarray[Any, Any]]
    ) -> None:
        """The check values of a zip archive do not guard names, types and shapes in the headers."""
        file = tmp_path / "c"
        checkpoint.write(file, KEY, Checkpoint(arrays, HISTORY))
        whole = file.read_bytes()
        for bit in range(8 * len(whole)):
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << bit % 8
            file.write_bytes(changed)
            assert checkpoint.read(file, KEY) is None, bit

    def test_a_file_that_is_shorter_or_longer_is_none(
        self, tmp_path: Path, arrays: dict[str, np.ndarray[Any, Any]]
    ) -> None:
        file = tmp_path / "c"
        checkpoint.write(file, KEY, Checkpoint(arrays, HISTORY))
        whole = file.read_bytes()
        for content in [
            *(whole[:length] for length in range(0, len(whole), 7)),
            whole + b"x",
            b"x" + whole,
            b"PK" * 99,
        ]:
            file.write_bytes(content)
            assert checkpoint.read(file, KEY) is None

    def test_the_checkpoint_of_another_run_is_none(self, tmp_path: Path) -> None:
        checkpoint.write(tmp_path / "c", KEY, Checkpoint({}, HISTORY))
        assert checkpoint.read(tmp_path / "c", "o" * 64) is None

    @pytest.mark.parametrize("history", [[1], {"a": 1}, [{"epoch": "1"}], [{"step": 1}], [[]], 7])
    def test_a_history_of_another_form_is_none(self, tmp_path: Path, history: Any) -> None:
        """Its digest is right: something else wrote it."""
        checkpoint.write(tmp_path / "c", KEY, Checkpoint({"history": np.zeros(1)}, HISTORY))
        assert checkpoint.read(tmp_path / "c", KEY) is not None
        array = np.frombuffer(json.dumps(history).encode(), np.uint8)
        with (tmp_path / "c").open("w+b") as file:
            np.savez(file, history=array)
            length = file.tell()
            digits = checkpoint._digest(file, length, KEY)
            file.write(digits)
        assert checkpoint.read(tmp_path / "c", KEY) is None

    def test_what_is_no_file_is_none(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        for path in (tmp_path, tmp_path / "pipe", tmp_path / "nothing", Path("/dev/zero")):
            assert checkpoint.read(path, KEY) is None


class TestWrite:
    def test_plain_numpy_reads_it_too(
        self, tmp_path: Path, arrays: dict[str, np.ndarray[Any, Any]]
    ) -> None:
        checkpoint.write(tmp_path / "c", KEY, Checkpoint(arrays, HISTORY))
        with np.load(tmp_path / "c") as stored:
            assert np.array_equal(stored["state/trainable/0"], arrays["trainable/0"])
            assert json.loads(stored["history"].tobytes()) == HISTORY
