"""One file of a recording: a child that encodes frames into a ``.part``, until that is whole and has its name.

Owns the encoder and what is written to it. While the file grows it is looked at: how much of it is on the disk, whether
it is still where it was begun. Frames are written as they come; those that the encoder has no time for are let pass and
counted, and the camera never waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from twisted.logger import Logger, LogLevel

from webcam_rpc.media import part
from webcam_rpc.media.backlog import Backlog
from webcam_rpc.media.cadence import Cadence
from webcam_rpc.media.matroska import MatroskaWriter
from webcam_rpc.media.troubles import MediaRefused, ProgramFailed
from webcam_rpc.media.verdict import last_words

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.media.child import Child, Children, Exit
    from webcam_rpc.media.fragments import Scan
    from webcam_rpc.media.frames import Frame
    from webcam_rpc.media.part import Part
    from webcam_rpc.media.sidecar import Ending, RecordingMeta

#: Seconds between two looks at the file: until it has its first frame, and then.
_SOON, _USUAL = 0.1, 1.0
#: Files of one name that are tried where nobody chose it.
_NAMESAKES = 50
#: The rate that is taken for the camera's where nobody knows it.
_RATE = 30.0


class Segment:
    """One file, from its making to its end.

    :param argv: gives the encoder's command for the path of the part.
    :param draft: its metadata as far as it is known; the name may become another where ``chosen`` is not set.
    :param begun: is called once, when the first frame is on the disk.
    :param broke: is called once, when it ended although nobody asked for that, with what a client is told:
        ProgramFailed where it was the encoder. :meth:`finish` is then still to be called.
    :ivar meta: what is known of it.
    :ivar frames: how many are on the disk, and
    :ivar size: how many bytes.
    :ivar dropped: how many the encoder had no time for.
    :ivar first: its first frame.
    :ivar has_media: whether a frame is on the disk.
    """

    def __init__(
        self,
        clock: IReactorTime,
        children: Children,
        in_thread: Callable[..., Deferred[Any]],
        directory: Path,
        argv: Callable[[Path], Sequence[str]],
        draft: RecordingMeta,
        *,
        chosen: bool,
        begun: Callable[[Segment], None],
        broke: Callable[[Segment, MediaRefused], None],
    ) -> None:
        self._log = Logger(namespace="webcam_rpc.media")
        self.meta = draft
        self.frames = self.size = self.dropped = 0
        self.has_media = False
        self.first: Frame | None = None
        self._clock = clock
        self._children = children
        self._in_thread = in_thread
        self._directory = directory
        self._argv = argv
        self._chosen = chosen
        self._begun = begun
        self._broke = broke
        self._fps = draft.fps or _RATE
        self._writer = MatroskaWriter()
        self._cadence = Cadence(self._fps)
        self._backlog = Backlog(clock)
        #: What comes before the encoder runs.
        self._early: list[bytes] = []
        self._part: Part | None = None
        self._child: Child | None = None
        self._scan: Scan | None = None
        self._timer: IDelayedCall | None = None
        self._looking: Deferred[Any] | None = None
        #: It takes no more frames: it is being ended, or it broke.
        self._over = False
        self._unwanted = False
        self._end_by: float | None = None
        #: Fires when the name is reserved and the encoder runs, or could not be begun.
        self._opening = self._open()

    @property
    def path(self) -> Path:
        """The file's place once it is whole."""
        return self._directory / self.meta.filename

    def write(self, frame: Frame) -> None:
        """Add a frame, or let it pass."""
        if self._over:
            return
        waiting = self._child.pending if self._child is not None else sum(map(len, self._early))
        if not self._backlog.takes(waiting, begun=self.has_media):
            self.dropped += 1
            return
        self._put(frame)

    def write_past(self, frames: Sequence[Frame]) -> None:
        """Begin with frames of the past, all of them."""
        for frame in frames:
            self._put(frame)
        self._backlog.excuse(sum(len(frame.jpeg) for frame in frames), frames[-1].at - frames[0].at)

    @inlineCallbacks
    def finish(self, ended: Ending, deadline: float) -> Generator[Deferred[Any], Any, bool]:
        """End the file: fires with whether there is one, whole and under its name.

        :param deadline: seconds after which the encoder is killed; what it wrote by then is kept.
        """
        self._over = True
        self.hurry(deadline)
        yield self._opening
        self._stop_looking()
        if self._child is not None:
            yield self._child.when_ended()
        if self._looking is not None:
            yield self._looking
        if self._part is None:
            return False
        if self._unwanted or self.first is None:
            yield self._in_thread(part.discard, self._part)
            return False
        meta = msgspec.structs.replace(self.meta, ended=ended, frames_dropped=self.dropped)
        whole: RecordingMeta | None = yield self._in_thread(part.settle, self._part, meta, self.first.time, self._scan)
        if self._unwanted and whole is not None:
            # That was said a moment too late.
            yield self._in_thread(part.take_back, self._part)
            return False
        self.meta = whole or meta
        self.frames, self.size = self.meta.frames or 0, self.meta.file_size or 0
        return whole is not None

    def hurry(self, deadline: float) -> None:
        """Have the end come within ``deadline`` seconds, if that is sooner than it would."""
        end_by = self._clock.seconds() + deadline
        self._end_by = end_by if self._end_by is None else min(end_by, self._end_by)
        if self._child is not None:
            self._child.finish(deadline)

    def discard(self) -> None:
        """Leave no file, and end the encoder now; :meth:`finish` tells when it is gone."""
        self._over = self._unwanted = True
        if self._child is not None:
            self._child.kill()

    def _put(self, frame: Frame) -> None:
        if self.first is None:
            self.first = frame
            self._write(self._writer.header(frame.width, frame.height, self._fps))
        data = self._writer.frame(frame.jpeg, self._cadence.place(frame.at - self.first.at))
        self._backlog.note(len(data))
        self._write(data)

    def _write(self, data: bytes) -> None:
        if self._child is not None:
            self._child.write(data)
        else:
            self._early.append(data)

    @inlineCallbacks
    def _open(self) -> Generator[Deferred[Any], Any, None]:
        tries = 1 if self._chosen else _NAMESAKES
        try:
            self._part, self.meta = yield self._in_thread(part.reserve, self._directory, self.meta, tries)
            if self._unwanted:
                return
            self._child = child = self._children.start(self._argv(self._part.part), stdin=True)
        except MediaRefused as refused:
            self._fail(refused)
            return
        except Exception:  # noqa: BLE001 - the recording is to hear of it all the same
            self._log.failure("Cannot begin {path}", level=LogLevel.error, path=self.path)
            self._fail(ProgramFailed("internal error", "see the log"))
            return
        for data in self._early:
            child.write(data)
        self._early.clear()
        child.when_ended().addCallback(self._ended)
        if self._end_by is not None:
            # It was to end before it had begun.
            child.finish(max(0.0, self._end_by - self._clock.seconds()))
        self._look_later()

    def _ended(self, ended: Exit) -> None:
        said = last_words(ended.stderr)
        how = f"signal {ended.signal}" if ended.signal else f"status {ended.status}"
        detail = f"the encoder ended with {how}" + (f", saying: {said}" if said else "")
        self._fail(ProgramFailed(detail, "see the log; try another codec or format"))

    def _fail(self, refused: MediaRefused) -> None:
        if not self._over:
            self._over = True
            self._stop_looking()
            self._broke(self, refused)

    def _look_later(self) -> None:
        if not self._over:
            self._timer = self._clock.callLater(_USUAL if self.has_media else _SOON, self._look)

    def _stop_looking(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _look(self) -> None:
        # The next look is a while after this one, however long the disk takes.
        looking = maybeDeferred(self._in_thread, part.look, self._part, self._scan)
        self._looking = looking
        looking.addCallbacks(self._seen, self._not_seen)
        looking.addErrback(
            lambda failure: self._log.failure("Cannot look at {path}", failure, LogLevel.error, path=self.path)
        )
        looking.addCallback(lambda _: self._look_later())

    def _seen(self, scan: Scan) -> None:
        self._scan = scan
        self.frames, self.size = scan.frames or 0, scan.size
        if scan.has_media and not self.has_media and not self._over:
            self.has_media = True
            self._begun(self)

    def _not_seen(self, failure: Failure) -> None:
        failure.trap(MediaRefused)
        refused: Any = failure.value
        self._fail(refused)
