"""Whatever lies in a store, the answer of every command is a sentence and the right exit code,
never a traceback.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.cli import main
from harness.data import catalog
from harness.experiment import Json
from harness.follow.events import session
from harness.metrics import HISTORY, METRICS
from harness.plan import make_plan
from harness.spec.load import load
from harness.store.staleness import present
from harness.store.store import Checkpoint, Store

if TYPE_CHECKING:
    from harness.plan import ConcreteRun

FEW = 40
INPUTS = int(os.environ.get("HARNESS_FUZZ_INPUTS", FEW))
"""Inputs of each kind: a few, the same every time, or as many as a long test asks for."""

SPEC: Json = {
    "name": "a",
    "title": "A",
    "seeds": [0, 1],
    "defaults": {
        "dataset": {"name": "digits"},
        "model": {"name": "perceptron"},
        "training": {"epochs": 3},
    },
    "runs": {
        "one": {},
        "child": {"initialize_from": "one", "regularizers": ["l2"]},
        "late": {"training": {"epochs": 2}},
    },
    "expectations": [
        {
            "id": "e",
            "metric": "one.epochs",
            "at_most": 20,
            "statistic": "every",
            "basis": "hypothesis",
            "source": "s",
        },
        {
            "id": "m",
            "metric": "child.test_accuracy",
            "at_least": 0.1,
            "basis": "hypothesis",
            "source": "s",
        },
    ],
}
FEWER_EPOCHS: Json = SPEC | {"defaults": SPEC["defaults"] | {"training": {"epochs": 2}}}
"""Of these runs none is made: `plan` tells what changed since they were."""

RECORDS = (
    "run.json",
    "measurements.json",
    "environment.json",
    "history.csv",
    "SHA256SUMS",
    "final.weights.h5",
)
FOR_VERDICTS = ("run.json", "measurements.json", "environment.json")

COMMANDS: Mapping[tuple[str, ...], tuple[int, ...]] = {
    ("check", "a.json", "--store", "store"): (1, 3, 4),
    ("report", "a.json", "--store", "store", "--reports", "reports"): (0,),
    ("plan", "a.json", "--store", "store"): (0,),
    ("plan", "b/a.json", "--store", "store"): (0,),
    ("runs", "list", "--store", "store"): (0, 3),
    ("runs", "list", "--json", "--store", "store"): (0, 3),
    ("plan", "a.json", "--json", "--store", "store"): (0,),
    ("check", "a.json", "--store", "store", "--json"): (1, 3, 4),
    ("runs", "verify", "--store", "store"): (0, 3),
    ("status", "--store", "store"): (0, 3),
    ("status", "--json", "--store", "store"): (0, 3),
    ("diff", "store", "other"): (0, 1, 3),
    ("diff", "other", "store", "--format", "json"): (0, 1, 3),
    ("baseline", "compare", "a.json", "--store", "store"): (3, 4),
    ("baseline", "compare", "a.json", "--json", "--store", "store"): (3, 4),
}
"""What is called, and how it may end: a run of the specification is not made yet, so that nothing
passes.
"""


@dataclass(frozen=True)
class Folder:
    """A folder with specifications and a store: of two runs two seeds are finished, of the third
    one began.
    """

    path: Path
    key: str

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)


def stored(store: Store, run: ConcreteRun) -> None:
    row = dict.fromkeys(["seconds", "learning_rate", *HISTORY], 0.5)
    store.finish(
        run.key,
        run={
            "experiment": run.experiment,
            "run": run.run.name,
            "seed": run.seed,
            "parent": run.parent,
        }
        | {"settings": run.run.resolved},
        history=[{"epoch": epoch, "step": epoch} | row for epoch in (0, 1)],
        measurements=dict.fromkeys(METRICS, 0.5) | {"epochs_to_fit": None},
        environment={
            "environment": {"device": "CPU"},
            "seconds": 2.0,
            "images_per_second": 1.0,
            "parameters": 3,
        }
        | {"code": present("tensorflow").to_json()},
        files={"final.weights.h5": Path.touch},
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Make the folder that every test has a copy of."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "b").mkdir()
    (folder / "a.json").write_text(json.dumps(SPEC))
    (folder / "b" / "a.json").write_text(json.dumps(FEWER_EPOCHS))
    plan = make_plan(load([folder / "a.json"]), catalog.data_dir(), gpus=0)
    first, second = (run for run in plan.runs.values() if run.run.name == "late")
    for name in ("store", "other"):
        store = Store(folder / name)
        store.prepare()
        for run in plan.runs.values():
            if run.run.name != "late":
                stored(store, run)
    store = Store(folder / "store")
    store.save_checkpoint(first.key, Checkpoint({}, [{"epoch": 1, "step": 4}]))
    store.save_error(second.key, "the loss is not finite")
    with session(store, plan, list(plan.runs), 1) as (log, path):
        log.started(first)
        log.advanced(
            first, [{"epoch": 1, "seconds": 0.5, "train_accuracy": 0.5, "test_accuracy": 0.25}]
        )
        told = path.read_bytes()
    path.write_bytes(told)  # as if the process had been killed
    return Folder(folder, next(iter(plan.runs)))


@pytest.fixture
def folder(whole: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(
        "harness.report.write.draw", lambda *_: {"figure.png": b"image"}
    )  # which takes long
    shutil.copytree(whole.path, tmp_path, dirs_exist_ok=True)
    return Folder(tmp_path, whole.key)


VALUES: Sequence[Json] = [
    *(
        None,
        True,
        False,
        "",
        "x",
        "1",
        "nan",
        0,
        -1,
        1.5,
        1e9,
        10**400,
        2**60,
        float("nan"),
        float("inf"),
    ),
    *([], {}, [1], [[]], {"a": 1}, "\ud800", "\0", "x" * 5000, "[bold]"),
]
RAW = [
    b"",
    b"{",
    b"[]",
    b"{}",
    b"null",
    b"3",
    b'"x"',
    b"\xff\xfe",
    b"\0" * 9,
    b"[" * 100_000,
    b"epoch,step\nx,1\n",
]


def places(value: Json, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    pairs = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, child in pairs:
        yield from places(child, (*at, key))


def changed(document: Json, data: st.DataObject) -> Json:
    """Return a document of which one value, anywhere, is another or gone."""
    place = data.draw(st.sampled_from(list(places(document))), "place")
    value = data.draw(st.sampled_from([*VALUES, "gone"]), "value")
    if not place:
        return value
    document = copy.deepcopy(document)
    holder = document
    for step in place[:-1]:
        holder = holder[step]
    if value == "gone":
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return document


def damage(file: Path, data: st.DataObject) -> None:
    """Put something else in the place of a file."""
    content = file.read_bytes()
    kinds = ["raw", "shorter", "a bit", "a folder", "a pipe", "a link to nothing", "gone"]
    kind = data.draw(
        st.sampled_from(["value"] * 9 + kinds if file.suffix in (".json", ".jsonl") else kinds),
        "kind",
    )
    file.unlink()
    if kind == "value":
        lines = content.splitlines() if file.suffix == ".jsonl" else [content]
        number = data.draw(st.integers(0, len(lines) - 1), "line")
        lines[number] = json.dumps(changed(json.loads(lines[number]), data)).encode()
        file.write_bytes(b"\n".join(lines) + b"\n")
    elif kind == "raw":
        file.write_bytes(data.draw(st.sampled_from(RAW)))
    elif kind == "shorter":
        file.write_bytes(content[: data.draw(st.integers(0, max(0, len(content) - 1)))])
    elif kind == "a bit":
        content = content or b"\0"
        bit = data.draw(st.integers(0, 8 * len(content) - 1))
        file.write_bytes(
            content[: bit // 8]
            + bytes([content[bit // 8] ^ 1 << bit % 8])
            + content[bit // 8 + 1 :]
        )
    elif kind == "a folder":
        file.mkdir()
    elif kind == "a pipe":
        os.mkfifo(file)
    elif kind == "a link to nothing":
        file.symlink_to("nothing")


def sums_again(folder: Path) -> None:
    """Write the checksums of the files as they are, so that nothing but their form can tell."""
    files = [path for path in folder.iterdir() if path.is_file() and path.name != "SHA256SUMS"]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


def assert_answers(folder: Folder) -> dict[tuple[str, ...], Result]:
    """See that every command ends in a known way; give what each said."""
    shown = ("runs", "show", folder.key, "--store", "store")
    found = {}
    for command, codes in {**COMMANDS, shown: (0, 3)}.items():
        found[command] = result = folder(*command)
        assert result.exception is None or isinstance(result.exception, SystemExit), (
            command,
            result.exc_info,
        )
        assert "Traceback" not in result.output, command
        assert result.exit_code in codes, (command, result.output)
        printed = result.exit_code != 3 or "list" in command
        if printed and {"--json", "json", "show"} & set(command):
            json.loads(result.stdout, parse_constant=pytest.fail)
    return found


FUZZ: Callable[[Any], Any] = settings(
    max_examples=INPUTS,
    derandomize=INPUTS == FEW,
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@pytest.mark.timeout(600)
@FUZZ
@given(st.data())
def test_a_damaged_file_of_a_run_never_passes_and_has_a_way_out(
    folder: Folder, whole: Folder, data: Any
) -> None:
    shutil.rmtree("store")
    shutil.copytree(whole.path / "store", "store")
    shutil.rmtree("store/unfinished")  # with the error in it
    run = Path("store/runs") / folder.key
    name = data.draw(st.sampled_from(RECORDS), "file")
    again = name != "SHA256SUMS" and data.draw(st.booleans(), "sums again")
    before = (run / name).read_bytes()
    damage(run / name, data)
    if again:
        sums_again(run)
    same = (run / name).is_file() and (run / name).read_bytes() == before
    found = assert_answers(folder)
    told = found["check", "a.json", "--store", "store"]
    assert told.exit_code == 3 or same or again or name not in FOR_VERDICTS
    assert told.exit_code != 1 or again
    if told.exit_code == 3:
        assert str(run) in told.output
        assert f"runs remove {folder.key} --store store" in told.output
        assert found["runs", "list", "--store", "store"].exit_code == 3
        assert found["diff", "store", "other"].exit_code == 3
    verified = found["runs", "verify", "--store", "store"]
    assert verified.exit_code == (
        0 if verified.output == "4 of 4 runs are as they were written\n" else 3
    )
    without_weights = name == "final.weights.h5" and not os.path.lexists(run / name)
    assert same or again or without_weights or verified.exit_code == 3
    assert folder("runs", "remove", folder.key, "--yes", "--store", "store").exit_code == 0
    assert (
        folder("runs", "verify", "--store", "store").output
        == "3 of 3 runs are as they were written\n"
    )
    assert "not run yet" in folder("check", "a.json", "--store", "store").output


@pytest.mark.timeout(600)
@FUZZ
@given(st.data())
def test_a_damaged_file_beside_the_runs_changes_no_verdict(
    folder: Folder, whole: Folder, data: Any
) -> None:
    shutil.rmtree("store")
    shutil.copytree(whole.path / "store", "store")
    beside = [*Path("store/unfinished").rglob("*.*"), *Path("store/events").iterdir()]
    damage(data.draw(st.sampled_from(sorted(beside)), "file"), data)
    found = assert_answers(folder)
    assert found["runs", "verify", "--store", "store"].exit_code == 0
    assert "pass" in found["check", "a.json", "--store", "store"].stdout
    for unfinished in list(Path("store/unfinished").iterdir()):
        assert folder("runs", "remove", unfinished.name, "--yes", "--store", "store").exit_code == 0


@pytest.mark.timeout(600)
@FUZZ
@given(st.data())
def test_a_damaged_result_file_is_told_or_compared(folder: Folder, data: Any) -> None:
    if not Path("before").exists():
        assert folder("report", "a.json", "--store", "other", "--reports", "before").exit_code == 0
    shutil.rmtree("after", ignore_errors=True)
    shutil.copytree("before", "after")
    damage(Path("after/a.json"), data)
    for form in ("table", "json", "markdown"):
        for sides in (
            ("before", "after"),
            ("after", "before"),
            ("before", "after/a.json"),
            ("after", "store"),
        ):
            result = folder("diff", *sides, "--format", form)
            assert result.exception is None or isinstance(result.exception, SystemExit), (
                sides,
                result.exc_info,
            )
            assert result.exit_code in (0, 1, 2, 3), result.output
            assert result.exit_code != 3 or "after" in result.stderr
