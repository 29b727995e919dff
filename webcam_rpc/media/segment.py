"""One file of a recording: a child that encodes frames into a ``.part``, until that is whole and has its name.

Owns the file from the reservation of its name to its end, whatever that is. While it grows it is looked at: how much of
it is on the disk, whether it is still where it was begun. Frames are written as they come; those that the encoder has
no time for are let pass and counted, and the camera never waits.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, LogLevel

from webcam_rpc.durable import PART, put_in_place, write_whole
from webcam_rpc.media import fragments, sidecar
from webcam_rpc.media.cadence import Cadence
from webcam_rpc.media.matroska import MatroskaWriter
from webcam_rpc.media.names import SIDECAR, numbered
from webcam_rpc.media.troubles import MediaRefused, NameRefused, ProgramFailed, StorageBroken
from webcam_rpc.media.verdict import last_words

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.media.child import Child, Children, Exit
    from webcam_rpc.media.frames import Frame
    from webcam_rpc.media.sidecar import Ending, RecordingMeta

#: Bytes that may wait for the encoder, beside those of the past that a recording begins with.
BACKLOG = 8 * 1024 * 1024
#: Seconds between two looks at the file: until it has its first frame, and then.
_SOON, _USUAL = 0.1, 1.0
#: Files of one name that are tried where nobody chose it.
_NAMESAKES = 50
_MODE = 0o640


class Segment:
    """One file, from its making to its end.

    :param argv: gives the encoder's command for the path of the part.
    :param draft: its metadata as far as it is known; the name may become another where ``chosen`` is not set.
    :param begun: is called once, when the first frame is on the disk.
    :param broke: is called once, when it ended although nobody asked for that: ``encoder_failed`` or
        ``storage_failed``, and in words. :meth:`finish` is then still to be called.
    :ivar meta: what is known of it.
    :ivar frames: how many are on the disk, and
    :ivar size: how many bytes.
    :ivar dropped: how many the encoder had no time for.
    """

    _log = Logger()

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
        broke: Callable[[Segment, Ending, str], None],
    ) -> None:
        self.meta = draft
        self.frames = self.size = self.dropped = self.sent = 0
        self.has_media = False
        self.first_at: float | None = None
        self._clock = clock
        self._children = children
        self._in_thread = in_thread
        self._directory = directory
        self._argv = argv
        self._chosen = chosen
        self._begun = begun
        self._broke = broke
        self._fps = draft.fps or 30.0
        self._writer = MatroskaWriter()
        self._cadence = Cadence(self._fps)
        self._child: Child | None = None
        self._early: list[bytes] = []
        self._early_size = 0
        self._backlog = BACKLOG
        self._inode: int | None = None
        self._scan: fragments.Scan | None = None
        self._over = False
        self._looking: Deferred[Any] | None = None
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock
        #: Fires when the name is reserved and the encoder runs, or could not be begun.
        self._opening = self._open()

    @property
    def path(self) -> Path:
        """The file's place once it is whole."""
        return self._directory / self.meta.filename

    @property
    def part(self) -> Path:
        """Its place until then."""
        return self._directory / (self.meta.filename + PART)

    def write(self, frame: Frame) -> None:
        """Add a frame, or let it pass."""
        if self._over:
            return
        if self.first_at is None:
            self.first_at = frame.at
            self._put(self._writer.header(frame.width, frame.height, self._fps))
        waiting = self._child.pending if self._child is not None else self._early_size
        if waiting > self._backlog:
            self.dropped += 1
            return
        self.sent += 1
        self._put(self._writer.frame(frame.jpeg, self._cadence.place(frame.at - self.first_at)))

    def write_past(self, frames: Sequence[Frame]) -> None:
        """Begin with frames of the past, all of them."""
        self._backlog = BACKLOG + sum(len(frame.jpeg) for frame in frames)
        for frame in frames:
            self.write(frame)

    @inlineCallbacks
    def finish(self, ended: Ending, deadline: float, end_time: float) -> Generator[Deferred[Any], Any, bool]:
        """End the file: fires with whether there is one, whole and under its name.

        :param deadline: seconds after which the encoder is killed; what it wrote by then is kept.
        :param end_time: the moment of its end, in Unix seconds.
        """
        self._over = True
        yield self._opening
        if self._loop.running:
            self._loop.stop()
        if self._child is not None:
            yield self._child.finish(deadline)
        if self._looking is not None:
            yield self._looking
        meta = msgspec.structs.replace(
            self.meta, ended=ended, end_time=sidecar.utc(end_time), frames_dropped=self.dropped
        )
        whole: RecordingMeta | None = yield self._in_thread(_settle, self._directory, meta)
        if whole is None:
            self.frames = self.size = 0
            return False
        self.meta = whole
        self.frames, self.size = whole.frames or 0, whole.file_size or 0
        return True

    def kill(self) -> None:
        """End the encoder now; :meth:`finish` is still to be called."""
        if self._child is not None:
            self._child.kill()

    def _put(self, data: bytes) -> None:
        if self._child is not None:
            self._child.write(data)
        else:
            self._early.append(data)
            self._early_size += len(data)

    @inlineCallbacks
    def _open(self) -> Generator[Deferred[Any], Any, None]:
        try:
            tries = 1 if self._chosen else _NAMESAKES
            self.meta, self._inode = yield self._in_thread(_reserve, self._directory, self.meta, tries)
            self._child = self._children.start(self._argv(self.part), stdin=True)
        except MediaRefused as error:
            self._opened(error)
            return
        early, self._early = self._early, []
        for data in early:
            self._child.write(data)
        self._child.when_ended().addCallback(self._ended)
        if not self._over:
            self._loop.start(_SOON, now=False)

    def _opened(self, error: MediaRefused) -> None:
        self.refused = error
        kind: Ending = "encoder_failed" if isinstance(error, ProgramFailed) else "storage_failed"
        self._fail(kind, str(error))

    refused: MediaRefused | None = None

    def _ended(self, ended: Exit) -> None:
        if not self._over:
            said = last_words(ended.stderr)
            how = f"signal {ended.signal}" if ended.signal else f"status {ended.status}"
            detail = f"the encoder ended with {how}" + (f", saying: {said}" if said else "")
            self.refused = ProgramFailed(detail, "see the log; try another codec or format")
            self._fail("encoder_failed", detail)

    def _fail(self, kind: Ending, detail: str) -> None:
        if not self._over:
            self._over = True
            if self._loop.running:
                self._loop.stop()
            self._broke(self, kind, detail)

    def _look(self) -> None:
        if self._looking is None:
            self._looking = self._in_thread(_look_at, self.part, self._inode, self._scan)
            self._looking.addCallbacks(self._seen, self._not_seen)

    def _seen(self, scan: fragments.Scan | None) -> None:
        self._looking = None
        if scan is None:
            self.refused = StorageBroken(f"{self.part} is not there any more")
            self._fail("storage_failed", str(self.refused))
            return
        self._scan = scan
        self.frames, self.size = scan.frames or 0, scan.size
        if scan.has_media and not self.has_media:
            self.has_media = True
            if self._loop.running:
                self._loop.stop()
                self._loop.start(_USUAL, now=False)
            self._begun(self)

    def _not_seen(self, failure: Any) -> None:  # noqa: ANN401 - a Failure
        self._looking = None
        if failure.check(OSError):
            self.refused = StorageBroken(f"{self.part}: {failure.value.strerror}")
            self._fail("storage_failed", str(self.refused))
        else:
            self._log.failure("Cannot look at {part}", failure, LogLevel.error, part=self.part)


