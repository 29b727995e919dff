"""Options and makeService: the one place where the parts meet.

Owns the composition, and the only import of the reactor. Everything else is given what it needs.
"""

from __future__ import annotations

import gc
import os
import secrets
import socket
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.endpoints import quoteStringArgument
from twisted.python import usage
from twisted.python.threadpool import ThreadPool

from webcam_rpc import __version__, config
from webcam_rpc.api.cameras import CameraMethods
from webcam_rpc.api.components import components
from webcam_rpc.api.controls import ControlMethods
from webcam_rpc.api.events import Notifications
from webcam_rpc.api.server import ServerMethods
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
from webcam_rpc.media.library import MediaLibrary
from webcam_rpc.rpc import openrpc
from webcam_rpc.rpc.methods import MethodTable
from webcam_rpc.signals import Signals
from webcam_rpc.systemd import SystemdNotifier
from webcam_rpc.threads import Threads
from webcam_rpc.web.access import Access
from webcam_rpc.web.calls import Calls
from webcam_rpc.web.clients import Clients
from webcam_rpc.web.listener import Listener
from webcam_rpc.web.site import make_site
from webcam_rpc.web.traffic import Traffic

if TYPE_CHECKING:
    from twisted.application.service import IService
    from twisted.internet.defer import Deferred

    from webcam_rpc.cameras.device import Device
    from webcam_rpc.cameras.models import Camera

#: EX_CONFIG of sysexits.h: the unit does not restart a service that ends with it.
CONFIGURATION_ERROR = 78
#: Runs of v4l2-ctl that sleep in the kernel on cameras that do not answer may be many; the rest needs one or two.
_THREADS = 16
_DEMO = {"id": "demo", "kind": "test_pattern", "name": "Demo camera"}


class Options(usage.Options):
    """The command line of ``twistd webcam``."""

    synopsis = "[options]"
    longdesc = "Watches this machine's webcams and serves them by JSON-RPC 2.0 over WebSocket."
    optFlags = (("demo", None, "Add a test-pattern camera."),)
    optParameters = (
        ("config", "c", None, "The configuration file (YAML)."),
        ("device-dir", None, None, "Where the device nodes are (cameras.directory)."),
        ("media-dir", None, None, "Where pictures and recordings go (media.directory)."),
        ("state-dir", None, None, "Where the service remembers things (state.directory)."),
    )
    compData = usage.Completions(optActions={"config": usage.CompleteFiles("*.yaml")})

    def __init__(self) -> None:
        super().__init__()
        self._set: list[tuple[str, str]] = []
        self._listen: list[str] = []

    def opt_listen(self, endpoint: str) -> None:
        """Listen on this Twisted endpoint string, such as tcp:8002:interface=0.0.0.0 (several times)."""
        self._listen.append(endpoint)

    def opt_set(self, assignment: str) -> None:
        """Set an option of the configuration: SECTION.KEY=VALUE (several times)."""
        key, equals, value = assignment.partition("=")
        if not equals:
            raise usage.UsageError(f"--set wants SECTION.KEY=VALUE, not {assignment}")
        self._set.append((key, value))

    def configuration(self) -> config.Config:
        """Put options, environment, file and defaults together. Raises :class:`config.ConfigError`."""
        overrides = list(self._set)
        for option, key in (
            ("device-dir", "cameras.directory"),
            ("media-dir", "media.directory"),
            ("state-dir", "state.directory"),
        ):
            if self[option] is not None:
                overrides.append((key, self[option]))
        if self._listen:
            overrides.append(("server.listen", msgspec.json.encode(self._listen).decode()))
        loaded = config.load(Path(self["config"]) if self["config"] else None, os.environ, overrides)
        if self["demo"] and all(source.id != _DEMO["id"] for source in loaded.cameras.sources):
            sources = (*loaded.cameras.sources, msgspec.convert(_DEMO, config.Source))
            try:
                cameras = msgspec.structs.replace(loaded.cameras, sources=sources)
            except ValueError as error:  # an alias has the name already
                raise config.ConfigError("--demo", None, "", str(error)) from None
            loaded = msgspec.structs.replace(loaded, cameras=cameras)
        return loaded


