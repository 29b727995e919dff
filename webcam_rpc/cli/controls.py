"""``webcamctl controls``: brightness, exposure and whatever else a camera lets itself be told."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from webcam_rpc.cli import tables
from webcam_rpc.cli.groups import Camera, Defaulting, camera_meant, device_argument
from webcam_rpc.cli.service import as_json, of_service, show_json
from webcam_rpc.cli.tables import Column
from webcam_rpc.cli.words import plain

if TYPE_CHECKING:
    from webcam_rpc.cli.service import Service

_COLUMNS = (
    Column("CONTROL"),
    Column("VALUE", right=True, gives=True),
    Column("DEFAULT", right=True),
    Column("RANGE", gives=True),
    Column("", gives=True),
)
_TRUE, _FALSE = frozenset({"on", "true", "yes"}), frozenset({"off", "false", "no"})


@click.group(cls=Defaulting, default="list", takes=True)
def controls() -> None:
    """List and set the controls of a camera."""


@controls.command("list")
@device_argument
@as_json
@of_service
def list_(service: Service, device: str | None, *, as_json: bool) -> None:
    """List the controls of a CAMERA with their values and ranges."""
    found = service.call("get_camera_controls", {"device": camera_meant(service, device)})
    if as_json:
        show_json(found)
        return
    if not found["controls"]:
        click.echo(f"{found['camera_id']} has no controls.", err=True)
        return
    tables.show(_COLUMNS, map(_row, found["controls"]))


def _row(one: dict[str, Any]) -> list[str]:
    names = {item["value"]: item["name"] for item in one["menu"]}

    def shown(value: Any) -> str:  # noqa: ANN401 - whatever the control has
        if value is None:
            return "-"
        if isinstance(value, bool):
            return "on" if value else "off"
        return f"{value} ({names[value]})" if value in names else str(value)

    return [one["name"], shown(one["value"]), shown(one["default"]), _range(one), ", ".join(one["flags"])]


def _range(one: dict[str, Any]) -> str:
    if one["menu"]:
        return ", ".join(f"{item['value']}={item['name']}" for item in one["menu"])
    if one["min"] is None or one["type"] in {"bool", "button"}:
        return {"bool": "on, off"}.get(one["type"], "-")
    return f"{one['min']}…{one['max']}" + (f" by {one['step']}" if (one["step"] or 1) > 1 else "")


@controls.command("set")
@click.argument("settings", nargs=-1, required=True, metavar="[CAMERA] NAME=VALUE...", type=Camera())
@click.option("--persist", is_flag=True, help="Set it again whenever the camera comes back.")
@as_json
@of_service
def set_(service: Service, settings: tuple[str, ...], *, persist: bool, as_json: bool) -> None:
    """Set controls, and tell what the driver made of it.

    VALUE is a number, on or off, or the name of a menu's entry. Fails if any was refused.
    """
    devices, pairs = [one for one in settings if "=" not in one], [one for one in settings if "=" in one]
    if len(devices) > 1 or not pairs:
        raise click.UsageError("one camera at most, and NAME=VALUE for each control, as in brightness=20")
    values = {name.strip(): _value(text.strip()) for name, _, text in (one.partition("=") for one in pairs)}
    device = camera_meant(service, devices[0] if devices else None)
    params = {"device": device, "controls": values, "persist": persist}
    _told(service.call("set_camera_controls", params), as_json=as_json)


def _value(text: str) -> int | bool | str:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    try:
        return int(text, 0)
    except ValueError:
        return text


@controls.command()
@click.argument("device", metavar="CAMERA", type=Camera())
@click.argument("names", nargs=-1, metavar="[NAME]...")
@as_json
@of_service
def reset(service: Service, device: str, names: tuple[str, ...], *, as_json: bool) -> None:
    """Set the controls of a CAMERA back to the driver's defaults: those of these names, or all."""
    params = {"device": device, "names": list(names) or None}
    _told(service.call("reset_camera_controls", params), as_json=as_json)


def _told(done: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(done)
    else:
        for name, value in done["applied"].items():
            click.echo(f"{plain(name)} = {plain(str(value).lower() if isinstance(value, bool) else str(value))}")
        for name, why in done["rejected"].items():
            click.echo(f"webcamctl: {plain(name)}: {plain(why)}", err=True)
    if done["rejected"]:
        sys.exit(1)
