"""The encoder's command."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.media.encoder import EXTENSIONS, Encoding, argv, timing
from webcam_rpc.media.matroska import INPUT_OPTIONS

PART = Path("/media/recordings/gate.mp4.part")


def command(**encoding: object) -> list[str]:
    """Give a command."""
    wanted = {"format": "fmp4", "codec": "h264", "preset": "veryfast", "crf": 23, **encoding}
    return argv(Encoding(**wanted), PART, ("-fps_mode", "passthrough"))  # type: ignore[arg-type]


def value(command: list[str], option: str) -> str:
    """Give what an option is set to."""
    return command[command.index(option) + 1]


class ArgvTests(SynchronousTestCase):
    """The command as a list, which no shell reads."""

    def test_input(self) -> None:
        """It reads Matroska from its standard input, and asks no questions."""
        made = command()
        self.assertEqual(made[0], "ffmpeg")
        self.assertIn("-nostdin", made)
        at = made.index("-i")
        self.assertEqual(tuple(made[at - len(INPUT_OPTIONS) : at + 2]), (*INPUT_OPTIONS, "-i", "pipe:0"))

    def test_output(self) -> None:
        """It writes the part that is there already, by a name that is never taken for a protocol."""
        self.assertEqual(command()[-2:], ["-y", f"file:{PART}"])

    def test_h264(self) -> None:
        """H.264 that every player knows, by the options of the configuration, none of it held back."""
        made = command(preset="ultrafast", crf=30)
        self.assertEqual(
            [value(made, option) for option in ("-c:v", "-preset", "-crf")], ["libx264", "ultrafast", "30"]
        )
        self.assertEqual(value(made, "-tune"), "zerolatency")
        self.assertIn("yuv420p", value(made, "-vf"))
        self.assertIn("prev_forced_t+2", value(made, "-force_key_frames"))

    def test_copy(self) -> None:
        """Copied JPEGs are not touched, nor is each a fragment of its own."""
        made = command(codec="copy")
        self.assertEqual(value(made, "-c:v"), "copy")
        for option in ("-vf", "-fps_mode", "-force_key_frames", "-crf"):
            self.assertNotIn(option, made)
        self.assertNotIn("frag_keyframe", value(made, "-movflags"))
        self.assertEqual(value(made, "-frag_duration"), "500000")

    def test_containers(self) -> None:
        """Each is written in pieces of half a second that are on the disk at once; MP4 is made plain only later."""
        for form, muxer, option, expected in (
            ("fmp4", "mp4", "-frag_duration", "500000"),
            ("mp4", "mp4", "-frag_duration", "500000"),
            ("mkv", "matroska", "-cluster_time_limit", "500"),
        ):
            made = command(format=form)
            output = made[made.index("pipe:0") :]
            self.assertEqual((value(output, "-f"), value(made, option)), (muxer, expected))
            self.assertEqual(value(made, "-flush_packets"), "1")
            if muxer == "mp4":
                self.assertIn("empty_moov", value(made, "-movflags"))
        self.assertEqual(EXTENSIONS, {"fmp4": ".mp4", "mp4": ".mp4", "mkv": ".mkv"})


class TimingTests(SynchronousTestCase):
    """The option was renamed, and the old name is to go."""

    def test_versions(self) -> None:
        """Ubuntu's 4.4 and 5.0 know the old name only; anything else gets the new one."""
        old, new = ("-vsync", "passthrough"), ("-fps_mode", "passthrough")
        for version, expected in (
            ("ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright (c) 2000-2021", old),
            ("ffmpeg version 5.0 Copyright", old),
            ("ffmpeg version 5.1.6-0+deb12u1 Copyright", new),
            ("ffmpeg version n7.1 Copyright", new),
            ("ffmpeg version 8.0 Copyright", new),
            ("ffmpeg version 10.2 Copyright", new),
            ("ffmpeg version N-109542-g5b7e5f8 Copyright", new),
            ("", new),
        ):
            self.assertEqual(timing(version), expected, version)
