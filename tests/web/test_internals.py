"""What protocol.py relies on in Autobahn beyond its documented interface; a failure here says what has moved.

When one of these fails with a new release of Autobahn, read how the thing named in the message works there, and adapt
webcam_rpc/web/protocol.py, whose head says what each is for.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeAlias

import autobahn
from autobahn.websocket.compress import PerMessageDeflateOffer
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.web.case import WebTestCase, request
from tests.web.wire import BINARY, PING, TEXT, Wire, frame
from webcam_rpc.web import deflate, protocol
from webcam_rpc.web.protocol import Timers

if TYPE_CHECKING:
    # Autobahn's releases differ in what they tell of their types.
    WebSocketServerFactory: Any
    WebSocketServerProtocol: TypeAlias = Any
else:
    from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol

_VERSION = vars(autobahn)["__version__"]
_HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)


def moved(what: str) -> str:
    """Say so."""
    return f"Autobahn {_VERSION}: {what} is not what it was; see the head of webcam_rpc/web/protocol.py"


class Plain(WebSocketServerProtocol):  # type: ignore[misc]
    """Autobahn's own protocol, that notes what happens."""

    def __init__(self) -> None:
        super().__init__()
        self.happened: list[Any] = []

    def onConnect(self, request: Any) -> None:  # noqa: ARG002 - Autobahn's signature
        """Note the offers."""
        self.happened.append(("offers", self.websocket_extensions))

    def processData(self) -> bool:  # noqa: N802 - Autobahn's name
        """Note the step."""
        self.happened.append("step")
        return bool(super().processData())

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: FBT001, N803, ARG002 - Autobahn's
        """Note the message."""
        self.happened.append(payload)

    def _fail_connection(self, code: int = 1001, reason: str = "going away") -> None:
        self.happened.append(("fail", code))
        super()._fail_connection(code, reason)

    def _closeConnection(self, abort: bool = False) -> None:  # noqa: FBT001, FBT002, N802 - Autobahn's
        self.happened.append(("close", abort))
        super()._closeConnection(abort)

    def onAutoPingTimeout(self) -> None:  # noqa: N802 - Autobahn's name
        """Note the silence."""
        self.happened.append("silence")
        super().onAutoPingTimeout()


