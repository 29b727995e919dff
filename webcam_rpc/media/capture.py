"""One run of a capture child: from what it prints to pictures that are whole, until it ends or goes silent.

Owns the child, the check of every picture and the watch on their age. A child that hangs, ends without a word, prints
half a picture or something else ends here with a :class:`Trouble`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webcam_rpc.media import jpeg, verdict
from webcam_rpc.media.mpjpeg import FramingError, MpjpegParser

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.cameras.models import Trouble
    from webcam_rpc.media.child import Children, Exit


class Capture:
    """One run, from its making to its end.

    :param picture: gets each picture that is whole, with what its head tells; ``None, None`` stands for a broken one.
    :param failed: is called once, unless :meth:`end` was called before.
    :param start_timeout: the seconds to the first picture.
    :param stall_timeout: the seconds from one to the next.
    :raises ProgramFailed: if ffmpeg cannot be started.
    """

    def __init__(
        self,
        clock: IReactorTime,
        children: Children,
        argv: Sequence[str],
        *,
        picture: Callable[[bytes | None, jpeg.Picture | None], None],
        failed: Callable[[Trouble], None],
        start_timeout: float,
        stall_timeout: float,
    ) -> None:
        self._clock = clock
        self._picture = picture
        self._failed = failed
        self._stall_timeout = stall_timeout
        self._parser = MpjpegParser()
        self._over = False
        self.pictures = 0
        self.broken = 0
        self._child = children.start(argv, stdout=self._printed)
        self._child.when_ended().addCallback(self._ended)
        self._last = clock.seconds()
        self._limit = start_timeout
        self._timer = clock.callLater(start_timeout, self._look)

    def end(self) -> Deferred[Any]:
        """End it; fires when the camera is free again."""
        self._finish()
        # There is nothing that it would have to save, and the kernel closes the camera as well as ffmpeg does.
        return self._child.kill()

    def _printed(self, data: bytes) -> None:
        if self._over:
            return
        try:
            found = self._parser.feed(data)
        except FramingError as error:
            self._fail(verdict.nonsense(str(error)))
            return
        for each in found:
            self._look_at(each)
            if self._over:
                return

    def _look_at(self, data: bytes) -> None:
        picture = jpeg.examine(data)
        if isinstance(picture, str):
            self.broken += 1
            self._picture(None, None)
            return
        self.pictures += 1
        self._last = self._clock.seconds()
        if self.pictures == 1:
            self._limit = self._stall_timeout
            self._timer.reset(self._limit)
        self._picture(jpeg.with_huffman_tables(jpeg.trimmed(data), picture), picture)

    def _look(self) -> None:
        # Not a new timer for each frame: it looks when the oldest that is still good enough would be too old.
        left = self._last + self._limit - self._clock.seconds()
        if left > 0:
            self._timer = self._clock.callLater(left, self._look)
        else:
            self._fail(verdict.silent(self._limit, broken=self.broken > 0, started=self.pictures > 0))

    def _ended(self, ended: Exit) -> None:
        self._fail(verdict.capture_ended(ended, self.pictures))

    def _fail(self, trouble: Trouble) -> None:
        if not self._over:
            self._finish()
            self._failed(trouble)

    def _finish(self) -> None:
        self._over = True
        if self._timer.active():
            self._timer.cancel()
