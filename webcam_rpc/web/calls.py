"""One call: who may make it, with which parameters, for how long, and what becomes of its failure.

Owns the order of things before a method runs (it exists, the role suffices, the parameters fit), its deadline, and
the rule that nobody outside sees an unexpected exception: it goes to the log with a correlation id, and only the id
goes to the client.
"""

from __future__ import annotations

import inspect
import secrets
from typing import TYPE_CHECKING

from msgspec import Struct
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from webcam_rpc.rpc.errors import DeadlinePassed, InternalError, PermissionDenied, RPCError

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.rpc.methods import Caller, Method, MethodTable
    from webcam_rpc.rpc.session import Call
#: Outcomes that are no error of the protocol, and the method of calls of what is none.
_OK, _CANCELLED, _UNKNOWN = "ok", "cancelled", "unknown"

#: What JSON has, as results are made of it.
_PLAIN = frozenset({str, int, float, bool, type(None), dict, list, tuple})


def _correlation_id() -> str:
    return secrets.token_hex(6)


def _outcome(error: BaseException | None) -> str:
    """Give an error in one word: ``invalid_params``."""
    return error.title.lower().replace(" ", "_") if isinstance(error, RPCError) else _CANCELLED


def is_result(outcome: object) -> bool:
    """Tell of most results that they are no Deferred and no coroutine: to ask that of an abstract class takes long."""
    return type(outcome) in _PLAIN or isinstance(outcome, Struct)


class Calls:
    """Performs calls.

    :param table: every method.
    :param clock: counts the deadlines.
    :param new_id: gives a correlation id.
    :param observed: is told of each call that is over: method, outcome, seconds.
    """

    _log = Logger()

    def __init__(
        self,
        table: MethodTable,
        clock: IReactorTime,
        new_id: Callable[[], str] = _correlation_id,
        observed: Callable[[str, str, float], object] = lambda *_: None,
    ) -> None:
        self._table = table
        self._clock = clock
        self._seconds = clock.seconds
        self._new_id = new_id
        self._observed = observed

    def perform(self, call: Call, caller: Caller) -> object:
        """Perform ``call``; give its result, or a Deferred where the method takes its time.

        The Deferred (of just that class) fires with the result or fails with an :class:`RPCError`, by the method's
        deadline at the latest. To cancel it (the caller has gone) cancels the method; then it fails with
        CancelledError.

        :raises RPCError: if the call ended at once with that.
        """
        began = self._seconds()
        table = self._table
        try:
            if caller.allowance is not None:
                caller.allowance.spend(table.cost(call.method))
            method = table.get(call.method)
            if caller.role < method.role:
                raise PermissionDenied(method.role, caller.role)  # noqa: TRY301 - it ends as all errors of a call
            result = method.call(table.bind(method, call.params), caller)
        except RPCError as error:
            self._over(call.method, began, error)
            raise
        except Exception:  # noqa: BLE001 - a defect of the method is logged and hidden, whatever it is
            defect = self.defect(call.method)
            self._over(call.method, began, defect)
            raise defect from None
        if not is_result(result):
            if inspect.iscoroutine(result):
                result = Deferred.fromCoroutine(result)
            if isinstance(result, Deferred):
                return self._in_time(method, result, began)
        self._observed(method.name, _OK, self._seconds() - began)
        return result

    def _over(self, method: str, began: float, error: RPCError) -> None:
        """Tell of a call that ended with an error; what is no method of ours has no name of its own."""
        name = method if method in self._table else _UNKNOWN
        self._observed(name, _outcome(error), self._seconds() - began)

    def defect(self, method: str, failure: Failure | None = None) -> InternalError:
        """Log a failure (by default the exception that is being handled) and give the error that may be told."""
        error = InternalError(self._new_id())
        self._log.failure(
            "{method} failed (correlation id {correlation_id})",
            level=LogLevel.error,
            failure=failure or Failure(),
            method=method,
            correlation_id=error.data["correlation_id"] if error.data else None,
        )
        return error

    def unwritable(self, method: str) -> InternalError:
        """Log that a result cannot be written (the exception that is being handled); give the error that may be told.

        Its call has been counted as one that went well: the failure is counted beside it.
        """
        error = self.defect(method)
        self._observed(method, _outcome(error), 0.0)
        return error

    def _in_time(self, method: Method, work: Deferred[object], began: float) -> Deferred[object]:
        answer: Deferred[object]

        def over(outcome: str) -> None:
            self._observed(method.name, outcome, self._seconds() - began)

        def give_up(_: Deferred[object]) -> None:
            timer.cancel()
            over(_CANCELLED)
            work.cancel()

        def too_late() -> None:
            # The answer goes out now: what the method does when it is cancelled may take its time.
            passed = DeadlinePassed(method.deadline_s)
            over(_outcome(passed))
            answer.errback(passed)
            work.cancel()

        def finished(result: object) -> None:
            if timer.active():
                timer.cancel()
                told = self._told(method, result)
                over(_outcome(told.value) if isinstance(told, Failure) else _OK)
                answer.callback(told)
            elif isinstance(result, Failure) and not result.check(CancelledError, RPCError):
                self._log.failure(
                    "{method} failed after it was cancelled", level=LogLevel.error, failure=result, method=method.name
                )

        answer = Deferred(give_up)
        timer = self._clock.callLater(method.deadline_s, too_late)
        work.addBoth(finished)
        return answer

    def _told(self, method: Method, result: object) -> object:
        if isinstance(result, Failure) and not result.check(RPCError):
            return Failure(self.defect(method.name, result))
        return result
