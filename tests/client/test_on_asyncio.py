"""The client for asyncio, with a service in memory at the other end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from twisted.trial.unittest import SynchronousTestCase
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from tests.client.service import Connection, MemoryService
from webcam_rpc.client.backoff import Backoff
from webcam_rpc.client.errors import Closed, ConnectionLost, NoAnswer, NotConnected, Refused
from webcam_rpc.client.models import CameraStatusUpdate
from webcam_rpc.client.on_asyncio import Client

if TYPE_CHECKING:
    from collections.abc import Coroutine

#: Seconds for what is there at once.
_PATIENCE = 30.0


class Wire:
    """A WebSocket to a service in memory."""

    def __init__(self, service: MemoryService) -> None:
        service.connections.clear()
        self._connection = Connection(service)
        self._incoming: asyncio.Queue[str | None] = asyncio.Queue()
        self.flush()

    def flush(self) -> None:
        """Bring what the service has sent."""
        while self._connection.waiting:
            self._incoming.put_nowait(self._connection.waiting.popleft())

    def cut(self) -> None:
        """Break it."""
        self._incoming.put_nowait(None)

    def __aiter__(self) -> Wire:
        """Be the iterator."""
        return self

    async def __anext__(self) -> str:
        """Give the next message; fails as a socket does when it is broken."""
        text = await self._incoming.get()
        if text is None:
            raise ConnectionResetError("cut")
        return text

    async def send(self, message: str) -> None:
        """Take a message for the service."""
        self._connection.ask(message)
        self.flush()

    async def close(self) -> None:
        """End it."""
        self.cut()


class AsyncioClientTests(SynchronousTestCase):
    """The client, run by a loop of its own."""

    def setUp(self) -> None:
        """Make a service; each connection to it is kept."""
        self.service = MemoryService()
        self.wires: list[Wire] = []
        self.refusals: list[Exception] = []

    def client(self, **more: Any) -> Client:
        """Make a client."""

        async def dial() -> Wire:
            if self.refusals:
                raise self.refusals.pop(0)
            self.wires.append(Wire(self.service))
            return self.wires[-1]

        return Client(dial=dial, **{"backoff": Backoff(0.001, 0.002), "deadline": _PATIENCE, **more})

    def run_until_done(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a test; whatever task or callback fails beside it fails it too."""
        faults: list[Any] = []

        async def watched() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
            await asyncio.wait_for(work, _PATIENCE)
            self.assertEqual([task for task in asyncio.all_tasks() if task is not asyncio.current_task()], [])

        asyncio.run(watched())
        self.assertEqual(faults, [])

    def test_calls_and_events(self) -> None:
        """Calls are answered; events come after the states, over a lost connection, until the client is closed."""

        async def work() -> None:
            self.service.publish()
            async with self.client() as client:
                events = client.events(CameraStatusUpdate)
                self.assertEqual(await client.ping(), "pong")
                told = [await anext(events)]
                self.service.publish()
                self.wires[0].cut()
                told.append(await anext(events))
                self.assertEqual([(one.initial is True, one.seq) for one in told], [(True, 1), (False, 2)])
                self.assertEqual(len(self.wires), 2)
                assert client.position is not None
                self.assertEqual(client.position.seq, 2)
            with self.assertRaises(StopAsyncIteration):
                await anext(events)
            with self.assertRaises(Closed):
                await client.ping()

        self.run_until_done(work())

    def test_lost(self) -> None:
        """A call that is under way fails with the connection; the next one waits for another connection."""

        async def work() -> None:
            async with self.client() as client:
                under_way = asyncio.create_task(client.call("never_answered"))
                await client.ping()
                self.refusals += [OSError("no route"), OSError("no route")]
                self.wires[0].cut()
                with self.assertRaises(ConnectionLost):
                    await under_way
                self.assertEqual(await client.ping(), "pong")
                self.assertEqual((len(self.wires), self.refusals), (2, []))

        self.run_until_done(work())

    def test_deadlines(self) -> None:
        """A call ends at its deadline, answered or not, connected or not, and says which."""

        async def work() -> None:
            async with self.client() as client:
                with self.assertRaises(NoAnswer):
                    await client.call("never_answered", deadline=0.01)
                self.assertEqual(await client.ping(), "pong")
                task = asyncio.create_task(client.call("never_answered"))
                await client.ping()
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
            self.refusals += [OSError("no route")] * 1000
            with self.assertRaisesRegex(NotConnected, "no route"):
                await self.client(deadline=0.05).__aenter__()
            with self.assertRaisesRegex(NotConnected, "not started"):
                await self.client().ping()

        self.run_until_done(work())

    def test_refused(self) -> None:
        """A wrong token is shown once; a service that has too many clients is tried again."""

        async def work() -> None:
            for status in (503, 401):
                self.refusals.append(InvalidStatus(Response(status, "", Headers())))
            client = self.client()
            events = client.events()
            with self.assertRaisesRegex(Refused, "401"):
                await client.__aenter__()
            with self.assertRaises(Refused):
                await anext(events)
            self.assertEqual(self.wires, [])

        self.run_until_done(work())

    def test_nonsense(self) -> None:
        """A service that sends what is no message is left, and come back to."""

        async def work() -> None:
            async with self.client() as client:
                await client.ping()
                under_way = asyncio.create_task(client.call("never_answered"))
                await client.ping()
                self.wires[0]._incoming.put_nowait("{")
                with self.assertRaisesRegex(ConnectionLost, "not a message"):
                    await under_way
                self.assertEqual(await client.ping(), "pong")
                self.assertEqual(len(self.wires), 2)

        self.run_until_done(work())
