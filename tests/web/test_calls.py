"""One call, and the calls of one client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.web.case import Broken, Methods, Turns, request
from webcam_rpc.rpc import errors
from webcam_rpc.rpc.roles import Role
from webcam_rpc.rpc.session import Call, Limits, receive
from webcam_rpc.web.callqueue import CALLS_PER_TURN, UNDER_WAY, CallQueue
from webcam_rpc.web.calls import Calls

if TYPE_CHECKING:
    from webcam_rpc.rpc.session import Exchange


class Somebody:
    """A caller."""

    peer = "192.0.2.1:5"
    allowance = None

    def __init__(self, role: Role = Role.STATUS) -> None:
        self.role = role


class CallsTestCase(SynchronousTestCase):
    """Has methods and a clock."""

    def setUp(self) -> None:
        """Make them."""
        self.clock = Turns()
        self.methods = Methods()
        self.calls = Calls(self.methods.table(), self.clock, new_id=lambda: "c0ffee")


class PerformTests(CallsTestCase):
    """What a call comes to."""

    def call(self, method: str, **params: object) -> Call:
        """Make a call."""
        (call,) = receive(request(method, 1, **params)).calls
        return call

    def perform(self, method: str, role: Role = Role.STATUS, **params: object) -> object:
        """Perform a call."""
        return self.calls.perform(self.call(method, **params), Somebody(role))

    def later(self, method: str) -> Deferred[object]:
        """Perform a call that takes its time."""
        result = self.perform(method)
        assert isinstance(result, Deferred)
        return result

    def test_a_result_at_once_is_no_deferred(self) -> None:
        """Most calls are answered at once, and nothing is made for them that is not needed."""
        self.assertEqual(self.perform("ping"), "pong")
        self.assertEqual(self.perform("echo", text="a"), "a")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_unknown_method(self) -> None:
        """A name that is not in the table is told so, whatever the role."""
        self.assertRaises(errors.MethodNotFound, self.perform, "nope", Role.NONE)

    def test_role(self) -> None:
        """The method's role is the least that suffices."""
        error = self.assertRaises(errors.PermissionDenied, self.perform, "echo", Role.NONE, text="a")
        self.assertEqual(error.data, {"required_role": "status", "have_role": "none"})
        self.assertEqual(self.perform("echo", Role.OPERATOR, text="a"), "a")
        self.assertRaises(errors.PermissionDenied, self.perform, "admin", Role.OPERATOR)

    def test_role_before_parameters(self) -> None:
        """Whoever may not call a method learns nothing of its parameters."""
        self.assertRaises(errors.PermissionDenied, self.perform, "echo", Role.NONE, wrong=1)
        self.assertRaises(errors.InvalidParams, self.perform, "echo", Role.STATUS, wrong=1)
        self.assertEqual(self.methods.performed, [])

    def test_a_defect_is_logged_and_hidden(self) -> None:
        """What a method raises goes to the log; the client gets the id under which it stands there."""
        error = self.assertRaises(errors.InternalError, self.perform, "broken")
        self.assertEqual(error.data, {"correlation_id": "c0ffee"})
        self.assertNotIn("secret", str(error) + str(error.data) + error.message)
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)

    def test_a_deferred(self) -> None:
        """The result comes when the method has it, and no timer is left."""
        answer = self.later("slow")
        self.assertNoResult(answer)
        self.methods.work[0].callback("done")
        self.assertEqual(self.successResultOf(answer), "done")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_coroutine(self) -> None:
        """A method may be a coroutine."""
        answer = self.later("wait")
        self.methods.work[0].callback("done")
        self.assertEqual(self.successResultOf(answer), "done")

    def test_an_error_later(self) -> None:
        """Errors of ours come through, others are hidden."""
        answer = self.later("wait")
        self.methods.work[0].errback(errors.NotFound("camera", "x"))
        self.failureResultOf(answer, errors.NotFound)
        answer = self.later("slow")
        self.methods.work[1].errback(Broken())
        self.failureResultOf(answer, errors.InternalError)
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)

    def test_deadline(self) -> None:
        """At its deadline a call is answered and its work cancelled."""
        for name in ("slow", "wait"):
            answer = self.later(name)
            self.clock.advance(2.9)
            self.assertNoResult(answer)
            self.clock.advance(0.1)
            self.assertEqual(self.failureResultOf(answer, errors.DeadlinePassed).value.data, {"deadline_s": 3.0})
        self.assertEqual(self.methods.cancelled, 2)

    def test_deadline_of_work_that_does_not_stop(self) -> None:
        """A method that goes on when it is cancelled holds up no answer, and what becomes of it is logged."""
        answer = self.later("stubborn")
        self.clock.advance(3)
        self.failureResultOf(answer, errors.DeadlinePassed)
        self.methods.stubborn.errback(Broken())
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)

    def test_a_caller_that_goes(self) -> None:
        """To cancel the answer cancels the work, and is no defect."""
        answer = self.later("wait")
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertEqual(self.methods.cancelled, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ObservedTests(CallsTestCase):
    """What is counted of calls: each once, when it is over, and how long it took."""

    def setUp(self) -> None:
        """Keep what is told of them."""
        super().setUp()
        self.told: list[tuple[str, str, float]] = []
        self.calls = Calls(self.methods.table(), self.clock, observed=lambda *told: self.told.append(told))
        self.sent: list[bytes] = []
        self.queue = CallQueue(self.calls, self.clock, Somebody(), self.sent.append, lambda: None)

    def counted(self, method: str, **params: object) -> list[tuple[str, str, float]]:
        """Call a method; gives what has been told since the last time."""
        self.queue.add(receive(request(method, 1, **params)))
        self.queue.turn()
        return self.take()

    def take(self) -> list[tuple[str, str, float]]:
        """Give what has been told since the last time."""
        told, self.told = self.told, []
        return told

    def test_at_once(self) -> None:
        """Calls that are over at once, well or not; what is no method has no name of its own."""
        self.assertEqual(self.counted("ping"), [("ping", "ok", 0.0)])
        self.assertEqual(self.counted("echo", text=1), [("echo", "invalid_params", 0.0)])
        self.assertEqual(self.counted("admin"), [("admin", "permission_denied", 0.0)])
        self.assertEqual(self.counted("x" * 50), [("unknown", "method_not_found", 0.0)])
        self.assertEqual(self.counted("broken"), [("broken", "internal_error", 0.0)])
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)

    def test_later(self) -> None:
        """Calls that take their time are counted when they are over."""
        for outcome in ("ok", "not_found", "internal_error"):
            self.assertEqual(self.counted("slow"), [])
            self.clock.advance(2)
            if outcome == "ok":
                self.methods.work[-1].callback("done")
            else:
                self.methods.work[-1].errback(errors.NotFound("camera", "x") if outcome == "not_found" else Broken())
            self.assertEqual(self.take(), [("slow", outcome, 2.0)])
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
        self.assertEqual(self.counted("stubborn"), [])
        self.clock.advance(3)
        self.assertEqual(self.take(), [("stubborn", "deadline_passed", 3.0)])

    def test_cancelled(self) -> None:
        """A caller that goes is no failure."""
        self.counted("slow")
        self.clock.advance(1)
        self.queue.cancel()
        self.assertEqual(self.take(), [("slow", "cancelled", 1.0)])

    def test_unwritable(self) -> None:
        """A result that cannot be written is an internal error, as its caller sees it."""
        self.assertIn(("unencodable", "internal_error", 0.0), self.counted("unencodable"))
        self.assertEqual(json.loads(self.sent[0])["error"]["code"], -32603)
        self.assertEqual(len(self.flushLoggedErrors()), 1)


