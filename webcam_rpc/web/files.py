"""Recordings and snapshots as files: ``/files/recordings/NAME`` and ``/files/snapshots/NAME``.

A recording of JPEGs is to be had as a stream, too: ``?as=mjpeg``, and ``&from=`` where it is to begin, in seconds.

Owns the way of a file from the disk to a client, whole or in ranges. Everything that may wait for the disk is done in a
thread, a few at a time: a disk that hangs must not take the threads from the cameras.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections import deque
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.web.http import datetimeToString, stringToDatetime
from twisted.web.server import NOT_DONE_YET

from webcam_rpc.rpc.errors import DependencyFailed, InvalidParams, NotFound
from webcam_rpc.web.conditions import outcome, range_applies
from webcam_rpc.web.parts import Parts
from webcam_rpc.web.ranges import Range, Unsatisfiable, ranges
from webcam_rpc.web.resources import Root, refuse
from webcam_rpc.web.sending import Sending
from webcam_rpc.web.shown import Shown, later
from webcam_rpc.web.stream import HEADERS, Stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure
    from twisted.web.resource import Resource

    from webcam_rpc.web.channel import Request
    from webcam_rpc.web.media import Kind, Media, Viewer, Watching
    from webcam_rpc.web.sending import Pieces
    from webcam_rpc.web.shown import Query

_Result = TypeVar("_Result")

#: How many threads wait for the disk at once.
_READS = 4

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_TYPES = {".mp4": b"video/mp4", ".mkv": b"video/x-matroska", ".jpg": b"image/jpeg", ".png": b"image/png"}
_RESOURCES: dict[Kind, str] = {"recordings": "recording", "snapshots": "snapshot"}
#: No recording is longer than so many seconds.
_LONGEST = 86400.0 * 366
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG)


class Reads:
    """Does what may wait for the disk.

    :param in_thread: runs a function in a thread.
    """

    def __init__(self, in_thread: Callable[..., Deferred[Any]]) -> None:
        self._in_thread = in_thread
        self._turns = DeferredSemaphore(_READS)

    def run(self, function: Callable[..., _Result], *args: object) -> Deferred[_Result]:
        """Run it when its turn has come."""
        result: Deferred[_Result] = self._turns.run(self._in_thread, function, *args)
        return result


@dataclass(frozen=True)
class Opened:
    """A file that is open. Its length is what it was then; files that are served do not grow."""

    descriptor: int
    size: int
    modified: int
    tag: str

    def read(self, start: int, length: int) -> bytes:
        """Read some of it."""
        return os.pread(self.descriptor, length, start)

    def close(self) -> None:
        """Close it."""
        os.close(self.descriptor)


def open_file(find: Callable[[Kind, str], Path | None], kind: Kind, name: str) -> Opened:
    """Open a file that may be served, itself and no link to another. Raises NotFound and DependencyFailed."""
    path = find(kind, name)
    missing = NotFound(_RESOURCES[kind], name)
    if path is None:
        raise missing
    try:
        # A pipe would keep its opener waiting for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NOT_THERE:
            raise missing from None
        reason = error.strerror or "unknown error"
        raise DependencyFailed("STORAGE_FAILED", reason, "look after the media directory") from error
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise missing
    # A file that takes another's place has another inode, however soon it comes.
    tag = f'"{facts.st_ino:x}-{facts.st_mtime_ns:x}-{facts.st_size:x}"'
    return Opened(descriptor, facts.st_size, int(facts.st_mtime), tag)


class FilePage(Shown):
    """One file, there or not."""

    def __init__(self, clock: IReactorTime, media: Media, reads: Reads, kind: Kind, name: str) -> None:
        super().__init__(clock)
        self._media = media
        self._reads = reads
        self._kind: Kind = kind
        self._name = name

    def show(self, request: Request, query: Query) -> int:
        """Open the file, and answer."""
        if query.text("as") is not None:
            return self._replay(request, query)
        return later(request, self._clock, self._open(), lambda file: self._answer(request, file))

    def _replay(self, request: Request, query: Query) -> int:
        """Answer with the pictures of a recording, one after another."""
        if self._kind != "recordings" or query.text("as") != "mjpeg":
            raise InvalidParams("as", "choice", "mjpeg, of a recording")
        start = query.number("from", float, 0.0, _LONGEST) or 0.0

        def found(path: Path | None) -> bytes | int:
            if path is None:
                raise NotFound(_RESOURCES[self._kind], self._name)
            if request.method == b"HEAD":
                for header, value in HEADERS.items():
                    request.setHeader(header, value)
                return b""
            stream = Stream(self._clock, request, lambda _: None)
            stream.open(partial(self._watch, path, start, stream), lambda _: Parts())
            return NOT_DONE_YET

        return later(request, self._clock, self._reads.run(self._media.file, self._kind, self._name), found)

    def _watch(self, path: Path, start: float, stream: Stream, viewer: Viewer) -> Watching:
        return self._media.replay(path, start, viewer, stream.leave)

    def _open(self) -> Deferred[Opened]:
        waiting: Deferred[Opened] = Deferred(lambda _: None)

        def opened(file: Opened) -> None:
            if waiting.called:
                # Nobody waits for it any more; a thread cannot be called back.
                file.close()
            else:
                waiting.callback(file)

        def failed(failure: Failure) -> None:
            if not waiting.called:
                waiting.errback(failure)

        self._reads.run(open_file, self._media.file, self._kind, self._name).addCallbacks(opened, failed)
        return waiting

    def _answer(self, request: Request, file: Opened) -> bytes | int:
        try:
            pieces, body = self._begin(request, file)
        except BaseException:
            file.close()
            raise
        if not pieces or request.method == b"HEAD":
            file.close()
            return body

        def read(piece: Range) -> Deferred[bytes]:
            return self._reads.run(file.read, piece.start, piece.length)

        Sending(self._clock, request, pieces, read, file.close).start()
        return NOT_DONE_YET

    def _begin(self, request: Request, file: Opened) -> tuple[Pieces, bytes]:
        """Make status and headers, and tell what comes after them: pieces of the file, or a line of text."""
        content_type = _TYPES[os.path.splitext(self._name)[1]]
        request.setHeader(b"ETag", file.tag.encode())
        request.setHeader(b"Accept-Ranges", b"bytes")
        # It may be kept, but each time asked for: it may be gone, and the role too.
        request.setHeader(b"Cache-Control", b"private, no-cache")
        (date,) = request.responseHeaders.getRawHeaders(b"Date", (b"",))
        # Not later than the answer itself (RFC 9110, section 8.8.2.1), whatever became of the clock.
        request.setHeader(b"Last-Modified", datetimeToString(min(file.modified, stringToDatetime(date))))
        status = outcome(request.requestHeaders, file.tag, file.modified)
        if status is HTTPStatus.NOT_MODIFIED:
            request.setResponseCode(status)
            return deque(), b""
        if status is not None:
            return deque(), refuse(request, status, "this is not the file that you have")
        request.setHeader(b"Content-Type", content_type)
        request.setHeader(b"Content-Disposition", b'inline; filename="%b"' % self._name.encode())
        try:
            wanted = self._ranges(request, file)
        except Unsatisfiable:
            request.setHeader(b"Content-Range", b"bytes */%d" % file.size)
            return deque(), refuse(request, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "the file is not that long")
        pieces: Pieces = deque(wanted or (Range(0, file.size),))
        if wanted is not None:
            request.setResponseCode(HTTPStatus.PARTIAL_CONTENT)
        if len(pieces) > 1:
            boundary = secrets.token_hex(16).encode()
            request.setHeader(b"Content-Type", b"multipart/byteranges; boundary=" + boundary)
            pieces = _multipart(pieces, boundary, content_type, file.size)
        elif wanted is not None:
            request.setHeader(b"Content-Range", wanted[0].content_range(file.size))
        length = sum(piece.length if isinstance(piece, Range) else len(piece) for piece in pieces)
        request.setHeader(b"Content-Length", b"%d" % length)
        return pieces if length else deque(), b""

    @staticmethod
    def _ranges(request: Request, file: Opened) -> list[Range] | None:
        # Ranges are defined for GET alone (RFC 9110, section 14.2).
        values = request.requestHeaders.getRawHeaders(b"Range") or ()
        if request.method != b"GET" or len(values) != 1 or not range_applies(request.requestHeaders, file.tag):
            return None
        return ranges(values[0].decode("latin-1"), file.size)


def _multipart(pieces: Pieces, boundary: bytes, content_type: bytes, size: int) -> Pieces:
    """Put each range into a part of its own (RFC 9110, section 14.6)."""
    parts: Pieces = deque()
    for piece in pieces:
        assert isinstance(piece, Range)  # noqa: S101 - nothing else is asked for
        place = piece.content_range(size)
        head = b"\r\n--%b\r\nContent-Type: %b\r\nContent-Range: %b\r\n\r\n" % (boundary, content_type, place)
        parts.extend((head, piece))
    parts.append(b"\r\n--%b--\r\n" % boundary)
    return parts


class Folder(Root):
    """The files of a kind. There is no list: that is a method's business."""

    def __init__(self, clock: IReactorTime, media: Media, reads: Reads, kind: Kind) -> None:
        super().__init__()
        self._clock = clock
        self._media = media
        self._reads = reads
        self._kind: Kind = kind

    def getChild(self, path: bytes, request: Request) -> Resource:
        """Give what answers for a name, or nothing where it cannot be one of a file."""
        name = path.decode("latin-1")
        if _NAME.fullmatch(name) is None or os.path.splitext(name)[1] not in _TYPES:
            return super().getChild(path, request)
        return FilePage(self._clock, self._media, self._reads, self._kind, name)


def files(clock: IReactorTime, media: Media, reads: Reads) -> Root:
    """Put the folders together."""
    tree = Root()
    for kind in _RESOURCES:
        tree.putChild(kind.encode(), Folder(clock, media, reads, kind))
    return tree
