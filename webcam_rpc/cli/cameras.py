"""``webcamctl cameras``, ``alias``, ``formats`` and ``diagnose``: which cameras there are, and how they are."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import click

from webcam_rpc.cli import tables
from webcam_rpc.cli.failures import Failed
from webcam_rpc.cli.groups import Camera, camera_meant, device_argument
from webcam_rpc.cli.service import as_json, of_service, show_json
from webcam_rpc.cli.tables import Column
from webcam_rpc.cli.words import mode, plain, rate, several, span

if TYPE_CHECKING:
    from webcam_rpc.cli.service import Service

_COLUMNS = (
    Column("DEVICE"),
    Column("STATUS"),
    Column("NAME", gives=True),
    Column("MODE"),
    Column("CAMERA ID", gives=True),
)
_MODE = re.compile(
    r"(?:(?P<pixel_format>[A-Za-z0-9]{4})[ :])?(?P<width>\d+)x(?P<height>\d+)(?:@(?P<fps>\d+(?:\.\d+)?))?"
)


@click.command()
@device_argument
@as_json
@of_service
def cameras(service: Service, device: str | None, *, as_json: bool) -> None:
    """List the cameras; of one CAMERA, tell all that is known."""
    if device is not None:
        _tell(service, service.call("get_camera_status", {"device": device}), as_json=as_json)
        return
    listed = service.call("get_camera_list")
    if as_json:
        show_json(listed)
        return
    if not listed["cameras"]:
        click.echo("No camera is known. Plug one in: it is listed within a second.", err=True)
        return
    tables.show(_COLUMNS, map(_row, listed["cameras"]))
    for one in listed["cameras"]:
        if one["reason"]:
            click.echo(f"{one['device']}: {one['reason']}")


def _row(one: dict[str, Any]) -> list[str]:
    name = f"{one['alias']} ({one['name']})" if one["alias"] else one["name"]
    return [one["device"], one["status"], name, mode(one["resolution"], one["fps"]), one["camera_id"]]


def _tell(service: Service, one: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(one)
        return
    age, holder = one["last_frame_age_ms"], one["holder"]
    usb = f"{one['vendor_id']}:{one['product_id']} in port {one['usb_path']}" if one["usb_path"] else ""
    consumers = ", ".join(f"{several(count, name)}" for name, count in one["consumers"].items() if count)
    lost = f", {one['broken_frames']} broken, {several(one['restarts'], 'restart')}"
    tables.show_pairs(
        [
            ("Camera", one["camera_id"]),
            ("Alias", one["alias"] or ""),
            ("Name", one["name"]),
            ("Device", one["device"]),
            ("Status", one["status"]),
            ("Reason", one["reason"] or ""),
            ("Mode", mode(one["resolution"], one["fps"])),
            ("Measured", f"{rate(one['measured_fps'])} frames a second" if one["measured_fps"] else ""),
            ("Last frame", f"{span(age / 1000)} ago" if age is not None else "none, since nobody looks"),
            ("Frames", f"{one['frames']}{lost}" if one["frames"] else ""),
            ("Used by", consumers or "nobody"),
            ("Recording", one["recording"] or ""),
            ("Held by", f"{holder['comm']} (process {holder['pid']})" if holder else ""),
            ("USB", usb),
            ("Serial", one["serial"] or ""),
            ("Driver", one["driver"] or ""),
            ("Picture", f"{service.base or ''}{one['snapshot_url']}"),
            ("Stream", f"{service.base or ''}{one['stream_url']}"),
        ]
    )


@click.command()
@click.argument("device", metavar="CAMERA", type=Camera())
@click.argument("name")
@as_json
@of_service
def alias(service: Service, device: str, name: str, *, as_json: bool) -> None:
    """Name a CAMERA, so that it can be called that everywhere; an empty NAME takes the alias away."""
    named = service.call("set_camera_alias", {"device": device, "name": name})
    if as_json:
        show_json(named)
    elif named["alias"]:
        click.echo(f"{named['camera_id']} may be called {named['alias']!r}.")
    else:
        click.echo(f"{named['camera_id']} has no alias.")


@click.command()
@device_argument
@click.option("--set", "wanted", metavar="MODE", help="Use this mode, as in 1280x720@30 or 'MJPG 1280x720@30'.")
@click.option("--refresh", is_flag=True, help="Ask the camera anew.")
@as_json
@of_service
def formats(service: Service, device: str | None, wanted: str | None, *, refresh: bool, as_json: bool) -> None:
    """List the modes of a CAMERA, or choose one."""
    named = camera_meant(service, device)
    if wanted is not None:
        _choose(service, named, wanted, as_json=as_json)
        return
    found = service.call("get_camera_capabilities", {"device": named, "refresh": refresh})
    if as_json:
        show_json(found)
        return
    if not found["modes"]:
        raise Failed(f"{found['camera_id']} tells no modes; `webcamctl diagnose {found['camera_id']}` may say why")
    columns = (Column("FORMAT"), Column("SIZE", right=True), Column("FRAMES A SECOND", gives=True))
    tables.show(columns, ([one["pixel_format"], _size(one), _rates(one["fps"])] for one in found["modes"]))


def _choose(service: Service, device: str, wanted: str, *, as_json: bool) -> None:
    asked = _MODE.fullmatch(wanted)
    if asked is None:
        raise click.UsageError(f"{wanted!r} is no mode: 1280x720, 1280x720@30 or 'MJPG 1280x720@30'")
    params: dict[str, Any] = {"device": device, "width": int(asked["width"]), "height": int(asked["height"])}
    if asked["pixel_format"]:
        params["pixel_format"] = asked["pixel_format"].upper()
    if asked["fps"]:
        params["fps"] = float(asked["fps"])
    given = service.call("set_camera_format", params)
    if as_json:
        show_json(given)
        return
    told = mode(given["resolution"], given["fps"])
    click.echo(f"{given['device']} is set to {given['pixel_format']} {told}.")
    other = asked["fps"] and given["fps"] is not None and abs(float(asked["fps"]) - given["fps"]) > 0.5  # noqa: PLR2004
    if other or given["resolution"] != f"{int(asked['width'])}x{int(asked['height'])}":
        click.echo("That is what the driver gave; it has none that is nearer to what was asked for.", err=True)


def _size(one: dict[str, Any]) -> str:
    def side(value: Any) -> str:  # noqa: ANN401 - a number, or the range of a stepwise size
        return f"{value['min']}…{value['max']}" if isinstance(value, dict) else str(value)

    return f"{side(one['width'])}x{side(one['height'])}"


def _rates(fps: Any) -> str:  # noqa: ANN401 - numbers, or the range of stepwise rates
    if isinstance(fps, dict):
        return f"{rate(fps['min'])}…{rate(fps['max'])}"
    return ", ".join(rate(one) if not isinstance(one, dict) else _rates(one) for one in fps) or "-"


@click.command()
@device_argument
@as_json
@of_service
def diagnose(service: Service, device: str | None, *, as_json: bool) -> None:
    """Look for what may be wrong with a CAMERA, or with a device node that is not listed.

    Fails if anything is.
    """
    found = service.call("diagnose_camera", {"device": camera_meant(service, device)})
    bad = [check for check in found["checks"] if check["ok"] is False]
    if as_json:
        show_json(found)
    else:
        click.echo(f"{found['device']}  {found['camera_id'] or 'not listed as a camera'}")
        for check in found["checks"]:
            _check(check)
        click.echo(f"{several(len(bad), 'thing')} to be put right." if bad else "Nothing is wrong.")
    if bad:
        sys.exit(1)


def _check(check: dict[str, Any]) -> None:
    mark, colour = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}[check["ok"]]
    click.echo(f"  {click.style(mark, fg=colour)} {check['check']:<11} {plain(check['detail'])}")
    if check["remedy"]:
        click.echo(f"    {'':<11} → {plain(check['remedy'])}")
