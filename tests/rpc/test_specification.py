"""Every example of the JSON-RPC 2.0 specification (section 7), and the rules of sections 4 to 6."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.rpc.arithmetic import Arithmetic

INVALID_REQUEST = {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": None}
PARSE_ERROR = {"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": None}


def _result(value: object, request_id: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "result": value, "id": request_id}


class ExampleTests(SynchronousTestCase):
    """Section 7, in its order."""

    def setUp(self) -> None:
        """Make a server."""
        self.server = Arithmetic()

    def test_positional_parameters(self) -> None:
        """Parameters by position take the order of the method's."""
        answer = self.server.answer('{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}')
        self.assertEqual(answer, _result(19, 1))
        answer = self.server.answer('{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}')
        self.assertEqual(answer, _result(-19, 2))

    def test_named_parameters(self) -> None:
        """Parameters by name may come in any order."""
        for params in ('{"subtrahend": 23, "minuend": 42}', '{"minuend": 42, "subtrahend": 23}'):
            answer = self.server.answer(f'{{"jsonrpc": "2.0", "method": "subtract", "params": {params}, "id": 3}}')
            self.assertEqual(answer, _result(19, 3))

    def test_notifications(self) -> None:
        """A notification is performed and gets no answer, not even when there is no such method."""
        self.assertIsNone(self.server.answer('{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}'))
        self.assertIsNone(self.server.answer('{"jsonrpc": "2.0", "method": "foobar"}'))
        self.assertEqual(self.server.called, ["update"])

    def test_unknown_method(self) -> None:
        """A method that there is not gives -32601, with the name of it in the message."""
        answer = self.server.answer('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}')
        error = {"code": -32601, "message": "Method not found: foobar"}
        self.assertEqual(answer, {"jsonrpc": "2.0", "error": error, "id": "1"})

    def test_invalid_json(self) -> None:
        """What is not JSON gives -32700."""
        self.assertEqual(
            self.server.answer('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]'), PARSE_ERROR
        )

    def test_invalid_request(self) -> None:
        """JSON that is no request gives -32600."""
        self.assertEqual(self.server.answer('{"jsonrpc": "2.0", "method": 1, "params": "bar"}'), INVALID_REQUEST)

    def test_batch_of_invalid_json(self) -> None:
        """A batch that is not JSON gives one -32700."""
        text = """[
            {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
            {"jsonrpc": "2.0", "method"
        ]"""
        self.assertEqual(self.server.answer(text), PARSE_ERROR)

    def test_empty_batch(self) -> None:
        """An empty batch gives one -32600, not an array."""
        self.assertEqual(self.server.answer("[]"), INVALID_REQUEST)

    def test_invalid_batches(self) -> None:
        """Each member of a batch that is no request gives a -32600 of its own."""
        self.assertEqual(self.server.answer("[1]"), [INVALID_REQUEST])
        self.assertEqual(self.server.answer("[1,2,3]"), [INVALID_REQUEST] * 3)

    def test_mixed_batch(self) -> None:
        """Calls, a notification and invalid requests in one batch are each answered as if they were alone."""
        answer = self.server.answer("""[
            {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
            {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
            {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
        ]""")
        unknown = {"code": -32601, "message": "Method not found: foo.get"}
        self.assertEqual(
            answer,
            [
                _result(7, "1"),
                _result(19, "2"),
                INVALID_REQUEST,
                {"jsonrpc": "2.0", "error": unknown, "id": "5"},
                _result(["hello", 5], "9"),
            ],
        )
        self.assertEqual(self.server.called, ["sum", "notify_hello", "subtract", "get_data"])

    def test_batch_of_notifications(self) -> None:
        """A batch of nothing but notifications gets no answer at all."""
        text = """[
            {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
        ]"""
        self.assertIsNone(self.server.answer(text))
        self.assertEqual(self.server.called, ["notify_sum", "notify_hello"])


