"""What it costs to show one camera to many, against µStreamer.

    python benchmarks/stream_fanout.py --device /dev/video0    # the service and µStreamer in turns, on this camera
    python benchmarks/stream_fanout.py                         # the service alone, with its test pattern
    python benchmarks/stream_fanout.py --url URL --pid PID     # a server that runs already

For each server so many viewers read its MJPEG stream for some seconds. Printed are the pictures that each got, those
that the server had sent to somebody else but not to it (lost), and the CPU seconds, user and system, of the server
with all its children: a camera is captured by an ffmpeg in one case and by threads in the other. Compared are the CPU
seconds per 1000 pictures delivered, round by round. Exits with 1 if the median of the ratios is over 1.5, or if a
viewer of ours lost a picture.

The generator is this process: it counts parts by their lengths and has the kernel throw the pictures away unread, but
for their beginnings. A webcam of the testbed numbers its pictures in a comment; where there is none the time in the
part's head tells pictures apart, if the server gives the same to all. The comment also tells when a picture was made,
hence its age when it was read. What the table says only holds while the generator keeps up and the machine has time
left, which the last lines tell.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
#: What the service may take in comparison.
LIMIT = 1.5
#: Seconds for a server to start, for a call, and for all viewers to have a picture.
_PATIENCE = 60.0
#: Seconds that a viewer has for what it was sent at the end.
_GRACE = 1.0
#: A generator that works for more than this of the time may itself be what was measured.
_BUSY = 0.9
#: A server that passes less than this of a camera's pictures on has no time for them.
_MOST = 0.97

_TICKS = os.sysconf("SC_CLK_TCK")
_LISTENS = re.compile(rb"ws://127\.0\.0\.1:(\d+)/")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_TIMESTAMP = re.compile(rb"\r\nx-timestamp:[ \t]*(\S+)", re.IGNORECASE)
_COMMENT = re.compile(rb"cam=\d+ seq=(\d+) mono=(\d+\.\d+)")
_MAX_HEAD = 16 * 1024
#: Bytes of a picture in which the testbed's comment is.
_LOOKED_AT = 128
_READ = 4096
#: Where the kernel would put what it throws away (recv(2), MSG_TRUNC; tcp(7)).
_NOWHERE = bytearray(1 << 20)


class Parts:
    """The parts of one stream: what is read of it goes in, and what tells the pictures apart comes out.

    Most of a picture need not be read: :attr:`skip` is how much of what comes next can be thrown away.

    :ivar skip: bytes.
    """

    def __init__(self, found: Callable[[str, float | None], None]) -> None:
        self.skip = 0
        self._found = found
        self._data = b""
        self._begun = False
        self._length = -1
        self._key = ""
        self._made: float | None = None

    def take(self, data: bytes) -> None:
        """Take what was read. Only while nothing is to be thrown away. Raises ValueError."""
        data = self._data + data
        while True:
            if self._length < 0:
                end = data.find(b"\r\n\r\n")
                if end < 0:
                    if len(data) > _MAX_HEAD:
                        raise ValueError("no head of a part")
                    break
                if not self._begun and not data.startswith((b"HTTP/1.0 200 ", b"HTTP/1.1 200 ")):
                    raise ValueError(f"no stream: {data.decode('latin-1')}")
                self._head(data[: end + 2])
                data = data[end + 4 :]
            if self._length < 0:
                continue
            if len(data) < min(self._length, _LOOKED_AT):
                break
            comment = _COMMENT.search(data, 0, min(self._length, _LOOKED_AT))
            if comment is not None:
                self._key, self._made = "#" + comment[1].decode(), float(comment[2])
            if len(data) < self._length:
                self.skip, data = self._length - len(data), b""
                break
            data = data[self._length :]
            self._whole()
        self._data = data

    def skipped(self, size: int) -> None:
        """Hear that so much was thrown away."""
        self.skip -= size
        if not self.skip:
            self._whole()

    def _head(self, head: bytes) -> None:
        if not self._begun:
            self._begun = True
            return
        length = _LENGTH.search(head)
        if length is None:
            raise ValueError(f"a part without a length: {head!r}")
        stamp = _TIMESTAMP.search(head)
        self._key = stamp[1].decode() if stamp is not None else ""
        self._length = int(length[1])

    def _whole(self) -> None:
        self._length = -1
        self._found(self._key, self._made)
        self._made = None


class Audience:
    """All viewers of one stream, in one loop."""

    def __init__(self, url: str, viewers: int) -> None:
        self.url = urlsplit(url)
        #: What each viewer got, in its order.
        self.seen: list[list[str]] = [[] for _ in range(viewers)]
        #: How old pictures were when they were read, in seconds.
        self.ages: list[float] = []
        #: When somebody had a picture first.
        self.first: dict[str, float] = {}
        self._epoll = select.epoll()
        self._now = 0.0
        self._open: dict[int, tuple[socket.socket, Parts]] = {}
        for seen in self.seen:
            self._connect(seen)

    def close(self) -> None:
        """Go."""
        for connection, _ in self._open.values():
            connection.close()
        self._epoll.close()

    def watch(self, until: Callable[[], bool]) -> None:
        """Read."""
        while not until():
            self._now = time.monotonic()
            for number, _ in self._epoll.poll(0.05):
                self._read(*self._open[number])

    def _connect(self, seen: list[str]) -> None:
        connection = socket.create_connection((self.url.hostname or "", self.url.port or 80), timeout=_PATIENCE)
        path = self.url.path + (f"?{self.url.query}" if self.url.query else "")
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.url.netloc}\r\n\r\n".encode())
        connection.setblocking(False)  # noqa: FBT003 - the socket's signature

        def found(key: str, made: float | None) -> None:
            seen.append(key)
            self.first.setdefault(key, self._now)
            if made is not None:
                self.ages.append(time.monotonic() - made)

        self._open[connection.fileno()] = (connection, Parts(found))
        self._epoll.register(connection, select.EPOLLIN)

    @staticmethod
    def _read(connection: socket.socket, parts: Parts) -> None:
        with suppress(BlockingIOError):
            while parts.skip:
                wanted = min(parts.skip, len(_NOWHERE))
                size = connection.recv_into(_NOWHERE, wanted, socket.MSG_TRUNC)
                if not size:
                    raise SystemExit("the server has closed a stream")
                parts.skipped(size)
                if size < wanted:
                    return
            data = connection.recv(_READ)
            if not data:
                raise SystemExit("the server has closed a stream")
            try:
                parts.take(data)
            except ValueError as error:
                raise SystemExit(str(error)) from None


def stat(text: str) -> tuple[str, int, int]:
    """Read ``/proc/PID/stat``: the name, the parent, and the CPU ticks with those of children that were waited for."""
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return head.partition("(")[2], int(fields[1]), sum(map(int, fields[11:15]))


def used_by(pid: int) -> dict[str, float]:
    """Give the CPU seconds of a process and all below it, by the names of the programs."""
    names: dict[int, str] = {}
    below: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            number = int(path.parent.name)
            names[number], parent, ticks[number] = stat(path.read_text())
            below.setdefault(parent, []).append(number)
    if pid not in names:
        raise SystemExit(f"there is no process {pid}")
    used: Counter[str] = Counter()
    tree = [pid]
    for number in tree:
        used[names[number]] += ticks[number]
        tree.extend(below.get(number, ()))
    return {name: count / _TICKS for name, count in used.items()}


def _machine() -> tuple[int, int]:
    """Give the ticks that the machine's cores have been idle, and all."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)


