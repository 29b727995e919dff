"""``webcamctl monitor`` and ``selftest``: the commands that stay connected."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import click

from webcam_rpc.cli.failures import Failed
from webcam_rpc.cli.groups import Camera, Seconds
from webcam_rpc.cli.service import as_json, of_service
from webcam_rpc.cli.words import plain

if TYPE_CHECKING:
    from webcam_rpc.cli.service import Service

#: What may be listened to: the middle of each notification's name.
TOPICS = {
    "cameras": "camera_status_update",
    "controls": "camera_control_update",
    "recordings": "recording_status_update",
    "snapshots": "snapshot_status_update",
    "schedules": "schedule_status_update",
    "storage": "storage_status_update",
    "health": "system_health_update",
}


@click.command()
@click.option("-d", "--duration", type=Seconds(), help="For how long: 30, 15m, 2h. Until Ctrl-C otherwise.")
@click.option("--camera", "device", metavar="CAMERA", type=Camera(), help="What happens to this one alone.")
@click.option("--topic", "topics", type=click.Choice(list(TOPICS)), multiple=True, help="This alone; several times.")
@as_json
@of_service
def monitor(
    service: Service, duration: float | None, device: str | None, topics: tuple[str, ...], *, as_json: bool
) -> None:
    """Tell what happens as it happens: a line for each event, first the cameras that are there.

    A connection that is lost is taken up again, and what happened meanwhile is told then. With --json each line is a
    notification of the API.
    """
    from webcam_rpc.cli import wire  # noqa: PLC0415 - slow to load
    from webcam_rpc.cli.monitor import Monitor  # noqa: PLC0415 - the same

    camera_id = service.call("get_camera_status", {"device": device})["camera_id"] if device is not None else None
    wanted = [TOPICS[topic] for topic in topics] or list(TOPICS.values())
    watch = Monitor(service, wanted, camera_id, as_json=as_json)
    # Ctrl-C is how it ends.
    with contextlib.suppress(click.Abort):
        wire.run(lambda reactor: watch.go_on(reactor, duration))


@click.command()
@click.option("--simple", is_flag=True, help="The ping alone.")
@click.option("--monitor", "notifications", is_flag=True, help="The notifications alone.")
@click.option("-d", "--duration", type=Seconds(), default=15.0, show_default="15", help="How long to listen for them.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, min_open=True),
    default=50.0,
    show_default="50",
    metavar="MS",
    help="The milliseconds within which a ping has to be answered.",
)
@of_service
def selftest(service: Service, duration: float, threshold: float, *, simple: bool, notifications: bool) -> None:
    """Try what clients rely on: calls, errors and notifications. Fails if anything is not as it should be.

    Plug a camera in or out while it listens.
    """
    if simple and notifications:
        raise click.UsageError("--simple and --monitor exclude each other")
    from webcam_rpc.cli import wire  # noqa: PLC0415 - slow to load
    from webcam_rpc.cli.selftest import Part, Selftest  # noqa: PLC0415 - the same

    told = Selftest(threshold)
    parts: tuple[Part, ...] = ("ping", "errors", "notifications")
    parts = ("ping",) if simple else ("notifications",) if notifications else parts

    def work(reactor: Any) -> Any:  # noqa: ANN401
        return wire.connect(reactor, service, told.heard).addCallback(told.on, reactor, parts, duration)

    try:
        status = wire.run(work)
    except Failed as failed:
        click.echo(f"❌ {plain(str(failed))}")
        status = failed.status
    if status:
        sys.exit(status)
