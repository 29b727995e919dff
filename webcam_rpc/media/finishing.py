"""Recordings rewritten once they are over: a plain MP4 where that was asked for, an index for a Matroska that was cut.

Owns the one ffmpeg that copies a recording into a new file, and the moment in which that takes the place of the old.
The recording is playable before, meanwhile and after; until it is done its metadata says ``finalizing``, by which the
work is found again after a crash.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.logger import Logger, LogLevel

from webcam_rpc.durable import put_in_place, write_whole
from webcam_rpc.media import sidecar
from webcam_rpc.media.child import FFMPEG
from webcam_rpc.media.events import RecordingChanged
from webcam_rpc.media.fragments import scan
from webcam_rpc.media.names import SIDECAR
from webcam_rpc.media.recovery import REMUX, unfinished
from webcam_rpc.media.troubles import MediaRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from webcam_rpc.bus import Bus
    from webcam_rpc.media.child import Child, Children, Exit
    from webcam_rpc.media.fragments import Scan
    from webcam_rpc.media.recovery import Recovered
    from webcam_rpc.media.sidecar import RecordingMeta

#: Behind everything else that runs here: a recording that goes on must not lose a frame to one that is over.
_NICE = ("nice", "-n", "19")
#: How long the rewriting may take: so many seconds, and one for so many bytes. A slow card does 5 MB/s both ways.
_DEADLINE, _BYTES_PER_SECOND = 60.0, 1_000_000
#: How long a want of room, or of ffmpeg, is waited out before the next try.
_RETRY = 300.0
#: How long the end of the service waits for a killed child and for the file system.
_STOP = 0.4
#: By how much the new file may seem shorter or longer: the last frame's length is a guess of each writer's.
_TOLERANCE = 1.0


class _Failed(Exception):  # noqa: N818 - the new file is not right; the old one is
    """Why a recording stays as it is."""


class Finishing(Service):
    """Rewrites recordings, one at a time.

    :param directory: the media directory.
    :param check_room: raises MediaRefused where there are not so many bytes above the floor.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        directory: Path,
        children: Children,
        in_thread: Callable[..., Deferred[Any]],
        bus: Bus,
        check_room: Callable[[int], None],
    ) -> None:
        self._clock = clock
        self._directory = directory
        self._children = children
        self._in_thread = in_thread
        self._bus = bus
        self._check_room = check_room
        self._waiting: deque[tuple[Path, RecordingMeta]] = deque()
        self._at_work: Path | None = None
        self._child: Child | None = None
        self._retry: IDelayedCall | None = None
        self._idle: list[Deferred[None]] = []

    @property
    def pending(self) -> int:
        """How many recordings are still to be rewritten."""
        return len(self._waiting) + (self._at_work is not None)

    def startService(self) -> None:
        """Take up what was added before."""
        super().startService()
        self._next()

    @inlineCallbacks
    def stopService(self) -> Generator[Deferred[Any], Any, None]:
        """End the one that runs; all that is not done stays as it is, and is taken up after the next start."""
        super().stopService()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._child is not None:
            self._child.kill()
        if self._at_work is not None:
            idle: Deferred[None] = Deferred()
            self._idle.append(idle)
            # A disk that does not answer must not hold up the end of the service.
            timer = self._clock.callLater(_STOP, self._tell_idle)
            yield idle
            if timer.active():
                timer.cancel()

    @inlineCallbacks
    def resume(self) -> Generator[Deferred[Any], Any, None]:
        """Take up all that a former run of the service did not get done.

        Only after :func:`~webcam_rpc.media.recovery.recover` has ended, which removes what that run had begun.
        """
        found: list[Recovered] = yield self._in_thread(unfinished, self._directory)
        for one in found:
            self.add(one.path, one.meta)

    def add(self, path: Path, meta: RecordingMeta) -> None:
        """Have a recording rewritten whose metadata, which is on the disk, says ``finalizing``."""
        if path != self._at_work and all(path != other for other, _ in self._waiting):
            self._waiting.append((path, meta))
            self._next()

    def _next(self) -> None:
        if self.running and self._waiting and self._at_work is None and self._retry is None:
            path, meta = self._waiting.popleft()
            self._at_work = path
            self._finish(path, meta).addErrback(self._broken, path).addBoth(self._done)

    def _done(self, _: object) -> None:
        self._at_work = None
        self._tell_idle()
        self._next()

    def _tell_idle(self) -> None:
        idle, self._idle = self._idle, []
        for waiter in idle:
            waiter.callback(None)

    def _broken(self, failure: Any, path: Path) -> None:  # noqa: ANN401 - a Failure, which has no useful type
        # Nothing has changed then: the next start tries again.
        self._log.failure("Cannot rewrite {path}", failure, LogLevel.error, path=path)

    @inlineCallbacks
    def _finish(self, path: Path, meta: RecordingMeta) -> Generator[Deferred[Any], Any, None]:
        before: Scan = yield self._in_thread(scan, path)
        described: bool = yield self._in_thread(_noted(path).exists)
        if not self.running:
            self._waiting.appendleft((path, meta))
            return
        reason: str | None = None
        if before.has_media and not before.indexed:
            try:
                # As much again: the old file is there until the new one is whole.
                self._check_room(before.size)
                ended = yield from self._remux(path, before)
            except MediaRefused as refused:
                self._log.warn("{path} is rewritten later: {reason}", path=path, reason=str(refused))
                self._later(path, meta)
                return
            if not self.running:
                self._waiting.appendleft((path, meta))
                yield self._in_thread(_remove, _temporary(path))
                return
            reason = yield self._in_thread(_replace, path, before, ended)
            if reason is not None:
                self._log.error("{path} stays as it is: {reason}", path=path, reason=reason)
        # If it was deleted at the beginning, or is now, there is nothing more to say of it.
        now: RecordingMeta | None = yield self._in_thread(_note, path, meta, described, reason is not None)
        if now is not None:
            self._tell(now, reason)

    def _remux(self, path: Path, before: Scan) -> Generator[Deferred[Any], Any, Exit]:
        deadline = _DEADLINE + before.size / _BYTES_PER_SECOND
        temporary = _temporary(path)
        ended = yield from self._run(_argv(path, temporary), deadline)
        if ended.status == 0 and self.running:
            # A child can be killed, a thread that waits for the disk cannot: after this the fsync below is short.
            yield from self._run((*_NICE, "sync", str(temporary)), deadline)
        return ended

    def _run(self, argv: tuple[str, ...], deadline: float) -> Generator[Deferred[Any], Any, Exit]:
        self._child = self._children.start(argv)
        try:
            ended: Exit = yield self._child.finish(deadline)
        finally:
            self._child = None
        return ended

    def _later(self, path: Path, meta: RecordingMeta) -> None:
        self._waiting.append((path, meta))

        def again() -> None:
            self._retry = None
            self._next()

        if self.running:
            self._retry = self._clock.callLater(_RETRY, again)

    def _tell(self, meta: RecordingMeta, reason: str | None) -> None:
        self._bus.publish(
            RecordingChanged(
                camera_id=meta.camera.camera_id,
                device=meta.camera.device,
                recording_id=meta.recording_id,
                status="FINALIZED",
                filename=meta.filename,
                duration=meta.duration or 0.0,
                segment=meta.segment,
                reason=reason,
                schedule_id=meta.schedule_id,
            )
        )


