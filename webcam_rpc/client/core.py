"""What both clients are inside: the connection that is there or not, the calls on it, and the events that are followed.

Pure: the connection is a callable that sends a text, time is a callable that calls back later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from webcam_rpc.client.conversation import Call, Conversation
from webcam_rpc.client.errors import ClientError, Closed, ConnectionLost, NotConnected
from webcam_rpc.client.events import Events
from webcam_rpc.client.following import Following, Subscribed
from webcam_rpc.rpc.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webcam_rpc.client.events import Waiter


class Timer(Protocol):
    """Something that will be called back, unless it is cancelled."""

    def cancel(self) -> None:
        """Don't."""


#: Seconds until the service must have said where it stands.
PATIENCE = 20.0


class Core:
    """A client, without what it runs on.

    :param following: the place in the sequence of events.
    :param later: calls something after some seconds.
    :param hang_up: ends the connection, which :meth:`lost` is then told.
    :ivar good: whether the service has said anything on this connection.
    :ivar ended: why there will be no connection any more; None while there may.
    """

    def __init__(
        self,
        following: Following,
        later: Callable[[float, Callable[[], None]], Timer],
        hang_up: Callable[[], None],
    ) -> None:
        self._following = following
        self._start = later
        self._hang_up = hang_up
        self._timers: set[Timer] = set()
        self._conversation: Conversation | None = None
        self._send: Callable[[str], object] = lambda _: None
        self._followed = False
        # A dict for its order.
        self._readers: dict[Events, None] = {}
        self.good = False
        self.ended: Exception | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether there is a connection."""
        return self._conversation is not None

    def opened(self, send: Callable[[str], object]) -> None:
        """Take a new connection."""
        self._send = send
        self._conversation = Conversation()
        self.good = False
        self._following.connected()
        if self._followed:
            _Return(self, self._following).begin(self._hang_up)

    def received(self, text: str | bytes) -> None:
        """Take a message from the service.

        :raises BadAnswer: if it is none; nothing that follows could be relied on.
        """
        if self._conversation is None:
            return
        notification = self._conversation.received(text)
        self.good = True
        if notification is not None:
            self.tell(self._following.arrived(notification))

    def lost(self, why: str) -> None:
        """Do without the connection, until there is another."""
        conversation, self._conversation = self._conversation, None
        timers, self._timers = self._timers, set()
        for timer in timers:
            timer.cancel()
        self._following.connected()
        if conversation is not None:
            conversation.lost(lambda call: ConnectionLost(f"{call.method}: {why}"))

    def end(self, reason: Exception | None = None) -> None:
        """Be closed: there will be no connection any more, and every iterator ends, with ``reason`` if there is one."""
        if self.ended is None:
            self.ended = reason or Closed("the client was closed")
        self.lost(str(self.ended))
        self._end_readers(reason)

    def ask(self, call: Call, params: Mapping[str, Any]) -> int:
        """Make a call and give its number.

        :raises NotConnected: if there is no connection.
        """
        if self._conversation is None:
            raise NotConnected(call.method)
        number, text = self._conversation.ask(call, params)
        self._send(text)
        return number

    def abandon(self, number: int) -> None:
        """Wait for the answer to a call no longer; numbers are those of the connection of now."""
        if self._conversation is not None:
            self._conversation.abandon(number)

    def events(self, kinds: tuple[type, ...], limit: int, wait: Callable[[], Waiter]) -> Events:
        """Begin to follow the events, if that was not done before."""
        events = Events(kinds, limit, wait, lambda one: self._readers.pop(one, None))
        if self.ended is not None:
            events.end(None if isinstance(self.ended, Closed) else self.ended)
            return events
        self._readers[events] = None
        for state in self._following.states():
            events.put(state)
        if not self._followed:
            self._followed = True
            if self.is_open:
                _Return(self, self._following).begin(self._hang_up)
        return events

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call back, unless the connection is lost before that."""

        def ring() -> None:
            self._timers.discard(timer)
            call()

        timer = self._start(seconds, ring)
        self._timers.add(timer)

    def give_up(self, error: Exception) -> None:
        """Follow the events no longer: the service does not let this client."""
        self._followed = False
        self._end_readers(error)

    def tell(self, events: list[Any]) -> None:
        """Give events to whoever reads them."""
        for event in events:
            for reader in tuple(self._readers):
                reader.put(event)

    def _end_readers(self, reason: Exception | None) -> None:
        for reader in tuple(self._readers):
            reader.end(reason)


class _Return:
    """The steps of :mod:`.following` on one connection: done, or the connection is lost, or the service says no."""

    def __init__(self, core: Core, following: Following) -> None:
        self._core = core
        self._following = following
        self._done = False

    def begin(self, hang_up: Callable[[], None]) -> None:
        """Take the first step; ``hang_up`` is called if there is no end to them."""
        self._core.later(PATIENCE, lambda: None if self._done else hang_up())
        self._step("unsubscribe_events", dict, dict, self._silenced)

    def _step(
        self,
        method: str,
        result: Any,  # noqa: ANN401 - a type
        params: Callable[[], Mapping[str, Any]],
        then: Callable[[Any], None],
    ) -> None:
        def failed(error: Exception) -> None:
            wait = _retry_after(error)
            if wait is not None:
                self._core.later(wait, lambda: self._step(method, result, params, then))
            elif not isinstance(error, ConnectionLost):
                self._done = True
                self._core.give_up(error)

        self._core.ask(Call(method, result, then, failed), params())

    def _silenced(self, _: object) -> None:
        self._step("subscribe_events", Subscribed, self._following.silenced, self._subscribed)

    def _subscribed(self, answer: Subscribed) -> None:
        self._done = True
        self._core.tell(self._following.subscribed(answer))


def _retry_after(error: Exception) -> float | None:
    """Give the seconds after which what was refused for its rate may be asked again; None if it was not for that."""
    if not isinstance(error, ClientError) or getattr(error, "code", None) != RateLimited.code:
        return None
    data: Any = getattr(error, "data", None)
    wait = data.get("retry_after_ms") if isinstance(data, dict) else None
    return wait / 1000 if isinstance(wait, int | float) and wait > 0 else 1.0
