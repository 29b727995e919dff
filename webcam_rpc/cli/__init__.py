"""``webcamctl``: what is typed on the service's machine, and at a distance.

Exit statuses: 0 done, 1 it could not be done (standard error says why), 2 the command line is wrong, 69 the service
does not answer, 77 not permitted.
"""

from __future__ import annotations

import io
import sys

import click

from webcam_rpc import __version__
from webcam_rpc.cli.cameras import alias, cameras, diagnose, formats
from webcam_rpc.cli.completion import completion
from webcam_rpc.cli.configuration import config
from webcam_rpc.cli.controls import controls
from webcam_rpc.cli.failures import UNAVAILABLE, Failed, NoService
from webcam_rpc.cli.files import group_of
from webcam_rpc.cli.groups import Outermost
from webcam_rpc.cli.health import health, ping, status, storage
from webcam_rpc.cli.listening import monitor, selftest
from webcam_rpc.cli.pictures import snapshot
from webcam_rpc.cli.recording import record
from webcam_rpc.cli.schedules import schedule
from webcam_rpc.cli.tokens import token
from webcam_rpc.cli.words import plain


@click.group(
    cls=Outermost,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="The service itself: `python -m webcam_rpc serve`.",
)
@click.version_option(__version__, prog_name="webcamctl")
def commands() -> None:
    """Use and look after the camera service, of this machine or by --url of another."""


for command in (
    *(ping, status, health, cameras, alias, formats, controls, diagnose),
    *(snapshot, group_of("snapshot"), record, group_of("recording"), schedule, storage),
    *(monitor, selftest, token, config, completion),
):
    commands.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run what the arguments say, those of the process by default, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a name, or a mark, shows its number.
            stream.reconfigure(errors="backslashreplace")
    try:
        commands.main(arguments, prog_name="webcamctl")
    except Failed as failed:
        for line in str(failed).split("\n"):
            click.echo("webcamctl: " + plain(line), err=True)
        sys.exit(failed.status)
    except NoService:
        click.echo("webcamctl: the service has just ended", err=True)
        sys.exit(UNAVAILABLE)
