"""How much of what one client sends is looked at in one turn of the reactor.

Autobahn handles every frame of a read (64 KiB, thousands of pings) before it returns, and whatever those frames ask
for. Here a turn ends after a few frames or a few calls, and sooner where they take their time (a message of a
kilobyte may inflate to a megabyte): the rest is kept, the transport is paused, and the next turn
comes after every other client has had its own. While the client's calls are at their limit, or it does not read what it
is sent, the transport stays paused, which bounds what is kept to one read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from webcam_rpc.web.callqueue import CallQueue
    from webcam_rpc.web.connections import Transport
    from webcam_rpc.web.outbox import Outbox

#: How many of Autobahn's parsing steps one client gets in a turn; a frame takes one or two.
STEPS_PER_TURN = 64
#: The seconds after which a turn ends with the step that is being made.
TURN = 0.004
#: How much Autobahn gets at once: it copies all that it holds at each step.
PIECE = 4096


class Reading:
    """Paces one client.

    :param clock: gives the next turn.
    :param transport: is paused while nothing can be taken.
    :param queue: says when the client's calls are at their limit.
    :param outbox: says when the client does not read.
    :param take: takes a piece of what the client sent; an empty one to go on with what it still holds.
    """

    def __init__(
        self,
        clock: IReactorTime,
        transport: Transport,
        queue: CallQueue,
        outbox: Outbox,
        take: Callable[[bytes], None],
    ) -> None:
        self._clock = clock
        self._transport = transport
        self._queue = queue
        self._outbox = outbox
        self._take = take
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
        self._rest += data
        self._go_on()
        self._end()

    def may_step(self) -> bool:
        """Tell whether one more step may be made now; if not, it is made in a later turn."""
        in_time = self._left == STEPS_PER_TURN or self._clock.seconds() < self._until
        if self._left > 0 and in_time and not self._blocked:
            self._left -= 1
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
        return (self._queue.busy or self._outbox.full) and not self._closing

    def _begin(self) -> None:
        self._left = STEPS_PER_TURN
        self._until = self._clock.seconds() + TURN
        self._held = False
        self._queue.turn()

    def _go_on(self) -> None:
        while self._rest and not self._held:
            piece, self._rest = self._rest[:PIECE], self._rest[PIECE:]
            self._take(piece)

    def _end(self) -> None:
        """Read on, or see to the next turn."""
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
        self._take(b"")
        self._go_on()
        self._end()
