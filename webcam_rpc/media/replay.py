"""A recording of a camera's JPEGs (``codec: copy``), played as a stream: no browser plays such a file itself.

Owns the ffmpeg of each that is being played. It takes the JPEGs out as they are, at the pace at which they came; where
its reader is slow the reader's stream leaves pictures out, as it does with a camera's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webcam_rpc.cameras.models import Trouble
from webcam_rpc.media import jpeg, verdict
from webcam_rpc.media.child import FFMPEG
from webcam_rpc.media.frames import Frame
from webcam_rpc.media.mpjpeg import FramingError, MpjpegParser
from webcam_rpc.media.troubles import CaptureFailed, MediaRefused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.media.child import Children, Exit
    from webcam_rpc.media.frames import Consumer

#: How many may be played at a time: each reads the disk as fast as its camera wrote.
MOST = 4


class TooManyReplays(MediaRefused):
    """No further recording can be played now."""


def argv(path: Path, start: float) -> list[str]:
    """Give the command that prints the pictures of a file from ``start`` (seconds) on, at their own pace."""
    return [
        *(*FFMPEG, "-re", "-ss", f"{start:.3f}", "-i", f"file:{path}", "-map", "0:v:0", "-c:v", "copy"),
        *("-flush_packets", "1", "-f", "mpjpeg", "pipe:1"),
    ]


class Replays:
    """Those that are being played."""

    def __init__(self, clock: IReactorTime, now: Callable[[], float], children: Children) -> None:
        self.clock = clock
        self.now = now
        self.children = children
        self.playing: set[Replay] = set()

    def begin(self, path: Path, start: float, consumer: Consumer, ended: Callable[[], None]) -> Replay:
        """Play a file from ``start`` seconds on.

        :param ended: is called once, when all was given; not after :meth:`Replay.detach` or a failure.
        :raises TooManyReplays: at most :data:`MOST` at a time.
        :raises MediaRefused: where ffmpeg cannot be started.
        """
        if len(self.playing) >= MOST:
            raise TooManyReplays(f"{MOST} recordings are being played already")
        return Replay(self, argv(path, start), consumer, ended)


class Replay:
    """One that is being played."""

    def __init__(self, replays: Replays, command: list[str], consumer: Consumer, ended: Callable[[], None]) -> None:
        self._replays = replays
        self._consumer = consumer
        self._ended = ended
        self._parser = MpjpegParser()
        self._number = 0
        self._over = False
        self._child = replays.children.start(command, stdout=self._printed)
        replays.playing.add(self)
        self._child.when_ended().addCallback(self._child_ended)

    def detach(self) -> None:
        """End it. Any number of times."""
        self._over = True
        self._replays.playing.discard(self)
        self._child.kill()

    def _printed(self, data: bytes) -> None:
        try:
            pictures = self._parser.feed(data)
        except FramingError as error:
            self._fail(str(error))
            return
        for each in pictures:
            if self._over:
                return
            picture = jpeg.examine(each)
            if isinstance(picture, str):
                self._fail(picture)
                return
            self._number += 1
            at, now = self._replays.clock.seconds(), self._replays.now()
            self._consumer.frame(Frame(self._number, at, now, picture.width, picture.height, each))

    def _child_ended(self, ended: Exit) -> None:
        if self._over:
            return
        if not self._number:
            # Of what is no JPEG ffmpeg prints nothing that could be told from one.
            self._fail(verdict.last_words(ended.stderr) or "there is no picture")
            return
        self.detach()
        self._ended()

    def _fail(self, detail: str) -> None:
        if self._over:
            return
        self.detach()
        if self._number:
            # What was given is as much as there is: the rest is broken.
            self._ended()
        else:
            remedy = "only recordings with codec copy are played so; get the file itself"
            self._consumer.failed(CaptureFailed(Trouble("FFMPEG_FAILED", detail, remedy, lasting=True)))
