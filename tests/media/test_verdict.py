"""From ffmpeg's last words to what happened and what to do about it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import capture
from webcam_rpc.cameras.models import Trouble
from webcam_rpc.media import verdict
from webcam_rpc.media.child import Exit


class CaptureEndedTests(SynchronousTestCase):
    """A capture that ended by itself."""

    def test_printed(self) -> None:
        """What ffmpeg printed on real cameras."""
        for name, code, detail in (
            ("ffmpeg-busy", "DEVICE_BUSY", "another program has the camera open"),
            ("ffmpeg-unplugged", "DEVICE_GONE", "the camera was unplugged"),
            ("ffmpeg-no-format", "V4L2_FAILED", "the camera does not take this mode"),
            ("ffmpeg-no-commit", "V4L2_FAILED", "the camera does not answer right"),
            ("ffmpeg-mute", "V4L2_FAILED", "the camera does not answer right"),
            ("ffmpeg-one-frame", "DEVICE_GONE", "the camera was unplugged"),
            (
                "ffmpeg-metadata-node",
                "FFMPEG_FAILED",
                "ffmpeg ended with status 1 without a picture, saying: /dev/video1: Inappropriate ioctl for device",
            ),
        ):
            words = capture(f"{name}.stderr")
            self.assertTrue(words, name)
            trouble = verdict.capture_ended(Exit(1, None, words), 0)
            self.assertEqual((trouble.code, trouble.detail), (code, detail), name)
            self.assertTrue(trouble.remedy)

    def test_kernel(self) -> None:
        """The kernel's words, as ffmpeg prints them."""
        for words, code in (
            # Not the disk's space: the bus's.
            ("[video4linux2,v4l2 @ 0x1] ioctl(VIDIOC_STREAMON): No space left on device", "USB_BANDWIDTH"),
            ("[video4linux2,v4l2 @ 0x1] Cannot open video device /dev/video0: Permission denied", "V4L2_PERMISSION"),
            (
                "[video4linux2,v4l2 @ 0x1] Cannot open video device /dev/video0: Operation not permitted",
                "V4L2_PERMISSION",
            ),
            ("[video4linux2,v4l2 @ 0x1] Cannot open video device /dev/video0: No such device", "DEVICE_GONE"),
            (
                "[video4linux2,v4l2 @ 0x1] Cannot open video device /dev/video0: No such file or directory",
                "DEVICE_GONE",
            ),
            ("[video4linux2,v4l2 @ 0x1] ioctl(VIDIOC_STREAMON): Protocol error", "V4L2_FAILED"),
            ("[video4linux2,v4l2 @ 0x1] ioctl(VIDIOC_S_FMT): Connection timed out", "V4L2_FAILED"),
            ("[video4linux2,v4l2 @ 0x1] ioctl(VIDIOC_REQBUFS): Cannot allocate memory", "V4L2_FAILED"),
            ("Unknown input format: 'v4l2'", "FFMPEG_FAILED"),
        ):
            trouble = verdict.capture_ended(Exit(1, None, words + "\n/dev/video0: Something\n"), 0)
            self.assertEqual(trouble.code, code, words)
            self.assertEqual(trouble.lasting, code != verdict.GONE)

    def test_bandwidth_remedy(self) -> None:
        """What to do about the bus's bandwidth is said."""
        trouble = verdict.capture_ended(Exit(1, None, "ioctl(VIDIOC_STREAMON): No space left on device"), 0)
        for word in ("MJPG", "lower rate", "another USB port"):
            self.assertIn(word, trouble.remedy)

    def test_any_end_of_a_copy(self) -> None:
        """The line that ffmpeg prints at every end of a copy does not hide what it ended of."""
        every = "ioctl(VIDIOC_QBUF): Bad file descriptor\n    Last message repeated 26 times\n"
        for words, code in (
            ("ioctl(VIDIOC_DQBUF): Input/output error", "V4L2_FAILED"),
            ("ioctl(VIDIOC_DQBUF): Protocol error", "V4L2_FAILED"),
            ("ioctl(VIDIOC_DQBUF): No such device", "DEVICE_GONE"),
        ):
            self.assertEqual(verdict.capture_ended(Exit(0, None, f"{words}\n{every}"), 9).code, code, words)

    def test_program(self) -> None:
        """An ffmpeg that cannot be run is not the camera's fault, though the words are alike."""
        for words in (
            "ffmpeg: error while loading shared libraries: libz.so: cannot open shared object file: No such file",
            "setsid: failed to execute /opt/ffmpeg: No such file or directory",
            "setsid: failed to execute /opt/ffmpeg: Permission denied",
            "setsid: failed to execute /opt/ffmpeg: Exec format error",
        ):
            trouble = verdict.capture_ended(Exit(127, None, words), 0)
            self.assertEqual((trouble.code, trouble.detail), ("FFMPEG_FAILED", "ffmpeg cannot be run"))

    def test_multi_planar(self) -> None:
        """A device that ffmpeg does not speak to was not unplugged, though ENODEV is told of it."""
        words = "[video4linux2,v4l2 @ 0x1] Not a video capture device.\n/dev/video0: No such device"
        self.assertEqual(verdict.capture_ended(Exit(1, None, words), 0).code, "V4L2_FAILED")

    def test_unknown(self) -> None:
        """An end that nobody knows is told as it was."""
        for ended, frames, detail in (
            (Exit(0, None, ""), 0, "ffmpeg ended with status 0 without a picture"),
            (Exit(1, None, "a\n\n b \n\n"), 3, "ffmpeg ended with status 1 after 3 frames, saying: b"),
            (Exit(None, 11, ""), 1, "ffmpeg ended with signal 11 after 1 frames"),
        ):
            trouble = verdict.capture_ended(ended, frames)
            self.assertEqual((trouble.code, trouble.detail, trouble.lasting), ("FFMPEG_FAILED", detail, True))

    @given(st.text(max_size=400))
    def test_last_words(self, words: str) -> None:
        """Whatever it says becomes one line of bounded length that forges nothing."""
        said = verdict.last_words(words)
        self.assertLessEqual(len(said), 200)
        self.assertTrue(said.isprintable() or "\xad" in said or "\xa0" in said, said)
        self.assertEqual(len(said.splitlines()), 1 if said else 0)
        self.assertIsInstance(verdict.capture_ended(Exit(1, None, words), 0), Trouble)

    def test_escapes(self) -> None:
        """Neither a terminal's codes nor text that runs backwards pass."""
        self.assertEqual(verdict.last_words("\x1b[31mred\u202e\u2028x"), "x")
        self.assertEqual(verdict.last_words("\x1b[31mred\u202ex\x07"), "?[31mred?x?")


class OtherTests(SynchronousTestCase):
    """Captures that did not end by themselves."""

    def test_silent(self) -> None:
        """Whether it ever gave a frame, and whether what it gave was broken, is told."""
        self.assertEqual(verdict.silent(10, broken=False, started=False).detail, "no frame in 10 s")
        self.assertEqual(
            verdict.silent(2.5, broken=True, started=True).detail, "no further frame in 2.5 s, but broken ones"
        )

    def test_nonsense(self) -> None:
        """What printed no pictures is most likely not ffmpeg."""
        trouble = verdict.nonsense("no head")
        self.assertEqual((trouble.code, trouble.remedy), ("FFMPEG_FAILED", "see which ffmpeg is in PATH"))
