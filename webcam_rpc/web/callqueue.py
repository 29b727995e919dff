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
from webcam_rpc.rpc.messages import success
from webcam_rpc.rpc.session import Exchange, UnencodableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.rpc.methods import Caller
    from webcam_rpc.rpc.session import Call
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

    __slots__ = (
        "_caller",
        "_calls",
        "_cancelled",
        "_clock",
        "_idle",
        "_left",
        "_next",
        "_send",
        "_under_way",
        "_waiting",
        "busy",
    )

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
        # Both are made when there is something for them, which for most clients is never.
        self._waiting: deque[tuple[Exchange, Call]] | None = None
        self._under_way: set[Deferred[object]] | None = None
        self._next: IDelayedCall | None = None
        self._cancelled = False

    def turn(self) -> None:
        """Begin a turn of the reactor: a few more calls may be performed."""
        self._left = CALLS_PER_TURN

    def add(self, exchange: Exchange) -> None:
        """Perform the calls of ``exchange``, as soon as it is their turn."""
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.extend((exchange, call) for call in exchange.calls)
        self._run()

    def add_plain(self, call: Call) -> None:
        """Perform a call that came alone and has an id; without more ado where nothing is before it."""
        if self._left <= 0 or self.busy:
            self.add(Exchange((call,)))
            return
        self._left -= 1
        try:
            outcome = self._calls.perform(call, self._caller)
            if type(outcome) is not Deferred:
                text = success(call.id, outcome)  # type: ignore[arg-type] # it has one
        except RPCError as error:
            self._answer(Exchange((call,)).reject(call, error))
        except UnencodableError:
            self._answer(Exchange((call,)).reject(call, self._calls.unwritable(call.method)))
        else:
            if type(outcome) is Deferred:
                self._await(outcome, Exchange((call,)), call)
            elif not self._cancelled:
                self._send(text)

    def cancel(self) -> None:
        """Cancel everything; nothing is sent any more."""
        self._cancelled = True
        self._waiting = None
        self.busy = False
        if self._next is not None:
            self._next.cancel()
            self._next = None
        for work in tuple(self._under_way or ()):
            work.cancel()

    def _run(self) -> None:
        while self._waiting and self._left > 0 and not self._many_under_way:
            self._left -= 1
            exchange, call = self._waiting.popleft()
            self._perform(exchange, call)
        if self._waiting and self._left == 0 and self._next is None:
            self._next = self._clock.callLater(0, self._next_turn)
        self._look()

    def _look(self) -> None:
        self.busy = bool(self._waiting) or self._many_under_way

    @property
    def _many_under_way(self) -> bool:
        return self._under_way is not None and len(self._under_way) >= UNDER_WAY

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
            if isinstance(outcome, Deferred):
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
            under_way.discard(work)
            self._look()
            if was_busy and not self._cancelled:
                self._went_on()

        if self._under_way is None:
            self._under_way = set()
        under_way = self._under_way
        under_way.add(work)
        self._look()
        work.addCallbacks(succeeded, failed).addBoth(ended)

    def _resolve(self, exchange: Exchange, call: Call, result: object) -> None:
        try:
            text = exchange.resolve(call, result)
        except UnencodableError:
            text = exchange.reject(call, self._calls.unwritable(call.method))
        self._answer(text)

    def _answer(self, text: bytes | None) -> None:
        if text is not None and not self._cancelled:
            self._send(text)
