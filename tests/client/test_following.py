"""Events once and in order, against a service in memory, however connections are lost (Hypothesis)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.client.service import Connection, MemoryService
from webcam_rpc.client.core import Core
from webcam_rpc.client.following import Following, Missed, Position
from webcam_rpc.client.models import CameraStatusUpdate, RecordingStatusUpdate

if TYPE_CHECKING:
    from webcam_rpc.client.events import Events

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 4)),
        st.tuples(st.just("read"), st.integers(1, 6)),
        st.tuples(st.just("cut"), st.just(0)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=60,
)


class Play:
    """A client and a service in memory, and what the client was told."""

    def __init__(self, ring: int = 1000, since: Position | None = None) -> None:
        self.service = MemoryService(ring)
        self.clock = Clock()
        self.hung_up = 0
        self.core = Core(Following(since=since), self.clock.callLater, self._hang_up)
        self.told: list[Any] = []
        self.connection: Connection | None = None
        self.follow()

    def follow(self, *kinds: type) -> Events:
        """Begin to follow; what comes is in ``told``."""
        events = self.core.events(kinds, 10_000, lambda: self.fail("nobody waits"))
        events.put = self.told.append  # type: ignore[method-assign, assignment] # no queue
        return events

    def fail(self, what: str) -> Any:
        """Fail."""
        raise AssertionError(what)

    def connect(self) -> Connection:
        """Take the connection up."""
        self.service.connections.clear()
        self.connection = Connection(self.service)
        self.core.opened(self.connection.ask)
        return self.connection

    def read(self, count: int = 1_000_000) -> None:
        """Let the client read up to so many messages."""
        while count and self.connection is not None and self.connection.waiting:
            self.core.received(self.connection.waiting.popleft())
            count -= 1

    def cut(self) -> None:
        """Lose the connection, with all that waits in it."""
        self.service.connections.clear()
        self.connection = None
        self.core.lost("cut")

    def take(self, step: str, count: int) -> None:
        """Let something happen."""
        if step == "publish":
            for _ in range(count):
                self.service.publish()
        elif step == "read":
            if self.connection is None:
                self.connect()
            self.read(count)
        else:
            self.cut()
            if step == "restart":
                self.service.restart()

    def seqs(self) -> list[int]:
        """Give the numbers of the events that were told, but for states."""
        return [one.seq for one in self.told if isinstance(one, CameraStatusUpdate) and one.initial is not True]

    def _hang_up(self) -> None:
        self.hung_up += 1


class FollowingTests(SynchronousTestCase):
    """The place in the sequence."""

    def test_states_then_events(self) -> None:
        """First the states of now, once, though a greeting came before; then what happens."""
        play = Play()
        play.service.publish()
        play.connect()
        play.service.publish()
        play.read()
        play.service.publish()
        play.read()
        (state, event) = play.told
        self.assertEqual((state.initial, state.fps, event.seq), (True, 2, 3))

    def test_missed_events(self) -> None:
        """What happens between the handshake and the subscription comes after what was missed, and once."""
        play = Play()
        play.connect()
        play.read()
        play.service.publish()
        play.read()
        play.cut()
        play.service.publish()
        play.connect()
        play.service.publish()
        play.read(2)
        play.service.publish()
        play.read()
        self.assertEqual(play.seqs(), [1, 2, 3, 4])

    def test_told_twice(self) -> None:
        """An event that the service, or what is between, sends a second time is told once; so is an older one."""
        play = Play()
        connection = play.connect()
        play.read()
        for _ in range(2):
            play.service.publish()
        first, second = tuple(connection.waiting)
        connection.waiting.extend([second, first, second])
        play.read()
        self.assertEqual(play.seqs(), [1, 2])
        play.service.publish()
        play.read()
        self.assertEqual(play.seqs(), [1, 2, 3])

    def test_too_long_ago(self) -> None:
        """More than is kept: it is said which events are missing, and the states of now follow."""
        play = Play(ring=3)
        play.connect()
        play.service.publish()
        play.read()
        play.cut()
        for _ in range(4):
            play.service.publish()
        play.connect()
        play.read()
        _, missed, state = play.told
        self.assertEqual(missed, Missed("too_long_ago", Position(1, "run 1"), Position(5, "run 1")))
        self.assertEqual((state.initial, state.seq), (True, 5))

    def test_restarted(self) -> None:
        """Another run of the service counts from the beginning again, and so does the client."""
        play = Play()
        play.connect()
        play.service.publish()
        play.read()
        play.cut()
        play.service.restart()
        play.connect()
        play.read()
        play.service.publish()
        play.read()
        _, missed, event = play.told
        self.assertEqual(missed, Missed("restarted", Position(1, "run 1"), Position(0, "run 2")))
        self.assertEqual((event.seq, event.epoch), (1, "run 2"))

    def test_since(self) -> None:
        """A place that was kept from an earlier process is gone on from."""
        play = Play(since=Position(1, "run 1"))
        for _ in range(3):
            play.service.publish()
        play.connect()
        play.read()
        self.assertEqual((play.seqs(), [type(one) for one in play.told]), ([2, 3], [CameraStatusUpdate] * 2))

    def test_joins_late(self) -> None:
        """Who begins to read when others do already gets the cameras that are there, and nothing twice."""
        play = Play()
        play.service.publish()
        play.connect()
        play.read()
        events = play.core.events((RecordingStatusUpdate, CameraStatusUpdate), 10, lambda: play.fail("nobody waits"))
        (state,) = events._waiting
        self.assertEqual((state.camera_id, state.initial), ("front", True))

    def test_refused(self) -> None:
        """A client that may not follow has its iterators end with the reason, and its calls as before."""
        play = Play()
        events = play.core.events((), 10, lambda: play.fail("nobody waits"))
        connection = play.connect()
        connection.waiting.clear()
        error = {"code": -32002, "message": "Permission denied"}
        connection.push({"id": connection.asked[0]["id"], "error": error})
        play.read()
        self.assertEqual(getattr(events._reason, "code", None), -32002)
        self.assertTrue(play.core.is_open)

    def test_rate_limited(self) -> None:
        """A step that comes too soon is taken again when the service says."""
        play = Play()
        connection = play.connect()
        connection.waiting.clear()
        error = {"code": -32040, "message": "Rate limited", "data": {"retry_after_ms": 500}}
        connection.push({"id": connection.asked[0]["id"], "error": error})
        play.read()
        play.clock.advance(0.4)
        self.assertEqual(len(connection.asked), 1)
        play.clock.advance(0.1)
        play.read()
        names = [call["method"] for call in connection.asked]
        self.assertEqual(names, ["unsubscribe_events", "unsubscribe_events", "subscribe_events"])

    def test_no_answer(self) -> None:
        """A service that does not say where it stands is hung up on; a connection that is lost leaves no timer."""
        play = Play()
        play.connect()
        play.clock.advance(60)
        self.assertEqual(play.hung_up, 1)
        play.cut()
        play.connect()
        play.cut()
        self.assertEqual(play.clock.getDelayedCalls(), [])

    def test_unreadable(self) -> None:
        """An event that is not what it should be is not passed over in silence."""
        play = Play()
        connection = play.connect()
        play.read()
        connection.push({"method": "camera_status_update", "params": {"seq": "one"}})
        connection.push({"method": "of_a_later_service", "params": {}})
        play.read()
        (missed,) = play.told
        self.assertEqual(missed.reason, "unreadable")

    @settings(max_examples=300, deadline=None)
    @given(steps=_STEPS, ring=st.integers(3, 12))
    def test_any_storm(self, steps: list[tuple[str, int]], ring: int) -> None:
        """Whatever happens between which messages: each event once, in order, and each gap is said and leads to now."""
        play = Play(ring)
        for step, count in [*steps, ("read", 1_000_000)]:
            play.take(step, count)
        place = Position(0, "")
        for one in play.told:
            if isinstance(one, Missed):
                # A run of the service with nothing to tell is a place too.
                self.assertEqual(one.since, place if place.epoch else one.since)
                place = one.now
            elif one.initial is True:
                # The first states have no gap before them.
                place = place if place.epoch else Position(one.seq, one.epoch)
                self.assertLessEqual(one.seq, place.seq)
            else:
                self.assertEqual((one.seq, one.epoch), (place.seq + 1, place.epoch or one.epoch))
                place = Position(one.seq, one.epoch)
        if play.told:
            self.assertEqual(place.seq, play.service.bus.seq)
