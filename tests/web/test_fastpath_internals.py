"""What fastpath.py relies on in Autobahn and Twisted beyond their documented interfaces; a failure says what has moved.

When one of these fails with a new release, read how the thing named in the message works there and adapt
webcam_rpc/web/fastpath.py, whose head says what each is for. When none does, add the release to its list there: on one
that is not listed the fast path is off.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any, TypeAlias

import autobahn
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

import twisted
from tests.web.case import WebTestCase
from tests.web.sockets import connected
from tests.web.wire import BINARY, CONTINUATION, PING, PONG, TEXT, Wire, frame
from webcam_rpc import config
from webcam_rpc.web import fastpath
from webcam_rpc.web.protocol import Timers, WebcamServerProtocol

if TYPE_CHECKING:
    # Autobahn's releases differ in what they tell of their types.
    WebSocketServerFactory: Any
    WebSocketServerProtocol: TypeAlias = Any
else:
    from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol

_AUTOBAHN = f"Autobahn {vars(autobahn)['__version__']}"
_TWISTED = f"Twisted {twisted.__version__}"
_HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def moved(what: str, where: str = _AUTOBAHN) -> str:
    """Say so."""
    return f"{where}: {what} is not what it was; see the head of webcam_rpc/web/fastpath.py"


class AutobahnTests(SynchronousTestCase):
    """Autobahn by itself."""

    def open(self, **options: Any) -> Any:
        """Open a WebSocket on Autobahn's own classes."""
        self.clock = Clock()
        factory = WebSocketServerFactory(reactor=self.clock)
        factory.protocol = WebSocketServerProtocol
        factory._batched_timer = Timers(self.clock)
        factory.setProtocolOptions(failByDrop=False, openHandshakeTimeout=0, **options)
        link = factory.buildProtocol(None)
        self.wire = Wire(self.clock)
        self.wire.protocol = link
        link.makeConnection(self.wire)
        link._dataReceived(_HANDSHAKE)
        self.assertTrue(self.wire.take().startswith(b"HTTP/1.1 101"), moved("_dataReceived"))
        self.messages: list[bytes] = []
        link.onMessage = lambda payload, _: self.messages.append(payload)
        return link

    def state(self, link: Any) -> tuple[Any, ...]:
        """Give what tells where the parser is."""
        begun = link.current_frame
        return bytes(link.data), begun and (begun.length, link.current_frame_masker.pointer()), link.inside_message

    def test_between_messages(self) -> None:
        """In the state OPEN none of data, current_frame and inside_message is set where a message begins."""
        link = self.open()
        self.assertEqual((link.state, link.failedByMe), (link.STATE_OPEN, False), moved("state, failedByMe"))
        self.assertEqual(self.state(link), (b"", None, False), moved("the state behind the handshake"))
        for data in (frame(TEXT, b"hello"), frame(TEXT), frame(BINARY, b"x" * 200), frame(PING, b"x"), frame(PONG)):
            link._dataReceived(data)
            self.assertEqual(self.state(link), (b"", None, False), moved("the state behind a whole message"))
        self.assertEqual(self.messages, [b"hello", b"", b"x" * 200], moved("_dataReceived"))

    def test_in_the_head_of_a_frame(self) -> None:
        """What is not a whole head waits in data."""
        link = self.open()
        data = frame(TEXT, b"x" * 200)
        for size in range(1, 8):
            link._dataReceived(data[size - 1 : size])
            self.assertEqual(self.state(link), (data[:size], None, False), moved("data"))

    def test_in_a_frame(self) -> None:
        """The head of the frame is current_frame, with its length; pointer() counts what has gone by; data is empty."""
        for opcode, within in ((TEXT, True), (PING, False)):
            link = self.open()
            data = frame(opcode, b"x" * 100)
            link._dataReceived(data[:6])
            self.assertEqual(self.state(link), (b"", (100, 0), within), moved("current_frame"))
            link._dataReceived(data[6:17])
            self.assertEqual(self.state(link), (b"", (100, 11), within), moved("current_frame_masker.pointer()"))
            link._dataReceived(data[17:])
            self.assertEqual(self.state(link), (b"", None, False), moved("the state behind a frame"))

    def test_held_in_a_frame(self) -> None:
        """Where the next step is not made, what has come of the frame waits in data, beside pointer()."""
        link = self.open()
        data = frame(TEXT, b"x" * 100)
        link._dataReceived(data[:16])
        original, link.processData = link.processData, lambda: False
        link._dataReceived(data[16:40])
        self.assertEqual(self.state(link), (data[16:40], (100, 10), True), moved("data within a frame"))
        link.processData = original
        link._dataReceived(b"")
        self.assertEqual(self.state(link), (b"", (100, 34), True), moved("_dataReceived of nothing"))

    def test_in_a_message(self) -> None:
        """Between the fragments of a message inside_message is all that tells, control frames among them or not."""
        link = self.open()
        for data in (frame(TEXT, b"a", fin=False), frame(PING, b"x"), frame(CONTINUATION, b"b", fin=False)):
            link._dataReceived(data)
            self.assertEqual(self.state(link), (b"", None, True), moved("inside_message"))
        link._dataReceived(frame(CONTINUATION))
        self.assertEqual(self.state(link), (b"", None, False), moved("inside_message"))

    def test_failed(self) -> None:
        """What has failed says so by failedByMe and is not OPEN any more, whatever else is set."""
        link = self.open()
        link._dataReceived(frame(TEXT, b"\xff"))
        self.assertTrue(link.failedByMe, moved("failedByMe"))
        self.assertNotEqual(link.state, link.STATE_OPEN, moved("state"))

    def test_data_received(self) -> None:
        """DataReceived does nothing more than _dataReceived."""
        names = set(WebSocketServerProtocol.dataReceived.__code__.co_names)
        log = {"log", "debug", "hltype", "hlval", "dataReceived", "peer", "len"}
        self.assertEqual(names - log, {"_dataReceived"}, moved("dataReceived"))

    def test_answer_to_a_ping(self) -> None:
        """While a pong is awaited autoPingTimeoutCall runs; a data frame ends that by _cancelAutoPingTimeoutCall."""
        link = self.open(autoPingInterval=7, autoPingTimeout=3)
        self.assertTrue(link.autoPingRestartOnAnyTraffic, moved("autoPingRestartOnAnyTraffic"))
        self.assertIsNone(link.autoPingTimeoutCall, moved("autoPingTimeoutCall"))
        for answer in (lambda: link._dataReceived(frame(TEXT, b"x")), link._cancelAutoPingTimeoutCall):
            self.clock.advance(7)
            self.assertTrue(link.autoPingTimeoutCall.active(), moved("autoPingTimeoutCall"))
            self.clock.advance(2)
            answer()
            self.assertIsNone(link.autoPingTimeoutCall, moved("_cancelAutoPingTimeoutCall"))
            (call,) = self.clock.getDelayedCalls()
            self.assertEqual(call.getTime(), self.clock.seconds() + 7, moved("_cancelAutoPingTimeoutCall"))
        self.assertIsNone(self.open().autoPingTimeoutCall, moved("autoPingTimeoutCall"))