def makeService(options: Options) -> IService:
    """Compose the service. A mistake in the configuration ends the process with one line and status 78."""
    from twisted.internet import reactor  # noqa: PLC0415 - choosing it is twistd's, until here

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
    threads = Threads(reactor, ThreadPool(0, _THREADS, "webcam_rpc"))
    bus = Bus(secrets.token_hex(8), _now)

    memory = CameraMemory(config.state_directory(settings, environment) / "cameras.json", threads.run)
    memory.load()
    library = MediaLibrary(config.media_directory(settings, environment))
    library.prepare()

    cameras = settings.cameras
    inventory = Inventory(cameras.directory, config.device_filter(cameras.devices))
    aliases = Aliases(cameras.aliases, memory)
    registry = CameraRegistry(bus, inventory.resolve_link, cameras.directory, aliases.camera_id, inventory.node)
    identities = Identities(memory.content.owners)
    v4l2ctl = V4L2Ctl(reactor, threads.run, environment)
    patterns = TestPatterns(cameras.sources, registry)

    def remember() -> Deferred[None]:
        memory.content.owners = identities.owners
        return memory.save()

    monitor = CameraMonitor(
        reactor,
        cameras,
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

    controls = CameraControls(bus, memory, device_of)
    diagnosis = Diagnosis(inventory, v4l2ctl, threads.run, environment)

    possible = connections_possible(settings.server.max_connections)
    server = msgspec.structs.replace(settings.server, max_connections=possible)
    traffic = Traffic(enabled=logging.traffic != "OFF")
    clients = Clients(
        reactor,
        server,
        lambda client: notifications.states(client.subscription),
        traffic,
    )
    notifications = Notifications(bus, registry, clients.broadcast)
    about = ServerMethods(
        bus,
        __version__,
        reactor.seconds,
        _now(),
        components(monitor, registry, memory, library, diagnosis),
        lambda: described,
        log_pings=traffic.enabled,
    )
    table = MethodTable(
        (
            *about.methods(),
            *CameraMethods(registry, memory, device_of, diagnosis, aliases).methods(),
            *ControlMethods(registry, controls, device_of).methods(),
            *notifications.methods(),
        )
    )
    described = openrpc.document(table, "webcam_rpc", __version__)
    document = msgspec.json.encode(described)
    access = Access(settings.access, _names_of_this_machine())
    site = make_site(reactor, server, access, clients, Calls(table, reactor), lambda: document)
    endpoints = settings.server.listen or (f"tcp:{server.port}:interface={quoteStringArgument(server.host)}",)

    # What is there at the start stays: no collection of garbage need look at it, which would hold the reactor.
    reactor.callWhenRunning(gc.freeze)
    # What is first in is last out: the threads end when nobody needs them any more.
    threads.before_stop(v4l2ctl.stop)
    threads.before_stop(memory.settled)
    threads.setServiceParent(service)
    Signals(reactor, service.reopen_logs).setServiceParent(service)
    Listener(reactor, endpoints, site).setServiceParent(service)
    clients.setServiceParent(service)
    patterns.setServiceParent(service)
    monitor.setServiceParent(service)
    SystemdNotifier(reactor, environment, lambda: _in_a_line(registry, clients)).setServiceParent(service)
    return service


def _in_a_line(registry: CameraRegistry, clients: Clients) -> str:
    return f"{len(registry.present())} cameras, {len(clients)} clients"


def _names_of_this_machine() -> tuple[str, ...]:
    name = socket.gethostname()
    # mDNS publishes a machine under NAME.local (RFC 6762); the network's own name for it is in access.hosts if wanted.
    return (name, name.partition(".")[0], name.partition(".")[0] + ".local")


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
