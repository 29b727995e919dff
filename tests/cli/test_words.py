"""What people read: figures, tables, and the words for what goes wrong."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import click
from hypothesis import given, settings, strategies
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.cli import words
from webcam_rpc.cli.failures import NO_PERMISSION, UNAVAILABLE, refusal
from webcam_rpc.cli.tables import Column, lines
from webcam_rpc.rpc.errors import ERRORS


class FigureTests(SynchronousTestCase):
    """Bytes, durations, rates."""

    def test_amounts(self) -> None:
        """Three digits at most before the point, and no unit is used beyond its next."""
        told = {
            0: "0 B",
            999: "999 B",
            1000: "1.0 kB",
            21_700: "21.7 kB",
            633_005: "633 kB",
            999_499: "999 kB",
            999_500: "1.0 MB",
            1_400_000: "1.4 MB",
            67_000_000_000: "67.0 GB",
            None: "-",
        }
        self.assertEqual({size: words.amount(size) for size in told}, told)

    @given(strategies.integers(0, 10**18))
    @settings(max_examples=200, deadline=None)
    def test_every_amount_is_short(self, size: int) -> None:
        """Never a thousand of a unit that has a next."""
        figure, unit = words.amount(size).split()
        self.assertTrue(float(figure) < 1000 or unit == "PB", words.amount(size))

    def test_spans(self) -> None:
        """The two largest units, and tenths where they matter."""
        told = {
            0: "0 s",
            0.42: "0.4 s",
            9.9: "9.9 s",
            9.96: "10 s",
            59.7: "1 min",
            185: "3 min 05 s",
            2700: "45 min",
            7620: "2 h 07 min",
            356400: "4 d 03 h",
            None: "-",
        }
        self.assertEqual({seconds: words.span(seconds) for seconds in told}, told)

    def test_clocks(self) -> None:
        """A running time has hours where there are any."""
        self.assertEqual([words.clock(one) for one in (0, 7.9, 750, 3723)], ["0:00", "0:07", "12:30", "1:02:03"])

    def test_modes(self) -> None:
        """What is not known is left out."""
        self.assertEqual(words.mode("640x480", 30), "640x480 @ 30")
        self.assertEqual(words.mode("640x480", 7.5), "640x480 @ 7.5")
        self.assertEqual((words.mode("640x480", None), words.mode(None, None)), ("640x480", "-"))

    def test_moments(self) -> None:
        """No more is told of a moment than tells it."""
        now = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
        for days, parts in ((0, ":"), (1, "11-2"), (100, "2027-")):
            there = (now + timedelta(days=days)).isoformat().replace("+00:00", "Z")
            self.assertIn(parts, words.brief(there, now))
            self.assertLessEqual(len(words.brief(there, now)), 11)
        self.assertEqual((words.brief(None, now), words.moment(None)), ("-", "-"))

    def test_plain(self) -> None:
        """What a terminal would obey is shown."""
        self.assertEqual(words.plain("Käm\x1b[31m\r\nera"), "Käm\\x1b[31m\\r\\nera")


class TableTests(SynchronousTestCase):
    """Tables, at any width."""

    columns = (Column("NAME", gives=True), Column("SIZE", right=True), Column("CAMERA", gives=True))

    def laid(self, room: int | None, *rows: tuple[str, str, str]) -> list[str]:
        """Lay out a table without colours."""
        return [click.unstyle(line) for line in lines(self.columns, rows, room)]

    def test_as_wide_as_needed(self) -> None:
        """Columns are as wide as their widest cell, numbers to the right, nothing at the ends of lines."""
        table = self.laid(None, ("a.mp4", "1.4 MB", "demo"), ("longer.mp4", "2 B", "x"))
        self.assertEqual(table, ["NAME          SIZE  CAMERA", "a.mp4       1.4 MB  demo", "longer.mp4     2 B  x"])

    def test_cut(self) -> None:
        """Where room is short the widest that may give gives; figures stay whole."""
        table = self.laid(30, ("n" * 40, "1.4 MB", "c" * 12))
        self.assertEqual(table[1], "n" * 9 + "…" + "  1.4 MB  " + "c" * 9 + "…")
        self.assertEqual(max(map(len, table)), 30)

    def test_too_narrow(self) -> None:
        """There is an end to cutting: the terminal wraps what is left."""
        self.assertEqual(max(map(len, self.laid(10, ("n" * 40, "1.4 MB", "c" * 12)))), 8 + 2 + 6 + 2 + 8)

    def test_wide_characters(self) -> None:
        """A name in Chinese takes two columns a character, and is cut by these."""
        table = self.laid(None, ("摄像头", "1 B", "x"), ("abcdef", "1 B", "x"))
        self.assertEqual(table[1].replace("摄像头", "abcdef"), table[2])
        self.assertIn("摄像头摄…", self.laid(8 + 2 + 6 + 2 + 8, ("摄像头摄像头", "1.4 MB", "camera"))[1])

    def test_what_devices_say(self) -> None:
        """A device's name can neither colour the terminal nor break the line."""
        (_, row) = lines(self.columns, [("\x1b[2J\nevil", "1", "x")], None)
        self.assertIn("\\x1b[2J\\nevil", row)

    def test_status(self) -> None:
        """A status has its colour, and the colour takes no room."""
        (_, row) = lines(self.columns, [("ERROR", "1", "x")], None)
        self.assertEqual(row, click.style("ERROR", fg="red") + "     1  x")


