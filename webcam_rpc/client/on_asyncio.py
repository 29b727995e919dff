"""The client for asyncio; no Twisted in the process.

    async with Client("ws://camera-host:8002/ws", token=token) as client:
        print(await client.get_camera_list())
        async for event in client.events():
            print(event)

Needs the library ``websockets``: ``pip install webcam-rpc[asyncio]``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from websockets.asyncio.client import connect, unix_connect
from websockets.exceptions import InvalidStatus, WebSocketException

from webcam_rpc.client.address import DEFAULT, MAX_MESSAGE, REFUSALS, Address, address
from webcam_rpc.client.backoff import Backoff
from webcam_rpc.client.conversation import Call
from webcam_rpc.client.core import Core
from webcam_rpc.client.errors import BadAnswer, NoAnswer, NotConnected, Refused
from webcam_rpc.client.following import TOPICS, Following, Position
from webcam_rpc.client.methods import AwaitableMethods

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from types import TracebackType

    from webcam_rpc.client.events import Events, Waiter

T = TypeVar("T")

#: Seconds for a handshake, and for a close.
_HANDSHAKE, _FAREWELL = 10.0, 1.0


class Link(Protocol):
    """A WebSocket: an iterator of what comes, and what sends."""

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Give the messages; ends or raises when the connection does."""

    async def send(self, message: str) -> None:
        """Send a text."""

    async def close(self) -> None:
        """End it."""


