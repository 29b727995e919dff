"""How much of what one client sends is looked at in one turn of the reactor.

Autobahn handles every frame of a read (64 KiB, thousands of pings) before it returns, and whatever those frames ask
for. Here a turn ends after a few frames or a few calls, and sooner where they take their time (a message of a
kilobyte may inflate to a megabyte): the rest is kept, the transport is paused, and the next turn
comes after every other client has had its own. While the client's calls are at their limit, or it does not read what it
is sent, the transport stays paused, which bounds what is kept to one read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from webcam_rpc.web.callqueue import CallQueue
    from webcam_rpc.web.connections import Transport
    from webcam_rpc.web.outbox import Outbox

#: How many steps of parsing one client gets in a turn; a frame takes one or two.
STEPS_PER_TURN = 64
#: The seconds after which a turn ends with the step that is being made.
TURN = 0.004


class Parser(Protocol):
    """Takes the frames out of what a client sends."""

    def parse(self, data: bytes) -> int:
        """Look at what ``data`` begins with, asking ``may_step`` before each step; give how many bytes were taken.

        With no data, go on with what is still held. Nothing is taken where more has to come first.
        """


class Reading:
    """Paces one client.

    :param clock: gives the next turn.
    :param transport: is paused while nothing can be taken.
    :param queue: says when the client's calls are at their limit.
    :param outbox: says when the client does not read; is flushed at the end of each turn.
    :param parser: takes what the client sent.
    """

    __slots__ = (
        "_clock",
        "_closing",
        "_held",
        "_left",
        "_next",
        "_outbox",
        "_parser",
        "_paused",
        "_queue",
        "_rest",
        "_seconds",
        "_stopped",
        "_transport",
        "_until",
    )

    def __init__(
        self, clock: IReactorTime, transport: Transport, queue: CallQueue, outbox: Outbox, parser: Parser
    ) -> None:
        self._clock = clock
        self._seconds = clock.seconds
        self._transport = transport
        self._queue = queue
        self._outbox = outbox
        self._parser = parser
        self._rest = b""
        self._left = STEPS_PER_TURN
        self._until = 0.0
        self._held = False
        self._paused = False
        self._closing = False
        self._stopped = False
        self._next: IDelayedCall | None = None

    @property
    def waits_for_us(self) -> bool:
        """Whether nothing is read because of calls that we have not finished: silence is not the client's then."""
        return self._paused and self._queue.busy

    def received(self, data: bytes) -> None:
        """Look at what came, as far as one turn goes."""
        if self._stopped:
            return
        self._begin()
        self._rest = self._rest + data if self._rest else data
        self._go_on()
        self._end()

    def may_step(self) -> bool:
        """Tell whether one more step may be made now; if not, it is made in a later turn."""
        left = self._left
        if (
            left > 0
            and (left == STEPS_PER_TURN or self._seconds() < self._until)
            and (self._closing or not (self._outbox.full or self._queue.busy))
        ):
            self._left = left - 1
            return True
        self._held = True
        return False

    def wake(self) -> None:
        """Have another turn, if one is needed: something that was waited for has happened."""
        if self._paused and self._next is None and not self._stopped:
            self._next = self._clock.callLater(0, self._turn)

    def close(self) -> None:
        """Wait for nothing but the client's close frame from now on."""
        self._closing = True
        self.wake()

    def stop(self) -> None:
        """Read no more: the connection ends."""
        self._stopped = True
        self._rest = b""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    @property
    def _blocked(self) -> bool:
        return (self._outbox.full or self._queue.busy) and not self._closing

    def _begin(self) -> None:
        self._left = STEPS_PER_TURN
        self._until = self._seconds() + TURN
        self._held = False
        self._outbox.held = True
        self._queue.turn()

    def _go_on(self) -> None:
        while self._rest and not self._held:
            taken = self._parser.parse(self._rest)
            if not taken:
                break
            # It may have been dropped meanwhile.
            self._rest = self._rest[taken:]

    def _end(self) -> None:
        """Send what there is to send, and read on or see to the next turn."""
        self._outbox.held = False
        self._outbox.flush()
        if self._stopped:
            return
        if not self._held and not self._blocked:
            if self._paused:
                self._paused = False
                self._transport.resumeProducing()
            return
        if not self._paused:
            self._paused = True
            self._transport.pauseProducing()
        if not self._blocked:
            self.wake()

    def _turn(self) -> None:
        self._next = None
        self._begin()
        self._parser.parse(b"")
        self._go_on()
        self._end()