class RefusalTests(SynchronousTestCase):
    """Each error of the service, in words that say what to do."""

    def told(self, code: int, **data: object) -> tuple[str, int]:
        """Give text and status."""
        failed = refusal({"code": code, "message": ERRORS[code].title, "data": data or None})
        return str(failed), failed.status

    def test_what_to_do(self) -> None:
        """Who types the command learns the next one."""
        for code, data, text in (
            (-32010, {"resource": "camera", "id": "porch"}, "`webcamctl cameras` lists"),
            (-32010, {"resource": "recording", "id": "x.mp4"}, "`webcamctl recordings` lists"),
            (-32020, {"reason": "ALREADY_RECORDING", "recording_id": "7"}, "`webcamctl record stop`"),
            (-32020, {"reason": "PROTECTED", "hint": "protect_recording"}, "`webcamctl recordings unprotect"),
            (-32020, {"reason": "DEVICE_BUSY", "holder": {"pid": 7, "comm": "cheese"}}, "cheese (process 7)"),
            (-32020, {"reason": "DEVICE_BUSY", "holder": None}, "another program"),
            (-32020, {"reason": "CAMERA_DISCONNECTED", "camera_id": "usb-1"}, "usb-1 is not plugged in"),
            (-32040, {"retry_after_ms": 2500}, "try again in 2.5 s"),
            (-32050, {"reason": "FFMPEG_FAILED", "detail": "it ended", "remedy": "install it"}, "do: install it"),
            (-32060, {"available_space": 10**9, "required": 2 * 10**9}, "1.0 GB are free and 2.0 GB"),
            (-32070, {"deadline_s": 15.0}, "longer than 15 s"),
            (-32602, {"param": "quality", "rule": "range", "hint": "At most 100."}, "quality: At most 100."),
            (-32603, {"correlation_id": "c0ffee"}, "look for c0ffee"),
        ):
            self.assertIn(text, self.told(code, **data)[0])
            self.assertEqual(self.told(code, **data)[1], 1)

    def test_statuses(self) -> None:
        """Not permitted and not there have statuses of their own."""
        text, status = self.told(-32002, required_role="operator", have_role="status")
        self.assertEqual(status, NO_PERMISSION)
        for part in ("operator", "status", "--token-file"):
            self.assertIn(part, text)
        self.assertEqual(self.told(-32001, reason="expired")[1], NO_PERMISSION)
        self.assertIn("wait 30 s", self.told(-32001, reason="locked_out", retry_after_ms=30_000)[0])
        self.assertEqual(self.told(-32080)[1], UNAVAILABLE)

    def test_every_error_has_words(self) -> None:
        """An error whose data is not as it should be, or of a later version, is told as it is."""
        for code in ERRORS:
            text, _ = self.told(code)
            self.assertTrue(text)
            self.assertIn("more: 7", self.told(code, more=7)[0] if code not in {-32020, -32040, -32080} else "more: 7")
        self.assertEqual(self.told(-32020, reason="LATER", more=7)[0], "Invalid state: reason: LATER, more: 7")
