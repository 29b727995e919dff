"""``webcamctl``: what an administrator types on the machine itself.

Exit statuses: 0 done, 1 it could not be done (standard error says why), 2 the command line is wrong, 69 the service
does not answer, 77 only root and the user of the service may.
"""

from __future__ import annotations

import sys

import click

from webcam_rpc import __version__
from webcam_rpc.cli.admin import Failed
from webcam_rpc.cli.configuration import config
from webcam_rpc.cli.tokens import token


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="The service itself: `python -m webcam_rpc serve`.",
)
@click.version_option(__version__, prog_name="webcamctl")
def commands() -> None:
    """Look after the camera service on this machine."""


commands.add_command(config)
commands.add_command(token)


def main(arguments: list[str] | None = None) -> None:
    """Run what the arguments say, those of the process by default, and exit."""
    try:
        commands.main(arguments, prog_name="webcamctl")
    except Failed as failed:
        for line in str(failed).split("\n"):
            # What the service or a file said: a terminal would obey control characters.
            click.echo("webcamctl: " + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line), err=True)
        sys.exit(failed.status)
