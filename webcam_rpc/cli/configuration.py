"""``webcamctl config``: what is wrong with a configuration, before the service reads it."""

from __future__ import annotations

from pathlib import Path

import click

from webcam_rpc import config as configuration
from webcam_rpc.cli.admin import Failed


@click.group()
def config() -> None:
    """Look at the configuration."""


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
