"""One text in, calls out, results in, one text out."""

from __future__ import annotations

import json
from typing import Any

from msgspec import UNSET
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.rpc.errors import (
    InternalError,
    InvalidParams,
    InvalidState,
    MethodNotFound,
    NotFound,
    RPCError,
    ShuttingDown,
)
from webcam_rpc.rpc.session import Call, Exchange, Limits, MisuseError, UnencodableError, receive


def _request(**members: object) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": "ping", **members})


def _text(reply: bytes | None) -> bytes:
    """Give the text to send, where there has to be one."""
    if reply is None:
        raise AssertionError("nothing is to be sent")
    return reply


class SingleTests(SynchronousTestCase):
    """A text with one request."""

    def test_call(self) -> None:
        """A call says its id and its parameters as they stand in the text."""
        exchange = receive(b'{"jsonrpc":"2.0","method":"m","params": {"a" : 1.0} ,"id": "\\u0041" }')
        (call,) = exchange.calls
        self.assertIsNone(exchange.reply)
        self.assertEqual((bytes(call.id or b""), call.method), (b'"\\u0041"', "m"))
        self.assertEqual(bytes(call.params or b""), b'{"a" : 1.0}')

    def test_absent_members(self) -> None:
        """What the request has not is UNSET, which is not null."""
        (call,) = receive(b'{"jsonrpc":"2.0","method":"m"}').calls
        self.assertIs(call.id, UNSET)
        self.assertIs(call.params, UNSET)

    def test_bytes_and_str(self) -> None:
        """A text may come decoded or not."""
        for data in ('{"jsonrpc":"2.0","method":"é","id":"ü"}', '{"jsonrpc":"2.0","method":"é","id":"ü"}'.encode()):
            exchange = receive(data)
            (call,) = exchange.calls
            self.assertEqual(call.method, "é")
            self.assertEqual(exchange.resolve(call, 1), '{"jsonrpc":"2.0","result":1,"id":"ü"}'.encode())

    def test_resolve(self) -> None:
        """A result completes the exchange."""
        exchange = receive(_request(id=1))
        self.assertEqual(exchange.resolve(exchange.calls[0], "pong"), b'{"jsonrpc":"2.0","result":"pong","id":1}')

    def test_reject(self) -> None:
        """An error completes the exchange, with its data."""
        exchange = receive(_request(id=1))
        self.assertEqual(
            exchange.reject(exchange.calls[0], InternalError("c1")),
            b'{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error",'
            b'"data":{"correlation_id":"c1"}},"id":1}',
        )

    def test_error_without_data(self) -> None:
        """An error without data has no such member."""
        exchange = receive(_request(id=1))
        self.assertEqual(
            exchange.reject(exchange.calls[0], ShuttingDown()),
            b'{"jsonrpc":"2.0","error":{"code":-32080,"message":"Shutting down"},"id":1}',
        )

    def test_notification(self) -> None:
        """Nothing is sent for a notification, whatever comes of it."""
        exchange = receive(_request())
        self.assertIsNone(exchange.resolve(exchange.calls[0], object()))
        exchange = receive(_request())
        self.assertIsNone(exchange.reject(exchange.calls[0], MethodNotFound("x")))

    def test_ids_come_back_verbatim(self) -> None:
        """An id comes back letter by letter."""
        for request_id in (
            *("0", "-0", "1", "1.0", "-1.50", "1e2", "1E+2", "9223372036854775808", "1" * 4000, "0.1000", "null"),
            *('""', '"a"', '"\\u00e9\\n"', '"é"', '"\\/"', '"' + "x" * 8190 + '"'),
        ):
            exchange = receive(f'{{"jsonrpc":"2.0","id": {request_id} ,"method":"ping"}}')
            reply = _text(exchange.resolve(exchange.calls[0], True))  # noqa: FBT003 - it is the result
            self.assertEqual(reply, f'{{"jsonrpc":"2.0","result":true,"id":{request_id}}}'.encode())

    def test_last_of_two_ids(self) -> None:
        """Where a member comes twice the last one counts, for the kind of the id as for its text."""
        exchange = receive('{"jsonrpc":"2.0","id":[],"method":"ping","\\u0069d":7}')
        self.assertEqual(exchange.resolve(exchange.calls[0], 1), b'{"jsonrpc":"2.0","result":1,"id":7}')


class MisuseTests(SynchronousTestCase):
    """What this side does wrong raises."""

    def test_answering_twice(self) -> None:
        """A call is answered once, a notification too."""
        for text in (_request(id=1), _request()):
            exchange = receive(text)
            (call,) = exchange.calls
            exchange.resolve(call, 1)
            self.assertRaises(MisuseError, exchange.resolve, call, 1)
            self.assertRaises(MisuseError, exchange.reject, call, ShuttingDown())

    def test_call_of_another_exchange(self) -> None:
        """A call belongs to its exchange, even if another one looks the same."""
        first, second = receive(_request(id=1)), receive(_request(id=1))
        self.assertRaises(MisuseError, first.resolve, second.calls[0], 1)
        self.assertIsNotNone(first.resolve(first.calls[0], 1))


