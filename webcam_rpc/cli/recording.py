"""``webcamctl record``: begin a recording, watch it, end it."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from webcam_rpc.cli import progress, tables
from webcam_rpc.cli.failures import UNAVAILABLE, Failed, NoService
from webcam_rpc.cli.groups import Defaulting, Seconds, camera_meant, device_argument
from webcam_rpc.cli.service import as_json, of_service, show_json
from webcam_rpc.cli.tables import Column
from webcam_rpc.cli.words import amount, clock, plain, several, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webcam_rpc.cli.service import Service

#: Seconds between two looks at a recording that is waited for.
_LOOK = 0.5
#: How a recording ends that did what it should.
_WELL = frozenset({"duration", "stopped", "segment"})
#: A bar's steps in a second.
_STEPS = 10
_COLUMNS = (
    Column("CAMERA", gives=True),
    Column("STATE"),
    Column("FOR", right=True),
    Column("LEFT", right=True),
    Column("FRAMES", right=True),
    Column("SIZE", right=True),
    Column("FILE", gives=True),
)


@click.group(cls=Defaulting, default="start", takes=True)
def record() -> None:
    """Begin and end recordings; `record CAMERA` is `record start CAMERA`."""


@record.command()
@device_argument
@click.option("-d", "--duration", type=Seconds(), help="For how long: 90, 90s, 15m, 2h. Until it is stopped otherwise.")
@click.option("--wait/--no-wait", default=None, help="Wait for its end; so it is where there is a --duration.")
@click.option("--name", "filename", help="What the file is called; after camera and moment otherwise.")
@click.option(
    "--format", "kind", type=click.Choice(["mp4", "fmp4", "mkv"]), help="As the service is configured otherwise."
)
@click.option("--codec", type=click.Choice(["h264", "copy"]), help="copy keeps the camera's own JPEGs.")
@click.option("--segment", type=Seconds(), help="Begin another file whenever one is so long.")
@click.option("--pre-roll", type=Seconds(), help="Begin so far in the past, where the service keeps it.")
@as_json
@of_service
def start(service: Service, device: str | None, **options: Any) -> None:  # noqa: ANN401
    """Begin to record a CAMERA.

    With --duration or --wait it waits for the end and shows how far it is; Ctrl-C ends the recording with a whole file.
    """
    duration, as_json, filename = options["duration"], options["as_json"], options["filename"]
    # What a file is called says what it is, where nothing else does.
    kind = options["kind"] or ("mkv" if filename is not None and filename.endswith(".mkv") else None)
    params = {
        "device": camera_meant(service, device),
        "duration": duration,
        "filename": filename,
        "format": kind,
        "codec": options["codec"],
        "segment_s": options["segment"],
        "pre_roll_s": options["pre_roll"],
    }
    if duration is not None if options["wait"] is None else options["wait"]:
        # From here on, or a signal would end the command and leave the recording to itself. One that has not begun is
        # undone by the service when we hang up.
        with _told_once():
            ended = _waited_for(service, _begun(service, params))
        if as_json:
            show_json(ended)
        else:
            _summary(ended)
        if ended["status"] == "FAILED":
            sys.exit(1)
        return
    begun = _begun(service, params)
    if as_json:
        show_json(begun)
    else:
        click.echo(f"Recording {begun['device']} to {plain(begun['filename'] or 'a file')}.")
        how = f"It ends after {span(begun['duration'])}" if begun["duration"] else "It goes on"
        click.echo(f"{how}; `webcamctl record stop {begun['camera_id']}` ends it.", err=True)


def _begun(service: Service, params: dict[str, Any]) -> dict[str, Any]:
    begun: dict[str, Any] = service.call("start_recording", params)
    if begun["joined"]:
        click.echo("A schedule is recording this camera already: that recording is now for both.", err=True)
    return begun


def _waited_for(service: Service, begun: dict[str, Any]) -> dict[str, Any]:
    """Wait until a recording is over, or end it when we are told to."""
    last: dict[str, Any] = {}
    try:
        length = None if begun["duration"] is None else int(begun["duration"] * _STEPS)
        with progress.bar(length, plain(begun["filename"] or begun["device"])) as bar:
            shown = 0
            for last in _looks(service, begun):
                done = int(last["elapsed"] * _STEPS)
                bar.update(max(0, done - shown), _state(last))
                shown = max(done, shown)
            if length is not None:
                bar.update(max(0, length - shown), "")
    except (KeyboardInterrupt, OSError):
        # The latter is a terminal that is gone: what goes wrong with the service is another.
        try:
            return dict(service.call("stop_recording", {"recording_id": begun["recording_id"]}))
        except Failed as late:
            if late.status == UNAVAILABLE:
                raise
            # It has ended by itself just now.
    except (NoService, Failed) as gone:
        if isinstance(gone, Failed) and gone.status != UNAVAILABLE:
            raise
        text = "the service went away while it recorded; what it had until then is kept: see `webcamctl recordings`"
        raise Failed(f"{text} when it is back", UNAVAILABLE) from None
    return _over(service, begun, last)


def _looks(service: Service, begun: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Look at the recording again and again while it goes on."""
    while True:
        now = service.call("get_recording_status", {"device": begun["camera_id"]})
        if now["recording_id"] != begun["recording_id"]:
            return
        yield now
        if now["state"] in {"STOPPED", "FAILED"}:
            return
        time.sleep(min(_LOOK, max(now["remaining"] or _LOOK, 0.05)))


