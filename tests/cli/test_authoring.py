"""The commands that help to write a specification."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.shell_completion import ShellComplete, get_completion_class

from harness.authoring.new import schema_path
from harness.cli import main
from harness.experiment import Json
from tests.cli.test_runs import stored

if TYPE_CHECKING:
    from tests.cli.conftest import Harness


def written(path: str) -> Json:
    return json.loads(Path(path).read_text())


def test_without_a_terminal_every_choice_has_a_default(harness: Harness) -> None:
    found = harness("new")
    assert found.exit_code == 0
    # None, three regularizers alone, and all together.
    assert found.stdout.startswith(
        "specs/digits-regularizers.json: 5 runs of 3 seeds each, 5 expectations\n\n"
    )
    expected = written("specs/digits-regularizers.json")["expectations"]
    assert "  momentum-helps" in found.stdout
    assert all(f"{each['metric']} is at least" in found.stdout for each in expected)
    lines = [line for line in found.stdout.splitlines() if line.startswith("python ")]
    commands = [line.partition("  #")[0].strip() for line in lines]
    assert commands == [
        "python -m harness plan specs/digits-regularizers.json",
        "python -m harness run specs/digits-regularizers.json",
        "python -m harness explain training",
    ]
    for command in commands:
        words = command.removeprefix("python -m harness ").split()
        assert harness(*(["plan", *words[1:]] if words[0] == "run" else words)).exit_code == 0


def test_what_is_given_is_taken(harness: Harness) -> None:
    words = [
        "--question",
        "plain",
        "--dataset",
        "mnist",
        "--model",
        "convnet",
        "--regularizers",
        "l2,momentum",
    ]
    found = harness("new", *words, "--name", "mine", "--output", "my specs/m.json")
    assert found.exit_code == 0
    assert "python -m harness plan 'my specs/m.json'  # " in found.stdout
    document = written("my specs/m.json")
    assert (document["name"], document["defaults"]["dataset"]["name"]) == ("mine", "mnist")
    assert document["runs"] == {"trained": {"matrix": {"regularizers": [[], ["momentum", "l2"]]}}}
    assert document["$schema"] == schema_path().as_posix()
    assert harness("validate", "my specs").output == "1 specification valid, 6 runs\n"
    harness("new", "--dataset", "image_folder", "--path", "pictures", "--question", "plain")
    assert written("specs/image-folder-plain.json")["defaults"]["dataset"]["path"] == "pictures"


def test_a_file_is_replaced_by_force_alone(harness: Harness) -> None:
    before = Path("a.json").read_bytes()
    found = harness("new", "--output", "a.json")
    assert (found.exit_code, found.stdout) == (2, "")
    assert "Error: a.json is there already; --force replaces it" in found.stderr
    assert Path("a.json").read_bytes() == before
    assert harness("new", "--output", "a.json", "--force").exit_code == 0
    assert written("a.json")["name"] == "digits-regularizers"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--dataset", "cifar"], 2, "'cifar' is not one of"),
        (
            ["--dataset", "blobs", "--model", "resnet"],
            2,
            "resnet needs images, but blobs gives vectors of 2 values",
        ),
        (["--model", "resnet", "--regularizers", "dropout"], 2, "this resnet has no place for it"),
        (["--regularizers", "l1"], 2, "'l1' is none of augmentation, momentum, l2, dropout"),
        (["--regularizers", "none"], 2, "the question regularizers needs at least one of them"),
        (["--name", "No Name"], 2, '--name: "No Name" does not have the form'),
        (["--name", ""], 2, '--name: "" does not have the form'),
        (["--path", "x"], 2, "--path is for the data set image_folder, not for digits"),
        (["--output", "."], 2, "is a directory"),
        (["--output", "a.json/b.json"], 3, "error: a.json cannot be written: "),
        (["more"], 2, "unexpected extra argument"),
    ],
)
def test_nonsense_is_told_and_nothing_is_written(
    harness: Harness, arguments: list[str], code: int, message: str
) -> None:
    found = harness("new", *arguments)
    assert (found.exit_code, found.stdout) == (code, "")
    assert message in found.stderr
    assert not Path("specs").exists()


def conversation(arguments: list[str], answers: list[str]) -> str:
    """Run `new` at a terminal, type the answers, and return all that it says."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "harness", "new", *arguments]
    with subprocess.Popen(
        command, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        os.write(controller, "".join(f"{answer}\n" for answer in answers).encode())
        said, _ = process.communicate(timeout=60)
    os.close(controller)
    os.close(terminal)
    return said


def test_at_a_terminal_it_asks_and_asks_again(harness: Harness) -> None:
    said = conversation(
        [],
        [
            "adversarial",
            "mnist",
            "nonsense",
            "convnet",
            "momentum,l3",
            "momentum,l2",
            "No Name",
            "mine",
            "a.json",
            "",
        ],
    )
    document = written("specs/mine.json")
    assert document["runs"]["random"] == {"matrix": {"regularizers": [[], ["momentum", "l2"]]}}
    assert document["defaults"]["model"] == {"name": "convnet", "width": 16}
    for words in (
        "adversarial    where SGD goes from weights that fit random labels",
        "mnist                70,000 handwritten digits",
        "'nonsense' is not one of 'perceptron', 'convnet'",
        "'l3' is none of augmentation, momentum, l2, dropout",
        '"No Name" does not have the form',
        "a.json is there already",
    ):
        assert words in said


def test_at_a_terminal_it_asks_only_for_what_is_not_given(harness: Harness) -> None:
    said = conversation(["--question", "plain", "--dataset", "blobs"], ["", "", "", ""])
    assert "question [" not in said
    assert "dataset [" not in said
    assert "convnet" not in said  # which does not fit
    assert "model [perceptron]: " in said
    assert written("specs/blobs-plain.json")["runs"] == {"trained": {}}


def test_properties_are_explained(harness: Harness) -> None:
    found = harness("explain", "optimizer.sgd")
    assert (found.exit_code, found.stderr) == (0, "")
    lines = found.stdout.splitlines()
    assert lines[0] == "defaults.training.optimizer.sgd Stochastic gradient descent"
    assert "  learning_rate  number         0.1        The initial learning rate" in lines
    assert all(line == line.rstrip() for line in lines)
    assert "\x1b" not in found.stdout
    assert (
        "  runs          object                                        required  "
        "The runs by name; each is the defaults, changed by its own keys"
        in harness("explain").stdout.splitlines()
    )


def test_a_property_that_is_not_there_is_told(harness: Harness) -> None:
    found = harness("explain", "training.optimiser")
    assert (found.exit_code, found.stdout) == (2, "")
    assert (
        "unknown property 'training.optimiser'; did you mean 'defaults.training.optimizer'?"
        in found.stderr
    )


def test_the_schema_is_printed_as_it_lies_there(harness: Harness) -> None:
    text = schema_path().read_text()
    assert harness("schema").stdout == text
    path = harness("schema", "--path").stdout
    assert Path(path.removesuffix("\n")).read_text() == text


def completed(words: str, incomplete: str) -> dict[str, str | None]:
    kind: type[ShellComplete] | None = get_completion_class("bash")
    assert kind is not None
    items = kind(main, {}, "harness", "_HARNESS_COMPLETE").get_completions(
        words.split(), incomplete
    )
    return {item.value: item.help for item in items}


def test_names_are_completed(harness: Harness) -> None:
    assert set(completed("", "ex")) == {"explain"}
    assert set(completed("new --dataset", "cifar")) == {"cifar10_jpeg", "cifar10", "cifar100"}
    assert set(completed("new --regularizers", "l2,m")) == {"l2,momentum"}
    assert set(completed("data status", "m")) == {"mnist"}
    assert completed("explain", "training.opt") == {"training.optimizer": "Optimizer"}
    assert set(completed("completion", "")) == {"bash", "zsh", "fish"}
    assert set(completed("diff", "rep")) == {"rep"}


def test_keys_of_runs_are_completed_with_what_they_are(harness: Harness) -> None:
    first, second = stored("bc")
    assert completed("runs show", "") == {
        first[:12]: "a / m[b] / seed 0",
        second[:12]: "a / m[c] / seed 0",
    }
    for command in ("path", "remove", "verify"):
        assert set(completed(f"runs {command}", "b")) == {first[:12]}
    assert set(completed("runs show", first[:13])) == {first}
    assert completed("runs show --store nowhere", "") == {}
    (Path(".harness/store/runs") / first / "run.json").write_text("[]")
    assert set(completed("runs show", "")) == {second[:12]}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script_that_it_can_read(harness: Harness, shell: str) -> None:
    script = harness("completion", shell).stdout
    assert "_HARNESS_COMPLETE" in script
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not here")
    read = subprocess.run(
        [program, "-n"], input=script, capture_output=True, text=True, check=False
    )
    assert (read.returncode, read.stderr) == (0, "")


def test_bash_completes(harness: Harness) -> None:
    bash, program = shutil.which("bash"), Path(sys.executable).with_name("harness")
    if bash is None or not program.exists():
        pytest.skip("there is no bash, or no program harness beside this Python")
    Path("script").write_text(harness("completion", "bash").stdout)
    words = "COMP_WORDS=(harness explain training.opt); COMP_CWORD=2"
    command = f'source ./script; {words}; _harness_completion {program}; echo "${{COMPREPLY[@]}}"'
    found = subprocess.run([bash, "-c", command], capture_output=True, text=True, check=True)
    assert found.stdout == "training.optimizer\n"


def test_help_and_completion_load_nothing_heavy() -> None:
    heavy = ("tensorflow", "keras", "scipy", "numpy", "rich", "jsonschema", "lark")
    code = (
        "import sys; from click.testing import CliRunner; from harness.cli import main;"
        "CliRunner().invoke(main, ['new', '--help']);"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
    assert isinstance(main, click.Group)
