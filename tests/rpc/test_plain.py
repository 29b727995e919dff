"""The quick way of reading the simplest calls: whatever it accepts, the long way understands in the same way."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.rpc.session import Call, plain_call, receive

_SIMPLE = b'{"jsonrpc":"2.0","method":"ping","id":1}'
#: What the texts of the property are put together from.
_PIECES = (
    *tuple(
        rb"""{ } [ ] , : " \ \u0069d 1e400 -0 01 1.0 1 null true "jsonrpc" "2.0" "method" "id" "params" "ping" "id":1
    "id":"1" "jsonrpc":"2.0" "method":"ping" "params":{}""".split()
    ),
    b" ",
    b"\xff",
    b"\xc3\xa9",
)


def _seen(call: Call) -> tuple[bytes, str, bool]:
    return bytes(call.id or b""), call.method, call.params is UNSET


class PlainTests(SynchronousTestCase):
    """Which calls go the quick way."""

    def agree(self, text: bytes) -> bool:
        """See that both ways agree, where the quick one accepts the text; tell whether it does."""
        call = plain_call(text)
        if call is None:
            return False
        (other,) = receive(text).calls
        self.assertEqual(_seen(call), _seen(other), text)
        return True

    def test_accepted(self) -> None:
        """Whatever the order of the members, the spaces between them and the number."""
        for text in (
            _SIMPLE,
            b' { "id" : 123456789012345678 , "method" : "get_status" , "jsonrpc" : "2.0" }\n',
            b'{"jsonrpc":"2.0","method":"","id":0}',
            '{"jsonrpc":"2.0","method":"é\\u00e9","id":7}'.encode(),
        ):
            self.assertTrue(self.agree(text), text)

    def test_not_accepted(self) -> None:
        """What is anything else, or nothing that is right."""
        for text in (
            b'{"jsonrpc":"2.0","method":"ping"}',
            b'{"jsonrpc":"2.0","method":"ping","id":1,"params":{}}',
            b'{"jsonrpc":"2.0","method":"ping","id":"1"}',
            b'{"jsonrpc":"2.0","method":"ping","id":null}',
            b'{"jsonrpc":"2.0","method":"ping","id":1.0}',
            b'{"jsonrpc":"2.0","method":"ping","id":-1}',
            b'{"jsonrpc":"2.0","method":"ping","id":1e2}',
            b'{"jsonrpc":"2.0","method":"ping","id":01}',
            b'{"jsonrpc":"2.0","method":"ping","id":[1]}',
            b'{"jsonrpc":"2.0","method":"ping","id":1234567890123456789}',
            b'{"jsonrpc":"2.0","id":"\xff","id":2,"method":"ping"}',
            b'{"jsonrpc":"2.0","\\u0069d":1e400,"id":2,"method":"ping"}',
            b'{"jsonrpc":"2.0","method":"p\xffng","id":1}',
            b'{"jsonrpc":"1.0","method":"ping","id":1}',
            b'{"jsonrpc":"2.0","method":1,"id":1}',
            b'{"jsonrpc":"2.0","method":"ping","id":1} x',
            b"[" + _SIMPLE + b"]",
            b"",
        ):
            self.assertIsNone(plain_call(text), text)

    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.sampled_from(_PIECES), max_size=16).map(b"".join))
    def test_pieces(self, text: bytes) -> None:
        """Put together from what such a text may have in it."""
        self.agree(text)

    @settings(max_examples=300, deadline=None)
    @given(st.integers(0, len(_SIMPLE)), st.integers(0, 3), st.sampled_from(_PIECES))
    def test_changed(self, at: int, gone: int, piece: bytes) -> None:
        """A good one with something in the place of something else."""
        self.agree(_SIMPLE[:at] + piece + _SIMPLE[at + gone :])
