"""What holds for any text whatever."""

from __future__ import annotations

import json
import math
import random
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Raw
from twisted.trial.unittest import SynchronousTestCase

from tests.rpc.arithmetic import Arithmetic
from webcam_rpc.rpc import messages
from webcam_rpc.rpc.errors import InvalidParams, MethodNotFound, ParseError
from webcam_rpc.rpc.session import Exchange, receive

#: The same examples in every run, and nothing kept on the disk.
DETERMINISTIC = settings(
    derandomize=True,
    max_examples=200,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
IDS = NUMBERS | TEXTS | st.none()
VALUES = st.recursive(
    IDS | st.booleans(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(TEXTS, children, max_size=4),
    max_leaves=10,
)
NAMES = st.sampled_from(["sum", "subtract", "update", "get_data", "foobar", "rpc.x", ""]) | TEXTS

#: Objects that are requests, nearly requests, or nothing like it.
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | st.just("2.0") | st.just("2.0") | VALUES,
        "method": NAMES | NAMES | NAMES | VALUES,
        "params": st.lists(NUMBERS, max_size=4) | st.dictionaries(TEXTS, NUMBERS, max_size=2) | VALUES,
        "id": IDS | IDS | VALUES,
        "extra": VALUES,
    },
)

#: Pieces of JSON in no order, which come nearer to the edges of a parser than random letters do.
SHREDS = st.lists(
    st.sampled_from(
        [
            *(
                b"{",
                b"}",
                b"[",
                b"]",
                b",",
                b":",
                b'"',
                b"\\",
                b"\\u",
                b"d800",
                b"\xff",
                b"\xed\xa0\x80",
                b" ",
                b"\x00",
            ),
            *(b"1", b"-", b"e", b"400", b".", b"null", b"true", b"NaN", b'"id"', b'"method"', b'"jsonrpc":"2.0"'),
            *(b'"params"', b'"ping"', b"[" * 70, b"]" * 70, b"9" * 5000, b"\xef\xbb\xbf"),
        ]
    ),
    max_size=30,
).map(b"".join)


