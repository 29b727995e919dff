"""The methods about the service itself: is it there, what is it, how is it, what can it do."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Literal

import msgspec

import twisted
from webcam_rpc.api.cameras import NoParams
from webcam_rpc.rpc.methods import Caller, Method
from webcam_rpc.rpc.openrpc import Document
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webcam_rpc.bus import Bus

#: The version of the contract, apart from the program's: it grows when methods, fields or notifications are added.
API_VERSION = "1.0"
Health = Literal["HEALTHY", "DEGRADED", "UNHEALTHY"]
WORST_FIRST: tuple[Health, ...] = ("UNHEALTHY", "DEGRADED", "HEALTHY")


class Component(msgspec.Struct, frozen=True):
    """A part of the service: how it is, and why in words."""

    status: Health
    detail: str


class ServerInfo(msgspec.Struct, frozen=True):
    """What serves; ``start_time`` is RFC 3339 UTC, ``uptime`` seconds."""

    name: str
    version: str
    api_version: str
    capabilities: tuple[str, ...]
    python: str
    twisted: str
    start_time: str
    uptime: float


class ServerStatus(msgspec.Struct, frozen=True):
    """How the service is: as well as its worst component. ``seq`` and ``epoch`` are what a replay starts from."""

    status: Health
    uptime: float
    version: str
    components: dict[str, Component]
    seq: int
    epoch: str


class ServerMethods:
    """What clients can ask the service about itself.

    :param seconds: the monotonic time.
    :param start_time: RFC 3339 UTC.
    :param components: gives each part's present health, by name.
    :param document: gives the OpenRPC document of all methods, as it is sent.
    :param pinged: logs a ping.
    """

    def __init__(
        self,
        bus: Bus,
        version: str,
        seconds: Callable[[], float],
        start_time: str,
        components: Mapping[str, Callable[[], Component]],
        document: Callable[[], msgspec.Raw],
        *,
        pinged: Callable[[], object],
    ) -> None:
        self._bus = bus
        self._version = version
        self._seconds = seconds
        self._started = seconds()
        self._start_time = start_time
        self._components = components
        self._document = document
        self._pinged = pinged

    def methods(self) -> tuple[Method, ...]:
        """List the methods of this noun."""
        return (
            Method("ping", Role.NONE, NoParams, Literal["pong"], self.ping, "Answer pong."),
            Method(
                "get_server_info", Role.STATUS, NoParams, ServerInfo, self.get_server_info, "Tell which server this is."
            ),
            Method("get_status", Role.STATUS, NoParams, ServerStatus, self.get_status, "Tell how the service is."),
            Method("rpc.discover", Role.NONE, NoParams, Document, self.discover, "Describe all methods (OpenRPC 1.3)."),
        )

    def ping(self, params: NoParams, caller: Caller) -> Literal["pong"]:  # noqa: ARG002
        """Answer."""
        self._pinged()
        return "pong"

    def get_server_info(self, params: NoParams, caller: Caller) -> ServerInfo:  # noqa: ARG002
        """Tell which server this is."""
        return ServerInfo(
            name="webcam_rpc",
            version=self._version,
            api_version=API_VERSION,
            capabilities=("cameras", "controls", "events", "snapshots", "recordings", "schedules", "streams"),
            python=platform.python_version(),
            twisted=twisted.__version__,
            start_time=self._start_time,
            uptime=self._uptime(),
        )

    def get_status(self, params: NoParams, caller: Caller) -> ServerStatus:  # noqa: ARG002
        """Tell how the service is."""
        return self.status()

    def status(self) -> ServerStatus:
        """Look at every component."""
        components = look_at(self._components)
        return ServerStatus(
            worst(components), self._uptime(), self._version, components, self._bus.seq, self._bus.epoch
        )

    def discover(self, params: NoParams, caller: Caller) -> msgspec.Raw:  # noqa: ARG002
        """Describe all methods."""
        return self._document()

    def _uptime(self) -> float:
        return round(self._seconds() - self._started, 3)


def look_at(
    components: Mapping[str, Callable[[], Component]], failed: Callable[[str], object] = lambda _: None
) -> dict[str, Component]:
    """Look at each part. One that cannot even be looked at is not well, and hides no other.

    :param failed: is told of it by name, while its exception is handled.
    """
    found: dict[str, Component] = {}
    for name, look in components.items():
        try:
            found[name] = look()
        except Exception:  # noqa: BLE001 - whatever it is
            failed(name)
            found[name] = Component("DEGRADED", "it cannot be told how this is; the log says why")
    return found


def worst(components: Mapping[str, Component]) -> Health:
    """Give the health of the whole: that of its worst part."""
    present = {component.status for component in components.values()}
    return next((health for health in WORST_FIRST if health in present), "HEALTHY")