class ResultTests(SynchronousTestCase):
    """What JSON can carry and what it cannot."""

    def test_unencodable(self) -> None:
        """A result that cannot be encoded raises, and the call can still be rejected."""
        cycle: list[Any] = []
        cycle.append(cycle)
        for result in (object(), {"a": {1, object()}}, "\ud800", cycle, {("a",): 1}):
            exchange = receive(_request(id=1))
            (call,) = exchange.calls
            self.assertRaises(UnencodableError, exchange.resolve, call, result)
            reply = json.loads(_text(exchange.reject(call, InternalError("c"))))
            self.assertEqual(reply["error"]["code"], -32603)

    def test_no_numbers(self) -> None:
        """NaN and the infinities, which JSON has not, become null."""
        exchange = receive(_request(id=1))
        reply = exchange.resolve(exchange.calls[0], [float("nan"), float("inf"), -float("inf")])
        self.assertEqual(reply, b'{"jsonrpc":"2.0","result":[null,null,null],"id":1}')

    def test_unencodable_error(self) -> None:
        """An error whose data cannot be encoded is sent without them: there is nothing left to fall back to."""
        exchange = receive(_request(id=1))
        reply = exchange.reject(exchange.calls[0], NotFound("recording", "\udcff"))
        self.assertEqual(reply, b'{"jsonrpc":"2.0","error":{"code":-32010,"message":"Not found"},"id":1}')


class BatchTests(SynchronousTestCase):
    """A text with several requests."""

    def _batch(self, *ids: object) -> Exchange:
        members = [{} if request_id is UNSET else {"id": request_id} for request_id in ids]
        return receive("[" + ",".join(_request(**member) for member in members) + "]")

    def test_any_order(self) -> None:
        """The calls may complete in any order; the last one completes the answer, which keeps the requests' order."""
        exchange = self._batch(1, 2, 3)
        first, second, third = exchange.calls
        self.assertIsNone(exchange.resolve(third, "c"))
        self.assertIsNone(exchange.reject(first, ShuttingDown()))
        answers = json.loads(_text(exchange.resolve(second, "b")))
        self.assertEqual([answer["id"] for answer in answers], [1, 2, 3])
        self.assertEqual([answer.get("result") for answer in answers], [None, "b", "c"])

    def test_equal_ids(self) -> None:
        """Two calls of one id are two calls."""
        exchange = self._batch(1, 1)
        first, second = exchange.calls
        self.assertIsNone(exchange.resolve(first, "a"))
        answers = json.loads(_text(exchange.resolve(second, "b")))
        self.assertEqual([answer["result"] for answer in answers], ["a", "b"])

    def test_batch_does_not_wait_for_notifications(self) -> None:
        """A notification adds nothing, before or after the answer is complete."""
        exchange = self._batch(UNSET, 1, UNSET)
        before, call, after = exchange.calls
        self.assertIsNone(exchange.resolve(before, 1))
        self.assertEqual(exchange.resolve(call, 2), b'[{"jsonrpc":"2.0","result":2,"id":1}]')
        self.assertIsNone(exchange.resolve(after, 3))

    def test_one_call(self) -> None:
        """A batch of one is answered with an array of one."""
        exchange = self._batch(1)
        self.assertEqual(exchange.resolve(exchange.calls[0], 2), b'[{"jsonrpc":"2.0","result":2,"id":1}]')

    def test_invalid_beside_notification(self) -> None:
        """An answer that no call can add to is there at once, and the notification is performed nevertheless."""
        exchange = receive(f"[1,{_request()}]")
        self.assertEqual(
            exchange.reply,
            b'[{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}]',
        )
        (call,) = exchange.calls
        self.assertIsNone(exchange.resolve(call, 1))

    def test_invalid_beside_call(self) -> None:
        """An invalid request waits for the calls of its batch."""
        exchange = receive(f"[1,{_request(id=1)}]")
        self.assertIsNone(exchange.reply)
        answers = json.loads(_text(exchange.resolve(exchange.calls[0], 1)))
        self.assertEqual([answer["id"] for answer in answers], [None, 1])

    def test_answer_too_long(self) -> None:
        """What no longer fits into the answer to a batch becomes an error; short answers and errors still go."""
        limits = Limits(reply=10_000, reflect=200)
        exchange = receive("[" + ",".join(_request(id=number) for number in range(5)) + "]", limits)
        first, second, third, fourth, fifth = exchange.calls
        exchange.resolve(first, "x" * 9000)
        self.assertFalse(exchange.full)
        exchange.resolve(second, "x" * 1000)
        self.assertTrue(exchange.full)
        exchange.resolve(third, "short")
        exchange.reject(fourth, ShuttingDown())
        text = _text(exchange.decline(fifth))
        answers = json.loads(text)
        self.assertLess(len(text), 10_000)
        codes = [answer.get("error", {}).get("code") for answer in answers]
        self.assertEqual(codes, [None, -32020, None, -32080, -32020])
        reasons = [answers[place]["error"]["data"] for place in (1, 4)]
        self.assertEqual([reason["reason"] for reason in reasons], ["BATCH_TOO_LONG"] * 2)
        self.assertEqual([reason["performed"] for reason in reasons], [True, False])

    def test_single_answer_is_not_bounded(self) -> None:
        """A call outside of a batch is answered whatever that takes: its method bounds it."""
        exchange = receive(_request(id=1), Limits(reply=100, reflect=100))
        self.assertGreater(len(_text(exchange.resolve(exchange.calls[0], "x" * 1000))), 1000)

    def test_unencodable_in_batch(self) -> None:
        """A result that cannot be encoded leaves its call open, so that the batch can still be completed."""
        exchange = self._batch(1, 2)
        first, second = exchange.calls
        exchange.resolve(first, "a")
        self.assertRaises(UnencodableError, exchange.resolve, second, object())
        answers = json.loads(_text(exchange.reject(second, InternalError("c"))))
        self.assertEqual([answer["id"] for answer in answers], [1, 2])