def _state(now: dict[str, Any]) -> str:
    told = f"{clock(now['elapsed'])}  {now['frames']} frames  {amount(now['bytes'])}"
    return f"{told}  waiting: {plain(str(now['reason']))}" if now["state"] == "WAITING" else told


def _over(service: Service, begun: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    """Tell what became of a recording that ended by itself, in the terms of ``stop_recording``."""
    names = filter(None, [*last.get("files", ()), last.get("filename") or begun["filename"]])
    known = []
    for name in dict.fromkeys(names):
        # One that has just begun when it all ended may be gone again.
        with contextlib.suppress(Failed):
            known.append(service.call("get_recording_info", {"filename": name}))
    files = [one["filename"] for one in known]
    reason = known[-1]["ended"] if known else last.get("reason")
    return {
        **{name: begun[name] for name in ("device", "camera_id", "recording_id", "session_id", "start_time", "format")},
        "filename": files[0] if files else None,
        "files": files,
        "status": "STOPPED" if reason in _WELL else "FAILED",
        "end_time": known[-1]["end_time"] if known else None,
        "duration": sum(one["duration"] or 0 for one in known),
        "frames": sum(one["frames"] or 0 for one in known),
        "frames_dropped": sum(one["frames_dropped"] for one in known),
        "file_size": sum(one["file_size"] or 0 for one in known),
        "finalizing": any(one["finalizing"] for one in known),
        "reason": reason,
    }


def _summary(ended: dict[str, Any]) -> None:
    names = ", ".join(map(plain, ended["files"])) or "no file"
    figures = f"{span(ended['duration'])}, {several(ended['frames'], 'frame')}, {amount(ended['file_size'])}"
    click.echo(f"{names}: {figures}")
    if ended["frames_dropped"]:
        click.echo(f"{several(ended['frames_dropped'], 'frame')} dropped: the machine is too slow for this.", err=True)
    if ended.get("finalizing"):
        click.echo("It can be played now, and is being rewritten as MP4.", err=True)
    if ended["status"] == "FAILED":
        why = str(ended.get("reason") or "the service does not say why").replace("_", " ")
        click.echo(f"webcamctl: the recording ended before its time: {plain(why)}", err=True)


@contextlib.contextmanager
def _told_once() -> Iterator[None]:
    """Have SIGTERM and SIGHUP do what Ctrl-C does, and nothing do it twice: timeout(1) sends its signal twice.

    Those that are ignored, as under nohup(1), stay so.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    before = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}

    def interrupt(_number: int, _frame: object) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@record.command()
@device_argument
@click.option("--id", "recording_id", help="The recording, rather than its camera.")
@as_json
@of_service
def stop(service: Service, device: str | None, recording_id: str | None, *, as_json: bool) -> None:
    """End the recording of a CAMERA; comes back when its file is whole."""
    if device is not None and recording_id is not None:
        raise click.UsageError("a camera or --id")
    if recording_id is None and device is None:
        going = [one for one in _all(service) if one["state"] != "IDLE"]
        device = going[0]["camera_id"] if len(going) == 1 else camera_meant(service, None)
    ended = service.call("stop_recording", {"device": device, "recording_id": recording_id})
    if as_json:
        show_json(ended)
    else:
        _summary(ended)


@record.command()
@device_argument
@as_json
@of_service
def status(service: Service, device: str | None, *, as_json: bool) -> None:
    """Tell how the recording of a CAMERA stands; without one, of all."""
    if device is not None:
        found = [service.call("get_recording_status", {"device": device})]
    else:
        found = [one for one in _all(service) if one["state"] != "IDLE"]
    if as_json:
        show_json(found[0] if device is not None else found)
        return
    if not found:
        click.echo("Nothing is being recorded.", err=True)
        return
    tables.show(_COLUMNS, map(_row, found))
    for one in found:
        if one["reason"]:
            click.echo(f"{one['device']}: {plain(one['reason'].replace('_', ' '))}")


def _all(service: Service) -> list[dict[str, Any]]:
    cameras = service.call("get_camera_list")["cameras"]
    return [service.call("get_recording_status", {"device": one["camera_id"]}) for one in cameras]


def _row(one: dict[str, Any]) -> list[str]:
    if one["state"] == "IDLE":
        return [one["device"], one["state"], "", "", "", "", ""]
    left = clock(one["remaining"]) if one["remaining"] is not None else "-"
    figures = [clock(one["elapsed"]), left, str(one["frames"]), amount(one["bytes"])]
    return [one["device"], one["state"], *figures, one["filename"] or "-"]
