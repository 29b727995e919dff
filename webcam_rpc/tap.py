"""makeService: the one place where the parts meet.

Owns the composition, and the only import of the reactor. Everything else is given what it needs.
"""

from __future__ import annotations

import gc
import os
import secrets
import socket
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.endpoints import quoteStringArgument
from twisted.python.threadpool import ThreadPool

from webcam_rpc import __version__, config
from webcam_rpc.api.cameras import CameraMethods
from webcam_rpc.api.components import components
from webcam_rpc.api.controls import ControlMethods
from webcam_rpc.api.events import Notifications
from webcam_rpc.api.files import FileMethods
from webcam_rpc.api.health import HealthWatch
from webcam_rpc.api.pictures import Pictures
from webcam_rpc.api.recordings import RecordingMethods
from webcam_rpc.api.schedules import ScheduleMethods
from webcam_rpc.api.server import ServerMethods
from webcam_rpc.api.snapshots import SnapshotMethods
from webcam_rpc.bus import Bus
from webcam_rpc.cameras.aliases import Aliases
from webcam_rpc.cameras.controls import CameraControls
from webcam_rpc.cameras.device import V4L2Device
from webcam_rpc.cameras.diagnosis import Diagnosis
from webcam_rpc.cameras.identity import Identities
from webcam_rpc.cameras.inventory import Inventory
from webcam_rpc.cameras.memory import CameraMemory
from webcam_rpc.cameras.monitor import CameraMonitor
from webcam_rpc.cameras.pattern import TestPatterns
from webcam_rpc.cameras.probe import V4L2Ctl
from webcam_rpc.cameras.registry import CameraRegistry
from webcam_rpc.cameras.udev import UdevMonitor
from webcam_rpc.descriptors import connections_possible
from webcam_rpc.logs import logged_service
from webcam_rpc.media.caretaker import Caretaker
from webcam_rpc.media.child import Children
from webcam_rpc.media.events import FeedChanged
from webcam_rpc.media.feeds import Feeding, Feeds
from webcam_rpc.media.finishing import Finishing
from webcam_rpc.media.library import MediaLibrary
from webcam_rpc.media.recorder import Recorder
from webcam_rpc.media.recording_state import RecordingWanted
from webcam_rpc.media.scaled import ScaledFeeds
from webcam_rpc.media.scheduler import Scheduler
from webcam_rpc.media.schedules import Schedules
from webcam_rpc.media.snapshots import Snapshots
from webcam_rpc.media.zones import machine_zone
from webcam_rpc.options import Options
from webcam_rpc.rpc import openrpc
from webcam_rpc.rpc.methods import MethodTable
from webcam_rpc.signals import Signals
from webcam_rpc.systemd import SystemdNotifier
from webcam_rpc.threads import Threads
from webcam_rpc.web.access import Access
from webcam_rpc.web.calls import Calls
from webcam_rpc.web.clients import Clients
from webcam_rpc.web.files import Reads
from webcam_rpc.web.listener import Listener
from webcam_rpc.web.pictures import media_resources
from webcam_rpc.web.site import make_site
from webcam_rpc.web.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.application.service import IService
    from twisted.internet.defer import Deferred

    from webcam_rpc.bus import Stamped
    from webcam_rpc.cameras.device import Device
    from webcam_rpc.cameras.holder import Holders
    from webcam_rpc.cameras.models import Camera
    from webcam_rpc.media.schedule import Schedule
    from webcam_rpc.rpc.methods import Method

__all__ = ["CONFIGURATION_ERROR", "Options", "compose", "makeService"]

#: EX_CONFIG of sysexits.h: the unit does not restart a service that ends with it.
CONFIGURATION_ERROR = 78
#: Runs of v4l2-ctl that sleep in the kernel on cameras that do not answer may be many; the rest needs one or two.
_THREADS = 16


def makeService(options: Options) -> IService:
    """Compose the service. A mistake in the configuration ends the process with one line and status 78."""
    from twisted.internet import reactor  # noqa: PLC0415 - choosing it is twistd's, until here

    # Twisted's reactors go by the wall clock: when that was set back by an hour, every timer would be an hour late.
    reactor.seconds = time.monotonic  # type: ignore[method-assign]
    try:
        settings = options.configuration()
    except config.ConfigError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(CONFIGURATION_ERROR) from None
    return compose(settings, reactor, options.parent or {})


