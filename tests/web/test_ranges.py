"""Ranges and conditions, by the letter of RFC 9110."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import datetimeToString
from twisted.web.http_headers import Headers

from webcam_rpc.web.conditions import outcome, range_applies
from webcam_rpc.web.ranges import MOST, Unsatisfiable, ranges

if TYPE_CHECKING:
    from http import HTTPStatus

SPECS = st.one_of(
    st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: f"{min(pair)}-{max(pair)}"),
    st.integers(0, 30).map(lambda first: f"{first}-"),
    st.integers(0, 30).map(lambda last: f"-{last}"),
)


def bytes_of(spec: str, size: int) -> list[int]:
    """Say which bytes a range means, one by one, as the RFC has it."""
    first, _, last = spec.partition("-")
    if not first:
        return [place for place in range(size) if place >= size - int(last)]
    return [place for place in range(size) if place >= int(first) and (not last or place <= int(last))]


class RangeTests(SynchronousTestCase):
    """The Range header."""

    def test_examples(self) -> None:
        """Those of RFC 9110, section 14.1.2, for 10000 bytes."""
        for header, expected in (
            ("bytes=0-499", [(0, 500)]),
            ("bytes=500-999", [(500, 1000)]),
            ("bytes=-500", [(9500, 10000)]),
            ("bytes=9500-", [(9500, 10000)]),
            ("bytes=0-0,-1", [(0, 1), (9999, 10000)]),
            ("bytes= 0-999, 4500-5499, -1000", [(0, 1000), (4500, 5500), (9000, 10000)]),
            ("Bytes=500-600,601-999", [(500, 601), (601, 1000)]),
            ("bytes=0-20000", [(0, 10000)]),
            ("bytes=-20000", [(0, 10000)]),
            (f"bytes=9999-{'9' * 5000}", [(9999, 10000)]),
            ("bytes=,, 1-2 ,,", [(1, 3)]),
            ("bytes=10000-,0-0", [(0, 1)]),
        ):
            self.assertEqual(ranges(header, 10000), expected, header)

    def test_passed_over(self) -> None:
        """What is malformed or of another unit, and sets of many or overlapping ranges, mean the whole file."""
        for header in (
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=1",
            "bytes=5-4",
            "bytes=1-2-3",
            "bytes=-1-2",
            "bytes=+1-2",
            "bytes=0x1-2",
            "bytes=1 - 2",
            "bytes=\u0661-",
            "lines=1-2",
            "bytes=0-5,3-9",
            "bytes=0-0,0-0",
            "bytes=" + ",".join(f"{2 * number}-{2 * number}" for number in range(MOST + 1)),
        ):
            self.assertIsNone(ranges(header, 10000), header)
        self.assertIsNone(ranges("bytes=0-", 0))

    def test_not_there(self) -> None:
        """Where none of them is in the file, that is an error."""
        for header in ("bytes=10000-", "bytes=10000-10001,20000-", "bytes=-0", f"bytes={'9' * 5000}-"):
            self.assertRaises(Unsatisfiable, ranges, header, 10000)

    @given(st.lists(SPECS, min_size=1, max_size=5), st.integers(1, 25))
    @example(["-0"], 1)
    def test_model(self, specs: list[str], size: int) -> None:
        """Exactly the bytes that each range means, in the order asked for."""
        wanted = [found for found in (bytes_of(spec, size) for spec in specs) if found]
        everything = [place for found in wanted for place in found]
        header = "bytes=" + ",".join(specs)
        if not wanted:
            self.assertRaises(Unsatisfiable, ranges, header, size)
        elif len(set(everything)) < len(everything):
            self.assertIsNone(ranges(header, size))
        else:
            found = ranges(header, size) or []
            self.assertEqual([list(range(each.start, each.end)) for each in found], wanted)
            for each in found:
                self.assertEqual(each.content_range(size), b"bytes %d-%d/%d" % (each.start, each.end - 1, size))

    @given(st.text(max_size=40), st.integers(0, 100))
    def test_anything(self, text: str, size: int) -> None:
        """Whatever is sent, what is given is within the file."""
        try:
            found = ranges(f"bytes={text}", size) or []
        except Unsatisfiable:
            found = []
        for each in found:
            self.assertTrue(0 <= each.start < each.end <= size)


TAG = '"abc"'
MODIFIED = 1_700_000_000


class ConditionTests(SynchronousTestCase):
    """Conditional requests."""

    def outcome(self, **headers: str) -> HTTPStatus | None:
        """Look at headers; an underscore is a hyphen."""
        raw = {name.replace("_", "-"): [value] for name, value in headers.items()}
        return outcome(Headers(raw), TAG, MODIFIED)

    def date(self, offset: int) -> str:
        """Give a date near that of the file."""
        return str(datetimeToString(MODIFIED + offset), "ascii")

    def test_if_none_match(self) -> None:
        """Compared weakly (section 13.1.2); it is stronger than a date."""
        for value, expected in (
            (TAG, 304),
            ('W/"abc"', 304),
            ('"x", "abc"', 304),
            ('"a,b",W/"abc"', 304),
            ("*", 304),
            ('"x"', None),
            ("abc", None),
            ('"x" "abc"', None),
            ("", None),
        ):
            self.assertEqual(self.outcome(if_none_match=value), expected, value)
            self.assertEqual(self.outcome(if_none_match=value, if_modified_since=self.date(0)), expected, value)
        self.assertIsNone(self.outcome())

    def test_if_modified_since(self) -> None:
        """To the second; what is no date says nothing (section 13.1.3)."""
        self.assertEqual(self.outcome(if_modified_since=self.date(0)), 304)
        self.assertEqual(self.outcome(if_modified_since=self.date(9)), 304)
        self.assertIsNone(self.outcome(if_modified_since=self.date(-1)))
        for value in ("", "yesterday", "Tue, 99 Foo 2023 00:00:00 GMT", "0", "x" * 5000):
            self.assertIsNone(self.outcome(if_modified_since=value), value)

    def test_if_match(self) -> None:
        """Compared strongly (section 13.1.1), and it comes first."""
        self.assertIsNone(self.outcome(if_match=TAG))
        self.assertIsNone(self.outcome(if_match="*"))
        self.assertEqual(self.outcome(if_match='W/"abc"'), 412)
        self.assertEqual(self.outcome(if_match='"x"', if_none_match=TAG), 412)
        self.assertEqual(self.outcome(if_match=TAG, if_none_match=TAG), 304)
        self.assertIsNone(self.outcome(if_match=TAG, if_unmodified_since=self.date(-9)))

    def test_if_unmodified_since(self) -> None:
        """The same by date."""
        self.assertIsNone(self.outcome(if_unmodified_since=self.date(0)))
        self.assertEqual(self.outcome(if_unmodified_since=self.date(-1)), 412)

    def test_if_range(self) -> None:
        """Only the very file, by its tag."""
        for value, expected in (
            (None, True),
            (TAG, True),
            ('W/"abc"', False),
            ('"x"', False),
            (self.date(0), False),
        ):
            headers = Headers({} if value is None else {"if-range": [value]})
            self.assertEqual(range_applies(headers, TAG), expected, value)

    @given(st.text(max_size=60))
    def test_anything(self, text: str) -> None:
        """Whatever is sent, there is an outcome."""
        value = text.encode("utf-8", "replace").decode("latin-1")
        for name in ("if_match", "if_none_match", "if_modified_since", "if_unmodified_since"):
            self.assertIn(self.outcome(**{name: value}), {None, 304, 412})
