import errno
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import numpy as np
import pytest

from harness.experiment import Json
from harness.store import checksums, run_files
from harness.store.checksums import Damaged
from harness.store.run_files import Origin, Surroundings

FILES: dict[str, Json] = {
    "run.json": {
        "key": "k",
        "experiment": "a",
        "run": "one",
        "seed": 3,
        "parent": None,
        "settings": {"model": "x"},
    },
    "measurements.json": {"test_accuracy": 0.75, "epochs": 57, "epochs_to_fit": None},
    "environment.json": {
        "environment": {"a": {"b": 1}},
        "seconds": 1.5,
        "images_per_second": 2,
        "parameters": 7,
    },
    "history.csv": "epoch,step,train_loss\n0,0,2.5\n1,4,0.30000000000000004\n",
}

Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write the files of a run, some of them with other contents, and their checksums."""

    def write(changes: Mapping[str, Json] = MappingProxyType({})) -> Path:
        folder = tmp_path / "k"
        folder.mkdir(exist_ok=True)
        lines = []
        for name, content in ({**FILES, **changes}).items():
            text = content if isinstance(content, str | bytes) else json.dumps(content)
            raw = text.encode() if isinstance(text, str) else text
            (folder / name).write_bytes(raw)
            lines.append(f"{hashlib.sha256(raw).hexdigest()}  {name}\n")
        (folder / "SHA256SUMS").write_text("".join(lines))
        return folder

    return write


class TestOpenRun:
    def test_tells_what_files_a_run_was_written_with(self, written: Written) -> None:
        assert checksums.open_run(written()).digests.keys() == FILES.keys()

    @pytest.mark.parametrize(
        "content",
        [
            *(
                "",
                "x",
                "x\n",
                f"{'a' * 64} run.json\n",
                f"{'A' * 64}  run.json\n",
                f"{'a' * 64}  ../run.json\n",
            ),
            *(f"{'a' * 64}  run.json", 2 * f"{'a' * 64}  run.json\n"),
        ],
    )
    def test_a_list_of_another_form_is_damaged(self, written: Written, content: str) -> None:
        folder = written()
        (folder / "SHA256SUMS").write_text(content)
        with pytest.raises(
            Damaged, match="SHA256SUMS is damaged: it is no list of checksums, a line a file"
        ):
            checksums.open_run(folder)


class TestRead:
    def test_a_file_or_folder_that_may_not_be_read_is_damaged(
        self, written: Written, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = written()
        opened = checksums.open_run(folder)

        def refuse(path: Path, *_: object) -> NoReturn:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

        with monkeypatch.context() as patch:
            patch.setattr("os.listdir", refuse)
            with pytest.raises(Damaged, match=f"^{folder} cannot be read: Permission denied$"):
                checksums.open_run(folder)
            assert run_files.faults(folder) == ["k cannot be read: Permission denied"]
        monkeypatch.setattr("os.open", refuse)
        for read in (checksums.read, checksums.verify):
            with pytest.raises(Damaged, match=r"run\.json cannot be read: Permission denied$"):
                read(opened, "run.json")
        assert run_files.faults(folder) == ["SHA256SUMS cannot be read: Permission denied"]

    def test_no_changed_bit_passes(self, written: Written) -> None:
        folder = written()
        whole = (folder / "measurements.json").read_bytes()
        for bit in range(8 * len(whole)):
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << bit % 8
            (folder / "measurements.json").write_bytes(changed)
            with pytest.raises(Damaged, match=r"measurements\.json is damaged"):
                run_files.measurements(checksums.open_run(folder))

    def test_no_changed_bit_of_the_checksums_gives_other_numbers(self, written: Written) -> None:
        folder = written()
        whole = (folder / "SHA256SUMS").read_bytes()
        before = run_files.measurements(checksums.open_run(folder))
        for bit in range(8 * len(whole)):
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << bit % 8
            (folder / "SHA256SUMS").write_bytes(changed)
            assert run_files.faults(folder) != []
            try:
                assert run_files.measurements(checksums.open_run(folder)) == before
            except Damaged:
                continue


class TestOrigin:
    def test_tells_what_was_run(self, written: Written) -> None:
        found = run_files.origin(checksums.open_run(written()))
        assert found == Origin("k", "a", "one", 3, None, {"model": "x"})

    def test_a_folder_of_another_key_is_damaged(self, written: Written) -> None:
        folder = written().rename(written().with_name("other"))
        with pytest.raises(Damaged, match=r"run\.json is of another run, whose key is k"):
            run_files.origin(checksums.open_run(folder))

    @pytest.mark.parametrize(
        ("name", "value"), [("seed", "3"), ("seed", True), ("parent", 1), ("settings", [])]
    )
    def test_another_type_is_damage_that_tells_the_place(
        self, written: Written, name: str, value: Json
    ) -> None:
        folder = written({"run.json": FILES["run.json"] | {name: value}})
        with pytest.raises(
            Damaged, match=rf"run\.json is not what the harness writes: at {name} expected an?"
        ):
            run_files.origin(checksums.open_run(folder))

    def test_a_run_from_before_keys_were_told_has_that_of_its_folder(
        self, written: Written
    ) -> None:
        folder = written(
            {
                "run.json": {
                    name: value for name, value in FILES["run.json"].items() if name != "key"
                }
            }
        )
        assert run_files.origin(checksums.open_run(folder)) == Origin(
            "k", "a", "one", 3, None, {"model": "x"}
        )


class TestMeasurements:
    def test_are_numbers_or_none(self, written: Written) -> None:
        found = run_files.measurements(checksums.open_run(written()))
        assert found == {"test_accuracy": 0.75, "epochs": 57, "epochs_to_fit": None}

    @pytest.mark.parametrize(
        "content", ['{"a": NaN}', '{"a": "1"}', '{"a": true}', '{"a": 1e999}', "[]", "", "[[["]
    )
    def test_anything_else_is_damaged(self, written: Written, content: str) -> None:
        folder = written({"measurements.json": content})
        with pytest.raises(Damaged, match=r"measurements\.json is not what the harness writes"):
            run_files.measurements(checksums.open_run(folder))


class TestSurroundings:
    def test_tell_with_what_a_run_was_made(self, written: Written) -> None:
        found = run_files.surroundings(checksums.open_run(written()))
        assert found == Surroundings({"a": {"b": 1}}, 1.5, 2, 7, None)


class TestHistory:
    def test_is_told_column_by_column(self, written: Written) -> None:
        found = run_files.history(checksums.open_run(written()))
        assert found == {"epoch": [0, 1], "step": [0, 4], "train_loss": [2.5, 0.1 + 0.2]}

    @pytest.mark.parametrize(
        "content",
        [
            *(
                "",
                "epoch,step\n",
                "epoch\n1\n",
                "epoch,step\n1\n",
                "epoch,step\n1,2,3\n",
                "epoch,step\n1,x\n",
            ),
            *(
                "epoch,step,epoch\n1,1,1\n",
                "epoch,step\n1.5,1\n",
                'epoch,step\n"1,1\n',
                "epoch,step\n\0,1\n",
            ),
        ],
    )
    def test_anything_else_is_damaged(self, written: Written, content: str) -> None:
        folder = written({"history.csv": content})
        with pytest.raises(Damaged, match=r"history\.csv is not what the harness writes"):
            run_files.history(checksums.open_run(folder))


class TestDecisionGrid:
    def test_a_run_has_one_or_none(self, written: Written, tmp_path: Path) -> None:
        assert run_files.decision_grid(checksums.open_run(written())) is None
        np.savez(tmp_path / "a.npz", allow_pickle=False, **grid())
        folder = written({"decision_grid.npz": (tmp_path / "a.npz").read_bytes()})
        assert run_files.decision_grid(checksums.open_run(folder)) == folder / "decision_grid.npz"
        assert run_files.faults(folder) == []

    @pytest.mark.parametrize(
        "change", [{"x": np.zeros(4)}, {"score": np.zeros(6)}, {"train_labels": np.array(["a"])}]
    )
    def test_other_arrays_are_none(self, tmp_path: Path, change: dict[str, np.ndarray]) -> None:
        np.savez(tmp_path / "a.npz", allow_pickle=False, **(grid() | change))
        with pytest.raises(ValueError, match="its arrays are not those of a decision grid"):
            run_files._check_grid((tmp_path / "a.npz").read_bytes())

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY"])
    def test_what_is_no_archive_is_none(self, content: bytes) -> None:
        with pytest.raises(ValueError, match="it holds no decision grid"):
            run_files._check_grid(content)


def grid() -> dict[str, np.ndarray]:
    points = {"train_inputs": np.zeros((4, 2)), "train_labels": np.zeros(4)}
    return {"x": np.zeros(3), "y": np.zeros(2), "score": np.zeros((2, 3)), **points}


def kept(**changes: np.ndarray) -> bytes:
    arrays = {
        "predicted": np.array([0, 1, 1], np.uint16),
        "labels": np.array([0, 1, 0], np.uint16),
        "logits": np.ones((3, 2), np.float16),
        "test_set": np.array("a" * 64),
    }
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **(arrays | changes))
    return file.getvalue()


class TestUncheckedLabel:
    @pytest.mark.parametrize("key", ["k", "a" * 64, None])
    @pytest.mark.parametrize("indent", [None, 2])
    @pytest.mark.parametrize(
        ("experiment", "run", "seed"),
        [("a", "one", 3), ("an a", "m[l2,0.1]", 10**15), ('a "b" \\', "ü\t", 0), ("a", "ü", -1)],
    )
    def test_is_that_of_the_origin(
        self,
        written: Written,
        key: str | None,
        indent: int | None,
        experiment: str,
        run: str,
        seed: int,
    ) -> None:
        named = {"experiment": experiment, "run": run, "seed": seed}
        record = {"key": key, **FILES["run.json"], **named} | {"key": key}
        content = {name: value for name, value in record.items() if value is not None}
        content["parent"] = None
        folder = written({"run.json": json.dumps(content, indent=indent)})
        assert run_files.unchecked_label(folder) == f"{experiment} / {run} / seed {seed}"

    @pytest.mark.parametrize("content", ["", "{}", "[]", '{"key": "k"', b"\xff"])
    def test_there_is_none_where_the_file_says_nothing(
        self, written: Written, content: str | bytes
    ) -> None:
        assert run_files.unchecked_label(written({"run.json": content})) is None


class TestPredictions:
    def test_a_run_has_some_or_none(self, written: Written) -> None:
        older = checksums.open_run(written())
        assert (run_files.predictions(older), run_files.tested(older)) == (None, None)
        folder = written({"predictions.npz": kept()})
        found, tested = (
            run_files.predictions(checksums.open_run(folder)),
            run_files.tested(checksums.open_run(folder)),
        )
        assert found is not None
        assert tested is not None
        assert found.logits is not None
        assert found.logits.tolist() == [[1, 1]] * 3
        assert found.right.tolist() == tested.right.tolist() == [True, True, False]
        assert (tested.test_set, tested.examples) == ("a" * 64, 3)
        assert run_files.faults(folder) == []

    @pytest.mark.parametrize(
        "change",
        [
            {"predicted": np.zeros(3)},
            {"predicted": np.zeros(2, np.uint16)},
            {"labels": np.zeros((3, 1), np.uint16)},
            {"test_set": np.array("a")},
            {"test_set": np.array(["a" * 64])},
            {"logits": np.ones((3, 2))},
            {"logits": np.ones((2, 2), np.float16)},
            {"logits": np.full((3, 2), np.nan, np.float16)},
        ],
    )
    def test_other_arrays_are_damaged(
        self, written: Written, change: dict[str, np.ndarray]
    ) -> None:
        folder = written({"predictions.npz": kept(**change)})
        with pytest.raises(Damaged, match=r"predictions\.npz is not what the harness writes"):
            run_files.predictions(checksums.open_run(folder))
        assert len(run_files.faults(folder)) == 1

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY"])
    def test_what_is_no_archive_is_damaged(self, written: Written, content: bytes) -> None:
        with pytest.raises(Damaged, match="it holds no arrays"):
            run_files.tested(checksums.open_run(written({"predictions.npz": content})))

    def test_changed_bytes_are_damaged(self, written: Written) -> None:
        folder = written({"predictions.npz": kept()})
        (folder / "predictions.npz").write_bytes(kept(labels=np.zeros(3, np.uint16)))
        with pytest.raises(Damaged, match="its SHA-256 is not the one"):
            run_files.tested(checksums.open_run(folder))


class TestFaults:
    def test_every_file_is_looked_at(self, written: Written) -> None:
        folder = written(
            {
                "history.csv": "",
                "measurements.json": "[]",
                "run.json": FILES["run.json"] | {"key": "x"},
            }
        )
        assert [fault.split()[0] for fault in run_files.faults(folder)] == [
            "history.csv",
            "measurements.json",
            "run.json",
        ]
        (folder / "environment.json").unlink()
        (folder / "environment.json").mkdir()
        assert "environment.json cannot be read: it is no regular file" in run_files.faults(folder)
        assert run_files.faults(folder / "run.json") == ["run.json is no folder"]
        assert run_files.faults(folder / "nothing") == ["SHA256SUMS is missing"]
