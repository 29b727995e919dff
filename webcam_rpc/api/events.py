"""Events on the wire: which notification an event becomes, the states sent on connect, subscriptions and replay.

Owns the translation from the bus to clients. Each event is encoded once, whoever gets it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from webcam_rpc.api.lookup import find_camera
from webcam_rpc.api.updates import update_of
from webcam_rpc.api.wire import DeviceName, camera_status_update
from webcam_rpc.rpc.errors import InvalidParams, InvalidState, NotFound
from webcam_rpc.rpc.messages import notification
from webcam_rpc.rpc.methods import Caller, Method
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webcam_rpc.bus import Bus, Stamped, Subscription
    from webcam_rpc.cameras.models import Camera
    from webcam_rpc.cameras.registry import CameraRegistry

#: Every notification of the contract.
TOPICS = (
    "camera_status_update",
    "camera_control_update",
    "recording_status_update",
    "snapshot_status_update",
    "schedule_status_update",
    "storage_status_update",
    "system_health_update",
)


class Subscriber(Caller, Protocol):
    """A caller whose connection can carry notifications; ``subscription`` is None where it cannot (POST)."""

    @property
    def subscription(self) -> Subscription | None:
        """What the connection wants to be told."""

    def send(self, payload: bytes) -> None:
        """Send one notification to this caller alone."""


class Filters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which of the events are wanted: those of these cameras."""

    device: DeviceName | tuple[DeviceName, ...] | UnsetType = UNSET


class SubscribeParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Notifications by name; with ``since_seq`` (and its ``epoch``) what was missed is sent again first."""

    topics: tuple[str, ...]
    since_seq: int | UnsetType = UNSET
    filters: Filters | UnsetType = UNSET
    epoch: str | UnsetType = UNSET


class UnsubscribeParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Notifications by name; all of them where none is named."""

    topics: tuple[str, ...] | UnsetType = UNSET


class Subscribed(msgspec.Struct, frozen=True):
    """What is subscribed to now. ``full_state``: the past is not kept so far back, the states of now were sent."""

    subscribed: bool
    topics: tuple[str, ...]
    seq: int
    epoch: str
    replayed: int
    full_state: bool


class Unsubscribed(msgspec.Struct, frozen=True):
    """What is still subscribed to."""

    topics: tuple[str, ...]


class Notifications:
    """Turns events into notifications.

    :param broadcast: sends a payload to every client that wants this topic and camera.
    """

    def __init__(
        self, bus: Bus, registry: CameraRegistry, broadcast: Callable[[bytes, str, str | None], object]
    ) -> None:
        self._bus = bus
        self._registry = registry
        self._broadcast = broadcast
        bus.subscribe(self._published)

    def states(self, subscription: Subscription) -> Iterator[bytes]:
        """Give the state of every camera that is there and wanted, marked ``initial``, as a new client gets it."""
        for camera in self._registry.present():
            if subscription.wants("camera_status_update", camera.camera_id):
                yield self._state(camera)

    def methods(self) -> tuple[Method, ...]:
        """List the methods of this noun."""
        return (
            Method(
                "subscribe_events",
                Role.STATUS,
                SubscribeParams,
                Subscribed,
                self.subscribe_events,
                "Choose the notifications to get, and have those sent again that were missed.",
                (InvalidParams, NotFound, InvalidState),
                cost=5.0,
            ),
            Method(
                "unsubscribe_events",
                Role.STATUS,
                UnsubscribeParams,
                Unsubscribed,
                self.unsubscribe_events,
                "Get these notifications no longer; none at all where none is named.",
                (InvalidParams, InvalidState),
            ),
        )

    def subscribe_events(self, params: SubscribeParams, caller: Subscriber) -> Subscribed:
        """Narrow or widen what this connection gets; a replay is sent before any live event."""
        subscription = _of(caller)
        cameras = self._cameras(params.filters)
        subscription.add(_topics(params.topics), cameras)
        replayed, full_state = 0, False
        if params.since_seq is not UNSET:
            epoch = params.epoch if params.epoch is not UNSET else None
            missed = self._bus.since(params.since_seq, epoch)
            full_state = missed is None
            payloads = self._again(missed, subscription) if missed is not None else self.states(subscription)
            for payload in payloads:
                caller.send(payload)
                replayed += not full_state
        topics = tuple(sorted(subscription.topics))
        return Subscribed(bool(topics), topics, self._bus.seq, self._bus.epoch, replayed, full_state)

    def unsubscribe_events(self, params: UnsubscribeParams, caller: Subscriber) -> Unsubscribed:
        """Stop sending these to this connection."""
        subscription = _of(caller)
        subscription.remove(None if params.topics is UNSET else _topics(params.topics))
        return Unsubscribed(tuple(sorted(subscription.topics)))

    def _cameras(self, filters: Filters | UnsetType) -> frozenset[str] | None:
        if filters is UNSET or filters.device is UNSET:
            return None
        names = (filters.device,) if isinstance(filters.device, str) else filters.device
        return frozenset(self._camera_id(name) for name in names)

    def _camera_id(self, name: str) -> str:
        camera = find_camera(self._registry, name, "filters.device", or_none=_looks_like_an_id(name))
        # A camera that is not here yet can be waited for by its id: a late arrival is the normal case.
        return camera.camera_id if camera is not None else name

    def _again(self, missed: list[Stamped], subscription: Subscription) -> Iterator[bytes]:
        for stamped in missed:
            encoded = self._encode(stamped)
            if encoded is not None and subscription.wants(encoded[1], encoded[2]):
                yield encoded[0]

    def _published(self, stamped: Stamped) -> None:
        encoded = self._encode(stamped)
        if encoded is not None:
            self._broadcast(*encoded)

    def _state(self, camera: Camera) -> bytes:
        last = self._registry.last(camera.camera_id)
        params = camera_status_update(
            camera, seq=last.seq, epoch=self._bus.epoch, timestamp=last.timestamp, initial=True
        )
        return notification("camera_status_update", params)

    def _encode(self, stamped: Stamped) -> tuple[bytes, str, str | None] | None:
        """Give payload, topic and camera id of an event; None for one that stays inside."""
        update = update_of(stamped, self._bus.epoch)
        if update is None:
            return None
        name, params, camera_id = update
        return notification(name, params), name, camera_id


def _of(caller: Subscriber) -> Subscription:
    if caller.subscription is None:
        raise InvalidState("NOT_A_WEBSOCKET", hint="notifications need a connection: use /ws")
    return caller.subscription


def _looks_like_an_id(name: str) -> bool:
    return name.startswith(("usb-", "platform-"))


def _topics(names: tuple[str, ...]) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if name not in TOPICS:
            raise InvalidParams(f"topics[{index}]", "unknown", "one of " + ", ".join(TOPICS))
    return names