@dataclass(frozen=True)
class Server:
    """A server that runs.

    :ivar captured: asks it how many pictures a second it captures.
    """

    url: str
    pid: int
    captured: Callable[[], float | None]


class Span(NamedTuple):
    """A moment's counts: what :func:`measure` takes at the start and at the end."""

    at: float
    used: dict[str, float]
    machine: tuple[int, int]
    own: float
    delivered: int


@dataclass(frozen=True)
class Figures:
    """What one server did in one round.

    :ivar made: pictures that the camera made meanwhile, where they are numbered.
    :ivar captured: how many a second the server says that it got.
    :ivar sent: different pictures that anybody got; None where they cannot be told apart.
    :ivar got: pictures of each viewer.
    :ivar lost: of those sent, how many each viewer did not get.
    :ivar ages: of the pictures when they were read, in milliseconds: the median and the most.
    :ivar used: CPU seconds by program.
    :ivar generator: the generator's share of a core.
    :ivar idle: the machine's cores' share that was left.
    """

    seconds: float
    made: int | None
    captured: float | None
    sent: int | None
    got: list[int]
    lost: list[int] | None
    ages: tuple[float, float] | None
    delivered: int
    used: dict[str, float]
    generator: float
    idle: float

    @property
    def per_thousand(self) -> float:
        """CPU seconds for 1000 pictures."""
        return 1000 * sum(self.used.values()) / self.delivered

    @property
    def missed(self) -> bool:
        """Whether many of the pictures that the camera made were sent to nobody."""
        return self.made is not None and self.sent is not None and self.sent < _MOST * self.made

    @property
    def worst(self) -> int:
        """How many pictures the viewer lost that lost most."""
        return max(self.lost or [0])


