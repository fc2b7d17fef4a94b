"""Where every command begins, and where every error ends it with its exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness.errors import HarnessError, UsageFault
from harness.system.console import visible
from harness.system.crash import internal_error

STORE = "harness.store"
"""Under this name, the context of a command remembers the folder of its store."""


class Commands(click.Group):
    """The group of all commands: what they raise is told here, once."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the arguments name, and end with its exit code where it fails."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except UsageFault as error:
            raise click.UsageError(str(error), self._command(ctx)) from error
        except HarnessError as error:
            end_with(error)
        except Exception as error:
            end_with(internal_error(error, ctx.meta.get(STORE)))

    def _command(self, ctx: click.Context) -> click.Context:
        """Return the context of the command that was asked for, whose usage is shown."""
        name = ctx.invoked_subcommand or ""
        command = self.get_command(ctx, name)
        return ctx if command is None else click.Context(command, parent=ctx, info_name=name)


def remember_store(context: click.Context, _parameter: click.Parameter, folder: Path) -> Path:
    """Remember the folder of the store, for a crash to be written there."""
    context.meta[STORE] = folder
    return folder


def tell(error: HarnessError) -> None:
    """Print an error to the standard error."""
    for line in error.lines():
        click.echo(visible(line), err=True)


def end_with(error: HarnessError) -> None:
    """Print an error, and end with its exit code."""
    tell(error)
    sys.exit(error.exit_code)
