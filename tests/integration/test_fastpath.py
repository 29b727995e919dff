"""What the fast path takes of what real clients send, counted by the service itself."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import clientFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater

from tests.integration.media import MediaCase
from tests.integration.test_web import Talk
from tests.web.case import request
from tests.web.wire import CONTINUATION, TEXT, UPGRADE, frame, head

if TYPE_CHECKING:
    from tests.service import Service

reactor: Any = global_reactor

#: How many calls each client makes.
_CALLS = 200


class CountTests(MediaCase):
    """Clients whose stream comes in segments of any size."""

    async def figures(self, service: Service) -> tuple[float, float]:
        """Give how many messages came, and how many took the fast path."""
        _, _, body = await self.get(service, "/metrics")
        found = dict(line.rsplit(b" ", 1) for line in body.splitlines() if not line.startswith(b"#"))
        return float(found[b"webcam_messages_received_total"]), float(found[b"webcam_messages_fast_path_total"])

    async def open(self, service: Service) -> Talk:
        """Open a WebSocket that is not told of anything, so that what comes is the answers."""
        where = service.http_url.removeprefix("http://")
        talk: Any = await clientFromString(reactor, f"tcp:{where}").connect(Factory.forProtocol(Talk))
        self.addCleanup(talk.close)
        talk.transport.setTcpNoDelay(True)
        talk.send(head("GET", "/ws", *UPGRADE, host=where))
        await talk.until(lambda: b"\r\n\r\n" in talk.data)
        return talk  # type: ignore[no-any-return]

    async def calls(self, service: Service, segment: int) -> None:
        """Make calls, and cut their stream into segments with pauses between them."""
        chance = random.Random(segment)  # noqa: S311 - the same in each run
        talk = await self.open(service)
        stream = b"".join(
            frame(TEXT, request("ping", number) + b" " * chance.choice((0, 0, 40, 100, 3000)), mask=chance.randbytes(4))
            for number in range(_CALLS)
        )
        while stream:
            size = chance.randint(1, 2 * segment)
            talk.send(stream[:size])
            stream = stream[size:]
            await deferLater(reactor, chance.choice((0, 0, 0.001)))
        await talk.until(lambda: talk.data.count(b'"pong"') == _CALLS)

    async def test_share(self) -> None:
        """At least 99 of 100 calls in single frames that are not compressed take it; fragments do not."""
        service = await self.serve("--set", "logging.traffic=OFF")
        segments = (100, 536, 1460, 65_536)
        await gatherResults([Deferred.fromCoroutine(self.calls(service, segment)) for segment in segments])
        received, fast = await self.figures(service)
        self.assertEqual(received, 4 * _CALLS)
        self.assertGreaterEqual(fast / received, 0.99)
        talk = await self.open(service)
        talk.send(frame(TEXT, request("ping")[:10], fin=False) + frame(CONTINUATION, request("ping")[10:]))
        await talk.until(lambda: b'"pong"' in talk.data)
        self.assertEqual(await self.figures(service), (received + 1, fast))

    async def test_off(self) -> None:
        """Where it is off nothing takes it."""
        service = await self.serve("--set", "logging.traffic=OFF", "--set", "server.fast_path=false")
        await self.calls(service, 1460)
        self.assertEqual(await self.figures(service), (_CALLS, 0))