def compare(seen: Sequence[Sequence[str]], sent: Sequence[str]) -> list[int]:
    """Tell how many of the pictures that were sent each viewer did not get."""
    return [len(set(sent).difference(each)) for each in seen]


def measure(server: Server, viewers: int, seconds: float) -> Figures:
    """Have viewers, and see what they get and what it costs."""
    audience = Audience(server.url, viewers)

    def span() -> Span:
        return Span(
            time.monotonic(), used_by(server.pid), _machine(), time.process_time(), sum(map(len, audience.seen))
        )

    def until(moment: float) -> Callable[[], bool]:
        return lambda: time.monotonic() >= moment

    deadline = time.monotonic() + _PATIENCE
    audience.watch(lambda: all(audience.seen) or time.monotonic() > deadline)
    if not all(audience.seen):
        raise SystemExit(f"no picture from {server.url}")
    audience.watch(until(time.monotonic() + 1))  # what has waited is gone
    before = [len(each) for each in audience.seen]
    audience.ages.clear()
    start = span()
    audience.watch(until(start.at + seconds))
    end = span()
    ages = [1000 * age for age in audience.ages]
    got = [len(each) - had for each, had in zip(audience.seen, before, strict=True)]
    audience.watch(until(end.at + _GRACE))
    captured = server.captured()
    audience.close()

    sent = [key for key, first in audience.first.items() if start.at <= first < end.at]
    # Pictures that each viewer knows by another name cannot be told apart.
    known = len(sent) <= 2 * max(got) and "" not in sent
    numbers = [int(key[1:]) for key in sent if key.startswith("#")]
    idle, all_ticks = (after - earlier for earlier, after in zip(start.machine, end.machine, strict=True))
    return Figures(
        seconds=end.at - start.at,
        made=max(numbers) - min(numbers) + 1 if numbers else None,
        captured=captured,
        sent=len(sent) if known else None,
        got=got,
        lost=compare(audience.seen, sent) if known else None,
        ages=(median(ages), max(ages)) if ages else None,
        delivered=end.delivered - start.delivered,
        used={name: count - start.used.get(name, 0) for name, count in end.used.items()},
        generator=(end.own - start.own) / (end.at - start.at),
        idle=idle / max(1, all_ticks),
    )


