"""The names of files: what a client may ask for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.media import names
from webcam_rpc.media.troubles import NameRefused


class ChosenTests(SynchronousTestCase):
    """Names that a client chose."""

    def test_good(self) -> None:
        """Letters, digits, and three signs; the extension is added where it is missing."""
        for asked, given_name in (
            ("a", "a.mp4"),
            ("Door_2026-11-23.mp4", "Door_2026-11-23.mp4"),
            ("9.v1", "9.v1.mp4"),
            ("x" * 124, "x" * 124 + ".mp4"),
        ):
            self.assertEqual(names.chosen(asked, ".mp4"), given_name)

    def test_refused(self) -> None:
        """No path, no option, no format or protocol of ffmpeg; nothing hidden, of another kind, or long."""
        wrong = (
            *("", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", "-i", ".hidden", "_x", "a b", "a\n", "a\0b", "é"),
            *("pipe:1", "concat:a|b", "file:x", "x%03d", "a*", "$(x)", "x.mkv", "x.MKV", "x.json", "x.part", "x" * 125),
        )
        for name in wrong:
            self.assertRaises(NameRefused, names.chosen, name, ".mp4")

    @given(st.text())
    def test_any(self, text: str) -> None:
        """Whatever is let through is one name of safe characters with the extension."""
        try:
            name = names.chosen(text, ".jpg")
        except NameRefused:
            return
        self.assertRegex(name, r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
        self.assertTrue(name.endswith(".jpg"))
        self.assertTrue(names.is_media(names.SNAPSHOTS, name))
