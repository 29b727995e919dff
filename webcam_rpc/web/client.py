"""One client on a WebSocket: its role and subscription, the calls it makes, the text it gets.

Knows no frames and no Autobahn: the WebSocket under it is a :class:`Link`.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Protocol

from webcam_rpc.bus import Subscription
from webcam_rpc.rpc.errors import AuthenticationFailed
from webcam_rpc.rpc.roles import Role
from webcam_rpc.rpc.session import plain_call, receive
from webcam_rpc.web import deflate
from webcam_rpc.web.callqueue import CallQueue
from webcam_rpc.web.frames import text_frame
from webcam_rpc.web.outbox import Outbox
from webcam_rpc.web.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.tokens import Identity
    from webcam_rpc.web.admission import Admission
    from webcam_rpc.web.allowance import Allowance
    from webcam_rpc.web.calls import Calls
    from webcam_rpc.web.connections import Transport
    from webcam_rpc.web.counts import Counts
    from webcam_rpc.web.grants import Grant
    from webcam_rpc.web.outbox import Turn
    from webcam_rpc.web.traffic import Traffic

#: Close codes of RFC 6455, section 7.4.1, and of the registry that it opened.
GOING_AWAY, POLICY_VIOLATION, TRY_AGAIN_LATER = 1001, 1008, 1013

#: Wrong tokens that one connection may show.
_TRIES = 3

#: A client is owed its replies even when it is slow, and reading from it has paused long before this: so many times
#: what may wait of broadcasts.
_REPLIES = 4


class Link(Protocol):
    """The WebSocket of one client."""

    transport: Transport

    @property
    def writable(self) -> bool:
        """Whether messages may be sent: no close frame has been, either way."""

    def parse(self, data: bytes) -> int:
        """Parse what the client sent, asking ``reading`` before each step: see :class:`.reading.Parser`."""

    def writer(self) -> Callable[[bytes], object]:
        """Give what takes the bytes for the client."""

    def close(self, code: int, reason: str) -> None:
        """Send a close frame."""


class Client:
    """A client, from the end of its handshake to the loss of its connection; the caller of its methods.

    :param link: its WebSocket.
    :param grant: what it may do; may change while it is connected.
    :param allowance: how much it may ask for; None where nothing is counted.
    :param admission: proves its tokens.
    :param calls: performs what it asks for.
    :param clock: gives turns.
    :param max_pending: the bytes of broadcasts that may wait for it.
    :param traffic: the log of its messages.
    :param counts: is told what is done.
    :param turn: sends what it is sent when a turn of the reactor ends.
    :param codec: compresses its replies, where that was agreed on.
    :ivar session_id: names this connection.
    :ivar subscription: which events it wants.
    :ivar role: what it may do now.
    :ivar promoted: called when it has got a role that is told of events, and had none before.
    """

    __slots__ = (
        "_admission",
        "_clock",
        "_codec",
        "_counts",
        "_failures",
        "_link",
        "_max_pending",
        "_outbox",
        "_peer",
        "_queue",
        "_traffic",
        "_tries",
        "allowance",
        "grant",
        "promoted",
        "reading",
        "role",
        "session_id",
        "subscription",
    )

    def __init__(
        self,
        link: Link,
        grant: Grant,
        *,
        admission: Admission,
        allowance: Allowance | None,
        calls: Calls,
        clock: IReactorTime,
        max_pending: int,
        traffic: Traffic,
        counts: Counts,
        turn: Turn,
        codec: deflate.Deflate | None = None,
    ) -> None:
        self.grant = grant
        self.role: Role = grant.role
        self.allowance = allowance
        self.promoted: Callable[[Client], None] = lambda _: None
        self.session_id = secrets.token_hex(8)
        self.subscription = Subscription()
        self._clock = clock
        self._link = link
        self._peer = grant.visit.peer
        self._admission = admission
        self._tries = self._failures = 0
        self._max_pending = max_pending
        self._traffic = traffic
        self._counts = counts
        self._codec = codec
        self._outbox = Outbox(link.writer(), turn, self._wake)
        self._queue = CallQueue(calls, clock, self, self._reply, self._wake)
        self.reading = Reading(clock, link.transport, self._queue, self._outbox, link)
        link.transport.registerProducer(self._outbox, True)  # noqa: FBT003 - Twisted's signature
        grant.watch(self._role_changed)

    @property
    def peer(self) -> str:
        """Where it is, for the log."""
        return self._peer.name

    def authenticate(self, token: str) -> Deferred[Identity]:
        """Be somebody. Fails with AuthenticationFailed; after a few wrong tokens the connection is closed."""
        # Counted before it is known, or many at once would all be looked at.
        self._tries += 1
        if self._tries > _TRIES:
            raise AuthenticationFailed("too_many_tries")

        def proved(identity: Identity) -> Identity:
            self._tries = self._failures = 0
            return identity

        def failed(failure: Failure) -> Failure:
            self._failures += 1
            if self._failures >= _TRIES:
                # Behind the answer.
                self._clock.callLater(0, self.close, POLICY_VIOLATION, "authentication failed")
            return failure

        return self._admission.authenticate(self.grant, token).addCallbacks(proved, failed)

    def received(self, text: bytes) -> None:
        """Take a message from the client."""
        counts = self._counts
        counts.messages_received += 1
        counts.bytes_received += len(text)
        if self._traffic.enabled:
            self._traffic.received(self._peer, text)
        call = plain_call(text)
        if call is not None:
            self._queue.add_plain(call)
            return
        exchange = receive(text)
        if exchange.reply is not None:
            self._reply(exchange.reply)
        if exchange.calls:
            self._queue.add(exchange)

    def send(self, payload: bytes) -> bool:
        """Send a notification to this client alone; tell whether it is on its way."""
        if self._traffic.enabled and self._link.writable:
            self._traffic.sending(self._peer, payload)
        return self.push(text_frame(payload))

    def push(self, frame: bytes) -> bool:
        """Send a frame that nobody asked for; a client for whom too much waits already is closed instead."""
        if not self._link.writable:
            return False
        outbox = self._outbox
        if outbox.full and outbox.waiting + len(frame) > self._max_pending:
            self._too_slow()
            return False
        self._write(frame)
        return True

    def close(self, code: int, reason: str) -> None:
        """Say goodbye: nothing is answered any more, and what waits is dropped."""
        self._queue.cancel()
        self._outbox.flush()
        self._outbox.clear()
        self._link.close(code, reason)
        self.reading.close()

    def flush(self) -> None:
        """Send at once what this turn has for it so far."""
        self._outbox.flush()

    def lost(self) -> None:
        """End everything: the connection is gone."""
        self.grant.end()
        self.reading.stop()
        self._queue.cancel()
        self._outbox.clear()

    def _role_changed(self) -> None:
        before, self.role = self.role, self.grant.role
        if before < Role.STATUS <= self.role:
            self.promoted(self)

    def _reply(self, text: bytes) -> None:
        if not self._link.writable:
            return
        if self._traffic.enabled:
            self._traffic.sending(self._peer, text)
        outbox = self._outbox
        if outbox.full and outbox.waiting > _REPLIES * self._max_pending:
            self._too_slow()
            return
        if self._codec is not None and len(text) >= deflate.WORTHWHILE:
            frame = text_frame(self._codec.compress(text), compressed=True)
        else:
            frame = text_frame(text)
        # As _write does, without another call: most of what is sent goes this way.
        counts = self._counts
        counts.messages_sent += 1
        counts.bytes_sent += len(frame)
        outbox.write(frame)

    def _write(self, frame: bytes) -> None:
        counts = self._counts
        counts.messages_sent += 1
        counts.bytes_sent += len(frame)
        self._outbox.write(frame)

    def _too_slow(self) -> None:
        self._counts.too_slow += 1
        self._counts.bytes_dropped += self._outbox.waiting
        self.close(TRY_AGAIN_LATER, "too slow")

    def _wake(self) -> None:
        self.reading.wake()
