"""What the tests of pictures, streams and files share: media whose pictures come when the test says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec
from twisted.internet.defer import Deferred

from tests.web.case import WebTestCase, response
from tests.web.wire import LOOPBACK, Wire, head
from webcam_rpc.rpc.errors import InvalidParams, NotFound, RPCError
from webcam_rpc.testing import FakeThreads
from webcam_rpc.web.files import Reads
from webcam_rpc.web.pictures import media_resources
from webcam_rpc.web.site import make_site

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress

    from webcam_rpc.web.media import Media, Viewer

BOUNDARY = b"--boundarydonotcross\r\n"


class Frame(msgspec.Struct, frozen=True):
    """A picture of a stream."""

    jpeg: bytes
    at: float = 0.0
    time: float = 1_700_000_000.25
    width: int = 640
    height: int = 480


class Picture(msgspec.Struct, frozen=True):
    """A single picture."""

    jpeg: bytes = b"\xff\xd8snapshot\xff\xd9"
    time: float = 1_700_000_000.25
    age_ms: float = 12.7
    width: int = 640
    height: int = 480


class State(msgspec.Struct, frozen=True):
    """How a camera stands."""

    camera_id: str
    online: bool = True
    width: int = 640
    height: int = 480
    desired_fps: float = 30
    captured_fps: float = 29.97
    encoder: Literal["CPU", "HW"] = "HW"
    quality: int = 85


class Watching:
    """A viewer of a camera."""

    def __init__(self, media: FakeMedia, camera_id: str, width: int | None, viewer: Viewer) -> None:
        self.camera_id = camera_id
        self.width = width
        self.viewer = viewer
        self._media = media

    def stop(self) -> None:
        """Let go."""
        if self in self._media.watching:
            self._media.watching.remove(self)


class FakeMedia:
    """Two cameras, ``usb-1`` (also ``gate``) and ``usb-2``, whose pictures the test gives.

    ``taking`` are the snapshots that were asked for, with what was asked.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.plugged = ["usb-1", "usb-2"]
        self.watching: list[Watching] = []
        self.taking: list[tuple[str, bool, int | None, Deferred[Any]]] = []
        self.cancelled = 0
        self.defect: Exception | None = None

    def cameras(self) -> list[str]:
        """List what is plugged in."""
        return self.plugged

    def state(self, name: str) -> State:
        """Give the same state always."""
        return State(self._id(name))

    def snapshot(self, name: str, *, fresh: bool, max_age_ms: int | None) -> Deferred[Any]:
        """Wait for the test."""
        taking: Deferred[Any] = Deferred(self._cancel)
        self.taking.append((self._id(name), fresh, max_age_ms, taking))
        return taking

    def watch(self, name: str, width: int | None, viewer: Viewer) -> Watching:
        """Wait for the test."""
        if self.defect is not None:
            raise self.defect
        self.watching.append(Watching(self, self._id(name), width, viewer))
        return self.watching[-1]

    def file(self, kind: str, name: str) -> Path | None:
        """Give what is there, whatever it is: the caller has to look."""
        path = self.directory / kind / name
        return path if path.is_symlink() or path.exists() else None

    def give(self, jpeg: bytes = b"\xff\xd8jpeg\xff\xd9", at: float = 0.0, camera_id: str = "usb-1") -> Frame:
        """Give a frame to all who watch a camera."""
        frame = Frame(jpeg, at)
        for watching in tuple(self.watching):
            if watching.camera_id == camera_id:
                watching.viewer.frame(frame)
        return frame

    def fail(self, error: RPCError) -> None:
        """Tell all who watch what is wrong."""
        for watching in tuple(self.watching):
            watching.viewer.failed(error)

    def unplug(self) -> None:
        """Tell all who watch that the camera is gone."""
        for watching in tuple(self.watching):
            watching.viewer.gone()

    def _id(self, name: str) -> str:
        if name == "shared":
            raise InvalidParams("device", "ambiguous", "two cameras share this link")
        known = {"usb-1": "usb-1", "gate": "usb-1", "video0": "usb-1", "usb-2": "usb-2"}
        if name not in known:
            raise NotFound("camera", name)
        return known[name]

    def _cancel(self, _: object) -> None:
        self.cancelled += 1


class SlowWire(Wire):
    """A transport whose client takes nothing while ``full`` is set."""

    full = False

    def write(self, data: bytes) -> None:
        """Say so to whoever writes."""
        super().write(data)
        if self.full and self.producer is not None:
            self.producer.pauseProducing()

    def drain(self) -> None:
        """Take all that there is."""
        self.producer.resumeProducing()


class MediaCase(WebTestCase):
    """Has a site with media."""

    def setUp(self) -> None:
        """Put another site together."""
        super().setUp()
        self.directory = Path(self.mktemp())
        for kind in ("recordings", "snapshots"):
            (self.directory / kind).mkdir(parents=True)
        self.media = FakeMedia(self.directory)
        self.threads = FakeThreads()
        checked: Media = self.media
        self.site = make_site(
            self.clock,
            self.limits,
            self.admission,
            self.clients,
            self.calls,
            lambda: b"{}",
            media_resources(self.clock, checked, Reads(self.threads.run)),
        )

    def slow(
        self, path: str, *lines: str, method: str = "GET", peer: IAddress = LOOPBACK, host: str = "127.0.0.1:8002"
    ) -> SlowWire:
        """Ask for something on a connection of its own."""
        wire = SlowWire(self.clock, peer)
        protocol = cast("Any", self.site.buildProtocol(peer))
        wire.protocol = protocol
        protocol.makeConnection(wire)
        wire.send(head(method, path, *lines, host=host))
        return wire

    def get(self, path: str, *lines: str, method: str = "GET", peer: IAddress = LOOPBACK) -> Any:
        """Ask for something and let the threads work; give status, headers and body."""
        wire = self.slow(path, *lines, method=method, peer=peer)
        self.threads.work()
        self.settle(3)
        return response(wire.take())


def parts(body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Read the parts of a stream: headers and body of each that is whole."""
    found = []
    while body:
        assert body.startswith(BOUNDARY), body[:100]
        text, end, rest = body[len(BOUNDARY) :].partition(b"\r\n\r\n")
        if not end:
            break
        headers = dict(line.split(": ", 1) for line in text.decode().split("\r\n"))
        length = int(headers["Content-Length"])
        if len(rest) < length + 2:
            break
        found.append((headers, rest[:length]))
        body = rest[length + 2 :]
    return found
