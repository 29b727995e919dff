"""``webcamctl config``: what is wrong with a configuration before the service reads it, and the reading of it."""

from __future__ import annotations

from pathlib import Path

import click

from webcam_rpc import config as configuration
from webcam_rpc.cli.admin import call
from webcam_rpc.cli.failures import UNAVAILABLE, Failed, NoService
from webcam_rpc.cli.state import with_state_directory


@click.group()
def config() -> None:
    """Look after the configuration."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Say all that is wrong with FILE, by line; options that it does not name have their defaults.

    The environment and the command line of the service, which come before the file, are not looked at.
    """
    found = configuration.mistakes(file)
    if found:
        raise Failed("\n".join(map(str, found)))
    click.echo(f"{file}: good")


@config.command("reload")
@with_state_directory
def reload_(state: Path) -> None:
    """Have the service read its configuration again, and say what became of it.

    What is wrong is told, and changes nothing.
    """
    try:
        reloaded = call(state, "reload_config", {})
    except NoService:
        raise Failed(f"no service is at work on {state}", UNAVAILABLE) from None
    click.echo(f"Changed: {', '.join(reloaded['changed']) or 'nothing'}.")
    if reloaded["restart_required"]:
        click.echo(f"A restart is needed for {', '.join(reloaded['restart_required'])}.")