def _ask(url: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - http
    with urlopen(request, timeout=_PATIENCE) as response:  # noqa: S310 - http
        return json.load(response)


def _call(base: str, method: str, **params: object) -> Any:  # noqa: ANN401 - JSON
    return _ask(f"{base}/rpc", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})["result"]


@contextmanager
def _running(argv: Sequence[str], ready: Callable[[bytes], Any]) -> Iterator[tuple[int, Any]]:
    """Run a program until the block ends; gives its id and what ``ready`` found in what it printed."""
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - ours
        try:
            deadline = time.monotonic() + _PATIENCE
            while not (found := ready(os.pread(log.fileno(), 1 << 20, 0))):
                if time.monotonic() > deadline or server.poll() is not None:
                    printed = os.pread(log.fileno(), 1 << 20, 0).decode("utf-8", "replace")
                    raise SystemExit(f"{argv[0]} did not start:\n{printed}")
                time.sleep(0.1)
            yield server.pid, found
        finally:
            server.terminate()
            server.wait(_PATIENCE)


@contextmanager
def service(options: argparse.Namespace) -> Iterator[Server]:
    """Run the service, with the camera or a test pattern."""
    width, height = options.size
    with tempfile.TemporaryDirectory() as directory:
        argv = [sys.executable, "-m", "webcam_rpc", "serve", "--listen", "tcp:0:interface=127.0.0.1"]
        argv += ["--state-dir", f"{directory}/state", "--set", "logging.traffic=OFF", "--set", "media.linger=0"]
        if options.device is None:
            source = f"{{id: demo, kind: test_pattern, width: {width}, height: {height}, fps: {options.fps}}}"
            argv += ["--device-dir", directory, "--set", f"cameras.sources=[{source}]"]
        else:
            argv += ["--device-dir", str(Path(options.device).parent)]
            for key, value in (("max_width", width), ("max_height", height), ("max_fps", options.fps)):
                argv += ["--set", f"media.{key}={value}"]
        with _running(argv, _LISTENS.findall) as (pid, ports):
            base = f"http://127.0.0.1:{int(ports[-1])}"
            camera = _camera(base, options.device or "/dev/video-demo")

            def captured() -> float | None:
                rate: float | None = _call(base, "get_camera_status", device=camera)["measured_fps"]
                return rate

            yield Server(f"{base}/cameras/{camera}/stream.mjpg", pid, captured)


def _camera(base: str, device: str) -> str:
    """Wait until the service knows the camera; gives its id."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for camera in _call(base, "get_camera_list")["cameras"]:
            if camera["device"] == device and camera["status"] == "CONNECTED" and camera.get("resolution"):
                return str(camera["camera_id"])
        time.sleep(0.1)
    raise SystemExit(f"the service has no camera {device}")


@contextmanager
def ustreamer(options: argparse.Namespace) -> Iterator[Server]:
    """Run µStreamer, which passes a camera's own JPEGs on with ``--encoder HW``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    width, height = options.size
    argv = [options.ustreamer, "--device", options.device, "--format", "MJPEG", "--encoder", "HW"]
    argv += ["--resolution", f"{width}x{height}", "--desired-fps", str(options.fps)]
    argv += ["--host", "127.0.0.1", "--port", str(port), *options.ustreamer_option]
    base = f"http://127.0.0.1:{port}"

    def captured() -> float | None:
        rate: float | None = _ask(f"{base}/state")["result"]["source"]["captured_fps"]
        return rate

    def shows_pictures(_: bytes) -> bool:
        # Until the camera gives some it sends one of its own.
        with suppress(OSError):
            return bool(_ask(f"{base}/state")["result"]["source"]["online"])
        return False

    with _running(argv, shows_pictures) as (pid, _):
        yield Server(f"{base}/stream", pid, captured)


_HEAD = (
    "| server | viewers | camera made | captured fps | sent | each got: min, median, max | lost, worst viewer "
    "| age ms: median, max | CPU s | per 1000 delivered |"
)


