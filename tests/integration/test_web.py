"""The network side on real sockets: what a transport in memory cannot show."""

from __future__ import annotations

import json
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateResponseAccept
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.web.case import Methods, Tokens, make_admission, request, response
from tests.web.wire import CLOSE, PING, PONG, TEXT, UPGRADE, Frame, frame, head
from webcam_rpc import config
from webcam_rpc.web.calls import Calls
from webcam_rpc.web.clients import Clients
from webcam_rpc.web.site import make_site
from webcam_rpc.web.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

reactor: Any = global_reactor
client_factory: Any = WebSocketClientFactory

#: Seconds for anything to happen: far more than it takes.
PATIENCE = 20.0


class Talk(Protocol):
    """A client that writes and reads bytes."""

    def __init__(self) -> None:
        self.data = b""
        self.ended = False
        self._waiting: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.data += data
        self._look()

    def connectionLost(self, _reason: Failure = connectionDone) -> None:
        """Note it."""
        self.ended = True
        self._look()

    def until(self, found: Callable[[], Any]) -> Deferred[Any]:
        """Wait until ``found`` gives something true."""
        done: Deferred[Any] = Deferred()
        self._waiting.append((found, done))
        self._look()
        return done.addTimeout(PATIENCE, reactor)

    def end(self) -> Deferred[Any]:
        """Wait for the end of the connection."""
        return self.until(lambda: self.ended)

    async def frames(self, count: int = 1) -> list[Frame]:
        """Wait for so many frames and take them."""
        found: list[Frame] = await self.until(lambda: len(whole(self.data)[0]) >= count and whole(self.data)[0])
        self.data = whole(self.data)[1]
        return found

    def send(self, data: bytes) -> None:
        """Write."""
        assert self.transport is not None
        self.transport.write(data)

    def pause(self) -> None:
        """Read no more."""
        transport: Any = self.transport
        transport.pauseProducing()

    def resume(self) -> None:
        """Read on."""
        transport: Any = self.transport
        transport.resumeProducing()

    def close(self) -> Deferred[Any]:
        """Go."""
        assert self.transport is not None
        self.transport.loseConnection()
        return self.end()

    def _look(self) -> None:
        for entry in tuple(self._waiting):
            found, done = entry
            value = found()
            if value:
                self._waiting.remove(entry)
                done.callback(value)


def whole(data: bytes) -> tuple[list[Frame], bytes]:
    """Take whole frames off the front of what came."""
    found = []
    while len(data) >= 2:
        size, start = data[1] & 0x7F, 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        if len(data) < start + size:
            break
        found.append(Frame(data[0] & 0x0F, data[start : start + size], bool(data[0] & 0x80), data[0] >> 4 & 7))
        data = data[start + size :]
    return found, data