def compose(settings: config.Config, reactor: Any, twistd: Any) -> IService:  # noqa: ANN401 - of many interfaces each
    """Put the parts together.

    :param twistd: twistd's own options, which have a say in where the log goes.
    """
    environment = dict(os.environ)
    logging = settings.logging
    service = logged_service(
        level=logging.level,
        format=logging.format,
        traffic=logging.traffic,
        file=logging.file,
        clock=reactor,
        twistd=twistd,
    )
    base = _Base(settings, environment, reactor, Threads(reactor, ThreadPool(0, _THREADS, "webcam_rpc")), _bus())
    cameras = _cameras(base)
    media = _media(base, cameras)

    server = settings.server
    server = msgspec.structs.replace(server, max_connections=connections_possible(server.max_connections))
    traffic = Traffic(enabled=logging.traffic != "OFF")
    clients = Clients(
        reactor,
        server,
        lambda client: notifications.states(client.subscription),
        traffic,
    )
    notifications = Notifications(base.bus, cameras.registry, clients.broadcast)
    looks = components(
        cameras.monitor,
        cameras.registry,
        cameras.memory,
        media.library,
        cameras.diagnosis,
        media.schedules,
    )
    about = ServerMethods(
        base.bus,
        __version__,
        reactor.seconds,
        _now(),
        looks,
        lambda: described,
        log_pings=traffic.enabled,
    )
    table = MethodTable((*about.methods(), *_methods(base, cameras, media), *notifications.methods()))
    described = openrpc.document(table, "webcam_rpc", __version__)
    document = msgspec.json.encode(described)
    access = Access(settings.access, _names_of_this_machine())
    pages = media_resources(reactor, media.pictures, Reads(base.threads.run))
    site = make_site(reactor, server, access, clients, Calls(table, reactor), lambda: document, pages)
    endpoints = server.listen or (f"tcp:{server.port}:interface={quoteStringArgument(server.host)}",)

    # What is there at the start stays: no collection of garbage need look at it, which would hold the reactor.
    reactor.callWhenRunning(gc.freeze)
    # The threads end when nobody needs them any more.
    for ending in (cameras.v4l2ctl.stop, *media.endings, cameras.memory.settled):
        base.threads.before_stop(ending)
    for part in (
        base.threads,
        Signals(reactor, service.reopen_logs),
        Listener(reactor, endpoints, site),
        clients,
        *media.services,
        cameras.patterns,
        cameras.monitor,
        HealthWatch(reactor, base.bus, looks),
        SystemdNotifier(reactor, environment, lambda: _in_a_line(cameras.registry, clients)),
    ):
        part.setServiceParent(service)
    return service


@dataclass(frozen=True)
class _Base:
    """What all else stands on."""

    settings: config.Config
    environment: dict[str, str]
    reactor: Any
    threads: Threads
    bus: Bus

    @property
    def state(self) -> Path:
        return config.state_directory(self.settings, self.environment).absolute()


@dataclass(frozen=True)
class _Cameras:
    """Which cameras there are, what they can do, how they are set."""

    registry: CameraRegistry
    memory: CameraMemory
    aliases: Aliases
    controls: CameraControls
    diagnosis: Diagnosis
    device_of: Callable[[Camera], Device]
    v4l2ctl: V4L2Ctl
    patterns: TestPatterns
    monitor: CameraMonitor


@dataclass(frozen=True)
class _Media:
    """What is made of their frames. ``endings`` are waited for before the threads end."""

    feeds: Feeds
    library: MediaLibrary
    snapshots: Snapshots
    recorder: Recorder
    schedules: Schedules
    scheduler: Scheduler
    pictures: Pictures
    services: tuple[IService, ...]
    endings: tuple[Callable[[], Deferred[None] | None], ...]


def _cameras(base: _Base) -> _Cameras:
    settings, reactor, in_thread = base.settings.cameras, base.reactor, base.threads.run
    memory = CameraMemory(base.state / "cameras.json", in_thread)
    memory.load()
    inventory = Inventory(settings.directory, config.device_filter(settings.devices))
    aliases = Aliases(settings.aliases, memory)
    registry = CameraRegistry(base.bus, inventory.resolve_link, settings.directory, aliases.camera_id, inventory.node)
    identities = Identities(memory.content.owners)
    v4l2ctl = V4L2Ctl(reactor, in_thread, base.environment)
    patterns = TestPatterns(settings.sources, registry)

    def remember() -> Deferred[None]:
        memory.content.owners = identities.owners
        return memory.save()

    monitor = CameraMonitor(
        reactor,
        settings,
        inventory,
        v4l2ctl,
        registry,
        identities,
        lambda announced: UdevMonitor(reactor, announced),
        remember,
    )
    node = V4L2Device(v4l2ctl, registry.is_there, monitor.updated)

    def device_of(camera: Camera) -> Device:
        return patterns if patterns.owns(camera) else node

    controls = CameraControls(base.bus, memory, device_of)
    diagnosis = Diagnosis(inventory, v4l2ctl, in_thread, base.environment)
    return _Cameras(registry, memory, aliases, controls, diagnosis, device_of, v4l2ctl, patterns, monitor)


