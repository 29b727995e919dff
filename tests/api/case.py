"""What the tests of the methods share: all methods on real parts, with a camera whose driver is a fake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock

from tests.cameras.captures import report
from tests.cameras.case import LogCase, a_camera, make_bus
from webcam_rpc import config
from webcam_rpc.api.cameras import CameraMethods
from webcam_rpc.api.controls import ControlMethods
from webcam_rpc.api.events import Notifications
from webcam_rpc.api.server import ServerMethods
from webcam_rpc.bus import Subscription
from webcam_rpc.cameras.aliases import Aliases
from webcam_rpc.cameras.controls import CameraControls
from webcam_rpc.cameras.diagnosis import Diagnosis
from webcam_rpc.cameras.memory import CameraMemory
from webcam_rpc.cameras.registry import CameraRegistry
from webcam_rpc.media.feeds import Feeding, Feeds
from webcam_rpc.rpc import openrpc
from webcam_rpc.rpc.errors import RPCError
from webcam_rpc.rpc.methods import MethodTable
from webcam_rpc.rpc.roles import Role
from webcam_rpc.testing import FakeChildren, FakeDevice, FakeInventory, FakeV4L2Ctl

if TYPE_CHECKING:
    from collections.abc import Callable

    from webcam_rpc.api.server import Component


def at_once(function: Callable[..., Any], *args: object) -> Deferred[Any]:
    """Stand for a thread: run ``function`` here and now."""
    return maybeDeferred(function, *args)


class Caller:
    """A client on a WebSocket, or by POST without a subscription."""

    peer = "127.0.0.1:1"
    role = Role.OPERATOR

    def __init__(self, subscription: Subscription | None) -> None:
        self.subscription = subscription
        self.sent: list[dict[str, Any]] = []

    def send(self, payload: bytes) -> None:
        """Keep what was sent."""
        self.sent.append(msgspec.json.decode(payload))


class ApiCase(LogCase):
    """Every method, on a machine of fakes with nothing plugged in."""

    def setUp(self) -> None:
        """Put the parts together as the service does."""
        super().setUp()
        self.time = 100.0
        self.bus = make_bus()
        self.inventory = FakeInventory()
        self.v4l2ctl = FakeV4L2Ctl()
        self.memory = CameraMemory(Path(self.mktemp()) / "cameras.json", at_once)
        self.aliases = Aliases({"gate": "usb-gate"}, self.memory)
        self.registry = CameraRegistry(
            self.bus, self.inventory.resolve_link, "/dev", self.aliases.camera_id, self.inventory.node
        )
        self.device = FakeDevice(report("uvc-hd"))
        # A machine with v4l2-ctl, which the fake stands for, and without ffmpeg.
        self.programs = Path(self.mktemp()).absolute()
        self.programs.mkdir(parents=True)
        program = self.programs / "v4l2-ctl"
        program.touch(0o755)
        self.diagnosis = Diagnosis(self.inventory, self.v4l2ctl, at_once, {"PATH": str(self.programs)})
        self.components: dict[str, Callable[[], Component]] = {}
        self.broadcasts: list[tuple[dict[str, Any], str, str | None]] = []
        self.notifications = Notifications(self.bus, self.registry, self._broadcast)
        self.clock = Clock()
        self.children = FakeChildren(self.clock)
        settings = config.Config()
        self.feeds = Feeds(
            Feeding(
                clock=self.clock,
                now=self.clock.seconds,
                children=self.children,
                bus=self.bus,
                media=settings.media,
                recording=settings.recording,
                holder=lambda _: succeed(None),
                blame=self.registry.blame,
                alias=lambda _: None,
            )
        )
        self.recordings: dict[str, str] = {}
        self.pings: list[None] = []
        self.table = self.make_table()
        self.caller = Caller(Subscription())

    def make_table(self) -> MethodTable:
        """Give the table of all methods."""
        device_of = lambda _: self.device  # noqa: E731
        server = ServerMethods(
            self.bus,
            "1.2.3",
            lambda: self.time,
            "2025-07-30T10:00:00Z",
            self.components,
            lambda: msgspec.Raw(msgspec.json.encode(openrpc.document(self.table, "webcam_rpc", "1.2.3"))),
            pinged=lambda: self.pings.append(None),
        )
        return MethodTable(
            (
                *server.methods(),
                *CameraMethods(
                    self.registry,
                    self.memory,
                    device_of,
                    self.diagnosis,
                    self.aliases,
                    self.feeds,
                    self.recordings.get,
                ).methods(),
                *ControlMethods(self.registry, CameraControls(self.bus, self.memory, device_of), device_of).methods(),
                *self.notifications.methods(),
            )
        )

    def _broadcast(self, payload: bytes, topic: str, camera_id: str | None) -> None:
        self.broadcasts.append((msgspec.json.decode(payload), topic, camera_id))

    def plug(self, camera_id: str = "usb-1", device: str = "/dev/video0", **more: Any) -> None:
        """Put a camera into the registry."""
        self.registry.put(a_camera(camera_id, device, **{"report": self.device.report, **more}))

    def start(self, name: str, params: object = UNSET, caller: Caller | None = None) -> Deferred[Any]:
        """Call a method as the wire does: JSON in, JSON out, and the result is of the type that was promised."""
        method = self.table.get(name)

        def encoded(result: object) -> Any:
            text = msgspec.json.encode(result)
            msgspec.json.decode(text, type=method.result)
            return msgspec.json.decode(text)

        def perform() -> Any:
            raw = UNSET if params is UNSET else Raw(msgspec.json.encode(params))
            return method.call(self.table.bind(method, raw), caller or self.caller)

        return maybeDeferred(perform).addCallback(encoded)

    def call(self, name: str, params: object = UNSET, caller: Caller | None = None) -> Any:
        """Call a method that answers at once."""
        return self.successResultOf(self.start(name, params, caller))

    def refused(self, name: str, params: object = UNSET, caller: Caller | None = None) -> tuple[int, Any]:
        """Call a method that must fail; give code and data of an error that the method lists."""
        failure = self.failureResultOf(self.start(name, params, caller), RPCError)
        error: Any = failure.value
        document = openrpc.document(self.table, "webcam_rpc", "1.2.3")
        (listed,) = [method.errors for method in document.methods if method.name == name]
        self.assertIn(error.code, [one.code for one in listed])
        if error.shape is not None:
            msgspec.convert(error.data, error.shape)
        return error.code, error.data