def _reserve(directory: Path, meta: RecordingMeta, tries: int) -> tuple[RecordingMeta, int]:
    """Make the part and the draft of its metadata, under the first free one of so many names. Blocks."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for number in range(1, tries + 1):
            named = msgspec.structs.replace(meta, filename=numbered(meta.filename, number))
            path = directory / named.filename
            part = directory / (named.filename + PART)
            try:
                # Who makes the part has the name.
                descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
            except FileExistsError:
                continue
            inode = os.fstat(descriptor).st_ino
            os.close(descriptor)
            if os.path.lexists(path):
                part.unlink()
                continue
            try:
                write_whole(_sidecar(path), sidecar.encode(named), _MODE)
            except OSError:
                part.unlink(missing_ok=True)
                raise
            return named, inode
    except OSError as error:
        raise StorageBroken(f"{error.filename or directory} cannot be written: {error.strerror}") from error
    raise NameRefused("exists", "there is a recording of this name; choose another, or leave it out")


def _look_at(part: Path, inode: int | None, earlier: fragments.Scan | None) -> fragments.Scan | None:
    """See how far a part is, and have the disk take it; None where it is not there any more. Blocks."""
    try:
        descriptor = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if os.fstat(descriptor).st_ino != inode:
            return None
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return fragments.scan(part, earlier)


def _settle(directory: Path, meta: RecordingMeta) -> RecordingMeta | None:
    """Make a part the file that it was to become; None, and nothing left, where it has no frame. Blocks."""
    path, part = directory / meta.filename, directory / (meta.filename + PART)
    try:
        scan = fragments.cut(part)
        if not scan.has_media:
            _discard(path, part)
            return None
        whole = msgspec.structs.replace(
            meta,
            frames=scan.frames,
            duration=round(scan.duration, 3) if scan.duration is not None else None,
            file_size=part.stat().st_size,
        )
        # First the metadata: should the machine stop in between, the part is recovered with it.
        write_whole(_sidecar(path), sidecar.encode(whole), _MODE)
        put_in_place(part, path)
    except OSError:
        # The directory is gone, or the disk is: nothing can be made of it now. A part that is still there is recovered
        # at the next start.
        return None
    return whole


def _discard(path: Path, part: Path) -> None:
    for each in (part, _sidecar(path)):
        with contextlib.suppress(OSError):
            each.unlink(missing_ok=True)


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + SIDECAR)