def _media(base: _Base, cameras: _Cameras) -> _Media:
    settings, reactor, bus, in_thread = base.settings, base.reactor, base.bus, base.threads.run
    own = settings.media.cameras

    def holder(device: str) -> Deferred[Mapping[str, int | str] | None]:
        def first(holders: Holders) -> Mapping[str, int | str] | None:
            return msgspec.structs.asdict(holders.found[0]) if holders.found else None

        # Not to know who it is must not keep anybody from hearing that it is busy.
        return cameras.diagnosis.holders(device).addCallbacks(first, lambda _: None)

    def begun(stamped: Stamped) -> None:
        event = stamped.event
        if isinstance(event, FeedChanged) and event.delivering:
            camera = cameras.registry.get(event.camera_id)
            if camera is not None and not cameras.patterns.owns(camera):
                cameras.controls.restore(camera)

    bus.subscribe(begun)
    children = Children(reactor, base.environment)
    feeds = Feeds(
        Feeding(
            clock=reactor,
            now=time.time,
            children=children,
            bus=bus,
            media=settings.media,
            recording=settings.recording,
            holder=holder,
            blame=cameras.registry.blame,
            own=lambda camera_id: own.get(camera_id) or own.get(cameras.aliases.of(camera_id) or ""),
            current=cameras.registry.get,
        )
    )
    directory = config.media_directory(settings, base.environment).absolute()
    library = MediaLibrary(directory, base.state, settings.storage, bus, in_thread, time.time)
    library.prepare()
    scaled = ScaledFeeds(reactor, children, settings.media.quality)
    finishing = Finishing(reactor, directory, children, in_thread, bus, library.check_room)
    recorder = Recorder(
        reactor,
        time.time,
        children,
        in_thread,
        bus,
        feeds,
        library,
        finishing,
        settings.recording,
    )
    snapshots = Snapshots(reactor, children, library, bus, in_thread, recorder.recovered)
    schedules = Schedules(base.state / "schedules.sqlite", in_thread)

    def wanted(schedule: Schedule, seconds: float) -> RecordingWanted:
        return RecordingWanted(
            camera_id=schedule.camera_id,
            duration=seconds,
            format=schedule.format or settings.recording.format,
            codec=schedule.codec or settings.recording.codec,
            segment_s=settings.recording.segment,
            schedule_id=schedule.schedule_id,
            wait=True,
        )

    scheduler = Scheduler(reactor, time.time, in_thread, bus, schedules, recorder, wanted)
    pictures = Pictures(reactor, cameras.registry, feeds, snapshots, scaled, library, settings.media.quality)
    caretaker = Caretaker(library, bus, in_thread, reactor)
    return _Media(
        feeds,
        library,
        snapshots,
        recorder,
        schedules,
        scheduler,
        pictures,
        services=(children, caretaker, finishing, feeds, scaled, snapshots, recorder, scheduler),
        endings=(recorder.settled, schedules.close, library.close),
    )


def _methods(base: _Base, cameras: _Cameras, media: _Media) -> tuple[Method, ...]:
    registry, feeds, recording = cameras.registry, media.feeds, base.settings.recording

    def recording_of(camera_id: str) -> str | None:
        state = media.recorder.of_camera(camera_id)
        return state.recording_id if state is not None else None

    nouns = (
        CameraMethods(
            registry,
            cameras.memory,
            cameras.device_of,
            cameras.diagnosis,
            cameras.aliases,
            feeds,
            recording_of,
        ),
        ControlMethods(registry, cameras.controls, cameras.device_of),
        SnapshotMethods(registry, feeds, media.snapshots),
        FileMethods(registry, media.library),
        RecordingMethods(
            registry,
            media.recorder,
            format=recording.format,
            codec=recording.codec,
            segment_s=recording.segment,
            pre_roll=recording.pre_roll,
        ),
        ScheduleMethods(registry, media.scheduler, time.time, base.threads.run, _zone(), lambda: secrets.token_hex(8)),
    )
    return tuple(method for noun in nouns for method in noun.methods())


def _zone() -> str:
    return machine_zone(os.environ, Path("/etc/localtime"), Path("/etc/timezone"))


def _bus() -> Bus:
    return Bus(secrets.token_hex(8), _now)


def _in_a_line(registry: CameraRegistry, clients: Clients) -> str:
    return f"{len(registry.present())} cameras, {len(clients)} clients"


def _names_of_this_machine() -> tuple[str, ...]:
    name = socket.gethostname()
    # mDNS publishes a machine under NAME.local (RFC 6762); the network's own name for it is in access.hosts if wanted.
    return (name, name.partition(".")[0], name.partition(".")[0] + ".local")


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
