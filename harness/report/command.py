"""The command that makes an experiment's runs, as a shell takes it."""

from __future__ import annotations

import os
import shlex

from harness.experiment import Experiment


def run_command(experiment: Experiment) -> str:
    """Return the command that repeats what was run, with all options that make it a trial."""
    words = [experiment.path.as_posix(), *experiment.trial]
    return " ".join(["python -m harness run", *map(_quoted, words)])


def _quoted(word: str) -> str:
    """Return a word as a shell takes it.

    One with characters that cannot be printed is quoted as Bash alone takes it.
    """
    if word.isprintable():
        return shlex.quote(word)
    escaped = "".join(
        f"\\{c}" if c in "\\'" else c if c.isprintable() else _in_bytes(c) for c in word
    )
    return f"$'{escaped}'"


def _in_bytes(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))
