"""``webcamctl schedule``: recordings that begin by themselves."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from webcam_rpc.cli import tables
from webcam_rpc.cli.groups import Camera, Defaulting, Seconds
from webcam_rpc.cli.service import as_json, of_service, show_json
from webcam_rpc.cli.tables import Column
from webcam_rpc.cli.words import brief, moment, plain, span

if TYPE_CHECKING:
    from webcam_rpc.cli.service import Service

_COLUMNS = (
    Column("ID"),
    Column("STATE"),
    Column("CAMERA", gives=True),
    Column("WHEN"),
    Column("FOR", right=True),
    Column("NEXT RUN"),
    Column("NAME", gives=True),
)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


@click.group(cls=Defaulting, default="list")
def schedule() -> None:
    """Have recordings begin by themselves, once or again and again."""


@schedule.command("list")
@click.option("--camera", "device", metavar="CAMERA", type=Camera(), help="Those of one camera.")
@as_json
@of_service
def list_(service: Service, device: str | None, *, as_json: bool) -> None:
    """List the schedules with their next runs, and tell which did not do what they should."""
    found = service.call("list_schedules", {"device": device})
    while len(found["schedules"]) < found["total"]:
        more = service.call("list_schedules", {"device": device, "offset": len(found["schedules"])})
        if not more["schedules"]:
            break
        found["schedules"] += more["schedules"]
    if as_json:
        show_json(found)
        return
    if not found["schedules"]:
        click.echo("There are no schedules; `webcamctl schedule add --help` tells how one is made.", err=True)
        return
    now = datetime.now(timezone.utc)
    tables.show(_COLUMNS, (_row(one, now) for one in found["schedules"]))
    for one in found["schedules"]:
        last = one["last_run"]
        if last is not None and last["outcome"] in {"MISSED", "FAILED"}:
            why = f": {plain(last['reason'].replace('_', ' '))}" if last["reason"] else ""
            outcome = tables.coloured(last["outcome"])
            click.echo(f"{one['schedule_id']}: the run of {moment(last['start_time'])} was {outcome}{why}")


def _row(one: dict[str, Any], now: datetime) -> list[str]:
    camera = one["device"] or one["camera_id"]
    when = one["cron"] or brief(one["start_time"], now)
    return [
        one["schedule_id"],
        one["state"],
        camera,
        when,
        span(one["duration"]),
        brief(one["next_run"], now),
        one["name"] or "-",
    ]


@schedule.command()
@click.argument("device", metavar="CAMERA", type=Camera())
@click.option("-d", "--duration", type=Seconds(), required=True, help="For how long: 90s, 15m, 2h.")
@click.option("--at", metavar="TIME", help="Once: 22:30 (today or tomorrow), '2026-12-24 18:00', or with an offset.")
@click.option("--cron", metavar="EXPRESSION", help="Again and again: minute hour day month weekday, '30 22 * * 1-5'.")
@click.option(
    "--timezone",
    "zone",
    metavar="ZONE",
    help="As in Europe/Berlin; this machine's otherwise, for --cron the service's.",
)
@click.option("--until", metavar="TIME", help="When it ends for good.")
@click.option("--name", help="What it is for.")
@click.option(
    "--format", "kind", type=click.Choice(["mp4", "fmp4", "mkv"]), help="As the service is configured otherwise."
)
@click.option("--codec", type=click.Choice(["h264", "copy"]), help="copy keeps the camera's own JPEGs.")
@click.option("--late/--no-late", default=False, help="Record what is left of a run whose beginning was missed.")
@click.option("--disabled", is_flag=True, help="It does not run until it is enabled.")
@as_json
@of_service
def add(service: Service, device: str, **options: Any) -> None:  # noqa: ANN401
    """Have a CAMERA recorded at a time, or by the rules of cron."""
    if (options["at"] is None) == (options["cron"] is None):
        raise click.UsageError("when? Either --at or --cron")
    zone, now = options["zone"], datetime.now(timezone.utc)
    params = {
        "device": device,
        "duration": options["duration"],
        "start_time": time_of(options["at"], zone, now) if options["at"] is not None else None,
        "cron": options["cron"],
        "timezone": zone,
        "until": time_of(options["until"], zone, now) if options["until"] is not None else None,
        "name": options["name"],
        "format": options["kind"],
        "codec": options["codec"],
        "missed_run": "record" if options["late"] else "skip",
        "enabled": not options["disabled"],
    }
    made = service.call("schedule_recording", params)
    if options["as_json"]:
        show_json(made)
        return
    click.echo(made["schedule_id"])
    runs = f"it first runs at {moment(made['next_run'])}" if made["next_run"] else "it does not run"
    click.echo(f"Schedule {made['schedule_id']} is {made['state'].lower()}; {runs}.", err=True)


def time_of(text: str, zone: str | None, now: datetime) -> str:
    """Give a time as the service takes it, with the offset of this machine unless a zone was named."""
    at = _CLOCK.fullmatch(text)
    try:
        here = ZoneInfo(zone) if zone is not None else None
        now = now.astimezone(here)
        if at is not None:
            hour, minute, second = (int(part or 0) for part in at.groups())
            wall = now.replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=None)
            if wall <= now.replace(tzinfo=None):
                wall += timedelta(days=1)
        else:
            wall = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (ValueError, OSError, LookupError) as error:
        why = f"there is no time zone {zone!r}" if isinstance(error, (LookupError, OSError)) else "it is no time"
        raise click.UsageError(f"{text!r}: {why}; 22:30, '2026-12-24 18:00' or 2026-12-24T18:00:00+01:00") from None
    if wall.tzinfo is None and zone is None:
        wall = wall.astimezone()
    return wall.isoformat(timespec="seconds")


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@as_json
@of_service
def show(service: Service, schedule_id: str, *, as_json: bool) -> None:
    """Tell all that is known of a schedule."""
    one = service.call("get_schedule", {"schedule_id": schedule_id})
    if as_json:
        show_json(one)
        return
    tables.show_pairs(_pairs(one))


def _pairs(one: dict[str, Any]) -> list[tuple[str, str]]:
    last = one["last_run"]
    pairs = [
        ("Schedule", one["schedule_id"]),
        ("Name", one["name"] or ""),
        ("State", one["state"]),
        ("Camera", f"{one['camera_id']} ({one['device']})" if one["device"] else f"{one['camera_id']} (not here)"),
        ("When", f"{one['cron']} ({one['timezone']})" if one["cron"] else moment(one["start_time"])),
        ("For", span(one["duration"])),
        ("Until", moment(one["until"])),
        ("Format", " ".join(filter(None, [one["format"], one["codec"]]))),
        ("If missed", "what is left is recorded" if one["missed_run"] == "record" else "skipped"),
        ("Recording", one["recording_id"] or ""),
        *(("Next runs" if not place else "", moment(run)) for place, run in enumerate(one["next_runs"])),
    ]
    if last is not None:
        why = f": {last['reason'].replace('_', ' ')}" if last["reason"] else ""
        pairs += [("Last run", f"{moment(last['start_time'])} {last['outcome']}{why}")]
        pairs += [("Its files", ", ".join(last["files"]))]
    return [*pairs, ("Made", moment(one["created"]))]


@schedule.command()
@click.argument("schedule_ids", nargs=-1, required=True, metavar="ID...")
@of_service
def cancel(service: Service, schedule_ids: tuple[str, ...]) -> None:
    """Forget schedules; a recording that goes on for one alone ends."""
    for schedule_id in schedule_ids:
        service.call("cancel_schedule", {"schedule_id": schedule_id})
        click.echo(f"Schedule {schedule_id} is cancelled.", err=True)


def _enabling(name: str, text: str, *, enabled: bool) -> click.Command:
    @click.command(name, help=text)
    @click.argument("schedule_id", metavar="ID")
    @as_json
    @of_service
    def enable(service: Service, schedule_id: str, *, as_json: bool) -> None:
        one = service.call("update_schedule", {"schedule_id": schedule_id, "enabled": enabled})
        if as_json:
            show_json(one)
            return
        runs = f"; it next runs at {moment(one['next_run'])}" if one["next_run"] else ""
        click.echo(f"Schedule {schedule_id} is {one['state'].lower()}{runs}.", err=True)

    return enable


schedule.add_command(_enabling("enable", "Have a schedule run again.", enabled=True))
schedule.add_command(_enabling("disable", "Have a schedule not run until it is enabled.", enabled=False))