class RequestTests(SynchronousTestCase):
    """What counts as a request (section 4)."""

    def setUp(self) -> None:
        """Make a server."""
        self.server = Arithmetic()

    def _refused(self, text: str, request_id: object) -> None:
        answer = self.server.answer(text)
        self.assertEqual(answer, {**INVALID_REQUEST, "id": request_id}, text)

    def test_version(self) -> None:
        """``jsonrpc`` is exactly the string 2.0; where it is not, the id comes back all the same."""
        for version in ('"1.0"', '"2"', '"2.00"', "2.0", "2", "null", "true", "[]", '["2.0"]', "{}"):
            self._refused(f'{{"jsonrpc": {version}, "method": "get_data", "id": 7}}', 7)
        self._refused('{"method": "get_data", "id": 7}', 7)

    def test_version_with_escapes(self) -> None:
        """Escapes are a matter of the text: a name and a value that only look different are the same."""
        text = '{"\\u006asonrpc": "\\u0032.0", "m\\u0065thod": "get_dat\\u0061", "\\u0069d": 7}'
        self.assertEqual(self.server.answer(text), _result(["hello", 5], 7))

    def test_method(self) -> None:
        """``method`` is there and is a string."""
        for method in ("1", "null", "[]", "{}", "true"):
            self._refused(f'{{"jsonrpc": "2.0", "method": {method}, "id": "a"}}', "a")
        self._refused('{"jsonrpc": "2.0", "id": "a"}', "a")

    def test_reserved_methods(self) -> None:
        """A name that starts with ``rpc.`` is a method that there is not, unless it is ours."""
        answer = self.server.answer('{"jsonrpc": "2.0", "method": "rpc.secret", "id": 1}')
        self.assertEqual(answer["error"]["code"], -32601)

    def test_params_are_structured(self) -> None:
        """``params`` are an array or an object, or are not there; null is neither."""
        for params in ("null", "1", '"a"', "true", "1.5"):
            self._refused(f'{{"jsonrpc": "2.0", "method": "get_data", "params": {params}, "id": 1}}', 1)
        for params in ("[]", "{}", " [ ] "):
            answer = self.server.answer(f'{{"jsonrpc": "2.0", "method": "get_data", "params": {params}, "id": 1}}')
            self.assertEqual(answer, _result(["hello", 5], 1))

    def test_id_of_null(self) -> None:
        """An id of null is an id: this is no notification."""
        self.assertEqual(self.server.answer('{"jsonrpc": "2.0", "method": "sum", "id": null}'), _result(0, None))

    def test_wrong_ids(self) -> None:
        """An id is a string, a number or null; anything else makes the request invalid."""
        for wrong in ("true", "false", "[]", "{}", "[1]", '{"a": 1}'):
            self._refused(f'{{"jsonrpc": "2.0", "method": "sum", "id": {wrong}}}', None)

    def test_invalid_without_id(self) -> None:
        """What is not a request is not a notification either: it is answered."""
        self._refused('{"jsonrpc": "2.0", "method": "sum", "params": 1}', None)
        self._refused('{"jsonrpc": "1.0", "method": "sum"}', None)

    def test_further_members(self) -> None:
        """Further members are ignored."""
        text = '{"jsonrpc": "2.0", "method": "sum", "id": 1, "meta": {"trace": [1]}, "": null}'
        self.assertEqual(self.server.answer(text), _result(0, 1))

    def test_neither_object_nor_array(self) -> None:
        """A lone value is no request."""
        for text in ("1", "null", '"ping"', "true", "1.5"):
            self._refused(text, None)

    def test_batch_in_batch(self) -> None:
        """A batch holds requests, not batches."""
        answer = self.server.answer('[[{"jsonrpc": "2.0", "method": "sum", "id": 1}]]')
        self.assertEqual(answer, [INVALID_REQUEST])

    def test_reply_as_request(self) -> None:
        """What looks like a reply is answered as an invalid request."""
        self._refused(json.dumps(_result(1, 5)), 5)
