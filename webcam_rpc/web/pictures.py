"""Pictures and streams by HTTP: our own paths, and those that software for mjpg-streamer and µStreamer asks for.

=========================================  ===========================================================================
``/cameras/ID/snapshot.jpg``               a picture (``?fresh=1``, ``?max_age_ms=``)
``/cameras/ID/stream.mjpg``                pictures without an end (``?fps=``, ``?width=``)
``/?action=snapshot``, ``/?action=stream`` mjpg-streamer's; ``&camera=N``, or ``snapshot_N``, counts cameras from 0
``/snapshot``, ``/stream``, ``/state``     µStreamer's; ``?device=`` names a camera, else it is the first
=========================================  ===========================================================================

Queries that mean nothing here are passed over: people add them against caches.
"""

from __future__ import annotations

import re
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING

from twisted.web.server import NOT_DONE_YET

from webcam_rpc.rpc.errors import InvalidParams, NotFound
from webcam_rpc.web.files import files
from webcam_rpc.web.resources import Root, answer, refuse
from webcam_rpc.web.sending import Sending
from webcam_rpc.web.shown import Query, Shown, later
from webcam_rpc.web.stream import HEADERS
from webcam_rpc.web.streams import Streams
from webcam_rpc.web.ustreamer import state_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReactorTime
    from twisted.web.resource import Resource

    from webcam_rpc.web.channel import Request
    from webcam_rpc.web.files import Reads
    from webcam_rpc.web.media import CameraState, Media, Picture

#: mjpg-streamer's actions; a number may follow. It looks no further, so some add their ``?17`` against caches to it.
_ACTION = re.compile(r"(snapshot|stream)(?:_([0-9]{1,4}))?(?:[?].*)?")
#: What a camera may be called, in characters.
_NAME = 1024
_MAX_AGE_MS = 86_400_000


class CameraPages:
    """Answers with what there is of a camera.

    :param clock: the reactor.
    :param media: has the pictures.
    """

    def __init__(self, clock: IReactorTime, media: Media) -> None:
        self._clock = clock
        self._media = media
        self._streams = Streams(clock, media)

    def meant(self, request: Request, query: Query, number: int | None = None) -> str:
        """Give the name of the camera that is meant: ``?device=``, or the one of this number. Raises NotFound.

        Where nothing is said, it is the first, or the one that a token is for.
        """
        name = query.text("device")
        if name is not None:
            return name
        if number is None and request.grant.only_camera is not None:
            return request.grant.only_camera
        number = number or 0
        cameras = self._media.cameras()
        if number >= len(cameras):
            raise NotFound("camera", str(number))
        return cameras[number]

    def snapshot(self, request: Request, name: str, query: Query, *, extra: bool = False) -> int:
        """Answer with a picture; ``extra`` adds µStreamer's headers."""
        fresh, max_age_ms = query.flag("fresh"), query.number("max_age_ms", int, 0, _MAX_AGE_MS)
        taking = self._media.snapshot(self._allowed(request, name), fresh=fresh, max_age_ms=max_age_ms)

        def show(picture: Picture) -> bytes | int:
            request.setHeader(b"Cache-Control", b"no-store")
            request.setHeader(b"X-Timestamp", b"%.6f" % picture.time)
            request.setHeader(b"X-Age-Ms", b"%d" % picture.age_ms)
            if extra:
                request.setHeader(b"X-UStreamer-Online", b"true")
                request.setHeader(b"X-UStreamer-Width", b"%d" % picture.width)
                request.setHeader(b"X-UStreamer-Height", b"%d" % picture.height)
            body = answer(request, HTTPStatus.OK, picture.jpeg, b"image/jpeg")
            if not body:
                return body
            Sending(self._clock, request, deque((body,))).start()
            return NOT_DONE_YET

        return later(request, self._clock, taking, show)

    def stream(self, request: Request, name: str, query: Query) -> bytes | int:
        """Answer with pictures without an end; for HEAD with what would come before them."""
        if request.method == b"HEAD":
            self._media.state(self._allowed(request, name))
            for header, value in HEADERS.items():
                request.setHeader(header, value)
            return b""
        self._streams.open(request, self._allowed(request, name), query)
        return NOT_DONE_YET

    def state(self, request: Request, query: Query) -> bytes:
        """Answer with how a camera stands, as µStreamer does; where none is plugged in, the camera is offline."""
        state: CameraState | None = None
        if query.text("device") is not None or self._media.cameras():
            state = self._media.state(self._allowed(request, self.meant(request, query)))
        streams = self._streams.of(state.camera_id) if state is not None else {}
        request.setHeader(b"Cache-Control", b"no-store")
        return answer(request, HTTPStatus.OK, state_document(state, streams), b"application/json")

    def _allowed(self, request: Request, name: str) -> str:
        """Give a camera's name. What cannot be one is not even looked for; a token for one camera sees no other."""
        if not name or len(name) > _NAME or "\0" in name:
            raise NotFound("camera", name)
        only = request.grant.only_camera
        if only is not None and self._media.state(name).camera_id != only:
            raise NotFound("camera", name)
        return name


