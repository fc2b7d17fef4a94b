"""The commands that take runs from one store to another, as a person meets them."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.experiment import Metric
from harness.run_result import Code
from harness.store.measured import FinalMeasurement, Subject
from harness.store.replays import Replay
from harness.store.staleness import present
from harness.store.store import Store
from harness.system.files import sha256

if TYPE_CHECKING:
    from tests.cli.conftest import Harness

SUBJECT = Subject(Metric("path_norm", {}, label="path_norm"), "b" * 64)
MEASURED = FinalMeasurement(Code({"m": "1"}, {"numpy": "2"}), {"path_norm": 1.5})
MOMENT = 1_700_000_000.25


def stored(root: str, name: str, parent: str | None = None, accuracy: float = 0.5) -> Path:
    """Make a finished run `name` * 64 in a store by hand, and return its folder."""
    store, key = Store(Path(root)), name * 64
    store.prepare()

    def write(path: Path) -> None:
        path.write_bytes(name.encode() * 1000)

    store.finish(
        key,
        run={
            "experiment": "a",
            "run": f"m[{name}]",
            "seed": 0,
            "parent": parent,
            "settings": {},
        },
        history=[{"epoch": 0, "step": 0}],
        measurements={"train_accuracy": 0.75, "test_accuracy": accuracy},
        environment={
            "environment": {"host": root},
            "seconds": 2.0,
            "images_per_second": 1.0,
            "parameters": 3,
            "code": present("tensorflow").to_json(),
        },
        files={"final.weights.h5": write, "epoch-000002.weights.h5": write},
    )
    os.utime(store.folder(key), (MOMENT, MOMENT))
    return store.folder(key)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_runs_of_two_stores_come_together_in_a_third(harness: Harness) -> None:
    ours, theirs = stored("one", "b"), stored("two", "c")
    Store(Path("one")).save_measurement(SUBJECT, MEASURED)
    replay = Replay(present("tensorflow"), "2026-01-01T00:00:00+00:00", 3, "bit by bit", "b" * 64)
    Store(Path("one")).save_replay("b" * 64, replay)
    assert (
        "1 run with weights in one.tar.gz"
        in harness("runs", "export", "one.tar.gz", "--store", "one").output
    )
    assert harness("runs", "export", "two.tar.gz", "m[c]", "--store", "two").exit_code == 0
    found = harness("runs", "import", "one.tar.gz", "two.tar.gz", "--store", "third")
    assert (found.exit_code, found.output) == (0, "one.tar.gz: 1 added\ntwo.tar.gz: 1 added\n")
    third = Store(Path("third"))
    assert third.keys() == ["b" * 64, "c" * 64]
    assert files(third.folder("b" * 64)) == files(ours)
    assert files(third.folder("c" * 64)) == files(theirs)
    assert third.moment("b" * 64) == MOMENT  # by it a statement is earlier or later than a result
    assert third.measurement(SUBJECT) == MEASURED
    assert third.replay("b" * 64) == replay
    assert harness("runs", "verify", "--store", "third").exit_code == 0
    assert not [path for path in third.root.iterdir() if path.name.startswith(".")]
    # The same run gives the same bytes, wherever it lies.
    harness("runs", "export", "again.tar.gz", "b" * 8, "--store", "third")
    assert sha256(Path("again.tar.gz")) == sha256(Path("one.tar.gz"))


def test_a_run_that_is_there_already_stays_and_a_different_one_is_told(harness: Harness) -> None:
    stored("one", "b")
    stored("one", "c")
    stored("one", "d", accuracy=0.25)
    shutil.copytree("one/runs/" + "b" * 64, "two/runs/" + "b" * 64)
    before = files(stored("two", "c")), files(stored("two", "d"))
    harness("runs", "export", "a.tar.gz", "--store", "one")
    found = harness("runs", "import", "a.tar.gz", "--store", "two")
    assert found.exit_code == 1
    assert found.stdout == (
        "a.tar.gz: 1 here already; 1 here already, made elsewhere with the same measurements;"
        " 1 here already, with other measurements\n"
    )
    assert found.stderr.splitlines() == [
        f"warning: {'c' * 64} here already, made elsewhere with the same measurements:"
        " environment.json differ",
        f"warning: {'d' * 64} here already, with other measurements: environment.json,"
        " measurements.json differ",
    ]
    assert (files(Path("two/runs") / ("c" * 64)), files(Path("two/runs") / ("d" * 64))) == before


def test_without_weights_a_run_is_whole_and_gets_them_back(harness: Harness) -> None:
    folder = stored("one", "b")
    harness("runs", "export", "light.tar.gz", "--without-weights", "--store", "one")
    harness("runs", "export", "whole.tar.gz", "--store", "one")
    assert harness("runs", "import", "light.tar.gz", "--store", "two").exit_code == 0
    there = Path("two/runs") / folder.name
    assert files(folder).keys() - files(there).keys() == {
        "final.weights.h5",
        "epoch-000002.weights.h5",
    }
    assert harness("runs", "verify", "--store", "two").exit_code == 0
    assert harness("runs", "show", "b", "--store", "two").exit_code == 0
    assert harness("runs", "import", "whole.tar.gz", "--store", "two").exit_code == 0
    assert files(there) == files(folder)
    assert Store(Path("two")).moment(folder.name) == MOMENT


def test_a_damaged_run_is_left_out_of_an_export_and_of_an_import(harness: Harness) -> None:
    stored("one", "b")
    damaged = stored("one", "c")
    (damaged / "history.csv").write_text("epoch,step\n1,1\n")
    found = harness("runs", "export", "a.tar.gz", "--store", "one")
    assert found.exit_code == 3
    assert found.stderr.startswith(f"error: {'c' * 64} is damaged and left out: history.csv is")
    change("a.tar.gz", {f"runs/{'b' * 64}/measurements.json": b'{"test_accuracy": 1.0}'})
    stored("more", "d")
    harness("runs", "export", "more.tar.gz", "--store", "more")
    found = harness("runs", "import", "a.tar.gz", "more.tar.gz", "--store", "two")
    assert found.exit_code == 3
    assert found.stdout == "a.tar.gz: 1 left out\nmore.tar.gz: 1 added\n"
    assert found.stderr == (
        f"error: {'b' * 64} left out: measurements.json is damaged: its SHA-256 is not the one in"
        " SHA256SUMS\n"
    )
    assert Store(Path("two")).keys() == ["d" * 64]


def change(path: str, contents: Mapping[str, bytes], more: tarfile.TarInfo | None = None) -> None:
    """Write an archive again with other contents of some members, and with one more."""
    buffer = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=buffer, mode="w") as new:
        for member in old.getmembers():
            file = old.extractfile(member)
            content = contents.get(member.name, file.read() if file else b"")
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
        if more is not None:
            new.addfile(more, io.BytesIO(b""))
    Path(path).write_bytes(gzip.compress(buffer.getvalue()))


def member(name: str, kind: bytes = tarfile.REGTYPE, mtime: float = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime = kind, "/etc/passwd", mtime
    return info


INSIDE = f"runs/{'b' * 64}"


@pytest.mark.parametrize(
    "foreign",
    [
        member("../outside"),
        member("/tmp/outside"),
        member(f"{INSIDE}/../../../outside"),
        member(f"{INSIDE}/.hidden"),
        member(f"{INSIDE}/folder/file"),
        member(f"runs/{'c' * 64}/run.json"),
        member(f"unfinished/{'b' * 64}/error.json"),
        member(f"{INSIDE}/link", tarfile.SYMTYPE),
        member(f"{INSIDE}/link", tarfile.LNKTYPE),
        member(f"{INSIDE}/pipe", tarfile.FIFOTYPE),
        member(f"{INSIDE}/folder", tarfile.DIRTYPE),
        member(f"{INSIDE}/run.json"),
        member(f"{INSIDE}/late", mtime=2.0**60),
    ],
    ids=lambda each: f"{each.name[-20:]} {each.type.decode()}",
)
def test_an_archive_with_a_member_that_no_export_writes_is_refused(
    harness: Harness, foreign: tarfile.TarInfo
) -> None:
    stored("one", "b")
    harness("runs", "export", "a.tar.gz", "--store", "one")
    change("a.tar.gz", {}, foreign)
    found = harness("runs", "import", "a.tar.gz", "--store", "two")
    assert (found.exit_code, found.stdout) == (3, "")
    assert "is no file of one of its runs: nothing of it is taken" in found.stderr
    assert Store(Path("two")).keys() == []
    assert not Path("outside").exists()


def test_a_key_that_leads_elsewhere_is_refused(harness: Harness) -> None:
    stored("one", "b")
    harness("runs", "export", "a.tar.gz", "--store", "one")
    runs = {"../../one/runs/" + "b" * 64: "0" * 64}
    content = {"format": "reproduction-harness runs 1", "runs": runs}
    change("a.tar.gz", {"runs.json": json.dumps(content).encode()})
    found = harness("runs", "import", "a.tar.gz", "--store", "two")
    assert found.exit_code == 3
    assert "expected runs by their keys" in found.stderr
    assert Path("one/runs", "b" * 64).is_dir()


def cut(path: Path) -> None:
    """Cut an archive off within its last run."""
    content = gzip.decompress(path.read_bytes())
    at = content.rindex(b"SHA256SUMS")
    path.write_bytes(gzip.compress(content)[: len(gzip.compress(content[:at])) - 20])


def garbage(path: Path) -> None:
    path.write_bytes(b"no archive")


def another(path: Path) -> None:
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("file"), io.BytesIO(b""))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (garbage, "error: a.tar.gz is no archive of runs, or is damaged: not a gzip file"),
        (another, "error: a.tar.gz is no archive of runs: it does not begin with runs.json"),
        (Path.unlink, "error: a.tar.gz cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_archive_is_told(
    harness: Harness, damage: Callable[[Path], None], told: str
) -> None:
    stored("one", "b")
    harness("runs", "export", "a.tar.gz", "--store", "one")
    damage(Path("a.tar.gz"))
    found = harness("runs", "import", "a.tar.gz", "--store", "two")
    assert (found.exit_code, found.stderr) == (3, f"{told}\n")


def test_of_an_archive_that_is_cut_off_the_runs_before_its_end_come_in(harness: Harness) -> None:
    stored("one", "b")
    stored("one", "c")
    harness("runs", "export", "a.tar.gz", "--store", "one")
    cut(Path("a.tar.gz"))
    found = harness("runs", "import", "a.tar.gz", "--store", "two")
    assert found.exit_code == 3
    assert found.stdout == "a.tar.gz: 1 added; 1 left out\n"
    assert "error: a.tar.gz is no archive of runs, or is damaged: Compressed file" in found.stderr
    assert Store(Path("two")).keys() == ["b" * 64]


def test_what_is_exported_is_named_by_specifications_keys_and_patterns(harness: Harness) -> None:
    stored("one", "b")
    stored("one", "c", parent="b" * 64)
    stored("one", "d", parent="c" * 64)

    def exported(*arguments: str) -> list[str]:
        Path("a.tar.gz").unlink(missing_ok=True)
        found = harness("runs", "export", "a.tar.gz", *arguments, "--store", "one")
        assert found.exit_code == 0, found.output
        with tarfile.open("a.tar.gz") as tar:
            return sorted({each.split("/")[1][0] for each in tar.getnames() if "/" in each})

    assert exported() == ["b", "c", "d"]
    assert exported("c" * 12) == ["c"]
    assert exported("m[c]", "m[d]") == ["c", "d"]
    assert exported("m[d]", "--with-parents") == ["b", "c", "d"]
    for what, told in (
        ("x[", "error: 'x[' is no file, no key and no part of a label of a run in the store one\n"),
        ("a.json", "error: no run of a.json is finished in the store one\n"),
    ):
        found = harness("runs", "export", "other.tar.gz", what, "--store", "one")
        assert (found.exit_code, found.stderr) == (3, told)
    found = harness("runs", "export", "a.tar.gz", "--store", "one")
    assert found.stderr == "error: a.tar.gz is there already: remove it, or choose another name\n"
