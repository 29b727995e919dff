"""What the tests of pictures and recordings share: viewers, ffprobe, and a look at which programs run."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue

from tests.integration.test_service import ServiceCase
from tests.service import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.python.failure import Failure

    from tests.service import Service
    from tests.wsclient import Client, Notification

reactor: Any = global_reactor
#: Seconds for anything to happen: far more than it takes.
PATIENCE = 60.0


class Viewer(Protocol):
    """Reads a stream as a browser does: head, then parts by their length."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.head = b""
        self.times: list[float] = []
        self.sizes: list[int] = []
        self.last = b""
        self.lost = False
        self._buffer = bytearray()
        self._need = 0

    def connectionMade(self) -> None:
        """Ask."""
        assert self.transport is not None
        self.transport.write(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def dataReceived(self, data: bytes) -> None:
        """Count the parts."""
        self._buffer += data
        if not self.head:
            head, found, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not found:
                return
            self.head, self._buffer = head, bytearray(rest)
        while True:
            if not self._need:
                head, found, _ = bytes(self._buffer[:1024]).partition(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                if not found or length is None:
                    return
                time = re.search(rb"(?i)x-timestamp: *([0-9.]+)", head)
                self.times.append(float(time[1]) if time else 0.0)
                self._need = int(length[1])
                del self._buffer[: len(head) + 4]
            if len(self._buffer) < self._need:
                return
            self.last = bytes(self._buffer[: self._need])
            self.sizes.append(self._need)
            del self._buffer[: self._need]
            self._need = 0

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # noqa: ARG002
        """Take note."""
        self.lost = True

    @property
    def frames(self) -> int:
        """How many whole pictures came."""
        return len(self.sizes)


def processes(match: str) -> list[int]:
    """List the processes whose command line holds ``match``, zombies left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                argv = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if match in argv:
                found.append(int(entry.name))
    return found


def below(pid: int) -> dict[int, str]:
    """Give the command lines of all processes that came from ``pid``, by their ids."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
                argv = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if after_name[0] != "Z":
                parents[int(entry.name)] = (int(after_name[1]), argv)
    found: dict[int, str] = {}
    grown = {pid}
    while grown:
        grown = {child for child, (parent, _) in parents.items() if parent in grown and child not in found}
        found.update({child: parents[child][1] for child in grown})
    return found


def captures(service: Service) -> list[int]:
    """List the capture children of a service."""
    return [pid for pid, argv in below(service.pid).items() if "mpjpeg" in argv and "pipe:1" in argv and "-re" in argv]


def encoders(service: Service) -> list[int]:
    """List the encoders of a service."""
    return [pid for pid, argv in below(service.pid).items() if ".part" in argv]


async def probe(path: Path | str) -> dict[str, Any]:
    """Give what ffprobe tells of a file, its frames counted."""
    argv = ["-v", "error", "-count_frames", "-show_format", "-show_streams", "-of", "json", str(path)]
    out, err, status = await getProcessOutputAndValue("ffprobe", argv, env=os.environ)
    if status or err:
        text = f"ffprobe {path}: status {status}: {err.decode()}"
        raise AssertionError(text)
    told = json.loads(out)
    (stream,) = told["streams"]
    return {
        "codec": stream["codec_name"],
        "width": stream["width"],
        "height": stream["height"],
        "frames": int(stream["nb_read_frames"]),
        "duration": float(told["format"]["duration"]),
        "format": told["format"]["format_name"],
    }


async def decoded(path: Path) -> None:
    """Fail unless ffmpeg decodes a whole file without a word, and each frame is later than the one before."""
    # By a clock as fine as the file's own: else ffmpeg rounds times to the camera's rate, and two that came quickly one
    # after the other, as they do on a busy machine, would be one.
    arguments = ["-nostdin", "-v", "error", "-i", str(path), "-enc_time_base", "1:90000", "-f", "null", "-"]
    out, err, status = await getProcessOutputAndValue("ffmpeg", arguments, env=os.environ)
    if status or err or out:
        text = f"decoding {path}: status {status}: {err.decode()[-2000:]}"
        raise AssertionError(text)


def recording(status: str, **more: object) -> Callable[[Notification], bool]:
    """Recognise the news of a recording."""

    def matches(notification: Notification) -> bool:
        params = notification.params
        same = all(params.get(name) == value for name, value in more.items())
        return notification.method == "recording_status_update" and params["status"] == status and same

    return matches


class MediaCase(ServiceCase):
    """A service that takes pictures."""

    timeout = 300

    def media(self, service: Service, kind: str = "recordings") -> Path:
        """Give the directory of a kind of files."""
        return service.state / "media" / kind

    async def view(self, service: Service, path: str = "/cameras/demo/stream.mjpg") -> Viewer:
        """Open a stream."""
        viewer = Viewer(path)
        port = int(service.http_url.rpartition(":")[2])
        await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(Factory.forProtocol(lambda: viewer))
        self.addCleanup(self.leave, viewer)
        return viewer

    def leave(self, viewer: Viewer) -> Any:
        """Close a stream."""
        if not viewer.lost and viewer.transport is not None:
            viewer.transport.abortConnection()  # type: ignore[attr-defined]
        return eventually(reactor, lambda: viewer.lost, PATIENCE, "the viewer left")

    async def frames(self, viewer: Viewer, more: int) -> None:
        """Wait for so many further pictures."""
        wanted = viewer.frames + more
        await eventually(reactor, lambda: viewer.frames >= wanted or viewer.lost, PATIENCE, f"{more} further pictures")
        self.assertFalse(viewer.lost, viewer.head)

    async def get(
        self, service: Service, path: str, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, bytes]:
        """GET; gives status, headers and body."""

        def fetch() -> tuple[int, Any, bytes]:
            request = Request(service.http_url + path, headers=dict(headers or {}))  # noqa: S310 - http
            with urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
                return response.status, response.headers, response.read()

        return await deferToThread(fetch)

    async def whole(self, service: Service, client: Client) -> list[dict[str, Any]]:
        """List the recordings, each of which must be there, decode without a word, and be what its metadata says."""
        listed = await client.call("list_recordings")
        names = {path.name for path in self.media(service).iterdir() if not path.name.endswith((".json", ".part"))}
        self.assertEqual({entry["filename"] for entry in listed["files"]}, names)
        for entry in listed["files"]:
            path = self.media(service) / entry["filename"]
            await decoded(path)
            told, info = await probe(path), await client.call("get_recording_info", {"filename": path.name})
            self.assertEqual(path.stat().st_size, entry["file_size"])
            self.assertEqual(info["frames"], told["frames"], info)
        return list(listed["files"])

    async def nothing_left(self, marker: str) -> None:
        """Wait until no process has ``marker`` in its command line."""
        await eventually(reactor, lambda: not processes(marker), PATIENCE, f"no process with {marker}")


def kill(pid: int) -> None:
    """End a process as nobody could object to."""
    os.kill(pid, signal.SIGKILL)


def later(seconds: float) -> Deferred[None]:
    """Let so much of a recording be made."""
    done: Deferred[None] = Deferred()
    reactor.callLater(seconds, done.callback, None)
    return done
