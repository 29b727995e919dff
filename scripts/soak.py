"""Twenty-four hours in miniature: one run of one service process, which must end as it began.

    scripts/soak [--plugs 20000] [--connections 100000] [--snapshots 1000]

starts the service (``--demo``) on a device directory of its own and then lets happen, all at once:

- cameras come and go: character devices of V4L2's major number are made and removed in that directory, and a
  ``v4l2-ctl`` first in PATH tells of each what a real one told of a webcam. So inventory, monitor, probes with their
  children, registry, bus and notifications are the real ones. A client sees to it that every round ends in the state
  that the directory is in. Only root can make devices: others say ``--plugs 0``;
- clients come, call and go: most of them in order, some without a close frame, some by a reset before their handshake,
  in the middle of it, or before they have read the answer to their call;
- pictures of the test pattern are taken, listed and deleted.

Prints memory (RSS), descriptors, threads and children of the service after a warm-up, in the middle and at the end,
each time when all is quiet, and exits with 1 where they have not come back to where they were, or the log has an error:
descriptors and children must be as many as before, threads no more than the pool may have, and memory may be TOLERANCE
more. With the numbers above it takes some three minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent

#: MiB that the process may have grown by. What Python has freed goes back to the system by whole arenas of 1 MiB, and
#: each thread of the pool has an arena of malloc's own: what was in use at the worst moment stays in part. A leak of
#: 100 bytes for each connection would be more than this at the end of a whole run.
TOLERANCE = 8.0
#: The reactor's thread, and those of a pool that keeps what it once needed.
THREADS = 17
#: How much is done before the first look: the pool has its threads by then, the caches are filled.
WARM_UP = 0.05
#: Cameras that come and go at a time, and what plays with their cables once more in every so many rounds.
NODES, PLAY = 16, 4
#: Pictures that are kept before they are listed and deleted; more at once than the service has threads.
PICTURES = 32
#: Threads that connect.
CONNECTORS = 4
#: Seconds for a start, for any answer, for a round of plugs, and until all is quiet.
START, ANSWER, ROUND, QUIET = 60.0, 30.0, 60.0, 60.0

_MAJOR = 81
_LISTENS = re.compile(rb"Server started successfully at ws://127\.0\.0\.1:(\d+)/")
_REPORT = ROOT / "tests" / "captures" / "uvc-hd.txt"
#: Each camera is another one: its place in the machine is its node's.
_V4L2_CTL = '#!/bin/sh\nexec sed "s/vhci_hcd.0-1/soak-${{2##*/}}/" {report}\n'
_HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_FIN, _MASKED, _EXTENDED, _EXTENDED_MORE = 0x80, 0x80, 126, 127
_ABORT = struct.pack("ii", 1, 0)


class Figures(NamedTuple):
    """What a process has."""

    rss: float
    descriptors: int
    threads: int
    children: int


def figures(pid: int) -> Figures:
    """Look at a process."""
    place = Path(f"/proc/{pid}")
    status = (place / "status").read_text()
    tasks = os.listdir(place / "task")
    children = [child for task in tasks for child in (place / "task" / task / "children").read_text().split()]
    rss = re.search(r"VmRSS:\s+(\d+) kB", status)
    return Figures(int(rss[1]) / 1024 if rss else 0.0, len(os.listdir(place / "fd")), len(tasks), len(children))


def faults(before: Figures, after: Figures, tolerance: float = TOLERANCE) -> list[str]:
    """Say what has not come back to where it was."""
    found = [
        f"{name}: {getattr(after, name)} in place of {getattr(before, name)}"
        for name in ("descriptors", "children")
        if getattr(after, name) != getattr(before, name)
    ]
    if after.threads > max(before.threads, THREADS):
        found.append(f"threads: {after.threads}, and {THREADS} are allowed")
    if after.rss > before.rss + tolerance:
        found.append(f"memory: {after.rss - before.rss:.1f} MiB more, and {tolerance:g} are allowed")
    return found


class Connection:
    """A WebSocket, by a blocking socket."""

    def __init__(self, port: int, source: int = 1) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(ANSWER)
        # From several addresses: one has not enough ports for all the connections of the last minute.
        self.socket.bind((f"127.0.0.{source}", 0))
        self.socket.connect(("127.0.0.1", port))
        self._data = b""

    def open(self) -> None:
        """Make the handshake."""
        self.socket.sendall(_HANDSHAKE)
        while b"\r\n\r\n" not in self._data:
            self._read()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise RuntimeError(f"no WebSocket: {head!r}")

    def send(self, text: bytes, opcode: int = _TEXT) -> None:
        """Send a frame; a mask of zeros changes nothing."""
        size = bytes([_MASKED | len(text)])
        if len(text) >= _EXTENDED:
            size = bytes([_MASKED | _EXTENDED]) + struct.pack(">H", len(text))
        self.socket.sendall(bytes([_FIN | opcode]) + size + bytes(4) + text)

    def ask(self, method: str, **params: object) -> None:
        """Send a call."""
        self.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}).encode())

    def call(self, method: str, **params: object) -> Any:  # noqa: ANN401 - as the method has it
        """Make a call; what else comes before its answer is passed over."""
        self.ask(method, **params)
        while True:
            told = self.told()
            if "id" in told:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']}")
                return told["result"]

    def told(self) -> Any:  # noqa: ANN401 - any message
        """Wait for a message."""
        while True:
            opcode, text = self._frame()
            if opcode == _PING:
                self.send(text, _PONG)
            elif opcode == _CLOSE:
                raise RuntimeError(f"closed: {text!r}")
            else:
                return json.loads(text)

    def leave(self) -> None:
        """Close in order: the service closes the socket first."""
        self.send(struct.pack(">H", 1000), _CLOSE)
        while self._frame()[0] != _CLOSE:
            pass
        self.socket.recv(1)
        self.socket.close()

    def reset(self) -> None:
        """Go without a word."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self.socket.close()

    def _frame(self) -> tuple[int, bytes]:
        self._want(2)
        size, start = self._data[1], 2
        if size >= _EXTENDED:
            start = 4 if size == _EXTENDED else 10
            self._want(start)
            size = int.from_bytes(self._data[2:start], "big")
        self._want(start + size)
        opcode, text = self._data[0] & 0x0F, self._data[start : start + size]
        self._data = self._data[start + size :]
        return opcode, text

    def _want(self, size: int) -> None:
        while len(self._data) < size:
            self._read()

    def _read(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise RuntimeError("the service has closed the connection")
        self._data += data


def connect(port: int, numbers: range) -> None:
    """Make connections, each its own way."""
    for number in numbers:
        connection = Connection(port, 1 + number % 16)
        way = number % 10
        if way == 0:
            connection.reset()
            continue
        if way == 1:
            connection.socket.sendall(_HANDSHAKE[:60])
            connection.reset()
            continue
        connection.open()
        if way == 2:  # noqa: PLR2004 - the third of ten ways
            connection.ask("get_camera_list")
            connection.reset()
            continue
        connection.call(("ping", "get_camera_list", "get_status")[number % 3])
        if way in {3, 4}:
            connection.socket.close()
        else:
            connection.leave()


class Plugger:
    """The cameras' cables, and a client that is told what becomes of them."""

    def __init__(self, port: int, directory: Path) -> None:
        self._directory = directory
        self._client = Connection(port)
        self._client.open()
        self._states: dict[str, str] = {}

    def play(self, events: int) -> None:
        """Plug and unplug so many times, until the service has seen each round."""
        done = rounds = 0
        while done < events:
            nodes = [self._directory / f"video{number}" for number in range(min(NODES, -(-(events - done) // 2)))]
            for node in nodes:
                self._plug(node)
            if rounds % PLAY == 0:
                # Faster than anybody looks: another camera is in the place of the one that was just there.
                for node in nodes:
                    node.unlink()
                    self._plug(node)
                done += 2 * len(nodes)
            self._until(dict.fromkeys(map(str, nodes), "CONNECTED"))
            for node in nodes:
                node.unlink()
            self._until(dict.fromkeys(map(str, nodes), "DISCONNECTED"))
            done += 2 * len(nodes)
            rounds += 1

    def end(self) -> None:
        """Go."""
        self._client.leave()

    @staticmethod
    def _plug(node: Path) -> None:
        # Under another name at first: its owner and mode are those of a webcam when it gets its own.
        new = node.with_name("new")
        os.mknod(new, stat.S_IFCHR | 0o660, os.makedev(_MAJOR, int(node.name.removeprefix("video"))))
        new.rename(node)

    def _until(self, wanted: dict[str, str]) -> None:
        deadline = time.monotonic() + ROUND
        while any(self._states.get(device) != status for device, status in wanted.items()):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the cameras are not {set(wanted.values())}, but {self._states}")
            told = self._client.told()
            if told.get("method") == "camera_status_update":
                self._states[told["params"]["device"]] = told["params"]["status"]


def take_pictures(port: int, count: int) -> None:
    """Take pictures, many at once; list them and delete them."""
    connection = Connection(port)
    connection.open()
    taken = 0
    while taken < count:
        some = min(PICTURES, count - taken)
        for _ in range(some):
            connection.ask("take_snapshot", device="demo", fresh=True)
        answers: list[Any] = []
        while len(answers) < some:
            told = connection.told()
            if "id" in told:
                answers.append(told["result"])
        taken += some
        listed = connection.call("list_snapshots", device="demo", limit=1000)["files"]
        if {each["filename"] for each in listed} != {each["filename"] for each in answers}:
            raise RuntimeError("what is listed is not what was taken")
        for each in listed:
            connection.call("delete_snapshot", filename=each["filename"])
    connection.leave()


class Soak:
    """The service, and what is done to it."""

    def __init__(self, options: argparse.Namespace, directory: Path) -> None:
        self._options = options
        self.devices = directory / "dev"
        programs = directory / "bin"
        for each in (self.devices, programs):
            each.mkdir()
        report = directory / "report"
        shutil.copy(_REPORT, report)
        (programs / "v4l2-ctl").write_text(_V4L2_CTL.format(report=report))
        (programs / "v4l2-ctl").chmod(0o755)
        self._log = directory / "log"
        argv = [sys.executable, "-m", "webcam_rpc", "serve", "--demo", "--listen", "tcp:0:interface=127.0.0.1"]
        argv += ["--device-dir", str(self.devices), "--state-dir", str(directory / "state")]
        # Cameras are looked for often, and let go soon.
        for setting in ("cameras.poll_interval=0.02", "media.linger=0"):
            argv += ["--set", setting]
        path = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("WEBCAM_")}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 - ours
                argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**environment, "PATH": path}
            )

    def run(self) -> int:
        """Do all of it; give the exit status."""
        port = self._port()
        share = {name: getattr(self._options, name) for name in ("plugs", "connections", "snapshots")}
        print(f"{'':10} {'RSS MiB':>8} {'descriptors':>12} {'threads':>8} {'children':>9} {'seconds':>8}")
        began = time.monotonic()
        seen = []
        for name, part in (("warm-up", WARM_UP), ("middle", 0.5), ("end", 0.5)):
            self._work(port, {kind: max(1, round(count * part)) if count else 0 for kind, count in share.items()})
            seen.append(self._quiet())
            rss, descriptors, threads, children = seen[-1]
            seconds = time.monotonic() - began
            print(f"{name:10} {rss:8.1f} {descriptors:12} {threads:8} {children:9} {seconds:8.1f}", flush=True)
        found = faults(seen[0], seen[-1], self._options.tolerance)
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(ANSWER)
        if status != 0:
            found.append(f"exit status {status}")
        lines = self._log.read_text("utf-8", "replace").splitlines()
        # That it is late says what else the machine does; what is left behind is what is looked for here.
        found.extend(line for line in lines if " - ERROR - " in line and "loop is DEGRADED" not in line)
        for fault in found:
            print(f"FAILED: {fault}")
        return 1 if found else 0

    def _port(self) -> int:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self.process.poll() is None:
            found = _LISTENS.search(self._log.read_bytes())
            if found:
                return int(found[1])
            time.sleep(0.05)
        raise SystemExit(f"the service did not start:\n{self._log.read_text('utf-8', 'replace')}")

    def _work(self, port: int, share: dict[str, int]) -> None:
        connections = share["connections"]
        work: list[Callable[[], None]] = [
            lambda one=first: connect(port, range(one, connections, CONNECTORS))  # type: ignore[misc]
            for first in range(CONNECTORS)
        ]
        if share["plugs"]:
            work.append(lambda: self._plug(port, share["plugs"]))
        if share["snapshots"]:
            work.append(lambda: take_pictures(port, share["snapshots"]))
        failures: list[BaseException] = []

        def perform(one: Callable[[], None]) -> None:
            try:
                one()
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is told below
                failures.append(error)

        threads = [threading.Thread(target=perform, args=(one,), daemon=True) for one in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not failures:
                thread.join(0.5)
        if failures:
            log = self._log.read_text("utf-8", "replace")[-2000:]
            raise SystemExit(f"FAILED: {failures[0]!r}; the end of the service's log:\n{log}") from failures[0]

    def _plug(self, port: int, events: int) -> None:
        plugger = Plugger(port, self.devices)
        plugger.play(events)
        plugger.end()

    def _quiet(self) -> Figures:
        """Wait until there is no child any more and as few descriptors as there will be; give what is left."""
        deadline, before, same = time.monotonic() + QUIET, None, 0
        while True:
            now = figures(self.process.pid)
            same = same + 1 if now[1:] == before and not now.children else 0
            if same >= 10 or time.monotonic() > deadline:  # noqa: PLR2004 - for a second
                return now
            before = now[1:]
            time.sleep(0.1)


def main() -> int:
    """Run; give the exit status."""
    parser = argparse.ArgumentParser(description="Twenty-four hours in miniature; see the head of soak.py.")
    parser.add_argument("--plugs", type=int, default=20_000, help="plugs and unplugs (20000)")
    parser.add_argument("--connections", type=int, default=100_000, help="clients that come and go (100000)")
    parser.add_argument("--snapshots", type=int, default=1_000, help="pictures that are taken (1000)")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help=f"MiB ({TOLERANCE:g})")
    options = parser.parse_args()
    if options.plugs and os.geteuid() != 0:
        parser.error("only root can make device nodes: as root, or with --plugs 0")
    with tempfile.TemporaryDirectory() as directory:
        soak = Soak(options, Path(directory))
        try:
            return soak.run()
        finally:
            soak.process.kill()
            soak.process.wait()


if __name__ == "__main__":
    sys.exit(main())