class TwistedTests(SynchronousTestCase):
    """A connection of Twisted's by itself."""

    def setUp(self) -> None:
        """Make one."""
        self.connection, self.peer, self.waits = connected(self)

    def flags(self) -> tuple[bool, ...]:
        """Give what tells whether bytes may go to the socket."""
        one = self.connection
        return tuple(bool(each) for each in (one.connected, one.disconnecting, one._writeDisconnecting, one._aborting))

    def test_waiting(self) -> None:
        """What was written and not sent is in _tempDataBuffer, then in dataBuffer; both are empty when it is gone."""
        one = self.connection
        self.assertEqual((one.dataBuffer, one._tempDataBuffer), (b"", []), moved("dataBuffer", _TWISTED))
        one.write(b"x" * (1 << 22))
        self.assertEqual((one.dataBuffer, len(one._tempDataBuffer)), (b"", 1), moved("_tempDataBuffer", _TWISTED))
        one.doWrite()
        self.assertEqual((len(one.dataBuffer), one._tempDataBuffer), (1 << 22, []), moved("dataBuffer", _TWISTED))
        self.peer.settimeout(10)
        left = 1 << 22
        while left:
            left -= len(self.peer.recv(1 << 20))
            one.doWrite()
        self.assertEqual((one.dataBuffer, one._tempDataBuffer), (b"", []), moved("dataBuffer", _TWISTED))
        self.assertFalse(self.waits.writes, moved("doWrite", _TWISTED))

    def test_socket(self) -> None:
        """The socket is ``socket``; its ``send`` does not block."""
        self.assertIsInstance(self.connection.socket, socket.socket, moved("socket", _TWISTED))
        self.connection.socket.send(b"abc")
        self.assertEqual(self.peer.recv(9), b"abc", moved("socket", _TWISTED))
        with self.assertRaises(BlockingIOError):
            for _ in range(10_000):
                self.connection.socket.send(b"x" * 65536)

    def test_open(self) -> None:
        """While it is open, only ``connected`` is set."""
        self.assertEqual(self.flags(), (True, False, False, False), moved("connected", _TWISTED))

    def test_disconnecting(self) -> None:
        """LoseConnection sets it, before the socket is closed."""
        self.connection.write(b"x")
        self.connection.loseConnection()
        self.assertEqual(self.flags(), (True, True, False, False), moved("disconnecting", _TWISTED))

    def test_half_closed(self) -> None:
        """LoseWriteConnection sets _writeDisconnecting, for good."""
        self.connection.loseWriteConnection()
        self.assertEqual(self.flags(), (True, False, True, False), moved("_writeDisconnecting", _TWISTED))
        self.connection.doWrite()
        self.assertTrue(self.connection._writeDisconnecting, moved("_writeDisconnecting", _TWISTED))

    def test_aborting(self) -> None:
        """AbortConnection sets _aborting, before it is lost."""
        self.waits.callLater = lambda *_: None  # type: ignore[method-assign]
        self.connection.abortConnection()
        self.assertTrue(self.connection._aborting, moved("_aborting", _TWISTED))

    def test_lost(self) -> None:
        """ConnectionLost clears ``connected``."""
        self.connection.connectionLost(Failure(ConnectionDone()))
        self.assertFalse(self.connection.connected, moved("connected", _TWISTED))


