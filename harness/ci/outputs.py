"""Which forms of the verdicts an invocation writes, and where."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.ci.cases import Conclusion, Suite, suites
from harness.judging.exit_code import Allow
from harness.store.store import StoreError
from harness.system import files, ownership
from harness.system.ownership import Kind

_ADVICE = "name another file, or move that one away"


@dataclass(frozen=True)
class Outputs:
    """The files to write, None for each that is not wanted, and whether to print annotations.

    `baseline` is the folder of the kept numbers to compare with, None where nothing is compared:
    what drifted is part of every form, and of the exit code.
    """

    junit: Path | None = None
    json: Path | None = None
    summary: Path | None = None
    annotate: bool = False
    baseline: Path | None = None

    @property
    def named(self) -> list[tuple[str, Path]]:
        """Return the files that will be written, each with the option that names it."""
        pairs = [("--junit", self.junit), ("--json", self.json), ("--summary", self.summary)]
        return [(option, path) for option, path in pairs if path is not None]

    @property
    def replaced(self) -> list[tuple[str, Path, Kind]]:
        """Return those that replace what an earlier invocation wrote, and what that is."""
        kinds = {"--junit": Kind.JUNIT, "--json": Kind.VERDICTS}
        return [
            (option, path, kinds[option])
            for option, path in self.named
            if option in kinds and not ownership.is_stream(path) and not ownership.is_folder(path)
        ]


NOTHING = Outputs()


def refuse_foreign(outputs: Outputs) -> None:
    """Check that nothing is replaced or appended to that is somebody else's.

    Raises:
        OverwriteError: something would be.
        StoreError: what is there cannot be read.
    """
    for option, path, kind in outputs.replaced:
        with _writing(path):
            ownership.refuse(path, kind, f"what {option} writes", _ADVICE)
    to = outputs.summary
    if to is not None and not ownership.is_stream(to) and not ownership.is_folder(to):
        with _writing(to):
            ownership.refuse_appending(to, "what --summary writes", "name another file")


def clear(outputs: Outputs) -> None:
    """Remove what earlier invocations wrote to the same files.

    So an invocation that is killed leaves nothing that looks new.

    Raises:
        OverwriteError: one of the files is somebody else's; nothing is removed.
        StoreError: one cannot be removed.
    """
    refuse_foreign(outputs)
    for _, path, _ in outputs.replaced:
        with _writing(path):
            if path.exists() and path.stat().st_size > 0:
                path.unlink()


def prepare(outputs: Outputs) -> None:
    """Check that the files can be written, before anything is trained.

    Raises:
        StoreError: one of them cannot.
    """
    for _, path in outputs.named:
        if not ownership.is_stream(path):
            with _writing(path):
                _prepare(path)


def _prepare(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(None, "it is a folder")
    files.sweep(path.parent)
    tempfile.TemporaryFile(dir=path.parent).close()
    with contextlib.suppress(FileNotFoundError):
        files.temporary_path(path).stat()  # an error where that name is too long


def write(outputs: Outputs, conclusions: Sequence[Conclusion], allow: Allow, code: int) -> None:
    """Write what is wanted; one that cannot be written keeps no other from being written.

    The summary is appended to what is there, annotations go to standard output.

    Raises:
        StoreError: a file cannot be written.
        OverwriteError: somebody else's file came to be in the way meanwhile.
    """
    if outputs == NOTHING:
        return
    write_suites(outputs, suites(conclusions), allow, code)


def write_suites(outputs: Outputs, found: Sequence[Suite], allow: Allow, code: int) -> None:
    """Write what is wanted of some cases, as `write` does of all.

    Raises:
        StoreError: a file cannot be written.
        OverwriteError: somebody else's file came to be in the way meanwhile.
    """
    failed = list[Exception]()
    for put in _writers(outputs, found, allow, code):
        try:
            put()
        except (StoreError, ownership.OverwriteError) as error:
            failed.append(error)
    if outputs.annotate:
        from harness.ci.annotations import annotate

        print(annotate(found, allow, os.environ), end="", flush=True)
    if failed:
        raise failed[0]


def _writers(
    outputs: Outputs, found: Sequence[Suite], allow: Allow, code: int
) -> Iterator[Callable[[], None]]:
    if (junit_path := outputs.junit) is not None:
        from harness.ci.junit import junit

        yield lambda: _replace(junit_path, junit(found, allow, datetime.now(UTC)), Kind.JUNIT)
    if (json_path := outputs.json) is not None:
        from harness.ci.compact import compact

        yield lambda: _replace(json_path, compact(found, allow, code), Kind.VERDICTS)
    if (summary_path := outputs.summary) is not None:
        from harness.ci.summary import summary

        yield lambda: _append(summary_path, summary(found, os.environ))


def _replace(path: Path, text: str, kind: Kind) -> None:
    if ownership.is_stream(path):
        _append(path, text)
        return
    with _writing(path):
        ownership.refuse(path, kind, "what was to be written", _ADVICE)
        files.replace(path, lambda temporary: _written(temporary, text))


def _written(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _append(path: Path, text: str) -> None:
    """Append to a file, the whole text or nothing, or write to a stream."""
    with _writing(path), path.open("ab", buffering=0) as file:
        before = file.tell() if file.seekable() else None
        try:
            _write_all(file.write, text.encode())
        except OSError:
            if before is not None:
                file.truncate(before)
            raise


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def _write_all(write: Callable[[bytes], int | None], content: bytes) -> None:
    """Write to an unbuffered file, which may take a part at a time."""
    while content:
        content = content[write(content) or 0 :]
