"""The client for Twisted: a Service whose methods give Deferreds.

    client = Client(reactor, "ws://camera-host:8002/ws", token=token)
    client.startService()
    cameras = await client.get_camera_list()
    async for event in client.events():
        print(event)

An iterator of events is for coroutines: :func:`twisted.internet.defer.ensureDeferred`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.ssl import optionsForClientTLS

from webcam_rpc.client.address import DEFAULT, MAX_MESSAGE, REFUSALS, Address, address
from webcam_rpc.client.backoff import Backoff
from webcam_rpc.client.conversation import Call
from webcam_rpc.client.core import Core
from webcam_rpc.client.errors import BadAnswer, NoAnswer, NotConnected, Refused
from webcam_rpc.client.following import TOPICS, Following, Position
from webcam_rpc.client.methods import DeferredMethods

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twisted.internet.interfaces import IDelayedCall, IStreamClientEndpoint
    from twisted.python.failure import Failure

    from webcam_rpc.client.events import Events, Waiter

    #: Begins something; gives the number of the call that is to be abandoned with it.
    Begin = Callable[[Callable[[Any], None], Callable[[Exception], None]], int | None]

T = TypeVar("T")

#: Seconds for a handshake, for a close, and for the answer to a ping when nothing else comes.
_HANDSHAKE, _FAREWELL, _PING = 10.0, 1.0, 20.0
_STATUS = re.compile(r"upgrade failed \W(\d{3})\b")
#: Autobahn has no types.
_factory: Any = WebSocketClientFactory


class Client(DeferredMethods, Service):
    """A connection to the service, taken up again when it is lost, from ``startService`` to ``stopService``.

    :param reactor: connects, and tells the time.
    :param url: where it is.
    :param token: who this is.
    :param unix: the path of its admin socket, instead of the host and port of ``url``.
    :param topics: the notifications to follow.
    :param devices: the cameras to follow, by any of their names; all where there are none.
    :param since: where to go on with the events; None for the states of now and what follows them.
    :param deadline: seconds for a call, with the wait for a connection.
    :param backoff: the delays between attempts to connect.
    :param endpoint: connects instead, for tests and for TLS with other certificates than the system's.
    """

    def __init__(
        self,
        reactor: Any,  # noqa: ANN401 - provides many interfaces
        url: str = DEFAULT,
        *,
        token: str | None = None,
        unix: str | None = None,
        topics: Sequence[str] = TOPICS,
        devices: Sequence[str] = (),
        since: Position | None = None,
        deadline: float = 30.0,
        backoff: Backoff | None = None,
        endpoint: IStreamClientEndpoint | None = None,
    ) -> None:
        where = address(url, token, unix)
        self._reactor = reactor
        self._endpoint = endpoint if endpoint is not None else _endpoint(reactor, where)
        self._factory = _factory(where.url, headers=where.headers, reactor=reactor)
        self._factory.protocol = _Protocol
        self._factory.client = self
        self._factory.noisy = False
        self._factory.setProtocolOptions(
            openHandshakeTimeout=_HANDSHAKE,
            closeHandshakeTimeout=_FAREWELL,
            autoPingInterval=_PING,
            autoPingTimeout=_PING,
            maxFramePayloadSize=MAX_MESSAGE,
            maxMessagePayloadSize=MAX_MESSAGE,
        )
        self._following = Following(topics, devices, since)
        self._core = Core(self._following, reactor.callLater, self._hang_up)
        self._deadline = deadline
        self._backoff = backoff or Backoff()
        self._link: Any = None
        self._connecting: Deferred[Any] | None = None
        self._retry: IDelayedCall | None = None
        self._stopped: Deferred[None] | None = None
        # A dict for its order.
        self._waiting: dict[_Asked, None] = {}
        self._why = "not yet connected"

    @property
    def position(self) -> Position | None:
        """How far the events have come that were put into iterators."""
        return self._following.position

    def startService(self) -> None:
        """Begin to connect."""
        super().startService()
        self._connect()

    def stopService(self) -> Deferred[None] | None:
        """End the connection, every call and every iterator, for good."""
        super().stopService()
        self._end(None)
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._connecting is not None:
            self._connecting.cancel()
        if self._link is None:
            return None
        stopped = self._stopped = Deferred()
        self._hang_up()
        return stopped

    def connected(self, *, deadline: float | None = None) -> Deferred[None]:
        """Wait for the connection. Fails with NotConnected after the deadline, and with Refused at once."""
        return self._within("connect", deadline, lambda succeeded, _: succeeded(None))

    def call(
        self, method: str, params: Mapping[str, Any] | None = None, *, deadline: float | None = None
    ) -> Deferred[Any]:
        """Call a method by its name, for what the typed methods don't know."""
        return self._perform(method, dict(params or {}), Any, deadline)

    def events(self, *kinds: type, limit: int = 10_000) -> Events:
        """Follow the events: first the states of the cameras that are there, then what happens.

        :param kinds: Structs of :mod:`webcam_rpc.client.models`; every notification where none is named.
        :param limit: how many may wait to be read.
        """
        return self._core.events(kinds, limit, _waiter)

    def _perform(self, method: str, params: dict[str, Any], result: type[T], deadline: float | None) -> Deferred[T]:
        def ask(succeeded: Callable[[Any], None], failed: Callable[[Exception], None]) -> int:
            return self._core.ask(Call(method, result, succeeded, failed), params)

        return self._within(method, deadline, ask)

    def _within(
        self,
        what: str,
        deadline: float | None,
        begin: Begin,
    ) -> Deferred[Any]:
        """Begin something as soon as there is a connection, and have it done before the deadline."""
        if self._core.ended is not None:
            return fail(self._core.ended)
        asked = _Asked(self._core, what, begin)
        seconds = self._deadline if deadline is None else deadline
        timer = self._reactor.callLater(seconds, lambda: asked.late(self._why))

        def over(outcome: Any) -> Any:  # noqa: ANN401 - passed on
            if timer.active():
                timer.cancel()
            self._waiting.pop(asked, None)
            asked.abandon()
            return outcome

        asked.answer.addBoth(over)
        if self._core.is_open:
            asked.start()
        else:
            self._waiting[asked] = None
        return asked.answer

    # From the protocol.

    def opened(self, link: Any) -> None:  # noqa: ANN401 - Autobahn has no types
        """Take the connection, whose handshake is done."""
        self._link = link
        self._why = "the connection was closed"
        self._core.opened(lambda text: link.sendMessage(text.encode()))
        waiting, self._waiting = self._waiting, {}
        for asked in waiting:
            asked.start()

    def received(self, payload: bytes) -> None:
        """Take a message."""
        try:
            self._core.received(payload)
        except BadAnswer as error:
            self._why = str(error)
            self._hang_up()

    def closed(self, reason: str) -> None:
        """Go on without the connection, which may not have come as far as a handshake."""
        self._link = None
        if self._core.good:
            self._backoff.reset()
        self._core.lost(reason)
        if self._stopped is not None:
            stopped, self._stopped = self._stopped, None
            stopped.callback(None)
        self._again(reason)

    def _connect(self) -> None:
        self._retry = None
        self._connecting = self._endpoint.connect(self._factory)

        def connected(protocol: object) -> object:
            self._connecting = None
            return protocol

        def failed(failure: Failure) -> None:
            self._connecting = None
            self._again(failure.getErrorMessage())

        self._connecting.addCallbacks(connected, failed)

    def _again(self, why: str) -> None:
        self._why = why
        if not self.running or self._core.ended is not None:
            return
        status = _STATUS.search(why)
        if status is not None and int(status[1]) in REFUSALS:
            self._end(Refused(f"{status[1]}: {REFUSALS[int(status[1])]}"))
            return
        self._retry = self._reactor.callLater(self._backoff.delay(), self._connect)

    def _end(self, reason: Exception | None) -> None:
        self._core.end(reason)
        for asked in tuple(self._waiting):
            asked.failed(self._core.ended or NotConnected("closed"))

    def _hang_up(self) -> None:
        if self._link is not None:
            self._link.sendClose(1000)


