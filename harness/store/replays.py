"""Repetitions of finished runs that agreed with what is recorded of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from harness.run_result import Code
from harness.store.checksums import CHECKSUMS
from harness.store.errors import REMOVE_IT, unwritable
from harness.store.formats import json_file
from harness.store.layout import Layout
from harness.store.staleness import code
from harness.system.files import read_bytes, replace, sha256
from harness.system.json_value import WrongForm, parse


@dataclass(frozen=True)
class Replay:
    """A repetition of a run's first epochs and last measurements that agreed with its record.

    `code` is what repeated it, `when` an ISO 8601 time, `epochs` how many were repeated,
    `agreement` how exactly they agree, and `run` the key of the run that was repeated: this one, or
    another seed of the same program.
    """

    code: Code
    when: str
    epochs: int
    agreement: str
    run: str


def save(layout: Layout, key: str, replay: Replay) -> None:
    """Record a repetition; it holds for the finished run with the files that it has now.

    Raises:
        StoreError: it cannot be written.
    """
    path = layout.replay(key)
    record = {
        **asdict(replay),
        "code": replay.code.to_json(),
        "checksums": sha256(layout.finished(key) / CHECKSUMS),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, json_file(record))
    except OSError as error:
        raise unwritable(layout.root, error, REMOVE_IT) from error


def load(layout: Layout, key: str) -> Replay | None:
    """Return the last repetition of a finished run with the files that it has now.

    None where there is none that can be read.
    """
    try:
        record = parse(read_bytes(layout.replay(key)))
        if record.member("checksums").text() != sha256(layout.finished(key) / CHECKSUMS):
            return None
        return Replay(
            code(record.member("code")),
            record.member("when").text(),
            record.member("epochs").integer(),
            record.member("agreement").text(),
            record.member("run").text(),
        )
    except (OSError, WrongForm):
        return None
