"""``webcamctl completion``: what a shell needs to complete commands, options and the names of cameras and files."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command(epilog='bash: add `eval "$(webcamctl completion bash)"` to ~/.bashrc.')
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what SHELL needs to complete this command; it is to be evaluated."""
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has these three
    click.echo(found(context.find_root().command, {}, "webcamctl", "_WEBCAMCTL_COMPLETE").source())
