"""Which service a command is for: the one that has this state directory at work."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webcam_rpc import config
from webcam_rpc.cli.failures import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Where systemd gives an installed service its state.
_INSTALLED = "/var/lib/webcam-rpc"


def state_directory(settings: config.Config, environ: Mapping[str, str]) -> Path:
    """Give the state directory of the service that is meant: as the service finds it, or that of the installed one.

    systemd tells the service where its state is, and nobody tells a command that is typed.
    """
    told = settings.state.directory is not None or environ.get("STATE_DIRECTORY")
    if not told and os.access(_INSTALLED, os.W_OK | os.X_OK):
        return Path(_INSTALLED)
    return config.state_directory(settings, environ).absolute()


def with_state_directory(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which service is meant, and its state directory as first argument."""

    @click.option(
        "--state-dir", type=click.Path(path_type=Path, readable=False), help="The state directory of the service."
    )
    @click.option(
        "--config",
        "file",
        type=click.Path(path_type=Path, readable=False),
        help="The configuration file of the service.",
    )
    @functools.wraps(command)
    def with_state(state_dir: Path | None, file: Path | None, **options: object) -> None:
        overrides = [("state.directory", str(state_dir))] if state_dir is not None else []
        try:
            settings = config.resolve(file, os.environ, overrides).settings
        except config.ConfigError as error:
            raise Failed(str(error)) from None
        command(state_directory(settings, os.environ), **options)

    return with_state
