"""What commands cost that look at a store as large as it becomes in years, or at a long chain.

Times are seconds of the processor, which other work on the machine changes little, the least of
all rounds. Every command is a process of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.conftest import Record, Rounds
from benchmarks.figures import Row, Target
from benchmarks.large_store import chain, cost, fill, many
from harness.experiment import Json

SECONDS = 10.0
"""What a person waits for at most."""

COMMANDS = {
    "plan": ["plan", "large.json"],
    "check": ["check", "large.json"],
    "status": ["status"],
    "list": ["runs", "list"],
    "list-pattern": ["runs", "list", "large"],
}

Commands = Callable[[str, str, Json, int], None]


@pytest.fixture
def commands(rounds: Rounds, record: Record, quick: bool, tmp_path: Path) -> Commands:
    """Make a store of the runs of a specification and of others, and add a row a command."""

    def take(name: str, what: str, specification: Json, others: int) -> None:
        (tmp_path / "large.json").write_text(json.dumps(specification))
        fill(tmp_path / "store", tmp_path / "large.json", others)
        found: dict[str, list[tuple[float, float]]] = {each: [] for each in COMMANDS}

        def once() -> None:
            for each, command in COMMANDS.items():
                found[each].append(cost([*command, "--store", "store"], tmp_path))

        rounds(once, 1 if quick else 2)
        for each, command in COMMANDS.items():
            record(
                Row(
                    f"stores/{name}/{each}",
                    f"`harness {' '.join(command)}`, {what}",
                    min(seconds for seconds, _ in found[each]),
                    "s",
                    f"at most {max(memory for _, memory in found[each]):.0f} MiB",
                    target=Target("figure", at_most=SECONDS),
                )
            )

    return take


def bench_many(commands: Commands, quick: bool) -> None:
    """Time them on 10,000 runs of 100 cells and 100 seeds, among 90,000 of other experiments."""
    cells, seeds, others = (2, 2, 10) if quick else (100, 100, 90_000)
    what = f"{cells * seeds:,} runs among {cells * seeds + others:,}"
    commands("many", what, many(cells, seeds), others)


def bench_chain(commands: Commands, quick: bool) -> None:
    """Time them on runs that start each from the one before."""
    length = 5 if quick else 3_000
    commands("chain", f"a chain of {length:,} runs", chain(length), 0)
