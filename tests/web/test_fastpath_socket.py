"""Bytes that go straight to the socket: all of them, once and in order, whatever the socket takes and its peer does."""

from __future__ import annotations

import random

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from tests.web.case import WebTestCase, request
from tests.web.sockets import connected
from tests.web.wire import CLOSE, LOOPBACK, PING, PONG, TEXT, UPGRADE, frame, frames, head
from webcam_rpc.web.fastpath import FastServerProtocol, _Socket
from webcam_rpc.web.outbox import Outbox, Turn


class SocketTests(SynchronousTestCase):
    """What writes to the socket, on a real one."""

    def setUp(self) -> None:
        """Make a connection."""
        self.connection, self.peer, self.waits = connected(self)
        self.write = _Socket(self.connection).write
        self.came = b""

    def read(self) -> bytes:
        """Read what is there for the peer."""
        try:
            while data := self.peer.recv(1 << 20):
                self.came += data
        except BlockingIOError:
            pass
        except ConnectionResetError:
            self.came += b"reset"
        return self.came

    def turn(self) -> object:
        """Do as a reactor that finds the socket writable."""
        return self.connection.doWrite() if self.waits.writes else None

    def waiting(self) -> int:
        """Count what is with the transport."""
        one = self.connection
        return int(len(one.dataBuffer) - one.offset + sum(len(each) for each in one._tempDataBuffer))

    def test_at_once(self) -> None:
        """What the socket takes is with the peer before the reactor turns, and nobody waits for the socket."""
        self.write(b"abc")
        self.assertEqual((self.read(), self.waits.writes, self.waiting()), (b"abc", False, 0))

    def test_partly(self) -> None:
        """The rest of what it does not take whole goes through the transport, and what follows goes behind it."""
        first, second, third = random.Random(1).randbytes(1 << 18), b"second" * 9, b"third" * 99  # noqa: S311
        self.write(first)
        self.assertTrue(0 < self.waiting() < len(first))
        self.assertTrue(self.waits.writes)
        self.write(second)
        self.read()
        # There is room again, but not before what waits.
        self.write(third)
        while self.waits.writes:
            self.turn()
            self.read()
        self.assertEqual((self.came, self.waiting()), (first + second + third, 0))
        self.write(b"at once")
        self.assertEqual(self.read()[-7:], b"at once")

    def test_any_sizes(self) -> None:
        """So it is with any sizes, a peer that reads now and then, and a reactor that turns now and then."""
        for seed in range(30):
            chance = random.Random(seed)  # noqa: S311 - the same in each run
            sent = b""
            self.came = b""
            for _ in range(200):
                data = chance.randbytes(chance.choice((0, 1, 10, 1000, 20_000)))
                sent += data
                self.write(data)
                if chance.random() < 0.3:
                    self.read()
                if chance.random() < 0.3:
                    self.turn()
            while self.waits.writes:
                self.turn()
                self.read()
            self.assertEqual(self.read(), sent, seed)

    def test_behind_what_was_written(self) -> None:
        """What somebody else has written to the transport goes first."""
        self.connection.write(b"first ")
        self.write(b"second ")
        self.assertEqual(self.read(), b"")
        self.turn()
        self.write(b"third")
        self.assertEqual(self.read(), b"first second third")

    def test_full(self) -> None:
        """A socket that takes nothing is waited for."""
        ours, sent = self.connection.socket, 0
        with self.assertRaises(BlockingIOError):
            while True:
                sent += ours.send(b"x" * 1000)
        self.write(b"behind")
        self.assertEqual((self.waiting(), self.waits.writes), (6, True))
        self.read()
        self.turn()
        self.assertEqual(self.read(), b"x" * sent + b"behind")

    def test_a_peer_that_is_gone(self) -> None:
        """Its end is the transport's to find out, as ever; nothing is raised here."""
        self.peer.close()
        self.write(b"abc")
        self.assertTrue(self.waits.writes)
        self.assertIsInstance(self.turn(), Exception)

    def test_reset(self) -> None:
        """A connection that was reset is found out in the same way."""
        self.write(b"abc")
        # What is unread when a socket is closed resets it.
        self.peer.close()
        self.write(b"abc")
        self.write(b"def")
        self.assertIsInstance(self.turn(), Exception)

    def test_behind_the_end(self) -> None:
        """From when the connection is to end on, nothing goes past the transport, whose rules hold."""
        for end in ("loseConnection", "loseWriteConnection", "abortConnection"):
            self.setUp()
            getattr(self.connection, end)()
            self.write(b"abc")
            self.assertEqual(self.read(), b"", end)

    def test_lost(self) -> None:
        """On a connection that is lost nothing is written, and nothing is raised."""
        self.connection.abortConnection()
        for function in self.waits.later:
            function()
        self.assertFalse(self.connection.connected)
        self.write(b"abc")
        self.assertEqual((self.waiting(), self.read()), (0, b""))

    def test_not_before_it_is_connected(self) -> None:
        """What is not connected has its transport ignore what it is given."""
        self.connection.connected = 0
        self.write(b"abc")
        self.assertEqual(self.read(), b"")

    def test_back_pressure(self) -> None:
        """The outbox is told to wait when the transport has enough, and to go on when it has none left."""
        drained: list[int] = []
        outbox = Outbox(self.write, Turn(Clock()), lambda: drained.append(1))
        self.connection.registerProducer(outbox, True)  # noqa: FBT003 - Twisted's signature
        sent = b""
        while not outbox.full:
            sent += b"%08d" % len(sent) * 1000
            outbox.write(sent[-8000:])
            outbox.flush()
            self.assertLess(self.waiting(), 100_000)
        self.assertEqual(drained, [])
        for _ in range(20):
            outbox.write(b"y" * 10_000)
        self.assertEqual(outbox.waiting, 200_000)
        while self.waits.writes:
            self.read()
            self.turn()
            self.assertLess(self.waiting(), 200_000)
        self.assertEqual((self.read() == sent + b"y" * 200_000, outbox.waiting, outbox.full), (True, 0, False))
        self.assertGreaterEqual(len(drained), 1)