class AutobahnTests(SynchronousTestCase):
    """Autobahn by itself."""

    def open(self, **options: Any) -> Any:
        """Open a WebSocket on Autobahn's own classes."""
        self.clock = Clock()
        factory = WebSocketServerFactory(reactor=self.clock)
        factory.protocol = Plain
        factory._batched_timer = Timers(self.clock)
        factory.setProtocolOptions(failByDrop=False, openHandshakeTimeout=0, **options)
        link = factory.buildProtocol(None)
        self.wire = Wire(self.clock)
        self.wire.protocol = link
        link.makeConnection(self.wire)
        link.dataReceived(_HANDSHAKE)
        self.assertTrue(self.wire.take().startswith(b"HTTP/1.1 101"), moved("the handshake"))
        return link

    def test_steps(self) -> None:
        """ProcessData makes one step, False ends the loop, and the next data goes on with what was left."""
        link = self.open()
        link.happened.clear()
        link.dataReceived(frame(TEXT, b"a") + frame(TEXT, b"b"))
        self.assertEqual(link.happened, ["step", "step", b"a", "step", "step", b"b"], moved("processData"))
        original, link.processData = link.processData, lambda: False
        link.dataReceived(frame(TEXT, b"c") + frame(TEXT, b"d")[:3])
        self.assertEqual(link.data, frame(TEXT, b"c") + frame(TEXT, b"d")[:3], moved("data"))
        link.processData = original
        link.happened.clear()
        link.dataReceived(b"")
        self.assertIn(b"c", link.happened, moved("dataReceived of nothing"))
        link.dataReceived(frame(TEXT, b"d")[3:])
        self.assertIn(b"d", link.happened, moved("dataReceived"))

    def test_what_a_connection_has(self) -> None:
        """Its options, what only the handshake needed, what it begins with: as much as is taken off ours."""
        mine = vars(self.open())
        self.assertEqual(set(Plain.CONFIG_ATTRS) - set(mine), set(), moved("CONFIG_ATTRS"))
        self.assertEqual(protocol._HANDSHAKE - set(mine), set(), moved("what the handshake leaves"))
        different = {name for name, value in protocol._AT_FIRST.items() if mine.get(name, value) != value}
        self.assertEqual(different, set(), moved("what a connection begins with"))
        for name in ("send_queue", "trafficStats"):
            self.assertIn(name, mine, moved(name))

    def test_violations(self) -> None:
        """Every violation ends in _fail_connection, which sets failedByMe."""
        for data, code in ((frame(3), 1002), (frame(TEXT, b"\xff"), 1007), (frame(TEXT, b"x" * 99), 1009)):
            link = self.open(maxMessagePayloadSize=98)
            self.assertFalse(link.failedByMe, moved("failedByMe"))
            link.dataReceived(data)
            self.assertIn(("fail", code), link.happened, moved("_fail_connection"))
            self.assertTrue(link.failedByMe, moved("failedByMe"))

    def test_frames_of_a_message(self) -> None:
        """The callbacks of IWebSocketChannelFrameApi come for each message and frame, with message_data between."""
        link = self.open()
        seen: list[object] = []
        link.onMessageBegin = self.note(seen, "begin", link.onMessageBegin)
        link.onMessageFrameBegin = self.note(seen, "frame", link.onMessageFrameBegin)
        link.onMessageEnd = lambda: seen.append(b"".join(link.message_data))
        link.dataReceived(frame(BINARY, b"ab", fin=False) + frame(0, b"c"))
        self.assertEqual(seen, [("begin", True), ("frame", 2), ("frame", 1), b"abc"], moved("the frame interface"))

    def note(self, seen: list[object], what: str, original: Any) -> Any:
        """Give a callback that notes and goes on."""

        def noting(value: object) -> None:
            seen.append((what, value))
            original(value)

        return noting

    def test_close_codes(self) -> None:
        """SendCloseFrame sends what sendClose refuses, and sets a timer that outlives the connection."""
        for code in (1001, 1003, 1013):
            link = self.open()
            self.assertRaises(Exception, link.sendClose, code)  # noqa: B017 - that is what it raises
            link.sendCloseFrame(code, b"why")
            self.assertEqual([each.code for each in self.wire.frames()], [code], moved("sendCloseFrame"))
            self.assertEqual(link.state, link.STATE_CLOSING, moved("state"))
            self.assertTrue(link.closeHandshakeTimeoutCall.active(), moved("closeHandshakeTimeoutCall"))

    def test_end_of_the_socket(self) -> None:
        """After both close frames the socket is closed by _closeConnection, by reset, with wasClean set."""
        link = self.open()
        link.sendCloseFrame(1001, b"")
        link.dataReceived(frame(8, b"\x03\xe9"))
        self.assertIn(("close", True), link.happened, moved("_closeConnection"))
        self.assertTrue(link.wasClean, moved("wasClean"))

    def test_the_codec(self) -> None:
        """What is agreed on stands in _perMessageCompress by onOpen, with the window; the offers before that."""
        link = self.open(perMessageCompressionAccept=deflate.accept)
        self.assertEqual(link.happened[0], ("offers", [("permessage-deflate", {})]), moved("websocket_extensions"))
        self.assertEqual(link._perMessageCompress.server_max_window_bits, 15, moved("_perMessageCompress"))
        theirs, ours = type(link._perMessageCompress), deflate.Deflate
        for name in ("start_decompress_message", "decompress_message_data", "end_decompress_message"):
            wanted = set(inspect.signature(getattr(theirs, name)).parameters)
            given = set(inspect.signature(getattr(ours, name)).parameters)
            self.assertLessEqual(wanted, given, moved(name))

    def test_offers(self) -> None:
        """An offer that cannot be is refused when it is parsed."""
        with self.assertRaises(Exception):  # noqa: B017 - that is what it raises
            PerMessageDeflateOffer.parse({"foo": ["bar"]})
        offer = PerMessageDeflateOffer.parse({"server_max_window_bits": ["9"]})
        self.assertEqual(offer.request_max_window_bits, 9, moved("PerMessageDeflateOffer"))

    def test_timers(self) -> None:
        """Every timer is made by the factory's _batched_timer, and onAutoPingTimeout ends a silence."""
        link = self.open(autoPingInterval=7, autoPingTimeout=3)
        self.assertEqual([call.getTime() for call in self.clock.getDelayedCalls()], [7], moved("_batched_timer"))
        self.clock.advance(7)
        self.assertEqual([each.opcode for each in self.wire.frames()], [PING], moved("autoPingInterval"))
        self.assertTrue(link.autoPingTimeoutCall.active(), moved("autoPingTimeoutCall"))
        self.assertEqual(link.autoPingTimeout, 3, moved("autoPingTimeout"))
        self.clock.advance(3)
        self.assertIn("silence", link.happened, moved("onAutoPingTimeout"))


class OptionsTests(WebTestCase):
    """The options as they reach a connection."""

    def test_options(self) -> None:
        """No default of Autobahn's is left where it is open."""
        link = self.websocket().protocol
        for name, value in {
            "maxMessagePayloadSize": self.limits.max_message_size,
            "failByDrop": False,
            "versions": [13],
            "autoPingInterval": 20.0,
            "autoPingTimeout": 20.0,
            "closeHandshakeTimeout": 1.0,
            "openHandshakeTimeout": 0,
            "utf8validateIncoming": True,
            "requireMaskedClientFrames": True,
            "webStatus": False,
        }.items():
            self.assertEqual(getattr(link, name), value, moved(name))

    def test_no_line_of_autobahns(self) -> None:
        """What a client does wrong fills no log."""
        self.websocket().send(frame(BINARY, b"x"))
        self.websocket().send(frame(TEXT, request("ping"), masked=False))
        self.clock.advance(30)
        names = {event["log_namespace"] for event in self.log}
        self.assertEqual(names - {"webcam_rpc.web"}, set())