class LimitTests(SynchronousTestCase):
    """How far a text may go."""

    def _error(self, text: str, limits: Limits = Limits()) -> dict[str, Any]:  # noqa: B008 - it is frozen
        reply = json.loads(_text(receive(text, limits).reply))
        self.assertIsNone(reply["id"])
        error: dict[str, Any] = reply["error"]
        return error

    def test_largest_batch(self) -> None:
        """A hundred requests are a batch, one more is none: a single error, not a hundred."""
        self.assertEqual(len(receive(f"[{','.join([_request(id=1)] * 100)}]").calls), 100)
        error = self._error(f"[{','.join([_request(id=1)] * 101)}]")
        self.assertEqual(error["code"], -32600)
        self.assertIn("100", error["data"]["hint"])

    def test_longest_id(self) -> None:
        """An id beyond the limit is not reflected."""
        fits = f'"{"x" * 8190}"'
        self.assertEqual(len(receive(f'{{"jsonrpc":"2.0","method":"ping","id":{fits}}}').calls), 1)
        error = self._error(_request(id="x" * 8191))
        self.assertEqual(error["code"], -32600)
        self.assertIn("8192", error["data"]["hint"])

    def test_limits_are_given(self) -> None:
        """Other limits hold where they are given."""
        limits = Limits(depth=2, batch=1, reflect=4)
        self.assertEqual(len(receive('{"jsonrpc":"2.0","method":"m","params":[1],"id":1234}', limits).calls), 1)
        self.assertEqual(self._error('{"jsonrpc":"2.0","method":"m","params":[[]],"id":1}', limits)["code"], -32700)
        self.assertEqual(self._error("[1,2]", limits)["code"], -32600)
        self.assertEqual(self._error('{"jsonrpc":"2.0","method":"m","id":12345}', limits)["code"], -32600)

    def test_errors_reflect_little(self) -> None:
        """Whatever an error says of its request, it is never more than 8 kB of it, the id included."""
        long = "\x01" * 100_000
        errors: tuple[RPCError, ...] = (
            MethodNotFound(long),
            InvalidParams(long, "unknown", "x"),
            NotFound("camera", long),
            InvalidState(long),
        )
        for request_id in ("x", "x" * 8000, "x" * 8190):
            for error in errors:
                exchange = receive(_request(id=request_id))
                reply = _text(exchange.reject(exchange.calls[0], error))
                # The rest is the frame of the reply.
                self.assertLess(len(reply), 8192 + 100)
                self.assertEqual(json.loads(reply)["id"], request_id)

    def test_long_method_is_cut(self) -> None:
        """The name of a method that there is not comes back cut."""
        exchange = receive(_request(method="m" * 1_000_000, id=1))
        message = json.loads(_text(exchange.reject(exchange.calls[0], MethodNotFound(exchange.calls[0].method))))
        self.assertTrue(message["error"]["message"].startswith("Method not found: mmm"))
        self.assertLess(len(message["error"]["message"]), 250)


class CallTests(SynchronousTestCase):
    """Calls as values."""

    def test_identity(self) -> None:
        """Two calls are never equal, so that each can be a key of its own."""
        self.assertNotEqual(Call(UNSET, "a", UNSET), Call(UNSET, "a", UNSET))
