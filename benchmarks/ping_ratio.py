"""How long one client's ping takes, against the least that Autobahn can do.

    python benchmarks/ping_ratio.py

starts the service (``--demo``, the traffic log off) and a bare Autobahn echo server as processes of their own, pings
both in turns over one connection each, and prints the median times and their ratio. Exits with 1 if the ratio is over
1.2. Takes some ten seconds. The times depend on the machine and on what else it does; the ratio is of rounds that
follow each other at once, and is what counts.

The generator is this process: a blocking socket and a frame that is made once, so that nearly all of the time is the
server's. Where there are two cores, it has one for itself and the servers, of which only one works at a time, another.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
#: What the service may take in comparison.
LIMIT = 1.2
#: Rounds, and pings of each server in each round.
ROUNDS, PINGS = 60, 100
WARM_UP = 500
#: Seconds for the whole, and for a server to start.
BOUND, START = 20.0, 10.0

_REQUEST = b'{"jsonrpc":"2.0","method":"ping","id":1}'
_MASK = b"\x12\x34\x56\x78"
_TEXT, _FIN, _MASKED = 0x01, 0x80, 0x80
_LISTENS = re.compile(rb"ws://127\.0\.0\.1:(\d+)/")


def _frame(text: bytes) -> bytes:
    """Write a text frame as a client has to, masked (RFC 6455, section 5.3)."""
    masked = bytes(byte ^ _MASK[place % 4] for place, byte in enumerate(text))
    return bytes((_FIN | _TEXT, _MASKED | len(text))) + _MASK + masked


class Connection:
    """A WebSocket to one server."""

    _ping = _frame(_REQUEST)

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=START)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._data = b""
        self._socket.sendall(
            b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % port
        )
        while b"\r\n\r\n" not in self._data:
            self._read()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        if b" 101 " not in head.partition(b"\r\n")[0]:
            raise SystemExit(f"no WebSocket: {head!r}")

    def ping(self) -> float:
        """Send a ping and wait for its answer; give the seconds that it took."""
        start = time.perf_counter()
        self._socket.sendall(self._ping)
        while b'"id":1}' not in self._message():
            pass  # the states that a new client is sent
        return time.perf_counter() - start

    def _message(self) -> bytes:
        """Take the next frame off what came; no server sends fragments here."""
        while True:
            size, start = (self._data[1], 2) if len(self._data) > 1 else (0, 2)
            if size == 126 and len(self._data) > 3:  # noqa: PLR2004 - RFC 6455, section 5.2
                size, start = int.from_bytes(self._data[2:4], "big"), 4
            if len(self._data) >= start + size > start:
                message, self._data = self._data[start : start + size], self._data[start + size :]
                return message
            self._read()

    def _read(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise SystemExit("the server has closed the connection")
        self._data += data


def serve_bare() -> None:
    """Be the bare echo server."""
    from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol  # noqa: PLC0415
    from twisted.internet import reactor as installed  # noqa: PLC0415

    class Echo(WebSocketServerProtocol):  # type: ignore[misc,unused-ignore]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: FBT001, N803 - Autobahn's signature
            self.sendMessage(payload, isBinary)

    reactor: Any = installed
    make_factory: Any = WebSocketServerFactory
    factory = make_factory()
    factory.protocol = Echo
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    print(f"ws://127.0.0.1:{port.getHost().port}/", flush=True)
    reactor.run()


def _port(log: Path, server: subprocess.Popen[bytes]) -> int:
    """Wait until a server has said where it listens."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and server.poll() is None:
        found = _LISTENS.findall(log.read_bytes())
        if found:
            return int(found[-1])
        time.sleep(0.05)
    raise SystemExit(f"a server did not start:\n{log.read_text('utf-8', 'replace')}")


def _measure(service: Connection, bare: Connection) -> tuple[float, float, float]:
    """Give the median of each, in seconds, and the median of the rounds' ratios."""
    deadline = time.monotonic() + BOUND - START
    times: tuple[list[float], list[float]] = ([], [])
    ratios = []
    for connection in (service, bare):
        for _ in range(WARM_UP):
            connection.ping()
    for turn in range(ROUNDS):
        one_round: list[list[float]] = [[], []]
        # Who is second finds the caches as the first has left them: they take turns at that too.
        for which in (0, 1) if turn % 2 else (1, 0):
            one_round[which] = [(service, bare)[which].ping() for _ in range(PINGS)]
            times[which].extend(one_round[which])
        ratios.append(median(one_round[0]) / median(one_round[1]))
        if time.monotonic() > deadline:
            break
    return median(times[0]), median(times[1]), median(ratios)


def _start(argv: list[str], log: IO[bytes], core: int | None) -> subprocess.Popen[bytes]:
    server = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - ours
    if core is not None:
        os.sched_setaffinity(server.pid, {core})
    return server


def main() -> int:
    """Measure; give the exit status."""
    cores = sorted(os.sched_getaffinity(0))
    servers_core = cores[-1] if len(cores) > 1 else None
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        service_argv = [sys.executable, "-m", "webcam_rpc", "serve", "--demo", "--listen", "tcp:0:interface=127.0.0.1"]
        service_argv += ["--device-dir", directory, "--state-dir", f"{directory}/state", "--set", "logging.traffic=OFF"]
        servers: list[tuple[subprocess.Popen[bytes], Path]] = []
        try:
            for name, argv in (("service", service_argv), ("bare", [sys.executable, __file__, "--bare"])):
                log = place / f"{name}.log"
                with log.open("wb") as output:
                    servers.append((_start(argv, output, servers_core), log))
            service, bare = (Connection(_port(log, server)) for server, log in servers)
            if servers_core is not None:
                os.sched_setaffinity(0, {cores[0]})
            ours, theirs, ratio = _measure(service, bare)
        finally:
            for server, _ in servers:
                server.terminate()
            for server, _ in servers:
                server.wait(START)
    print(f"service p50 {ours * 1e6:.0f} us, bare Autobahn p50 {theirs * 1e6:.0f} us, ratio {ratio:.2f} (<= {LIMIT})")
    return 1 if ratio > LIMIT else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--bare"]:
        serve_bare()
    else:
        raise SystemExit(main())