class ReleaseTests(WebTestCase):
    """Which releases the fast path is for."""

    def test_this_one(self) -> None:
        """What is installed is known, or all above is passed for and it should be added."""
        self.assertEqual(fastpath.unknown_releases(), "", "add it to webcam_rpc/web/fastpath.py")

    def test_form(self) -> None:
        """Releases are named by year and month."""
        for release in (*fastpath.AUTOBAHN, *fastpath.TWISTED):
            self.assertTrue(re.fullmatch(r"\d\d\.\d{1,2}", release), release)

    def test_another(self) -> None:
        """On one that is not, stock Autobahn is used, and the log says why; where it is off anyway it says nothing."""
        for what, name in ((autobahn, "Autobahn"), (twisted, "Twisted")):
            self.log.clear()
            patch = self.patch(what, "__version__", "99.1.2")
            self.assertIs(fastpath.protocol_for(wanted=False), WebcamServerProtocol)
            self.assertEqual(self.lines("webcam_rpc.web"), [])
            self.site.configure(config.Server())
            self.assertEqual(self.lines("webcam_rpc.web"), [f"The fast path is off: it does not know {name} 99.1.2"])
            link = self.websocket().protocol
            self.assertNotIsInstance(link, fastpath.FastServerProtocol)
            patch.restore()
        self.assertIs(fastpath.protocol_for(wanted=True), fastpath.FastServerProtocol)