def _row(name: str, figures: Figures) -> str:
    def known(value: float | None) -> str:
        return "?" if value is None else f"{value:g}"

    got = f"{min(figures.got)}, {median(figures.got):g}, {max(figures.got)}"
    ages = "?" if figures.ages is None else "{:.0f}, {:.0f}".format(*figures.ages)
    programs = " + ".join(f"{used:.2f} {program}" for program, used in sorted(figures.used.items()) if used)
    cells = [name, str(len(figures.got)), known(figures.made), known(figures.captured), known(figures.sent), got]
    cells += [known(None if figures.lost is None else figures.worst), ages, programs, f"{figures.per_thousand:.3f}"]
    return "| " + " | ".join(cells) + " |"


def _limits(rows: Sequence[Figures]) -> str:
    """Say what else may have been measured."""
    busiest, idle = max(each.generator for each in rows), min(each.idle for each in rows)
    said = f"The generator took {busiest:.0%} of a core at most, and {idle:.0%} of all cores were left at least"
    if busiest > _BUSY:
        return said + ": the GENERATOR was the limit."
    if idle < 1 - _BUSY or any(each.missed for each in rows):
        return said + ": the MACHINE had no time left for more, and what is missing may be its fault."
    return said + ": neither was the limit."


def _measured(name: str, server: Server, options: argparse.Namespace) -> Figures:
    figures = measure(server, options.viewers, options.seconds)
    print(_row(name, figures), flush=True)
    return figures


def _parser() -> argparse.ArgumentParser:
    def size(text: str) -> tuple[int, int]:
        width, _, height = text.partition("x")
        return int(width), int(height)

    parser = argparse.ArgumentParser(description="What it costs to show one camera to many.")
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=size, default=(1280, 720), metavar="WIDTHxHEIGHT")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--device", help="a webcam; the test pattern without it")
    parser.add_argument("--ustreamer", default="ustreamer", help="the program")
    parser.add_argument("--ustreamer-option", action="append", default=[], help="one more for it (several times)")
    parser.add_argument("--url", help="a stream of a server that runs")
    parser.add_argument("--pid", type=int, help="that server")
    return parser


def main() -> int:
    """Measure; give the exit status."""
    parser = _parser()
    options = parser.parse_args()
    if (options.url is None) != (options.pid is None):
        parser.error("--url and --pid go together")
    print(f"{_HEAD}\n|{'---|' * (_HEAD.count('|') - 1)}")
    if options.url is not None:
        rows = [_measured("it", Server(options.url, options.pid, lambda: None), options) for _ in range(options.rounds)]
        print("\n" + _limits(rows))
        return 0
    servers = {"service": service}
    if options.device is not None and shutil.which(options.ustreamer):
        servers["µStreamer"] = ustreamer
    done: dict[str, list[Figures]] = {name: [] for name in servers}
    for _ in range(options.rounds):
        # In turns, each started anew: a camera can be captured by one of them at a time.
        for name, run in servers.items():
            with run(options) as server:
                done[name].append(_measured(name, server, options))
    print("\n" + _limits([each for rows in done.values() for each in rows]))
    ours = done["service"]
    lost = max(each.worst for each in ours)
    ratio = 0.0
    if len(done) > 1:
        ratios = [mine.per_thousand / other.per_thousand for mine, other in zip(*done.values(), strict=True)]
        ratio = median(ratios)
        rounds = ", ".join(f"{each:.2f}" for each in ratios)
        print(f"CPU of the service in comparison: {ratio:.2f} (<= {LIMIT}); the rounds: {rounds}")
    else:
        print("There was no camera or no µStreamer: the service alone.")
    unsent = max((each.made or 0) - (each.sent or 0) if each.made else 0 for each in ours)
    print(f"Lost by a viewer of the service: {lost}; made by the camera, and never sent to anybody: {unsent}")
    return 1 if ratio > LIMIT or lost else 0


if __name__ == "__main__":
    raise SystemExit(main())
