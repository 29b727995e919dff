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
    """Say what is wrong with FILE, by line; options that it does not name have their defaults.

    The environment and the command line of the service, which come before the file, are not looked at.
    """
    try:
        configuration.resolve(file, {}, ())
    except configuration.ConfigError as error:
        raise Failed(str(error)) from None
    click.echo(f"{file}: good")
