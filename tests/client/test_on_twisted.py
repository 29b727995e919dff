"""The client for Twisted, on a clock, with a service in memory at the other end."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError as TCPRefused
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.client.service import Connection, MemoryService
from webcam_rpc.client.backoff import Backoff
from webcam_rpc.client.errors import Closed, ConnectionLost, NoAnswer, NotConnected, Refused
from webcam_rpc.client.models import CameraStatusUpdate
from webcam_rpc.client.on_twisted import Client


class Endpoint:
    """Is connected when the test says so."""

    def __init__(self) -> None:
        self.attempts: list[Deferred[Any]] = []

    def connect(self, _: object) -> Deferred[Any]:
        """Begin to connect."""
        self.attempts.append(Deferred())
        return self.attempts[-1]


class Wire:
    """A WebSocket to a service in memory, as Autobahn's protocol is used."""

    def __init__(self, service: MemoryService, client: Client) -> None:
        service.connections.clear()
        self._connection = Connection(service)
        self._client = client

    def sendMessage(self, payload: bytes) -> None:  # noqa: N802 - Autobahn's name
        """Take a message for the service."""
        self._connection.ask(payload.decode())

    def sendClose(self, code: int) -> None:
        """Close it."""
        self._client.closed(f"closed with {code}")

    def flush(self) -> None:
        """Bring what the service has sent."""
        while self._connection.waiting:
            self._client.received(self._connection.waiting.popleft().encode())


class TwistedClientTests(SynchronousTestCase):
    """The client as a Service."""

    def setUp(self) -> None:
        """Start a client that is not yet connected."""
        self.clock = Clock()
        self.endpoint = Endpoint()
        self.service = MemoryService()
        endpoint: Any = self.endpoint
        backoff = Backoff(1, 4, uniform=lambda: 1.0)
        self.client = Client(self.clock, endpoint=endpoint, deadline=10, backoff=backoff)
        self.client.startService()

    def connect(self) -> Wire:
        """Let the connection come about."""
        self.endpoint.attempts[-1].callback(None)
        wire = Wire(self.service, self.client)
        self.client.opened(wire)
        return wire

    def test_calls(self) -> None:
        """A call waits for the connection; its answer is a result of its type."""
        ready, answer = self.client.connected(), self.client.ping()
        self.assertNoResult(ready)
        wire = self.connect()
        self.successResultOf(ready)
        self.assertNoResult(answer)
        wire.flush()
        self.assertEqual(self.successResultOf(answer), "pong")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_deadlines(self) -> None:
        """Without a connection the deadline says so; with one it says that no answer came; a late one is nobody's."""
        early = self.client.ping(deadline=1)
        self.clock.advance(1)
        self.failureResultOf(early, NotConnected)
        wire = self.connect()
        late = self.client.ping(deadline=2)
        self.clock.advance(2)
        self.failureResultOf(late, NoAnswer)
        wire.flush()

    def test_cancelled(self) -> None:
        """A call may be cancelled before it is made and while it is under way."""
        unmade = self.client.ping()
        unmade.cancel()
        self.failureResultOf(unmade, CancelledError)
        wire = self.connect()
        self.assertEqual(wire._connection.asked, [])
        under_way = self.client.ping()
        under_way.cancel()
        self.failureResultOf(under_way, CancelledError)
        wire.flush()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_unwritable(self) -> None:
        """A call that JSON cannot carry fails by itself."""
        self.connect()
        self.failureResultOf(self.client.call("ping", {"device": object()}), TypeError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_connects_again(self) -> None:
        """Attempts come ever later, and soon again after a connection on which the service has spoken."""
        for delay in (1, 2, 4, 4):
            count = len(self.endpoint.attempts)
            self.endpoint.attempts[-1].errback(TCPRefused())
            self.clock.advance(delay - 0.1)
            self.assertEqual(len(self.endpoint.attempts), count)
            self.clock.advance(0.1)
            self.assertEqual(len(self.endpoint.attempts), count + 1)
        wire = self.connect()
        answer = self.client.ping()
        wire.flush()
        self.successResultOf(answer)
        under_way = self.client.ping()
        self.client.closed("cut")
        self.failureResultOf(under_way, ConnectionLost)
        self.clock.advance(1)
        self.assertEqual(len(self.endpoint.attempts), 6)

    def test_refused(self) -> None:
        """A wrong token is shown once: what waits fails, and there is no further attempt."""
        waiting = self.client.ping()
        self.endpoint.attempts[-1].callback(None)
        self.client.closed("WebSocket connection upgrade failed [401]: Unauthorized")
        self.failureResultOf(waiting, Refused)
        self.failureResultOf(self.client.ping(), Refused)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_busy(self) -> None:
        """A service that has too many clients is tried again."""
        self.endpoint.attempts[-1].callback(None)
        self.client.closed("WebSocket connection upgrade failed [503]: Service Unavailable")
        self.clock.advance(1)
        self.assertEqual(len(self.endpoint.attempts), 2)

    def test_events(self) -> None:
        """Events go on over a lost connection, each once."""
        events = self.client.events(CameraStatusUpdate)
        wire = self.connect()
        for _ in range(3):
            wire.flush()
        self.service.publish()
        wire.flush()
        self.client.closed("cut")
        self.service.publish()
        self.clock.advance(1)
        wire = self.connect()
        for _ in range(3):
            wire.flush()
        told = [self.successResultOf(Deferred.fromCoroutine(anext(events))) for _ in range(2)]
        self.assertEqual([one.seq for one in told], [1, 2])
        self.assertNoResult(Deferred.fromCoroutine(anext(events)))

    def test_stopped(self) -> None:
        """Nothing is left of it: calls and iterators end, no timer runs, and it does not connect again."""
        events = self.client.events()
        self.connect()
        under_way = self.client.ping()
        waiting = Deferred.fromCoroutine(anext(events))
        stopped = self.client.stopService()
        assert stopped is not None
        self.failureResultOf(under_way, ConnectionLost)
        self.failureResultOf(waiting, StopAsyncIteration)
        self.failureResultOf(self.client.ping(), Closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(self.endpoint.attempts), 1)

    def test_stopped_before_connected(self) -> None:
        """One that is stopped on the way in connects no further."""
        waiting = self.client.ping()
        self.assertIsNone(self.client.stopService())
        self.failureResultOf(waiting, Closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])