def _strict(text: bytes) -> Any:
    """Read JSON with the standard library, without what that accepts beyond the standard."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    value = json.loads(text.decode(), parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _kind(request: object) -> str:
    """Say what a decoded value is by the letter of the specification: a call, a notification, or invalid."""
    if (
        not isinstance(request, dict)
        or request.get("jsonrpc") != "2.0"
        or not isinstance(request.get("method"), str)
        or not isinstance(request.get("params", []), (list, dict))
        or isinstance(request.get("id"), (bool, list, dict))
    ):
        return "invalid"
    return "call" if "id" in request else "notification"


def _id(request: object) -> object:
    """Give the id that a reply to ``request`` has."""
    found = request.get("id") if isinstance(request, dict) else None
    return None if isinstance(found, (bool, list, dict)) else found


def _finish(exchange: Exchange, order: random.Random) -> list[bytes]:
    """Answer all calls in a random order, some with errors; give everything that was to be sent."""
    sent = [exchange.reply]
    calls = list(exchange.calls)
    order.shuffle(calls)
    for call in calls:
        if order.random() < 0.5:
            sent.append(exchange.resolve(call, {"method": call.method}))
        else:
            sent.append(exchange.reject(call, MethodNotFound(call.method)))
    return [text for text in sent if text is not None]


class AnyTextTests(SynchronousTestCase):
    """Whatever comes in."""

    def _answered(self, data: bytes | str) -> None:
        exchange = receive(data)
        sent = _finish(exchange, random.Random(1))  # noqa: S311 - the order of a test
        self.assertLessEqual(len(sent), 1)
        for text in sent:
            replies = _strict(text)
            for reply in replies if isinstance(replies, list) else [replies]:
                self.assertEqual(reply["jsonrpc"], "2.0")
                self.assertEqual(len({"result", "error"} & set(reply)), 1)
                self.assertEqual(len(reply), 3)

    @DETERMINISTIC
    @given(st.binary(max_size=200) | SHREDS)
    def test_bytes(self, data: bytes) -> None:
        """Any bytes are answered with strict JSON or not at all, and raise nothing."""
        self._answered(data)

    @DETERMINISTIC
    @given(st.text(st.characters(), max_size=200))
    @example("\ud800")
    def test_text(self, data: str) -> None:
        """Any text is too, halves of surrogate pairs included."""
        self._answered(data)

    @DETERMINISTIC
    @given(st.binary(max_size=200) | SHREDS)
    def test_same_as_standard_library(self, data: bytes) -> None:
        """What is read is what the standard library reads, and what one refuses the other refuses too."""
        try:
            expected = _strict(data)
        except (ValueError, RecursionError):
            self.assertRaises(ParseError, messages.read, data, 1000)
            return
        if all(math.isfinite(number) for number in _numbers(expected)):
            self.assertEqual(messages.read(data, 1000), expected)
        else:
            self.assertRaises(ParseError, messages.read, data, 1000)

    @DETERMINISTIC
    @given(VALUES, st.integers(1, 6), st.booleans())
    def test_depth(self, value: object, limit: int, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
        """The depth that is counted in the text is that of the value."""
        text = json.dumps(value, ensure_ascii=ascii_only).encode()
        if _depth(value) > limit:
            self.assertRaises(ParseError, messages.read, text, limit)
        else:
            self.assertEqual(messages.read(text, limit), value)


def _numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for member in value for number in _numbers(member)]
    return [value] if isinstance(value, float) else []


def _depth(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


class RequestTests(SynchronousTestCase):
    """Requests and what is nearly one."""

    @DETERMINISTIC
    @given(REQUESTS | VALUES, st.booleans())
    def test_single(self, request: Any, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
        """One value is a call, a notification or invalid just as the specification says, and keeps its id."""
        if isinstance(request, list):
            request = {"jsonrpc": "2.0", "method": "m", "params": request}
        exchange = receive(json.dumps(request, ensure_ascii=ascii_only))
        sent = [json.loads(text) for text in _finish(exchange, random.Random(1))]  # noqa: S311 - the order of a test
        kind = _kind(request)
        self.assertEqual(len(exchange.calls), 0 if kind == "invalid" else 1)
        if kind == "notification":
            self.assertEqual(sent, [])
            return
        (reply,) = sent
        self.assertEqual(repr(reply["id"]), repr(_id(request)))
        if kind == "invalid":
            self.assertEqual(reply["error"]["code"], -32600)

    @DETERMINISTIC
    @given(st.lists(REQUESTS | VALUES, min_size=1, max_size=12), st.randoms(use_true_random=False))
    def test_batch(self, requests: list[Any], order: random.Random) -> None:
        """A batch in any order of completion gives one array with the ids of all that is no notification."""
        exchange = receive(json.dumps(requests))
        sent = _finish(exchange, order)
        expected = [_id(request) for request in requests if _kind(request) != "notification"]
        self.assertEqual(len(exchange.calls), sum(_kind(request) != "invalid" for request in requests))
        self.assertEqual(
            [repr([reply["id"] for reply in json.loads(text)]) for text in sent], [repr(expected)] * bool(expected)
        )

    @DETERMINISTIC
    @given(IDS, st.booleans())
    def test_id(self, request_id: object, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
        """An id comes back byte for byte, in a result and in an error."""
        text = json.dumps(request_id, ensure_ascii=ascii_only).encode()
        for answer in ("resolve", "reject"):
            exchange = receive(b'{"jsonrpc":"2.0","method":"m","id":' + text + b"}")
            (call,) = exchange.calls
            reply = exchange.resolve(call, 1) if answer == "resolve" else exchange.reject(call, MethodNotFound("m"))
            self.assertTrue((reply or b"").endswith(b',"id":' + text + b"}"))

    @DETERMINISTIC
    @given(st.lists(VALUES, max_size=7) | st.dictionaries(st.sampled_from("abcdex") | TEXTS, VALUES, max_size=4))
    def test_bind(self, params: object) -> None:
        """Any parameters either bind or are refused with all that a client needs to know."""
        server = Arithmetic()
        method = server.table.get("sum")
        try:
            server.table.bind(method, Raw(json.dumps(params).encode()) if params else UNSET)
        except InvalidParams as error:
            data = dict(error.data or {})
            self.assertEqual(set(data), {"param", "rule", "hint"})
            self.assertIn(data["rule"], {"unknown", "type", "too_many", "range"})
        else:
            values = list(params.values()) if isinstance(params, dict) else params
            self.assertTrue(all(type(value) is int for value in values))  # type: ignore[attr-defined]