class _Asked:
    """Something that is to be done on a connection, and who waits for it."""

    def __init__(self, core: Core, what: str, begin: Begin) -> None:
        self.answer: Deferred[Any] = Deferred()
        self._core = core
        self._what = what
        self._begin = begin
        self._started = False
        self._number: int | None = None

    def start(self) -> None:
        """Do it, now that there is a connection."""
        self._started = True
        try:
            self._number = self._begin(self.succeeded, self.failed)
        except Exception as error:  # noqa: BLE001 - what cannot be written is told to whoever asked
            self.failed(error)

    def succeeded(self, value: Any) -> None:  # noqa: ANN401 - any result
        """Give the result."""
        if not self.answer.called:
            self.answer.callback(value)

    def failed(self, error: Exception) -> None:
        """Give the failure."""
        if not self.answer.called:
            self.answer.errback(error)

    def late(self, why: str) -> None:
        """Give up; ``why`` there is no connection, if there is none."""
        what = self._what
        self.failed(NoAnswer(f"{what}: no answer in time") if self._started else NotConnected(f"{what}: {why}"))

    def abandon(self) -> None:
        """Want no answer any more."""
        if self._number is not None:
            # This connection's: had that been lost, the call would have failed before there was another.
            self._core.abandon(self._number)


class _Protocol(WebSocketClientProtocol):
    """Shims: what Autobahn raises or swallows in a callback says nothing to whoever uses the client."""

    def onOpen(self) -> None:
        """Tell the client."""
        self.factory.client.opened(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: ARG002, FBT001, N803 - Autobahn's signature
        """Tell the client."""
        self.factory.client.received(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: ARG002, FBT001, N803
        """Tell the client."""
        self.factory.client.closed(reason or "the connection was closed")


def _endpoint(reactor: Any, where: Address) -> IStreamClientEndpoint:  # noqa: ANN401 - provides many interfaces
    if where.unix is not None:
        return UNIXClientEndpoint(reactor, where.unix)
    endpoint = HostnameEndpoint(reactor, where.host, where.port)
    return wrapClientTLS(optionsForClientTLS(where.host), endpoint) if where.secure else endpoint


def _waiter() -> Waiter:
    deferred: Deferred[None] = Deferred()
    return deferred, lambda: None if deferred.called else deferred.callback(None)
