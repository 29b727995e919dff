"""What is strict JSON, and how deep it may be."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.rpc import messages
from webcam_rpc.rpc.errors import ParseError
from webcam_rpc.rpc.messages import UnencodableError

#: Values that are not JSON, or not what JSON texts may hold here.
BAD_VALUES = (
    *(b"NaN", b"Infinity", b"-Infinity", b"nan", b"1e400", b"-1e400", b"1E+99999999999999999999"),
    *(b"1" * 5000, b"-" + b"1" * 5000, b"1" * 400 + b".5", b"01", b"1.", b".5", b"+1", b"-", b"1e", b"0x10"),
    *(b'"\xff"', b'"\xc3"', b'"\xed\xa0\x80"', b'"\xc0\xaf"', b'"\xf5\x80\x80\x80"'),
    *(b'"\\ud800"', b'"\\udc00"', b'"\\udc00\\ud800"', b'"\\ud800x"', b'"\\ud800\\n"', b'"\\x41"', b'"\\u12g4"'),
    *(b'"\n"', b'"\t"', b'"\x00"', b"'a'", b'"a', b"True", b"undefined", b"[1,]", b'{"a":1,}', b"{1:2}", b"{a:1}"),
    *(b'{"\\ud800":1}', b'{"\xff":1}', b"[1 2]", b'{"a" 1}', b"[", b"]", b"{", b"}", b"/**/1", b","),
)

GOOD_VALUES = (
    *(b"0", b"-0", b"1e-400", b"0e400", b"1" * 4000, b"1.5E+10", b"null", b"true", b"[]", b"{}", b'""'),
    *(
        b'"\\ud83d\\ude00"',
        b'"\xf0\x9f\x98\x80"',
        b'"\\u0000"',
        b'"\x7f"',
        b'"[[[["',
        b'"\\\\"',
        b'"\\""',
        b'{"":[{}]}',
    ),
)


class ReadTests(SynchronousTestCase):
    """Strictness."""

    def test_bad_values(self) -> None:
        """Anything that is not strict JSON is a parse error, wherever it stands."""
        for value in BAD_VALUES:
            for text in (
                value,
                b"[" + value + b"]",
                b'{"jsonrpc":"2.0","method":"m","id":' + value + b"}",
                b'{"jsonrpc":"2.0","method":"m","id":1,"params":{"a":[' + value + b"]}}",
                b'{"jsonrpc":"2.0","method":"m","id":1,"ignored":' + value + b"}",
                b'[{"jsonrpc":"2.0","method":"m","id":1},' + value + b"]",
            ):
                self.assertRaises(ParseError, messages.read, text, 64)

    def test_good_values(self) -> None:
        """What is JSON is read as the standard library reads it."""
        for value in GOOD_VALUES:
            text = b'{"a":[' + value + b"]}"
            self.assertEqual(messages.read(text, 64), json.loads(text))
            self.assertEqual(messages.read(text.decode(), 64), json.loads(text))

    def test_around_the_value(self) -> None:
        """White space may stand around the value, and nothing else: no byte order mark, no second value."""
        self.assertEqual(messages.read(b" \t\r\n[1]\n ", 64), [1])
        for text in (b"[1] x", b"[1][2]", b"[1]\x00", b"\xef\xbb\xbf[1]", b"\x0b[1]", b"[1]\xa0", b"[1],", b" ", b""):
            self.assertRaises(ParseError, messages.read, text, 64)
        for wide in ("\ufeff[1]", "[1]\u00a0", '["\ud800"]'):
            self.assertRaises(ParseError, messages.read, wide, 64)
        self.assertRaises(ParseError, messages.read, "[1]".encode("utf-16"), 64)


class DepthTests(SynchronousTestCase):
    """Nesting."""

    def test_deepest(self) -> None:
        """As deep as the limit is fine, one deeper is a parse error, for arrays and objects and both."""
        for opening, closing, levels in (("[", "]", 64), ('{"a":', "}", 64), ('[{"a":', "}]", 32)):
            messages.read(opening * levels + "1" + closing * levels, 64)
            self.assertRaises(ParseError, messages.read, f"[{opening * levels}1{closing * levels}]", 64)

    def test_far_too_deep(self) -> None:
        """What no decoder could hold is an error like any other, closed or not."""
        for text in (b"[" * 500_000, b"[" * 5000 + b"]" * 5000, b'{"a":' * 5000 + b"1" + b"}" * 5000):
            self.assertRaises(ParseError, messages.read, text, 64)

    def test_brackets_side_by_side(self) -> None:
        """Many brackets are not deep."""
        text = "[" + ",".join(['{"a":[[],[{}]]}'] * 1000) + "]"
        self.assertEqual(len(messages.read(text, 64)), 1000)
        self.assertRaises(ParseError, messages.read, text, 4)

    def test_brackets_in_strings(self) -> None:
        """Brackets within strings are not nesting, whatever quotes and backslashes stand around them."""
        for string in ("[" * 200, "]" * 200, '"' + "{" * 200, '\\"' + "[" * 200, "\\" + "[" * 200 + "\\", '[""[' * 99):
            text = json.dumps([string, {string: string}])
            self.assertEqual(messages.read(text, 2), [string, {string: string}])
            self.assertRaises(ParseError, messages.read, f"[{text}]", 2)

    def test_too_many_containers(self) -> None:
        """A text of nothing but small arrays is refused before the time it takes to decode it is spent."""
        messages.read(b"[" + b"[]," * 49_998 + b"[]]", 64)
        with self.assertRaises(ParseError):
            messages.read(b"[" + b"[]," * 49_999 + b"[]]", 64)

    def test_too_many_members(self) -> None:
        """A text of more members than any request has is refused, and one of as many colons in a string is not."""
        members = [b'"k%d":1' % number for number in range(20_001)]
        self.assertRaises(ParseError, messages.read, b"{" + b",".join(members) + b"}", 64)
        self.assertEqual(len(messages.read(b"{" + b",".join(members[1:]) + b"}", 64)), 20_000)
        self.assertEqual(len(messages.read(b'["' + b'\\":' * 30_000 + b'"]', 64)[0]), 60_000)

    def test_too_many_exponents(self) -> None:
        """Numbers that take long to convert are few; letters in strings and in true and false are no exponents."""
        for number in (b"9e300", b"9E300", b"5.5e-324"):
            messages.read(b"[" + number + (b"," + number) * 999 + b"]", 64)
            with self.assertRaises(ParseError):
                messages.read(b"[" + number + (b"," + number) * 1000 + b"]", 64)
        for other in ("false", '"9e300"', '"9e300\\""', '"\\\\"', '{"1e1":true}'):
            messages.read(f"[{other}" + f",{other}" * 2000 + "]", 64)

    def test_depth_behind_strings(self) -> None:
        """What looks like the beginning of a string, but is escaped, hides no nesting."""
        for string in ('"', '\\"', "\\", '\\\\"', '""', '"\\', "]" * 100):
            text = json.dumps([string]) + "," + "[" * 64 + "]" * 64
            self.assertRaises(ParseError, messages.read, f"[{text}]", 64)
            self.assertEqual(len(messages.read(f"[{text}]", 65)), 2)


class WriteTests(SynchronousTestCase):
    """Notifications."""

    def test_notification(self) -> None:
        """A notification is a request without an id."""
        text = messages.notification("camera_status_update", {"device": "/dev/video0"})
        self.assertEqual(text, b'{"jsonrpc":"2.0","method":"camera_status_update","params":{"device":"/dev/video0"}}')

    def test_unencodable_notification(self) -> None:
        """What JSON cannot carry raises, and says of which type it was."""
        error = self.assertRaises(UnencodableError, messages.notification, "x", object())
        self.assertIn("object", str(error))