class QueueTests(CallsTestCase):
    """The calls of one client."""

    def setUp(self) -> None:
        """Make a queue."""
        super().setUp()
        self.sent: list[bytes] = []
        self.idle = 0
        self.queue = CallQueue(self.calls, self.clock, Somebody(), self.sent.append, self._idle)

    def _idle(self) -> None:
        self.idle += 1

    def batch(self, method: str, count: int, **params: object) -> Exchange:
        """Make a batch."""
        calls = [json.loads(request(method, number, **params)) for number in range(count)]
        return receive(json.dumps(calls))

    def test_a_few_a_turn(self) -> None:
        """A batch is performed over several turns of the reactor and answered as one."""
        self.queue.add(self.batch("ping", 100))
        counts = [len(self.methods.performed)]
        self.assertTrue(self.queue.busy)
        while self.queue.busy:
            self.assertEqual(self.sent, [])
            self.clock.turn()
            counts.append(len(self.methods.performed))
        self.assertEqual(counts, [min(CALLS_PER_TURN * turn, 100) for turn in range(1, len(counts) + 1)])
        (text,) = self.sent
        self.assertEqual(len(json.loads(text)), 100)
        self.assertEqual(self.idle, 1)

    def test_a_turn_of_the_readers(self) -> None:
        """Whoever reads says when a turn begins; without that only a few calls are performed."""
        for _ in range(2):
            for _ in range(CALLS_PER_TURN):
                self.queue.add(receive(request("ping")))
            self.assertFalse(self.queue.busy)
            self.queue.turn()
        self.assertEqual(len(self.sent), CALLS_PER_TURN * 2)

    def test_calls_of_a_batch_run_at_once(self) -> None:
        """None waits for another; the answer waits for all."""
        self.queue.add(self.batch("slow", 3))
        self.assertEqual(len(self.methods.work), 3)
        for work in reversed(self.methods.work):
            self.assertEqual(self.sent, [])
            work.callback("done")
        (text,) = self.sent
        self.assertEqual([each["result"] for each in json.loads(text)], ["done"] * 3)

    def test_a_batch_whose_answer_is_too_long(self) -> None:
        """What is left of a batch whose answer takes no more is not performed, but for its notifications."""
        told = {"jsonrpc": "2.0", "method": "ping"}
        calls = [json.loads(request("slow")), *[json.loads(request("ping"))] * CALLS_PER_TURN, told]
        exchange = receive(json.dumps(calls), Limits(reply=20_000))
        self.queue.add(exchange)
        self.methods.work[-1].callback("x" * 30_000)
        self.assertTrue(exchange.full)
        before = len(self.methods.performed)
        self.clock.turn()
        self.assertEqual(len(self.methods.performed), before + 1)
        answers = json.loads(self.sent[-1])
        self.assertEqual(answers[0]["error"]["data"]["performed"], True)
        self.assertEqual(answers[-1]["error"]["data"]["performed"], False)

    def test_so_many_are_under_way(self) -> None:
        """A client that asks for more than can be under way is busy until some have finished."""
        for _ in range(2):
            self.queue.add(self.batch("slow", 100))
        for _ in range(50):
            self.clock.advance(0)
        self.assertEqual(len(self.methods.work), UNDER_WAY)
        self.assertTrue(self.queue.busy)
        self.assertEqual(self.clock.getDelayedCalls()[0].getTime(), 3.0)
        done = 0
        while done < len(self.methods.work):
            self.methods.work[done].callback("done")
            self.clock.advance(0)
            done += 1
        self.assertEqual((done, len(self.sent)), (200, 2))
        self.assertFalse(self.queue.busy)
        self.assertGreaterEqual(self.idle, 1)

    def test_errors_are_answers(self) -> None:
        """A call that fails answers with its error, at once or later."""
        self.queue.add(receive(request("nope")))
        self.queue.add(receive(request("slow")))
        self.methods.work[0].errback(errors.NotFound("camera", "x"))
        self.assertEqual([json.loads(text)["error"]["code"] for text in self.sent], [-32601, -32010])

    def test_a_result_that_is_no_json(self) -> None:
        """That is a defect like any other."""
        self.queue.add(receive(request("unencodable")))
        self.assertEqual(json.loads(self.sent[0])["error"]["code"], -32603)
        self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_notifications(self) -> None:
        """They are performed and get no answer, not even of their failure."""
        self.queue.add(receive(request("ping", None)))
        self.queue.add(receive(request("nope", None)))
        self.assertEqual((len(self.methods.performed), self.sent), (1, []))

    def test_cancel(self) -> None:
        """A client that has gone leaves no work, no timer and no answer."""
        self.queue.add(self.batch("wait", 2))
        self.queue.add(self.batch("ping", 100))
        self.queue.cancel()
        self.assertEqual(self.methods.cancelled, 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.sent, [])
        self.assertEqual(self.idle, 0)

    def test_parameters_of_a_batch(self) -> None:
        """Each call of a batch has its own."""
        text = json.dumps([json.loads(request("echo", number, text=str(number))) for number in (1, 2)])
        self.queue.add(receive(text))
        self.assertEqual([each["result"] for each in json.loads(self.sent[0])], ["1", "2"])