class WriterTests(WebTestCase):
    """What a WebSocket writes with."""

    def writer(self, transport: object) -> object:
        """Give it for a transport."""
        link = FastServerProtocol()
        link.transport = transport  # type: ignore[assignment]
        return link.writer()

    def test_which(self) -> None:
        """A plain socket is written to; TLS, and whatever else, is only written to by its transport."""
        connection, _, _ = connected(self)
        self.assertIsInstance(getattr(self.writer(connection), "__self__", None), _Socket)
        directlyProvides(connection, ISSLTransport)
        self.assertEqual(self.writer(connection), connection.write)
        wire = self.connect()
        self.assertEqual(self.writer(wire), wire.write)

    def test_the_site(self) -> None:
        """A whole WebSocket on a socket: the handshake, news, replies, pongs and the goodbye, in their order."""
        connection, peer, waits = connected(self)
        protocol = self.site.buildProtocol(LOOPBACK)
        assert protocol is not None
        connection.protocol = protocol
        connection.getPeer = connection.getHost = lambda: LOOPBACK
        connection.setTcpNoDelay = lambda _: None
        self.greetings.append(b'{"hello":1}')
        peer.settimeout(10)
        connection.resumeProducing = connection.pauseProducing = lambda: None
        protocol.makeConnection(connection)
        connection.protocol.dataReceived(head("GET", "/ws", *UPGRADE) + frame(TEXT, request("ping", 1)))
        while waits.writes:
            connection.doWrite()
        self.clock.advance(0)
        connection.protocol.dataReceived(
            frame(TEXT, request("ping", 2)) + frame(PING, b"x") + frame(TEXT, request("big", 3, size=3000))
        )
        (client,) = self.clients
        client.close(1001, "enough")
        while waits.writes:
            connection.doWrite()
        data = peer.recv(1 << 16).partition(b"\r\n\r\n")[2]
        found = frames(data)
        self.assertEqual([each.opcode for each in found], [TEXT, TEXT, TEXT, PONG, TEXT, CLOSE])
        self.assertEqual(found[0].payload, b'{"hello":1}')
        self.assertEqual([each.payload[-2:-1] for each in found[1:3]], [b"1", b"2"])
        connection.abortConnection()
        for function in waits.later:
            function()
        self.clock.advance(0)
        self.assertEqual(len(self.clients), 0)
