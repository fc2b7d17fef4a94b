"""The commands that help to write a specification: new, explain, schema, completion."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from harness.authoring.names import QUESTIONS, REGULARIZERS, SHELLS, NameList
from harness.cli import completing
from harness.data import catalog
from harness.errors import HarnessError
from harness.models.registry import MODELS

PROGRAM = "harness"
"""The program that completion is for: `python -m harness` is one of Python's."""

_DATASETS = [name for name, row in catalog.DATASETS.items() if row.first_use is not None]
"""What a first specification may be of."""


@click.command()
@click.option(
    "--question",
    type=click.Choice(list(QUESTIONS)),
    help="What is asked: which runs and expectations.",
)
@click.option("--dataset", type=click.Choice(_DATASETS), help="Which data set.")
@click.option("--path", help="The folder of images, for the data set image_folder.")
@click.option("--model", type=click.Choice(list(MODELS)), help="Which network.")
@click.option(
    "--regularizers",
    type=NameList(REGULARIZERS),
    help="Which are compared, such as momentum,l2; or none.",
)
@click.option("--name", help="Names the experiment and its report.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file.  [default: specs/NAME.json]",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def new(**options: Any) -> None:
    """Write a first specification, ready to run: a question, its runs, expectations and figures.

    At a terminal, what is not given is asked for; elsewhere it has a default.
    """
    from harness.authoring import ask
    from harness.authoring.new import counted, expected, specification, write

    given, at_a_terminal = ask.Given(**options), sys.stdin.isatty()
    try:
        chosen = ask.choices(given, at_a_terminal)
        output = ask.output(given, chosen.name, at_a_terminal)
        document = specification(chosen, output)
        write(document, output, given.force)
    except FileExistsError as error:
        raise click.UsageError(f"{error.filename} is there already; --force replaces it") from error
    except OSError as error:
        raise HarnessError(f"{error.filename} cannot be written: {error.strerror}") from error
    path = shlex.quote(str(output))
    click.echo(f"{output}: {counted(document, output)}\n")
    click.echo("What is compared, and expected (the bounds are guesses, for you to set):")
    claims = expected(document)
    width = max(len(id_) for id_, _ in claims)
    for id_, claim in claims:
        click.echo(f"  {id_:{width}}  {claim}")
    click.echo()
    commands = {
        f"plan {path}": "the runs, and what they cost",
        f"run {path}": f"train, check, and write reports/{chosen.name}.md",
        "explain training": "what else may stand in it, property by property",
    }
    for command, meaning in commands.items():
        click.echo(f"python -m harness {command:{max(map(len, commands))}}  # {meaning}")


@click.command()
@click.argument("path", default="", shell_complete=completing.properties)
def explain(path: str) -> None:
    """Explain a property of the language, such as training.optimizer or model.resnet.

    Of any run, the path is such as runs.*.initialize_from. The end of a path is enough where it is
    the only one of its kind, such as momentum_rule; without PATH, the properties of a specification
    are listed.
    """
    from harness.authoring.explain import explain as explanation
    from harness.authoring.show import show

    show(explanation(path))


@click.command()
@click.option(
    "--path",
    "where",
    is_flag=True,
    help="Print where its file lies instead, for an editor's settings.",
)
def schema(where: bool) -> None:
    """Print the JSON Schema of specifications, the one definition of the language."""
    from harness.authoring.new import schema_path

    click.echo(schema_path() if where else schema_path().read_text(encoding="utf-8"), nl=where)


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script with which a SHELL completes the commands of the program harness.

    \b
    bash: harness completion bash > ~/.local/share/bash-completion/completions/harness
    zsh:  harness completion zsh > ~/.zfunc/_harness   (a folder of $fpath)
    fish: harness completion fish > ~/.config/fish/completions/harness.fish
    """  # noqa: D301 - the backspace tells Click to leave the lines as they are
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, PROGRAM, "_HARNESS_COMPLETE").source())