class Client(AwaitableMethods):
    """A connection to the service, taken up again when it is lost.

    :param url: where it is.
    :param token: who this is.
    :param unix: the path of its admin socket, instead of the host and port of ``url``.
    :param topics: the notifications to follow.
    :param devices: the cameras to follow, by any of their names; all where there are none.
    :param since: where to go on with the events; None for the states of now and what follows them.
    :param deadline: seconds for a call, with the wait for a connection.
    :param backoff: the delays between attempts to connect.
    :param tls: for ``wss``; the system's certificates where it is None.
    :param dial: connects, for tests.
    """

    def __init__(
        self,
        url: str = DEFAULT,
        *,
        token: str | None = None,
        unix: str | None = None,
        topics: Sequence[str] = TOPICS,
        devices: Sequence[str] = (),
        since: Position | None = None,
        deadline: float = 30.0,
        backoff: Backoff | None = None,
        tls: ssl.SSLContext | None = None,
        dial: Callable[[], Awaitable[Link]] | None = None,
    ) -> None:
        where = address(url, token, unix)
        self._following = Following(topics, devices, since)
        self._core = Core(self._following, self._later, self._hang_up)
        self._dial = dial or (lambda: _dial(where, tls))
        self._deadline = deadline
        self._backoff = backoff or Backoff()
        self._changed = asyncio.Event()
        self._outgoing: asyncio.Queue[str | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._why = "not started"

    @property
    def position(self) -> Position | None:
        """How far the events have come that were put into iterators."""
        return self._following.position

    async def __aenter__(self) -> Client:  # noqa: PYI034 - Self is Python 3.11's
        """Connect. Fails with NotConnected after the deadline, and with Refused at once."""
        self.start()
        try:
            await self._connected("connect", asyncio.get_running_loop().time() + self._deadline)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    def start(self) -> None:
        """Begin to connect, and wait for nothing."""
        if self._task is None:
            self._why = "not yet connected"
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End the connection, and every iterator."""
        self._ended(None)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def call(self, method: str, params: Mapping[str, Any] | None = None, *, deadline: float | None = None) -> Any:  # noqa: ANN401 - any JSON
        """Call a method by its name, for what the typed methods don't know."""
        return await self._perform(method, dict(params or {}), Any, deadline)

    def events(self, *kinds: type, limit: int = 10_000) -> Events:
        """Follow the events: first the states of the cameras that are there, then what happens.

        :param kinds: Structs of :mod:`webcam_rpc.client.models`; every notification where none is named.
        :param limit: how many may wait to be read.
        """
        return self._core.events(kinds, limit, _waiter)

    async def _perform(self, method: str, params: dict[str, Any], result: type[T], deadline: float | None) -> T:
        loop = asyncio.get_running_loop()
        end = loop.time() + (self._deadline if deadline is None else deadline)
        await self._connected(method, end)
        answer: asyncio.Future[T] = loop.create_future()

        def succeeded(value: T) -> None:
            if not answer.done():
                answer.set_result(value)

        def failed(error: Exception) -> None:
            if not answer.done():
                answer.set_exception(error)

        number = self._core.ask(Call(method, result, succeeded, failed), params)
        try:
            # Not wait_for: in Python 3.10 it may lose an answer that comes in the last moment.
            await asyncio.wait([answer], timeout=max(0.0, end - loop.time()))
            if not answer.done():
                raise NoAnswer(f"{method}: no answer in time")
            return answer.result()
        finally:
            if not answer.done():
                # The number is this connection's: had that been lost, the call would have failed.
                self._core.abandon(number)
                answer.cancel()

    async def _connected(self, what: str, end: float) -> None:
        loop = asyncio.get_running_loop()
        while not self._core.is_open:
            if self._core.ended is not None:
                raise self._core.ended
            if self._task is None:
                raise NotConnected(f"{what}: the client was not started")
            self._changed.clear()
            waiting = loop.create_task(self._changed.wait())
            try:
                done, _ = await asyncio.wait([waiting], timeout=max(0.0, end - loop.time()))
            finally:
                waiting.cancel()
            if not done:
                raise NotConnected(f"{what}: {self._why}")

    async def _run(self) -> None:
        reason: Exception | None = None
        try:
            while True:
                await self._connect_once()
                await asyncio.sleep(self._backoff.delay())
        except Exception as error:
            reason = error
            if not isinstance(error, Refused):
                raise
        finally:
            self._ended(reason)

    async def _connect_once(self) -> None:
        try:
            link = await self._dial()
        except InvalidStatus as error:
            status = error.response.status_code
            if status in REFUSALS:
                raise Refused(f"{status}: {REFUSALS[status]}") from None
            self._why = f"the service answers {status}"
        except (OSError, WebSocketException, asyncio.TimeoutError) as error:
            self._why = str(error) or type(error).__name__
        else:
            await self._carry(link)

    async def _carry(self, link: Link) -> None:
        self._outgoing = asyncio.Queue()
        writing = asyncio.get_running_loop().create_task(self._write(link, self._outgoing))
        self._core.opened(self._outgoing.put_nowait)
        self._changed.set()
        self._why = "the connection was closed"
        try:
            async for text in link:
                self._core.received(text)
        except (OSError, WebSocketException, BadAnswer) as error:
            self._why = str(error)
        finally:
            if self._core.good:
                self._backoff.reset()
            self._core.lost(self._why)
            writing.cancel()
            await asyncio.wait([writing])
            await link.close()

    @staticmethod
    async def _write(link: Link, outgoing: asyncio.Queue[str | None]) -> None:
        try:
            while (text := await outgoing.get()) is not None:
                await link.send(text)
            await link.close()
        except (OSError, WebSocketException):
            # Whoever reads from it is told.
            return

    def _ended(self, reason: Exception | None) -> None:
        self._core.end(reason)
        self._changed.set()

    def _hang_up(self) -> None:
        self._outgoing.put_nowait(None)

    @staticmethod
    def _later(seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, call)


def _waiter() -> Waiter:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    return future, lambda: None if future.done() else future.set_result(None)


async def _dial(where: Address, tls: ssl.SSLContext | None) -> Link:
    options: dict[str, Any] = {
        "additional_headers": where.headers,
        "compression": None,
        "open_timeout": _HANDSHAKE,
        "close_timeout": _FAREWELL,
        "max_size": MAX_MESSAGE,
    }
    if where.unix is not None:
        return await unix_connect(where.unix, where.url, **options)
    if where.secure and tls is not None:
        options["ssl"] = tls
    # Cameras are on the network at hand; a proxy for the web is not on the way to them.
    return await connect(where.url, proxy=None, **options)
