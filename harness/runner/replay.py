"""Repeats a little of one stale run of each program, and clears the mark of stale where it agrees.

A program is what runs share that have the same settings and were made by the same code: they differ
in their seeds alone. A repetition of one of them that agrees, by the code that is here, speaks for
them all.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import rfc8785

from harness import backend
from harness.run_result import Detail, RunResult
from harness.store import staleness
from harness.store.run_files import Origin
from harness.store.state import why_stale
from harness.store.store import DamagedRun, Replay, Store
from harness.words import run_label

EPOCHS = 3
"""How many epochs are repeated, where nothing else is asked for."""

_MADE_BY = ("harness", "keras", "tensorflow", "numpy", "jax")


@dataclass(frozen=True)
class Program:
    """Stale runs that one repetition speaks for, by their keys; the first one is repeated."""

    keys: tuple[str, ...]
    origin: Origin
    result: RunResult

    @property
    def label(self) -> str:
        """Return what a person calls the run that is repeated."""
        return run_label(self.origin.experiment, self.origin.run, self.origin.seed)


@dataclass(frozen=True)
class Repetition:
    """What came of repeating a run of a program.

    `agreement` says how exactly it agrees, or else `message` why the mark of stale stays. `differs`
    tells whether that is because it came to something else.
    """

    program: Program
    agreement: str = ""
    message: str = ""
    differs: bool = False


def stale_programs(store: Store, keys: Sequence[str]) -> list[Program]:
    """Return the programs of those of some finished runs that other code made.

    Damaged runs are left out.
    """
    found: dict[str, Program] = {}
    for key in keys:
        with suppress(DamagedRun):
            origin, result = store.finished(key, Detail.NUMBERS)
            if why_stale(store, result, None):
                name = _program(origin, result)
                known = found.get(name)
                found[name] = (
                    replace(known, keys=(*known.keys, key))
                    if known
                    else Program((key,), origin, result)
                )
    return list(found.values())


def _program(origin: Origin, result: RunResult) -> str:
    by = (
        result.code.digest
        if result.code
        else [str(result.environment.get(name)) for name in _MADE_BY]
    )
    starts = origin.parent is not None
    return hashlib.sha256(rfc8785.dumps([dict(origin.settings), starts, by])).hexdigest()


def replay(
    store: Store,
    programs: Sequence[Program],
    data_dir: Path,
    epochs: int = EPOCHS,
    allow_python: bool = False,
) -> Iterator[Repetition]:
    """Repeat a run of each program, and record it for all of its runs where it agrees.

    Raises:
        BackendError: the backend that was asked for is not there.
        StoreError: the store cannot be written.
    """
    if not programs:
        return
    here = backend.backend_here(backend.chosen(), {_backend(each) for each in programs})
    backend.import_backend(here)
    facts = [each.result.environment for each in programs if _backend(each) == here]
    backend.prepare_backend(
        _threads(facts), any(each.get("deterministic", "yes") == "yes" for each in facts)
    )
    from harness.runner.repeat import CannotRepeat, Differs, repeat

    code = staleness.present(here)
    for program in programs:
        if _backend(program) != here:
            yield Repetition(
                program,
                message=f"it was made with {_backend(program)}: KERAS_BACKEND={_backend(program)}",
            )
            continue
        try:
            origin, result = store.finished(program.keys[0], Detail.HISTORY)
            count, agreement = repeat(store, origin, result, data_dir, epochs, allow_python)
        except (Differs, CannotRepeat, DamagedRun) as error:
            yield Repetition(program, message=str(error), differs=isinstance(error, Differs))
            continue
        except (
            Exception
        ) as error:  # whatever the code that is here stumbles over: other programs are repeated
            yield Repetition(
                program, message=f"it ended in {type(error).__name__}: {error}", differs=True
            )
            continue
        record = Replay(
            code, datetime.now(UTC).isoformat(timespec="seconds"), count, agreement, program.keys[0]
        )
        for key in program.keys:
            store.save_replay(key, record)
        yield Repetition(program, f"{agreement}, {count} epochs and the end")


def _backend(program: Program) -> str:
    return str(program.result.environment.get("backend", "tensorflow"))


def _threads(facts: Sequence[Mapping[str, object]]) -> int | None:
    """Return how many threads most of the runs had, which decides the order of sums.

    None stands for as many as there are.
    """
    found = Counter(str(each.get("threads")) for each in facts)
    most = next((text for text, _ in found.most_common() if text.isdecimal()), None)
    return int(most) if most is not None and int(most) != backend.threads() else None
