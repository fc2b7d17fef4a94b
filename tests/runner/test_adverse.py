"""What surrounds a run fails: its terminal, its logs, its fonts' folder, what is known of its
packages.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tensorflow as tf

from harness.system import machine, processor
from harness.training.fit import train
from tests.support import plots, session

if TYPE_CHECKING:
    from tests.support.person import Person

AT_LEAST_0 = [
    {
        "id": "some",
        "metric": "random.test_accuracy",
        "at_least": 0,
        "basis": "hypothesis",
        "source": "s",
    }
]
CERTAIN = [each | {"statistic": "every"} for each in AT_LEAST_0]


def ran(
    person: Person, *arguments: str, after: str = "", **changes: str
) -> subprocess.CompletedProcess[bytes]:
    """Run specifications in a process of their own, in Bash, with some variables changed or, where
    "", gone.
    """
    environment = {name: value for name, value in {**os.environ, **changes}.items() if value}
    command = [sys.executable, "-m", "harness", "run", *arguments, *person.options]
    return subprocess.run(
        ["bash", "-c", f'"$@" {after}', "bash", *command],
        cwd=person.folder,
        env=environment,
        check=False,
        capture_output=True,
        timeout=250,
    )


def forked(person: Person, *arguments: str, **changes: str) -> subprocess.CompletedProcess[bytes]:
    """Do the same in a process that has imported TensorFlow already."""
    files = [person.folder / name for name in ("shown", "errors")]
    with files[0].open("wb") as output, files[1].open("wb") as errors:
        shown = (output.fileno(), errors.fileno())
        code = person.fork(*arguments, shown=shown, changes=changes).wait(250)
    return subprocess.CompletedProcess(arguments, code, *(file.read_bytes() for file in files))


def recorded(person: Person, spec: str) -> Mapping[str, str]:
    """Give the environment of the one run that is in the store."""
    (key,) = person.keys(spec).values()
    found: Mapping[str, str] = json.loads(
        (person.store.folder(key) / "environment.json").read_text()
    )["environment"]
    return found


class TestWhatAPersonSees:
    """A terminal that shows little, and folders that cannot be written, cost no result and no
    verdict.
    """

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
    def test_everything_fails_at_once(self, encoding: str, person: Person) -> None:
        spec = person.spec(expectations=CERTAIN, title="中 ± é")
        for name in ("store/events", "board"):
            (person.folder / name).parent.mkdir(exist_ok=True)
            (person.folder / name).write_text("a file, no folder")
        broken = {
            plots.DRAWN: "yes",
            "HOME": "",
            "MPLCONFIGDIR": "/dev/null/none",
            "COLUMNS": "20",
            "PYTHONIOENCODING": encoding,
        }
        run = ran if encoding == "ascii" else forked  # one from its very start
        found = run(person, spec, "--tensorboard", "board", **broken)
        output, errors = found.stdout.decode(encoding), found.stderr.decode(encoding)
        assert found.returncode == 0, errors
        assert "Traceback" not in output + errors
        assert "no log for TensorBoard of tiny / random / seed 0" in errors
        assert output.startswith("+ tiny / random / seed 0")
        assert "tiny: \\u4e2d" in output
        assert recorded(person, spec)["device"] == "CPU"
        assert (person.folder / "reports/tiny/curves.png").stat().st_size > 1000

    @pytest.mark.parametrize("lines", [0, 1])
    def test_who_reads_no_further_changes_nothing_of_how_it_ends(
        self, lines: int, person: Person
    ) -> None:
        spec = person.spec(expectations=CERTAIN)
        with subprocess.Popen(["head", f"-{lines}"], stdin=subprocess.PIPE) as reader:
            assert reader.stdin is not None
            process = person.fork(spec, shown=(reader.stdin.fileno(), None))
            reader.stdin.close()
            self.ended_well(person, *process.communicate(250), process.wait())

    def test_a_full_disk_behind_the_output_changes_nothing_of_how_it_ends(
        self, person: Person
    ) -> None:
        spec = person.spec(expectations=CERTAIN)
        with Path("/dev/full").open("wb") as full:
            process = person.fork(spec, shown=(full.fileno(), None))
            self.ended_well(person, *process.communicate(250), process.wait())

    def test_streams_that_are_closed_change_nothing_of_how_it_ends(self, person: Person) -> None:
        found = ran(person, person.spec(expectations=CERTAIN), after=">&- 2>&-")
        self.ended_well(person, "", found.stderr.decode(), found.returncode)

    def ended_well(self, person: Person, _output: str, errors: str, code: int) -> None:
        assert (code, "Traceback" in errors) == (0, False), errors
        (file,) = (person.folder / "store").glob("runs/*/environment.json")
        assert json.loads(file.read_text())["environment"]["device"] == "CPU"
        assert (person.folder / "reports/tiny.md").exists()


class TestWhatIsRecorded:
    """It is gathered before training, and nothing of it ends a run."""

    def test_packages_that_have_no_distribution_lose_no_result(
        self, person: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def without(_package: str) -> str:
            raise metadata.PackageNotFoundError

        monkeypatch.setattr(metadata, "version", without)
        spec = person.spec()
        result = person.run(spec)
        assert (result.exit_code, result.exception) == (0, None)
        assert recorded(person, spec)["tensorflow"] == tf.__version__
        assert recorded(person, spec)["harness"].startswith("unknown")

    def test_facts_that_cannot_be_found_out_lose_no_result(
        self, person: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_arguments: object) -> str:
            raise RuntimeError("no such fact")

        for fact in ("name", "instructions", "in_words", "allowed"):
            monkeypatch.setattr(processor, fact, broken)
        monkeypatch.setattr("harness.backend.device", broken)
        spec = person.spec()
        assert person.run(spec).exit_code == 0
        facts = recorded(person, spec)
        assert [facts[name] for name in ("device", "processor", "instructions", "cpus")] == [
            "unknown"
        ] * 4

    def test_it_is_complete_before_the_first_step(
        self, person: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def ends(*_arguments: object, **_rest: object) -> None:
            raise AssertionError("asked after training")

        def training(*arguments: object, **rest: object) -> object:
            monkeypatch.setattr(machine, "environment", ends)
            return train(*arguments, **rest)  # type: ignore[arg-type]

        monkeypatch.setattr("harness.runner.make.train", training)
        spec = person.spec()
        assert person.run(spec).exit_code == 0
        assert recorded(person, spec)["onednn"] in ("on", "off")

    def test_what_decides_the_bits_is_told_apart(self, person: Person) -> None:
        spec = person.spec()
        mask = f"taskset -c {min(os.sched_getaffinity(0))}"
        command = f'cd "{person.folder}"; {mask} "$@"'
        arguments = [sys.executable, "-m", "harness", "run", spec, *person.options]
        limits = {
            "TF_ENABLE_ONEDNN_OPTS": "1",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
        }
        subprocess.run(
            ["bash", "-c", command, "bash", *arguments],
            env=session.apart(os.environ) | limits,
            check=True,
            capture_output=True,
            timeout=250,
        )
        facts = recorded(person, spec)
        assert facts["cpus"].startswith(f"1 of {os.cpu_count()}")
        assert (facts["threads"], facts["inter-op threads"]) == ("1", "1")
        assert facts["onednn"] == "on, AVX2 at most"
        assert "XLA_FLAGS=--xla_cpu_max_isa=AVX2" in facts["flags"]
