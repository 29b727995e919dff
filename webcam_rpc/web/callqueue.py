"""The calls of one client: performed a few a turn, answered as they finish, cancelled together.

Owns fairness between clients on the side of the work: however many calls come in one read or one batch, other clients
are looked at in between. What it cannot take yet it says by ``busy``, and whoever reads for it waits.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec import UNSET
from twisted.internet.defer import Deferred

from webcam_rpc.rpc.errors import RPCError
from webcam_rpc.rpc.session import UnencodableError
from webcam_rpc.web.calls import is_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.rpc.methods import Caller
    from webcam_rpc.rpc.session import Call, Exchange
    from webcam_rpc.web.calls import Calls

#: How many calls one client gets in one turn of the reactor.
CALLS_PER_TURN = 16
#: How many calls of one client may be under way: a batch, and a little more.
UNDER_WAY = 128


class CallQueue:
    """Performs calls and sends their answers.

    :param calls: performs each.
    :param clock: gives the next turn.
    :param caller: in whose name.
    :param send: takes the text of each answer.
    :param idle: called when ``busy`` has become False.
    :ivar busy: whether nothing more should be added for now.
    """

    def __init__(
        self,
        calls: Calls,
        clock: IReactorTime,
        caller: Caller,
        send: Callable[[bytes], None],
        idle: Callable[[], None],
    ) -> None:
        self._calls = calls
        self._clock = clock
        self._caller = caller
        self._send = send
        self._idle = idle
        self.busy = False
        self._left = CALLS_PER_TURN
        self._waiting: deque[tuple[Exchange, Call]] = deque()
        self._under_way: set[Deferred[object]] = set()
        self._next: IDelayedCall | None = None
        self._cancelled = False

    def turn(self) -> None:
        """Begin a turn of the reactor: a few more calls may be performed."""
        self._left = CALLS_PER_TURN

    def add(self, exchange: Exchange) -> None:
        """Perform the calls of ``exchange``, as soon as it is their turn."""
        calls = exchange.calls
        if len(calls) == 1 and self._left > 0 and not self.busy:
            # Nothing is before it.
            self._left -= 1
            self._perform(exchange, calls[0])
        else:
            self._waiting.extend((exchange, call) for call in calls)
            self._run()

    def cancel(self) -> None:
        """Cancel everything; nothing is sent any more."""
        self._cancelled = True
        self._waiting.clear()
        self.busy = False
        if self._next is not None:
            self._next.cancel()
            self._next = None
        for work in tuple(self._under_way):
            work.cancel()

    def _run(self) -> None:
        while self._waiting and self._left > 0 and len(self._under_way) < UNDER_WAY:
            self._left -= 1
            exchange, call = self._waiting.popleft()
            self._perform(exchange, call)
        if self._waiting and self._left == 0 and self._next is None:
            self._next = self._clock.callLater(0, self._next_turn)
        self._look()

    def _look(self) -> None:
        self.busy = bool(self._waiting) or len(self._under_way) >= UNDER_WAY

    def _next_turn(self) -> None:
        self._next = None
        self.turn()
        self._went_on()

    def _went_on(self) -> None:
        self._run()
        if not self.busy:
            self._idle()

    def _perform(self, exchange: Exchange, call: Call) -> None:
        if exchange.full and call.id is not UNSET:
            self._answer(exchange.decline(call))
            return
        try:
            outcome = self._calls.perform(call, self._caller)
        except RPCError as error:
            self._answer(exchange.reject(call, error))
        else:
            if not is_result(outcome) and isinstance(outcome, Deferred):
                self._await(outcome, exchange, call)
            else:
                self._resolve(exchange, call, outcome)

    def _await(self, work: Deferred[object], exchange: Exchange, call: Call) -> None:
        def succeeded(result: object) -> None:
            if not self._cancelled:
                self._resolve(exchange, call, result)

        def failed(failure: Failure) -> None:
            if not self._cancelled:
                error = failure.value
                self._answer(
                    exchange.reject(
                        call, error if isinstance(error, RPCError) else self._calls.defect(call.method, failure)
                    )
                )

        def ended(_: object) -> None:
            was_busy = self.busy
            self._under_way.discard(work)
            self._look()
            if was_busy and not self._cancelled:
                self._went_on()

        self._under_way.add(work)
        self._look()
        work.addCallbacks(succeeded, failed).addBoth(ended)

    def _resolve(self, exchange: Exchange, call: Call, result: object) -> None:
        try:
            text = exchange.resolve(call, result)
        except UnencodableError:
            text = exchange.reject(call, self._calls.unwritable(call.method))
        if text is not None and not self._cancelled:
            self._send(text)

    def _answer(self, text: bytes | None) -> None:
        if text is not None and not self._cancelled:
            self._send(text)
