"""A disk that is full, read-only or broken, at any moment: told in a sentence, and nothing is lost
or half written.
"""

from __future__ import annotations

import errno
import io
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.processes import fork_server

if TYPE_CHECKING:
    from harness.plan import ConcreteRun
    from harness.store.store import Store
    from tests.support.person import Person

FAULTS = int(os.environ.get("HARNESS_FAULTS", "12"))
"""How many moments are tried; a long test asks for more."""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
"""Flags of what is opened to be written; files are opened to be read with others, such as not to
wait for a pipe.
"""

RUNS = {"parent": {"training": {"epochs": 6}}, "child": {"initialize_from": "parent"}}
KINDS = (errno.ENOSPC, errno.EROFS, errno.EIO)


class Disk:
    """Counts what is written in a folder, and fails from the operation `first` on, `count` times,
    with `error`.
    """

    def __init__(
        self, folder: Path, first: int | None = None, count: int = 1, error: int = errno.ENOSPC
    ) -> None:
        self.folder, self.first, self.error = str(folder), first, error
        self.last = None if first is None else first + count
        self.operations = 0

    def wrap(self, function: Callable[..., Any], writes: Callable[..., bool]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            if writes(*arguments, **named):
                number, self.operations = self.operations, self.operations + 1
                if (
                    self.first is not None
                    and self.last is not None
                    and self.first <= number < self.last
                ):
                    raise OSError(self.error, os.strerror(self.error), str(arguments[0]))
            return function(*arguments, **named)

        return wrapped

    def _inside(self, path: Any, *_: Any, **__: Any) -> bool:
        return not isinstance(path, int) and str(path).startswith(self.folder)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        for name in ("mkdir", "replace", "rename", "unlink", "rmdir"):
            patch.setattr(os, name, self.wrap(getattr(os, name), self._inside))
        patch.setattr(os, "fsync", self.wrap(os.fsync, lambda _: True))
        patch.setattr(
            os,
            "open",
            self.wrap(
                os.open,
                lambda path, flags=0, *_, **__: self._inside(path) and bool(flags & WRITING),
            ),
        )
        opened = self.wrap(
            io.open, lambda path, mode="r", *_, **__: self._inside(path) and mode[0] in "wax"
        )
        patch.setattr(io, "open", opened)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, person_in: Callable[[Path], Person]) -> Person:
    """One whose disk never fails."""
    clean = person_in(tmp_path_factory.mktemp("clean"))
    assert clean.run(clean.spec(runs=RUNS)).exit_code == 0
    return clean


def moments(count: int) -> Iterator[int]:
    """Yield some of the operations, the same ones every time."""
    yield from sorted(random.Random(1).sample(range(count), min(FAULTS, count)))


@pytest.mark.timeout(300 + 10 * FAULTS)
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_a_fault_at_any_moment(
    person: Person, clean: Person, lasting: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = person.spec(runs=RUNS)
    monkeypatch.setattr(
        "harness.report.write.draw", lambda *_: {"figure.png": b"image"}
    )  # which takes long
    disk = Disk(person.folder)
    with monkeypatch.context() as patch:
        disk.install(patch)
        assert person.run(spec).exit_code == 0
    assert disk.operations > 40
    for number, moment in enumerate(moments(disk.operations)):
        for folder in ("store", "reports"):
            shutil.rmtree(person.folder / folder)
        with monkeypatch.context() as patch:
            Disk(person.folder, moment, 10**9 if lasting else 1, KINDS[number % 3]).install(patch)
            found = person.run(spec)
        place = f"operation {moment}: {found.output}"
        assert found.exception is None or isinstance(found.exception, SystemExit), place
        assert found.exit_code in (0, 3), place
        if found.exit_code == 3:
            assert found.stderr.startswith("error: "), place
            assert found.stderr.count("\n") == 1, place
        assert person.run(spec).exit_code == 0, place
        for key in person.plan(spec).runs:
            assert person.same(clean, key), place
            assert person.store.damage(key) == [], place


def test_a_store_that_vanishes_is_made_again(
    person: Person, clean: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is moved away while a run goes on: what was in it is gone, what is being run is
    not.
    """
    from harness.training import fit

    spec, away = person.spec(runs=RUNS), person.folder / "away"
    rows = fit._Run._rows

    def vanish(*arguments: Any) -> Any:
        if not away.exists():
            (person.folder / "store").rename(away)
        return rows(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(fit._Run, "_rows", vanish)
        assert person.run(spec).exit_code == 0
    for key in person.plan(spec).runs:
        assert person.same(clean, key)
        assert person.store.damage(key) == []


def test_a_parent_that_vanishes_is_told(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.runner import local

    spec = person.spec(runs=RUNS)
    start = local.start_of

    def vanish(run: ConcreteRun, store: Store) -> Path | None:
        if run.parent is not None:
            shutil.rmtree(store.folder(run.parent))
        return start(run, store)

    with monkeypatch.context() as patch:
        patch.setattr(local, "start_of", vanish)
        found = person.run(spec)
    assert found.exit_code == 3
    assert "Traceback" not in found.output
    assert person.run(spec).exit_code == 0


def test_weights_that_find_no_room_are_told_and_harm_no_process(tmp_path: Path) -> None:
    """HDF5 that runs out of space while it writes crashes the process at its end."""
    code = """
import resource, signal, sys, keras
from pathlib import Path
from harness.compile import Compiled
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(256), keras.layers.Dense(256)])
path = Path(sys.argv[1]) / "final.weights.h5"
for room in (0, 1000, 3000, 20000, 300000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        Compiled(model, None, model).save_weights(path)
    except OSError as error:
        print(error.strerror, path.exists())
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
Compiled(model, None, model).save_weights(path)
print(path.stat().st_size > 4 * model.count_params())
"""
    process = fork_server().start(["-c", code, str(tmp_path)], tmp_path, os.environ)
    output, errors = process.communicate(timeout=250)
    assert output == "File too large False\n" * 5 + "True\n", errors
    assert process.wait() == 0
