"""What pictures cost: CPU seconds of the service and of ffmpeg, a second, for one camera.

    python benchmarks/media_cost.py [--seconds 8] [WIDTHxHEIGHT ...]

starts the service with a test pattern of each size at 30 frames a second and measures, one after the other: nothing
asked of it, one stream, ten streams, a scaled stream, a recording that copies, and recordings in H.264 with two
presets. Prints a Markdown table in per cent of one core, the service and ffmpeg apart. The capture child is left out:
it draws the pattern, which a camera does by itself; what copying a camera's JPEGs costs is measured by an ffmpeg that
copies the same pictures from a file. The figures are this machine's, idle but for this.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
_LISTENS = re.compile(rb"ws://127\.0\.0\.1:(\d+)/")
#: Seconds for the service to start, and for any call.
_PATIENCE = 30.0


def cpu(pid: int) -> float:
    """Give the CPU seconds that a process has used, its ended children left out."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def children(pid: int) -> dict[int, str]:
    """Give the command lines of a process's children by their ids."""
    found = {}
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            with contextlib.suppress(OSError):
                found[int(child)] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


class Service:
    """The service with a test pattern of one size."""

    def __init__(self, size: str, directory: str, preset: str = "veryfast") -> None:
        width, height = size.split("x")
        source = f"{{id: demo, kind: test_pattern, width: {width}, height: {height}, fps: 30}}"
        argv = [sys.executable, "-m", "webcam_rpc", "serve", "--listen", "tcp:0:interface=127.0.0.1"]
        argv += ["--state-dir", directory, "--set", f"cameras.sources=[{source}]", "--set", "logging.traffic=OFF"]
        argv += ["--set", "media.linger=0", "--set", "storage.floor=0", "--device-dir", directory]
        argv += ["--set", f"recording.preset={preset}"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)  # noqa: S603
        self.pid = self._process.pid
        log: Any = self._process.stdout
        seen = b""
        while (found := _LISTENS.search(seen)) is None:
            line = log.readline()
            if not line:
                raise SystemExit(f"the service does not start: {seen.decode()}")
            seen += line
        self.port = int(found[1])
        threading.Thread(target=log.read, daemon=True).start()

    def call(self, method: str, **params: object) -> Any:  # noqa: ANN401 - JSON
        """Call a method."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = Request(f"http://127.0.0.1:{self.port}/rpc", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=_PATIENCE) as response:  # noqa: S310 - http
            answer = json.load(response)
        if "error" in answer:
            raise SystemExit(f"{method}: {answer['error']}")
        return answer["result"]

    def stop(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(_PATIENCE)

    def used(self) -> tuple[float, float]:
        """Give the CPU seconds of the service and of its ffmpegs, the capture left out."""
        others = [pid for pid, argv in children(self.pid).items() if "testsrc2" not in argv]
        return cpu(self.pid), sum(cpu(pid) for pid in others)


def _read(port: int, path: str, stop: threading.Event) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        buffer = bytearray(1 << 20)
        while not stop.is_set() and connection.recv_into(buffer):
            pass


@contextlib.contextmanager
def watched(service: Service, viewers: int, query: str = "") -> Iterator[None]:
    """Have so many viewers."""
    stop = threading.Event()
    path = f"/cameras/demo/stream.mjpg{query}"
    threads = [threading.Thread(target=_read, args=(service.port, path, stop)) for _ in range(viewers)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


@contextlib.contextmanager
def recorded(service: Service, **params: object) -> Iterator[None]:
    """Have a recording."""
    service.call("start_recording", device="demo", **params)
    yield
    service.call("stop_recording", device="demo")


def measure(service: Service, seconds: float) -> tuple[float, float]:
    """Give the per cent of a core that the service and its ffmpegs take."""
    time.sleep(1.5)
    before, began = service.used(), time.monotonic()
    time.sleep(seconds)
    after, took = service.used(), time.monotonic() - began
    return 100 * (after[0] - before[0]) / took, 100 * (after[1] - before[1]) / took


def copying(size: str, seconds: float, directory: str) -> float:
    """Give the per cent of a core that ffmpeg takes to copy JPEGs of this size, 30 a second."""
    movie = f"{directory}/copied.mjpeg"
    head = ["ffmpeg", "-nostdin", "-v", "error"]
    drawn = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=30", "-t", "20", "-q:v", "5", "-f", "mjpeg", "-y", movie]
    subprocess.run([*head, *drawn], check=True)  # noqa: S603
    played = [
        "-re",
        "-stream_loop",
        "-1",
        "-framerate",
        "30",
        "-f",
        "mjpeg",
        "-i",
        movie,
        "-c:v",
        "copy",
        "-f",
        "mpjpeg",
        "-",
    ]
    with subprocess.Popen([*head, *played], stdout=subprocess.DEVNULL) as process:  # noqa: S603
        time.sleep(1)
        before = cpu(process.pid)
        time.sleep(seconds)
        used = cpu(process.pid) - before
        process.kill()
    return 100 * used / seconds


@contextlib.contextmanager
def served(size: str, directory: str, preset: str = "veryfast") -> Iterator[Service]:
    """Have a service."""
    service = Service(size, directory, preset)
    try:
        yield service
    finally:
        service.stop()


def _figures(service: Service, begin: Callable[[Service], Any], seconds: float) -> str:
    with begin(service):
        ours, theirs = measure(service, seconds)
    return f"{ours:.1f} + {theirs:.1f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("sizes", nargs="*", default=["640x480", "1280x720", "1920x1080"])
    options = parser.parse_args()
    cases: list[tuple[str, Callable[[Service], Any]]] = [
        ("nobody looks", lambda _: contextlib.nullcontext()),
        ("1 stream", lambda service: watched(service, 1)),
        ("10 streams", lambda service: watched(service, 10)),
        ("1 stream, `?width=320`", lambda service: watched(service, 1, "?width=320")),
        ("recording, `codec: copy`", lambda service: recorded(service, codec="copy", format="mkv")),
        ("recording, `h264`, preset `veryfast`", recorded),
    ]
    rows: dict[str, list[str]] = {}
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as directory:
            copied = copying(size, options.seconds, directory)
            rows.setdefault("capture of a camera's MJPEG", []).append(f"0 + {copied:.1f}")
            with served(size, directory) as service:
                for name, begin in cases:
                    rows.setdefault(name, []).append(_figures(service, begin, options.seconds))
            with served(size, directory, "ultrafast") as service:
                name = "recording, `h264`, preset `ultrafast`"
                rows.setdefault(name, []).append(_figures(service, recorded, options.seconds))
    print(f"Per cent of one core ({os.cpu_count()} here), 30 frames a second: the service + ffmpeg\n")
    print("| | " + " | ".join(options.sizes) + " |\n|---|" + "---|" * len(options.sizes))
    for name, figures in rows.items():
        print(f"| {name} | " + " | ".join(figures) + " |")


if __name__ == "__main__":
    main()
