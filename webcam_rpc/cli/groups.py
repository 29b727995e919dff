"""What several commands have in common: a group that is a command too, durations, and the camera that is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from webcam_rpc.cli import durations
from webcam_rpc.cli.failures import Failed, NoService
from webcam_rpc.cli.service import found_or_none
from webcam_rpc.cli.words import plain

if TYPE_CHECKING:
    from webcam_rpc.cli.service import Service

#: Seconds for what a key of completion waits for.
_AT_ONCE = 1.0


class InOrder(click.Group):
    """A group whose help lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's
        """Give the names of the commands."""
        return list(self.commands)


class Outermost(InOrder):
    """The command itself: the options that say which service is meant follow the name of a command, and it says so."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what stands before the name of a command."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            text = f"options follow the name of a command, as in `webcamctl status {error.option_name}`"
            raise click.UsageError(f"{error.format_message()} Here {text}.", ctx) from None


class Defaulting(InOrder):
    """A group whose name alone is one of its commands: ``recordings`` is ``recordings list``.

    :param default: the command that is meant where none is named.
    :param takes: whether that has arguments, so that a word which names no command is one of them.
    """

    def __init__(self, *args: Any, default: str, takes: bool = False, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        self.default = default
        self._takes = takes

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command where one is missing."""
        helped = args[:1] and args[0] in self.get_help_option_names(ctx)
        named = args[:1] and not args[0].startswith("-") and (args[0] in self.commands or not self._takes)
        # A command line that is being completed may end here, and then any command may follow.
        if not helped and not named and not (ctx.resilient_parsing and not args):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


class Seconds(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A duration: ``90``, ``90s``, ``15m``, ``2h``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """Give the seconds."""
        if isinstance(value, float):
            return value
        text = str(value)
        try:
            found = float(text) if text.replace(".", "", 1).isdecimal() else durations.parse(text)
        except ValueError:
            found = None
        if found is None:
            self.fail(f"{text!r} is no duration: 90, 90s, 15m, 2h", param, ctx)
        return found


class Camera(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """What a camera may be called: its id, a path, a number, an alias."""

    name = "camera"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer the cameras that there are."""
        service = found_or_none(ctx)
        try:
            cameras = service.call("get_camera_list", patience=_AT_ONCE)["cameras"] if service is not None else []
        except (Failed, NoService):
            cameras = []
        offered = {
            name: one["name"] for one in cameras for name in (one["alias"], one["device"], one["camera_id"]) if name
        }
        return [CompletionItem(name, help=plain(of)) for name, of in offered.items() if name.startswith(incomplete)]


#: The argument that most commands have.
device_argument = click.argument("device", metavar="[CAMERA]", required=False, type=Camera())


def camera_meant(service: Service, device: str | None) -> str:
    """Give what the camera was called, or the one that is plugged in where nothing was said.

    :raises Failed: if nothing was said and there is not one.
    """
    if device is not None:
        return device
    there = [one for one in service.call("get_camera_list")["cameras"] if one["status"] != "DISCONNECTED"]
    if len(there) == 1:
        return str(there[0]["camera_id"])
    if not there:
        raise Failed("no camera is plugged in")
    names = "\n".join(f"  {one['alias'] or one['device']}  {one['name']}" for one in there)
    raise Failed(f"which camera? There are\n{names}")