class Page(Shown):
    """Something that is shown at a path of its own."""

    of_a_camera = True

    def __init__(self, clock: IReactorTime, page: Callable[[Request, Query], bytes | int]) -> None:
        super().__init__(clock)
        self._page = page

    def show(self, request: Request, query: Query) -> bytes | int:
        """Show it."""
        return self._page(request, query)


class Cameras(Root):
    """``/cameras``: a branch for each camera, by any of its names."""

    def __init__(self, clock: IReactorTime, pages: CameraPages) -> None:
        super().__init__()
        self._clock = clock
        self._pages = pages

    def getChild(self, path: bytes, request: Request) -> Resource:
        """Give the branch of a camera, known or not: whoever may not see pictures is not told which it is."""
        pages = self._pages
        try:
            name = path.decode()
        except UnicodeDecodeError:
            return super().getChild(path, request)
        branch = Root()
        branch.putChild(b"snapshot.jpg", Page(self._clock, lambda asked, query: pages.snapshot(asked, name, query)))
        branch.putChild(b"stream.mjpg", Page(self._clock, lambda asked, query: pages.stream(asked, name, query)))
        return branch


class Actions(Shown):
    """``/?action=``. Without it there is nothing at the root."""

    of_a_camera = True

    def __init__(self, clock: IReactorTime, pages: CameraPages) -> None:
        super().__init__(clock)
        self._pages = pages

    def render(self, request: Request) -> bytes | int:
        """Refuse where no action is asked for, whoever asks."""
        if b"action" not in (request.args or ()):
            return refuse(request, HTTPStatus.NOT_FOUND, "not found")
        return super().render(request)

    def show(self, request: Request, query: Query) -> bytes | int:
        """Do as mjpg-streamer does."""
        action = _ACTION.fullmatch(query.text("action") or "")
        if action is None:
            raise InvalidParams("action", "choice", "stream or snapshot")
        number = query.number("camera", int, 0, 9999)
        if number is None and action[2]:
            number = int(action[2])
        name = self._pages.meant(request, query, number)
        if action[1] == "stream":
            return self._pages.stream(request, name, query)
        return self._pages.snapshot(request, name, query, extra=True)


def media_resources(clock: IReactorTime, media: Media, reads: Reads) -> dict[bytes, Resource]:
    """Give all that shows pictures and files, by the first part of its path.

    :param clock: the reactor.
    :param reads: does what may wait for the disk.
    """
    pages = CameraPages(clock, media)

    def snapshot(request: Request, query: Query) -> int:
        return pages.snapshot(request, pages.meant(request, query), query, extra=True)

    def stream(request: Request, query: Query) -> bytes | int:
        return pages.stream(request, pages.meant(request, query), query)

    return {
        b"": Actions(clock, pages),
        b"cameras": Cameras(clock, pages),
        b"files": files(clock, media, reads),
        b"snapshot": Page(clock, snapshot),
        b"stream": Page(clock, stream),
        b"state": Page(clock, pages.state),
    }
