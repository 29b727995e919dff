"""``webcamctl ping``, ``status``, ``health`` and ``storage``: how the service is, and how much room it has."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from webcam_rpc.cli import tables
from webcam_rpc.cli.groups import Defaulting
from webcam_rpc.cli.service import as_json, of_service, show_json
from webcam_rpc.cli.tables import Column
from webcam_rpc.cli.words import amount, mode, moment, plain, several, span

if TYPE_CHECKING:
    from webcam_rpc.cli.service import Service

_COLUMNS = (Column("PART"), Column("STATUS"), Column("DETAIL"))
_ORDER = ("UNHEALTHY", "DEGRADED", "HEALTHY")


@click.command()
@click.option("-c", "--count", type=click.IntRange(1, 1000), default=1, show_default=True, help="How often.")
@as_json
@of_service
def ping(service: Service, count: int, *, as_json: bool) -> None:
    """Ask the service whether it is there, and tell how long it took."""
    for left in range(count, 0, -1):
        began = time.perf_counter()
        answer = service.call("ping")
        took = 1000 * (time.perf_counter() - began)
        if as_json:
            show_json({"response": answer, "url": service.name, "ms": round(took, 3)})
        else:
            click.echo(f"{answer} from {service.name} in {took:.2f} ms")
        if left > 1:
            time.sleep(1)


@click.command()
@as_json
@of_service
def status(service: Service, *, as_json: bool) -> None:
    """Tell how the service is, in one screen."""
    info, now = service.call("get_server_info"), service.call("get_status")
    cameras, storage = service.call("get_camera_list"), service.call("get_storage_info")
    recorded = {one["camera_id"]: _recorded(service, one) for one in cameras["cameras"] if one["status"] == "CONNECTED"}
    if as_json:
        show_json({"server": info, "status": now, "cameras": cameras, "storage": storage})
        return
    bad = [one for one in now["components"].values() if one["status"] != "HEALTHY"]
    room = f"{amount(storage['available_space'])} free ({storage['usage_percentage']:.0f} % used)"
    tables.show_pairs(
        [
            ("Service", f"{info['name']} {info['version']} at {service.name}"),
            ("Status", now["status"]),
            ("Up", f"{span(now['uptime'])}, since {moment(info['start_time'])}"),
            (
                "Cameras",
                f"{cameras['connected']} of {cameras['total']} connected" if cameras["total"] else "none is known",
            ),
            (
                "Recording",
                several(sum(map(bool, recorded.values())), "camera") if any(recorded.values()) else "nothing",
            ),
            ("Storage", room + (", which is too little" if storage["low_space_warning"] else "")),
        ]
    )
    for one in cameras["cameras"]:
        how = "not plugged in" if one["status"] == "DISCONNECTED" else mode(one["resolution"], one["fps"])
        extra = recorded.get(one["camera_id"]) or one["reason"] or how
        click.echo(f"  {_mark(one['status'])} {one['device']}  {plain(one['alias'] or one['name'])}  {plain(extra)}")
    for name, one in now["components"].items():
        if one in bad:
            click.echo(f"  {_mark(one['status'])} {name}: {plain(one['detail'])}")


def _recorded(service: Service, camera: dict[str, Any]) -> str | None:
    now = service.call("get_recording_status", {"device": camera["camera_id"]})
    return None if now["state"] == "IDLE" else f"recording for {span(now['elapsed'])} to {now['filename']}"


def _mark(state: str) -> str:
    return tables.coloured({"CONNECTED": "●", "DISCONNECTED": "○", "DEGRADED": "!"}.get(state, "✗"), state)


@click.command()
@as_json
@of_service
def health(service: Service, *, as_json: bool) -> None:
    """Tell how each part of the service is; fails unless all are HEALTHY."""
    now = service.call("get_status")
    if as_json:
        show_json(now)
    else:
        parts = sorted(now["components"].items(), key=lambda part: _ORDER.index(part[1]["status"]))
        tables.show(_COLUMNS, ([name, one["status"], one["detail"]] for name, one in parts))
    if now["status"] != "HEALTHY":
        sys.exit(1)


@click.group(cls=Defaulting, default="show")
def storage() -> None:
    """How much room there is, what takes it, and how long files are kept."""


@storage.command("show")
@as_json
@of_service
def show(service: Service, *, as_json: bool) -> None:
    """Tell how much room there is and what takes it."""
    found = service.call("get_storage_info")
    if as_json:
        show_json(found)
        return
    tables.show_pairs(
        [
            ("Room", f"{amount(found['total_space'])}, {found['usage_percentage']:.1f} % used"),
            ("Free", amount(found["available_space"])),
            ("Recordings", amount(found["recordings_size"])),
            ("Snapshots", amount(found["snapshots_size"])),
            ("Status", "LOW" if found["low_space_warning"] else "OK"),
        ]
    )
    if found["low_space_warning"]:
        click.echo("Delete recordings, or have the old ones go: `webcamctl storage policy --help`.", err=True)


@storage.command()
@click.option(
    "--max-age", "days", type=click.FloatRange(0, min_open=True), metavar="DAYS", help="Files go when they are older."
)
@click.option(
    "--max-size",
    "gigabytes",
    type=click.FloatRange(0, min_open=True),
    metavar="GB",
    help="The oldest go when all are larger.",
)
@click.option("--keep-all", is_flag=True, help="Nothing goes by itself.")
@as_json
@of_service
def policy(service: Service, days: float | None, gigabytes: float | None, *, keep_all: bool, as_json: bool) -> None:
    """Choose how long files are kept, also after a restart. Protected recordings always stay."""
    chosen = [days is not None, gigabytes is not None, keep_all]
    if sum(chosen) != 1:
        raise click.UsageError("one of --max-age, --max-size and --keep-all")
    kind = "age" if days is not None else "size" if gigabytes is not None else "manual"
    params = {"policy_type": kind, "max_age_days": days, "max_size_gb": gigabytes, "enabled": not keep_all}
    given = service.call("set_retention_policy", params)
    if as_json:
        show_json(given)
    elif given["policy_type"] == "manual" or not given["enabled"]:
        click.echo("Files stay until somebody deletes them.")
    elif given["policy_type"] == "age":
        click.echo(f"Files go when they are older than {given['max_age_days']:g} days.")
    else:
        click.echo(f"The oldest files go when all together are larger than {given['max_size_gb']:g} GB.")


@storage.command()
@as_json
@of_service
def cleanup(service: Service, *, as_json: bool) -> None:
    """Remove what the policy has no place for, now."""
    done = service.call("cleanup_old_files")
    if as_json:
        show_json(done)
    else:
        click.echo(f"{several(done['files_deleted'], 'file')} deleted, {amount(done['space_freed'])} freed.")
