"""Which forms of the verdicts an invocation writes, and where."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.check import Verdict
from harness.ci.cases import Conclusion, suites
from harness.store import StoreError


@dataclass(frozen=True)
class Outputs:
    """The files to write, None for each that is not wanted, and whether to print annotations."""

    junit: Path | None = None
    json: Path | None = None
    summary: Path | None = None
    annotate: bool = False

    @property
    def files(self) -> list[Path]:
        """Return the files that will be written."""
        return [path for path in (self.junit, self.json, self.summary) if path is not None]


NOTHING = Outputs()


def prepare(outputs: Outputs) -> None:
    """See that the files can be written, before anything is trained.

    Raises:
        StoreError: one of them cannot.
    """
    for path in outputs.files:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise IsADirectoryError(None, "it is a folder")
            tempfile.TemporaryFile(dir=path.parent).close()
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def write(outputs: Outputs, conclusions: Sequence[Conclusion], allow: Collection[Verdict], code: int) -> None:
    """Write what is wanted; the summary is appended to what is there, annotations go to standard output.

    Raises:
        StoreError: a file cannot be written.
    """
    if outputs == NOTHING:
        return
    found, environment = suites(conclusions), os.environ
    if outputs.junit is not None:
        from harness.ci.junit import junit

        _put(outputs.junit, junit(found, allow, datetime.now(UTC)), "w")
    if outputs.json is not None:
        from harness.ci.compact import compact

        _put(outputs.json, compact(found, allow, code), "w")
    if outputs.summary is not None:
        from harness.ci.summary import summary

        _put(outputs.summary, summary(found, environment), "a")
    if outputs.annotate:
        from harness.ci.annotations import annotate

        print(annotate(found, allow, environment), end="", flush=True)


def _put(path: Path, text: str, mode: str) -> None:
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
