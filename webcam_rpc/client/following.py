"""What has happened, each event once and in order, over however many connections.

Owns the place in the service's sequence (``seq`` of a run of the service, its ``epoch``) and what is done to come back
to it on a new connection:

    -> unsubscribe_events {}                                nothing is sent of its own accord any more
    <- {topics: []}                                         what came until now came by chance: a greeting, live events
    -> subscribe_events {topics, filters, since_seq, epoch}
    <- every event after since_seq, or the states of now    in the order of their seq
    <- {seq, epoch, full_state}
    <- live events

Without the first step an event that happens between the handshake and the subscription would come live, ahead of those
that were missed, and then again among them. Pure: no I/O and no time.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from webcam_rpc.client.models import NOTIFICATIONS, CameraStatusUpdate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webcam_rpc.client.conversation import Notification

#: The name of every notification.
TOPICS = tuple(NOTIFICATIONS)

_CAMERA = "camera_status_update"
_readers = {name: msgspec.json.Decoder(kind).decode for name, kind in NOTIFICATIONS.items()}


class Position(msgspec.Struct, frozen=True):
    """A place in what has happened: everything up to ``seq`` of the run of the service that ``epoch`` names."""

    seq: int
    epoch: str


class Missed(msgspec.Struct, frozen=True):
    """Events are missing here: the service keeps them no longer, and the states of now follow.

    ``reason`` is ``restarted`` (the service is another run of itself) or ``too_long_ago``; a camera that is not among
    the states that follow is not there any more. Or it is ``unreadable``: one event was not what this client knows, and
    nothing follows but the next one.
    """

    reason: str
    since: Position
    now: Position


class Subscribed(msgspec.Struct, frozen=True):
    """The answer to ``subscribe_events``."""

    seq: int
    epoch: str
    full_state: bool


class _Phase(enum.Enum):
    #: What comes now came by chance.
    DEAF = enum.auto()
    #: What was missed comes, or the states of now.
    CATCHING_UP = enum.auto()
    #: Everything comes as it happens.
    LIVE = enum.auto()


class Following:
    """A place in the sequence, and how to get on from there.

    :param topics: the notifications to follow.
    :param devices: the cameras, by any of their names; all of them where there are none.
    :param since: where to go on; None for the states of now and what follows them.
    :ivar position: what has been given so far; None before the first state.
    :ivar cameras: the cameras that are there, by their ids, as they were told.
    """

    def __init__(
        self, topics: Sequence[str] = TOPICS, devices: Sequence[str] = (), since: Position | None = None
    ) -> None:
        unknown = set(topics) - set(TOPICS)
        if unknown or not topics:
            raise ValueError(f"topics: some of {', '.join(TOPICS)}")
        self._topics = tuple(topics)
        self._devices = tuple(devices)
        self.position = since
        self.cameras: dict[str, CameraStatusUpdate] = {}
        self._phase = _Phase.DEAF
        self._held: list[Any] = []

    def connected(self) -> None:
        """Begin on a new connection."""
        self._phase = _Phase.DEAF
        self._held.clear()

    def silenced(self) -> dict[str, Any]:
        """Give the params of ``subscribe_events``: nothing comes by chance any more."""
        self._phase = _Phase.CATCHING_UP
        # No run of the service has this epoch: it sends the states of now.
        since = self.position or Position(0, "")
        params: dict[str, Any] = {"topics": self._topics, "since_seq": since.seq, "epoch": since.epoch}
        return {**params, "filters": {"device": self._devices}} if self._devices else params

    def arrived(self, notification: Notification) -> list[Any]:
        """Take a notification and give what can be told now: Structs of :data:`.models.NOTIFICATIONS`."""
        if self._phase is _Phase.DEAF:
            return []
        reader = _readers.get(notification.method)
        if reader is None:
            return []
        try:
            event = reader(notification.params)
        except msgspec.MsgspecError:
            return [Missed("unreadable", self.position, self.position)] if self.position is not None else []
        if self._phase is _Phase.CATCHING_UP and (self._held or _is_state(event) or not self._goes_on(event)):
            # What these states are the end of is not known before the answer.
            self._held.append(event)
            return []
        return self._live(event)

    def subscribed(self, answer: Subscribed) -> list[Any]:
        """Take the answer and give what can be told now."""
        self._phase = _Phase.LIVE
        held, self._held = self._held, []
        now = Position(answer.seq, answer.epoch)
        if not answer.full_state:
            told = [item for event in held for item in self._live(event)]
            # It may have gone on with what is not followed: the service need not keep that for this client's sake.
            self.position = Position(max(answer.seq, self._seq), answer.epoch)
            return told
        told = []
        if self.position is not None:
            restarted = self.position.epoch != now.epoch
            told.append(Missed("restarted" if restarted else "too_long_ago", self.position, now))
        states = [event for event in held if _is_state(event)]
        self.cameras = {state.camera_id: state for state in states}
        self.position = now
        return [*told, *states, *(item for event in held if not _is_state(event) for item in self._live(event))]

    @property
    def _seq(self) -> int:
        return self.position.seq if self.position is not None else 0

    def _goes_on(self, event: Any) -> bool:  # noqa: ANN401 - one of the Structs
        return self.position is not None and event.epoch == self.position.epoch

    def _live(self, event: Any) -> list[Any]:  # noqa: ANN401 - one of the Structs
        if _is_state(event) or event.seq <= self._seq:
            return []
        self.position = Position(event.seq, event.epoch)
        if isinstance(event, CameraStatusUpdate):
            if event.status == "DISCONNECTED":
                self.cameras.pop(event.camera_id, None)
            else:
                self.cameras[event.camera_id] = event
        return [event]

    def states(self) -> list[CameraStatusUpdate]:
        """Give the cameras that are there as states of now, for somebody who joins late."""
        if self._phase is _Phase.DEAF and self.position is None:
            return []
        return [msgspec.structs.replace(camera, initial=True) for camera in self.cameras.values()]


def _is_state(event: Any) -> bool:  # noqa: ANN401 - one of the Structs
    return getattr(event, "initial", UNSET) is True