class WebTests(TestCase):
    """A site that listens."""

    async def serve(self, endpoint: str = "tcp:0:interface=127.0.0.1", **limits: Any) -> None:
        """Listen."""
        settings = config.Server(**limits)
        self.methods = Methods()
        calls = Calls(self.methods.table(), reactor)
        self.clients = Clients(reactor, settings, lambda _: [b'{"hello":1}'], Traffic(reactor, enabled=False))
        self.site = make_site(
            reactor,
            settings,
            make_admission(reactor, config.Access(), Tokens()),
            self.clients,
            calls,
            lambda: b"{}" * 9000,
        )
        self.site.noisy = False
        self.clients.startService()
        self.port = await serverFromString(reactor, endpoint).listen(self.factory())
        self.addCleanup(self.stop, self.port, self.clients)

    def factory(self) -> Any:
        """Give what listens: the site."""
        return self.site

    async def stop(self, port: Any, clients: Clients) -> None:
        """Stop; no socket may be left."""
        await maybeDeferred(port.stopListening)
        await clients.stopService()
        self.assertEqual(len(clients.connections), 0)

    def reach(self, where: str | None = None) -> Any:
        """Give the endpoint by which a client connects."""
        return clientFromString(reactor, where or f"tcp:127.0.0.1:{self.port.getHost().port}")

    async def talk(self, endpoint: str | None = None) -> Talk:
        """Connect."""
        talk: Talk = await self.reach(endpoint).connect(Factory.forProtocol(Talk))
        self.addCleanup(talk.close)
        return talk

    async def websocket(self, endpoint: str | None = None) -> Talk:
        """Open a WebSocket and take its greeting."""
        talk = await self.talk(endpoint)
        talk.send(head("GET", "/ws", *UPGRADE, host="localhost"))
        await talk.until(lambda: b"\r\n\r\n" in talk.data)
        answer, _, talk.data = talk.data.partition(b"\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 101 "), answer)
        (greeting,) = await talk.frames()
        self.assertEqual(greeting.payload, b'{"hello":1}')
        return talk

    async def ping(self, talk: Talk) -> None:
        """Make a call."""
        talk.send(frame(TEXT, request("ping")))
        (reply,) = await talk.frames()
        self.assertIn(b'"pong"', reply.payload)

    async def test_calls_and_http_on_one_port(self) -> None:
        """The WebSocket and everything else share the port."""
        await self.serve()
        talk = await self.websocket()
        await self.ping(talk)
        talk.send(frame(PING, b"x"))
        self.assertEqual([each.opcode for each in await talk.frames()], [PONG])
        http = await self.talk()
        text = request("echo", text="x")
        http.send(
            head("POST", "/rpc", "Content-Type: application/json", f"Content-Length: {len(text)}", host="localhost")
            + text
        )
        await http.until(lambda: http.data.endswith(b'"id":1}'))
        self.assertEqual(response(http.data)[0], 200)

    async def test_other_kinds_of_sockets(self) -> None:
        """IPv6, an IPv4 client of an IPv6 socket, and a unix socket: all of them this machine."""
        path = f"{self.mktemp()}.socket"
        for server, client in (
            ("tcp6:0:interface=\\:\\:1", "tcp:host=\\:\\:1:port=%d"),
            ("tcp6:0:interface=\\:\\:", "tcp:host=127.0.0.1:port=%d"),
            (f"unix:{path}", f"unix:{path}"),
        ):
            try:
                await self.serve(server)
            except OSError:
                # A machine without IPv6.
                continue
            talk = await self.websocket(client % self.port.getHost().port if "%d" in client else client)
            talk.send(frame(TEXT, request("echo", text="x")))
            (reply,) = await talk.frames()
            self.assertIn(b'"x"', reply.payload)
            await talk.close()

    async def test_another_implementation(self) -> None:
        """Autobahn's client, with compression, goes through a whole life of a connection."""
        await self.serve()
        events: list[Any] = []
        closed: Deferred[None] = Deferred()

        class Theirs(WebSocketClientProtocol):  # type: ignore[misc,unused-ignore]
            def onConnect(self, response: Any) -> None:
                events.append(str(response.extensions[0].EXTENSION_NAME))

            def onOpen(self) -> None:
                self.sendMessage(request("echo", text="é" * 5000))

            def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: FBT001, N803, ARG002 - Autobahn's
                events.append(len(payload))
                if len(payload) > 100:
                    self.sendClose(1000, "bye")

            def onClose(self, wasClean: bool, code: int, reason: str) -> None:  # noqa: FBT001, N803, ARG002 - as above
                events.append((wasClean, code))
                closed.callback(None)

        factory = client_factory(f"ws://127.0.0.1:{self.port.getHost().port}/ws", reactor=reactor)
        factory.noisy = False
        factory.protocol = Theirs
        factory.setProtocolOptions(
            perMessageCompressionOffers=[PerMessageDeflateOffer()],
            perMessageCompressionAccept=PerMessageDeflateResponseAccept,
        )
        await self.reach().connect(factory)
        await closed
        self.assertEqual(events[:2] + events[3:], ["permessage-deflate", 11, (True, 1000)])
        self.assertGreater(events[2], 10_000)

    async def test_close_frames_arrive(self) -> None:
        """A client that is in the middle of sending megabytes gets the close frame all the same, not a reset."""
        await self.serve()
        for data, code in (
            (frame(TEXT, b" " * (8 << 20)), 1009),
            (frame(2, b" " * (8 << 20)), 1003),
            (frame(3) + b"\xff" * (8 << 20), 1002),
            (frame(TEXT, b"\xff") + frame(TEXT, b"x" * 60000) * 100, 1007),
        ):
            talk = await self.websocket()
            talk.send(data)
            (close,) = await talk.frames()
            self.assertEqual((close.opcode, close.code), (CLOSE, code))
            await talk.end()

    async def test_refusals_arrive(self) -> None:
        """So do the answers to requests that are too long, while they are still being sent."""
        await self.serve()
        for data, status in (
            (b"GET /" + b"x" * (4 << 20), 431),
            (head("POST", "/rpc", f"Content-Length: {8 << 20}", host="localhost") + b" " * (8 << 20), 413),
        ):
            talk = await self.talk()
            talk.send(data)
            await talk.end()
            self.assertEqual(response(talk.data)[0], status)

    async def test_too_many(self) -> None:
        """A connection too many reads 503, whenever it sends its request."""
        await self.serve(max_connections=1)
        first = await self.websocket()
        for early in (True, False):
            talk = await self.talk()
            if early:
                talk.send(head("GET", "/ws", *UPGRADE))
            await talk.end()
            self.assertEqual(response(talk.data)[0], 503)
        await first.close()
        await self.eventually(lambda: len(self.clients.connections) == 0)
        await self.websocket()

    async def test_deadline(self) -> None:
        """A connection that does not get to its request is closed, whether it trickles or not."""
        await self.serve(handshake_timeout=0.3)
        silent, trickle = await self.talk(), await self.talk()
        for byte in head("GET", "/ws", *UPGRADE):
            if trickle.ended:
                break
            trickle.send(bytes((byte,)))
            await deferLater(reactor, 0.01)
        await trickle.end()
        await silent.end()
        self.assertEqual(silent.data + trickle.data, b"")

    async def test_the_end(self) -> None:
        """Every client gets 1001; those that don't answer, idle ones and half a request are gone too."""
        await self.serve()
        clients = [await self.websocket() for _ in range(3)]
        idle = await self.talk()
        idle.send(head("GET", "/openrpc.json", host="localhost"))
        await idle.until(lambda: len(idle.data) > 9000)
        half = await self.talk()
        half.send(b"GET /w")
        clients[0].pause()
        await self.eventually(lambda: len(self.clients.connections) == 5)
        stopped = self.clients.stopService()
        for talk in clients[1:]:
            (close,) = await talk.frames()
            self.assertEqual((close.opcode, close.code), (CLOSE, 1001))
            talk.send(frame(CLOSE, close.payload))
            await talk.end()
        await idle.end()
        await half.end()
        await stopped
        self.assertEqual(len(self.clients.connections), 0)

    async def test_a_client_that_never_reads(self) -> None:
        """What waits for it is bounded, it is closed in the end, and nobody else notices."""
        await self.serve(max_pending=100_000)
        mute, other = await self.websocket(), await self.websocket()
        mute.pause()
        payload = b'"' + b"x" * 50_000 + b'"'
        for _ in range(400):
            self.clients.broadcast(payload, "camera_status_update", None)
            await other.frames()
            if len(self.clients.connections) == 1:
                break
            if len(list(self.clients)) == 2:
                await self.ping(other)
        await self.eventually(lambda: len(self.clients.connections) == 1)
        await self.ping(other)

    async def test_a_client_that_reads_late(self) -> None:
        """Megabytes of replies wait while it does not read; then it has every byte, once and in order."""
        await self.serve()
        late, other = await self.websocket(), await self.websocket()
        late.pause()
        (behind, _), sizes = self.clients, [100_000]
        # The kernel takes some megabytes.
        while not behind._outbox.full:
            late.send(frame(TEXT, request("big", sizes[-1], size=sizes[-1])))
            sizes.append(sizes[-1] + 1)
            self.assertLess(len(sizes), 300)
            await self.ping(other)
        late.send(frame(TEXT, request("big", sizes[-1], size=sizes[-1])) + frame(PING, b"x"))
        await self.ping(other)
        self.assertEqual(late.data, b"")
        late.resume()
        await late.until(lambda: late.data.endswith(b"\x8a\x01x"))
        found = await late.frames(len(sizes) + 1)
        self.assertEqual([each.opcode for each in found], [TEXT] * len(sizes) + [PONG])
        answers = [json.loads(each.payload) for each in found[:-1]]
        self.assertEqual([answer["id"] for answer in answers], sizes)
        self.assertEqual([answer["result"] == "x" * answer["id"] for answer in answers], [True] * len(sizes))

    async def test_a_client_that_floods(self) -> None:
        """One that sends calls and pings without end gets answers, and so does another in between."""
        await self.serve()
        flood, other = await self.websocket(), await self.websocket()
        flood.send((frame(TEXT, request("ping")) + frame(PING, b"x")) * 5000)
        for _ in range(5):
            await self.ping(other)
        self.assertLess(len(self.methods.performed), 5000)
        await flood.until(lambda: flood.data.count(b'"pong"') == 5000)

    async def test_resets(self) -> None:
        """Connections that are reset, at any moment, leave no descriptor behind."""
        await self.serve()
        await (await self.websocket()).close()
        await self.eventually(lambda: len(self.clients.connections) == 0)
        before = len(os.listdir("/proc/self/fd"))
        starts = (b"", b"GET /ws HT", head("GET", "/ws", *UPGRADE), head("GET", "/ws", *UPGRADE) + frame(TEXT, b"x"))
        for number in range(200):
            raw = socket.create_connection(("127.0.0.1", self.port.getHost().port))
            raw.send(starts[number % 4])
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if number % 8 > 3:
                await deferLater(reactor, 0)
            raw.close()
        await deferLater(reactor, 0.05)
        await self.eventually(lambda: len(self.clients.connections) == 0)
        self.assertLessEqual(len(os.listdir("/proc/self/fd")), before)

    async def eventually(self, condition: Callable[[], bool]) -> None:
        """Look again and again: the server hears of a lost connection when its reactor comes to it."""
        end = reactor.seconds() + PATIENCE
        while not condition():
            self.assertLess(reactor.seconds(), end)
            await deferLater(reactor, 0.01)


class StockWebTests(WebTests):
    """All of it without the fast path."""

    async def serve(self, endpoint: str = "tcp:0:interface=127.0.0.1", **limits: Any) -> None:
        """Listen."""
        await super().serve(endpoint, fast_path=False, **limits)
