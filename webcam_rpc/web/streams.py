"""The streams that go on, and the parts that their viewers share."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from webcam_rpc.web.pace import Pace
from webcam_rpc.web.parts import Parts
from webcam_rpc.web.stream import Stream

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.web.channel import Request
    from webcam_rpc.web.media import Media
    from webcam_rpc.web.shown import Query


class Streams:
    """Begins streams, and knows those that go on by an id of theirs.

    :param clock: the reactor.
    :param media: has the pictures.
    """

    def __init__(self, clock: IReactorTime, media: Media) -> None:
        self._clock = clock
        self._media = media
        self._open: dict[Stream, str] = {}
        #: What makes the parts for all viewers of one camera at one width; gone with the last of them.
        self._parts: WeakValueDictionary[tuple[str, int | None], Parts] = WeakValueDictionary()

    def __len__(self) -> int:
        """Count them, those included that wait for their first picture."""
        return len(self._open)

    def open(self, request: Request, name: str, query: Query) -> None:
        """Answer a request with a stream. Raises InvalidParams."""
        fps = query.number("fps", float, 0.1, 240.0)
        width = query.number("width", int, 16, 16384)
        stream = Stream(
            self._clock,
            request,
            self._ended,
            pace=Pace(fps) if fps is not None else None,
            extra=query.flag("extra_headers"),
        )
        self._open[stream] = secrets.token_hex(8)
        stream.open(partial(self._media.watch, name, width), partial(self._parts_of, width))

    def of(self, camera_id: str) -> dict[str, Stream]:
        """Give the streams of a camera."""
        return {key: stream for stream, key in self._open.items() if stream.camera_id == camera_id}

    def _parts_of(self, width: int | None, camera_id: str) -> Parts:
        return self._parts.setdefault((camera_id, width), Parts())

    def _ended(self, stream: Stream) -> None:
        del self._open[stream]
