"""Streams and files on real sockets: what a transport in memory cannot show."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.web.case import Tokens, make_admission, response
from tests.web.mediacase import FakeMedia, Picture, parts
from tests.web.wire import head
from webcam_rpc import config
from webcam_rpc.rpc.methods import MethodTable
from webcam_rpc.web.calls import Calls
from webcam_rpc.web.clients import Clients
from webcam_rpc.web.files import Reads
from webcam_rpc.web.parts import CONTENT_TYPE
from webcam_rpc.web.pictures import media_resources
from webcam_rpc.web.site import make_site
from webcam_rpc.web.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

reactor: Any = global_reactor

#: Far more than the kernel keeps for one connection.
MUCH = 32 << 20
#: Seconds for anything to happen: far more than it takes.
PATIENCE = 20.0

_BEHIND = b"\r\n--boundarydonotcross\r\n"


class Client(Protocol):
    """A client that keeps what comes, and takes a stream apart as it comes.

    :ivar pictures: the stream's.
    """

    def __init__(self) -> None:
        self.data = bytearray()
        self.pictures: list[bytes] = []
        self.ended = False
        self._streams = False

    def dataReceived(self, data: bytes) -> None:
        """Take it apart."""
        self.data += data
        if self.data.startswith(b"HTTP/1.1 200 OK\r\n") and CONTENT_TYPE in self.data[:1000]:
            head, end, _ = bytes(self.data[:2000]).partition(b"\r\n\r\n--boundarydonotcross\r\n")
            if end:
                self._streams = True
                del self.data[: len(head) + len(end)]
        while self._streams:
            text, end, _ = bytes(self.data[:1000]).partition(b"\r\n\r\n")
            headers = dict(line.split(b": ", 1) for line in text.split(b"\r\n")) if end else {}
            start = len(text) + 4
            whole = start + int(headers.get(b"Content-Length", 0))
            if not end or len(self.data) < whole + len(_BEHIND):
                break
            assert self.data[whole : whole + len(_BEHIND)] == _BEHIND
            self.pictures.append(bytes(self.data[start:whole]))
            del self.data[: whole + len(_BEHIND)]

    def connectionLost(self, _reason: Failure = connectionDone) -> None:
        """Note it."""
        self.ended = True

    @property
    def wire(self) -> Any:
        """The transport."""
        return self.transport

    @property
    def body(self) -> bytes:
        """What came after the head of an answer."""
        return bytes(self.data.partition(b"\r\n\r\n")[2])


class MediaHttpTests(TestCase):
    """A site that listens, with two cameras."""

    async def serve(self, endpoint: str = "tcp:0:interface=127.0.0.1") -> None:
        """Listen."""
        limits = config.Server()
        self.directory = Path(self.mktemp())
        (self.directory / "recordings").mkdir(parents=True)
        self.media = FakeMedia(self.directory)
        self.clients = Clients(reactor, limits, lambda _: (), Traffic(reactor, enabled=False))
        site = make_site(
            reactor,
            limits,
            make_admission(reactor, config.Access(), Tokens()),
            self.clients,
            Calls(MethodTable(()), reactor),
            lambda: b"{}",
            media_resources(reactor, self.media, Reads(deferToThread)),
        )
        site.noisy = False
        self.clients.startService()
        self.port = await serverFromString(reactor, endpoint).listen(site)
        self.endpoint = endpoint
        self.asked: list[Client] = []
        self.addCleanup(self.stop)

    async def stop(self) -> None:
        """Stop; no socket and no viewer may be left."""
        await maybeDeferred(self.port.stopListening)
        await self.clients.stopService()
        self.assertEqual((len(self.clients.connections), self.media.watching), (0, []))
        for client in self.asked:
            client.wire.abortConnection()
        await self.eventually(lambda: all(client.ended for client in self.asked))

    async def ask(self, path: str, *lines: str) -> Client:
        """Ask for something."""
        where = self.endpoint if self.endpoint.startswith("unix:") else f"tcp:127.0.0.1:{self.port.getHost().port}"
        client: Client = await clientFromString(reactor, where).connect(Factory.forProtocol(Client))
        self.asked.append(client)
        client.wire.write(head("GET", path, *lines, host="localhost"))
        return client

    async def watch(self, count: int) -> list[Client]:
        """Open streams; each has had its first picture, which is empty."""
        clients = [await self.ask("/stream") for _ in range(count)]
        await self.eventually(lambda: len(self.media.watching) == count)
        self.media.give(b"")
        for client in clients:
            await self.pictures(1, client)
            client.pictures.clear()
        return clients

    async def pictures(self, count: int, *clients: Client) -> None:
        """Wait until each has so many."""
        await self.eventually(lambda: all(len(client.pictures) == count for client in clients))

    async def eventually(self, condition: Callable[[], Any]) -> None:
        """Look again and again."""
        end = reactor.seconds() + PATIENCE
        while not condition():
            self.assertLess(reactor.seconds(), end)
            await deferLater(reactor, 0.002)

    async def test_slow_among_fast(self) -> None:
        """Those who keep up get every picture; who reads nothing costs memory for two and goes on with the newest."""
        await self.serve()
        slow, *fast = await self.watch(4)
        pictures = [b"%06d" % number + os.urandom(300_000) for number in range(100)]
        slow.wire.pauseProducing()
        for number, jpeg in enumerate(pictures, 1):
            self.media.give(jpeg)
            await self.pictures(number, *fast)
        for client in fast:
            self.assertTrue(client.pictures == pictures)
        viewer: Any = self.media.watching[0].viewer
        self.assertTrue(viewer._outlet.blocked)
        self.assertIs(viewer._waiting.frame.jpeg, pictures[-1])
        self.assertLessEqual(sum(map(len, viewer._outlet._left)), len(pictures[0]) + 200)
        slow.wire.resumeProducing()
        await self.eventually(lambda: pictures[-1] in slow.pictures)
        numbers = [pictures.index(jpeg) for jpeg in slow.pictures]
        self.assertLess(len(numbers), len(pictures))
        self.assertEqual(numbers, sorted(set(numbers)))
        self.media.give(b"and on")
        await self.eventually(lambda: slow.pictures[-1:] == [b"and on"])

    async def test_one_big_picture(self) -> None:
        """One that no socket takes at once arrives whole, and then the newest of those that came meanwhile."""
        await self.serve()
        (client,) = await self.watch(1)
        big = os.urandom(MUCH)
        for jpeg in (big, b"left out", b"newest"):
            self.media.give(jpeg)
        await self.eventually(lambda: client.pictures[-1:] == [b"newest"])
        self.assertTrue(client.pictures == [big, b"newest"])

    async def test_a_viewer_that_goes(self) -> None:
        """By a close, by a reset, in the middle of a picture or while it waits for one: nothing is left of it."""
        await self.serve()
        before = 0
        for number in range(40):
            raw = socket.create_connection(("127.0.0.1", self.port.getHost().port))
            raw.sendall(head("GET", "/stream", host="localhost"))
            await self.eventually(lambda: len(self.media.watching) == 1)
            if number % 4:
                self.media.give(b"")
                await deferLater(reactor, 0)
                self.media.give(os.urandom(MUCH // 8 if number % 4 == 1 else 1000))
            if number % 2:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()
            self.media.give()
            self.media.give()
            await self.eventually(lambda: not self.media.watching)
            await self.eventually(lambda: len(self.clients.connections) == 0)
            before = before or len(os.listdir("/proc/self/fd"))
        self.assertLessEqual(len(os.listdir("/proc/self/fd")), before)

    async def test_unix_socket(self) -> None:
        """The same through the transport alone."""
        await self.serve(f"unix:{self.mktemp()}.socket")
        (client,) = await self.watch(1)
        pictures = [os.urandom(300_000) for _ in range(20)]
        for number, jpeg in enumerate(pictures, 1):
            self.media.give(jpeg)
            await self.pictures(number, client)
        self.assertTrue(client.pictures == pictures)

    async def test_answers_before_a_stream(self) -> None:
        """Requests that come together are answered in order: the stream begins behind the file."""
        await self.serve()
        content = os.urandom(MUCH // 4)
        (self.directory / "recordings" / "a.mp4").write_bytes(content)
        client = await self.ask("/files/recordings/a.mp4")
        client.wire.pauseProducing()
        client.wire.write(head("GET", "/stream", host="localhost"))
        await deferLater(reactor, 0.02)
        self.assertEqual(self.media.watching, [])
        client.wire.resumeProducing()
        await self.eventually(lambda: len(self.media.watching) == 1)
        self.media.give(b"jpeg")
        await self.eventually(lambda: client.data.endswith(b"jpeg\r\n--boundarydonotcross\r\n"))
        _, headers, rest = response(bytes(client.data))
        self.assertEqual(int(headers["content-length"]), len(content))
        self.assertTrue(rest.startswith(content))
        self.assertEqual(parts(response(rest[len(content) :])[2])[0][1], b"jpeg")

    async def test_a_download(self) -> None:
        """A big file arrives whole at a client that pauses, and a range of it after that on the same connection."""
        await self.serve()
        content = os.urandom(MUCH)
        (self.directory / "recordings" / "a.mkv").write_bytes(content)
        client = await self.ask("/files/recordings/a.mkv")
        await self.eventually(lambda: len(client.data) > 100_000)
        client.wire.pauseProducing()
        await deferLater(reactor, 0.05)
        client.wire.resumeProducing()
        await self.eventually(lambda: len(client.data) > MUCH and len(client.body) == MUCH)
        self.assertTrue(client.body == content)
        client.data.clear()
        client.wire.write(head("GET", "/files/recordings/a.mkv", f"Range: bytes={MUCH - 9}-", host="localhost"))
        await self.eventually(lambda: client.data.endswith(content[-9:]))
        self.assertEqual(response(bytes(client.data))[0], 206)

    async def test_snapshot(self) -> None:
        """A picture of megabytes arrives."""
        await self.serve()
        client = await self.ask("/snapshot")
        await self.eventually(lambda: len(self.media.taking) == 1)
        jpeg = os.urandom(MUCH // 4)
        self.media.taking.pop()[3].callback(Picture(jpeg))
        await self.eventually(lambda: len(client.data) > len(jpeg) and len(client.body) == len(jpeg))
        self.assertTrue(client.body == jpeg)

    async def test_the_end(self) -> None:
        """Streams end with the service at once, one that is read in order, one that is not by a reset."""
        await self.serve()
        reading, stuck = await self.watch(2)
        stuck.wire.pauseProducing()
        picture = os.urandom(MUCH // 4)
        for number in range(1, 4):
            self.media.give(picture)
            await self.pictures(number, reading)
        await self.clients.stopService()
        await self.eventually(lambda: reading.ended)
        self.assertEqual((len(reading.pictures), reading.data), (3, b""))