def _temporary(path: Path) -> Path:
    return path.with_name(path.name + REMUX)


def _argv(path: Path, temporary: Path) -> tuple[str, ...]:
    # The index in front, so that a browser can begin before it has all.
    muxer = ("-f", "matroska") if path.suffix == ".mkv" else ("-movflags", "+faststart", "-f", "mp4")
    return (
        *(*_NICE, *FFMPEG, "-y", "-i", f"file:{path}", "-map", "0:v:0", "-c", "copy"),
        *(*muxer, f"file:{temporary}"),
    )


def _replace(path: Path, before: Scan, ended: Exit) -> str | None:
    """Put the new file in the place of the old one if it is right; say why it is not."""
    temporary = _temporary(path)
    try:
        _check(temporary, before, ended)
        if path.exists():
            put_in_place(temporary, path)
    except _Failed as failed:
        # Of one that was deleted before ffmpeg came to it nothing is to be said.
        return str(failed) if path.exists() else None
    except OSError as error:
        return f"{error.strerror or error}"
    finally:
        temporary.unlink(missing_ok=True)
    return None


def _check(temporary: Path, before: Scan, ended: Exit) -> None:
    # The exit status alone says little, and so does the file alone.
    if ended.status != 0:
        how = f"status {ended.status}" if ended.status is not None else f"signal {ended.signal}"
        raise _Failed(f"ffmpeg ended with {how}: {' '.join(ended.stderr.split())[-200:] or 'without a word'}")
    after = scan(temporary)
    if not after.indexed or after.frames != before.frames:
        raise _Failed(f"ffmpeg copied {after.frames or 0} frames of {before.frames or 0}")
    if abs((after.duration or 0.0) - (before.duration or 0.0)) > _TOLERANCE:
        raise _Failed(f"ffmpeg made {before.duration} s into {after.duration} s")


def _note(path: Path, meta: RecordingMeta, described: bool, failed: bool) -> RecordingMeta | None:  # noqa: FBT001 - called through a thread
    """Write down that a recording is done; None where it was deleted.

    After the file, never before: metadata that says ``finalizing`` of a file that is already rewritten costs another
    look at it after a crash; the other way round it would stay unfinished and say that it is not. Whoever deletes a
    recording takes the file or the metadata first: if either is gone now that was there, both go.
    """
    noted = _noted(path)
    try:
        size = path.stat().st_size
        # It may have been protected meanwhile.
        meta = sidecar.decode_recording(noted.read_bytes()) or meta
    except FileNotFoundError:
        if described or not path.exists():
            path.unlink(missing_ok=True)
            noted.unlink(missing_ok=True)
            return None
    meta = msgspec.structs.replace(meta, finalizing=False, file_size=size)
    if failed and meta.format == "mp4":
        meta = msgspec.structs.replace(meta, format="fmp4")
    write_whole(noted, sidecar.encode(meta))
    if not path.exists():
        noted.unlink(missing_ok=True)
        return None
    return meta


def _noted(path: Path) -> Path:
    return path.with_name(path.name + SIDECAR)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
