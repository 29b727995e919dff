"""The event bus: one sequence of everything that happened, who listens to it, and a short memory of it.

Owns the sequence number (one counter for the whole process, strictly growing), the epoch (a new one at each start, so
that a client can tell a restart from a gap) and the replay ring. Pure: time and epoch come from outside, nothing here
does I/O.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec
from twisted.logger import Logger, LogLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: What a client gets that never asked for anything: every existing client relies on it.
DEFAULT_TOPICS = frozenset({"camera_status_update", "camera_control_update", "recording_status_update"})


class Stamped(msgspec.Struct, frozen=True):
    """An event with its place in the sequence.

    ``seq`` counts from 1; ``timestamp`` is RFC 3339 in UTC with ``Z``; ``event`` is a frozen Struct of the part that
    published it.
    """

    seq: int
    timestamp: str
    event: object


class Bus:
    """Publish and subscribe, in the order of publication.

    :param epoch: names this run of the process.
    :param now: gives the time as RFC 3339 text; called once an event.
    :param ring: how many events are kept for replay.
    """

    _log = Logger()

    def __init__(self, epoch: str, now: Callable[[], str], ring: int = 1000) -> None:
        self.epoch = epoch
        self.seq = 0
        self._now = now
        self._ring: deque[Stamped] = deque(maxlen=ring)
        self._subscribers: list[Callable[[Stamped], None]] = []
        self._untold: deque[Stamped] = deque()

    def publish(self, event: object) -> Stamped:
        """Stamp ``event``, keep it and tell every subscriber; one that raises is logged and stops no other."""
        self.seq += 1
        stamped = Stamped(self.seq, self._now(), event)
        self._ring.append(stamped)
        self._untold.append(stamped)
        # A subscriber that publishes must not have its event overtake this one on the way to the subscribers after it.
        if len(self._untold) == 1:
            while self._untold:
                self._tell(self._untold[0])
                self._untold.popleft()
        return stamped

    def _tell(self, stamped: Stamped) -> None:
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(stamped)
            except Exception:  # noqa: BLE001 - one listener's defect must not cost the others the event
                self._log.failure("A listener failed on event {seq}", level=LogLevel.error, seq=stamped.seq)

    def subscribe(self, subscriber: Callable[[Stamped], None]) -> Callable[[], None]:
        """Call ``subscriber`` with each event from now on; what is returned ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def since(self, seq: int, epoch: str | None) -> list[Stamped] | None:
        """Give every event after ``seq``, oldest first.

        None when they cannot all be given: another epoch, a number that was never reached, or one that has left the
        ring.
        """
        if (epoch is not None and epoch != self.epoch) or not 0 <= seq <= self.seq:
            return None
        missed = self.seq - seq
        if missed > len(self._ring):
            return None
        return list(self._ring)[len(self._ring) - missed :]


class Subscription:
    """Which events one client wants: by topic (a notification's name) and by camera.

    Until the client says otherwise it has :data:`DEFAULT_TOPICS`; its first :meth:`add` narrows them to what it names.
    """

    __slots__ = ("_cameras", "_chosen", "_topics")

    def __init__(self) -> None:
        self._topics = DEFAULT_TOPICS
        self._cameras: frozenset[str] | None = None
        self._chosen = False

    @property
    def topics(self) -> frozenset[str]:
        """The names of the notifications that are wanted."""
        return self._topics

    @property
    def cameras(self) -> frozenset[str] | None:
        """The camera ids that are wanted; None for all."""
        return self._cameras

    def add(self, topics: Iterable[str], cameras: frozenset[str] | None) -> None:
        """Want ``topics`` too, and of the events that belong to a camera only those of ``cameras``."""
        self._topics = self._topics | frozenset(topics) if self._chosen else frozenset(topics)
        self._cameras = cameras
        self._chosen = True

    def remove(self, topics: Iterable[str] | None) -> None:
        """Want ``topics`` no longer; None means nothing at all any more."""
        self._topics = frozenset() if topics is None else self._topics - frozenset(topics)
        self._chosen = True

    def wants(self, topic: str, camera_id: str | None) -> bool:
        """Tell whether an event of this topic, and of this camera if it has one, is wanted."""
        return topic in self._topics and (camera_id is None or self._cameras is None or camera_id in self._cameras)
