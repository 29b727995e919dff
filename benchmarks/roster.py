"""Which servers are compared, and how each is started.

Owns the table of them. One that is not installed or does not start has a reason instead, which is shown in its row.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.process import ROOT, Server, free_port
from benchmarks.wire import BenchmarkFailed
from webcam_rpc import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

OURS, DEFAULTS, FALLBACK, STOCK = "webcam_rpc", "webcam_rpc, traffic logged", "webcam_rpc, fast path off", "Autobahn"
WEBSOCKETS, AIOHTTP, PICOWS, MOONRAKER = "websockets", "aiohttp", "picows", "Moonraker"
CEILING = "bare epoll"

#: What each is, for the reader of the table.
WHAT = {
    STOCK: "a plain Autobahn/Twisted server, epoll reactor, stdlib json",
    WEBSOCKETS: "websockets + uvloop + orjson",
    AIOHTTP: "aiohttp + uvloop + orjson",
    PICOWS: "picows + uvloop + orjson",
    MOONRAKER: "Moonraker 0.11 as it is (`server.websocket.id`, its cheapest method)",
    OURS: "the service, `logging.traffic=OFF`",
    DEFAULTS: "the service with its defaults: traffic logged",
    FALLBACK: "the service, `logging.traffic=OFF`, `server.fast_path=false`",
    CEILING: "no WebSocket library, no JSON: what the machine and the generator can do at most",
}

_MOONRAKER = """[server]
host: 127.0.0.1
port: {port}
max_websocket_connections: 20000
klippy_uds_address: {directory}/nobody.sock
[machine]
provider: none
validate_service: False
[authorization]
trusted_clients:
    127.0.0.0/8
"""
#: It looks for news on the web when it starts; here it shall find none.
_NOWHERE = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")


@dataclass
class Entrant:
    """A server to be.

    :ivar start: starts it on a core. Raises BenchmarkFailed.
    :ivar method: the call that is a ping there.
    :ivar publishes: whether it sends events when told to.
    :ivar chatty: whether it tells its clients things that they did not ask for.
    :ivar server: the running one.
    :ivar problem: why there is none.
    """

    name: str
    start: Callable[[int | None], Server]
    method: str = "ping"
    publishes: bool = True
    chatty: bool = False
    server: Server | None = None
    problem: str = ""

    def up(self) -> Server:
        """Give the running server."""
        if self.server is None:
            raise BenchmarkFailed(self.problem or "it does not run")
        return self.server


@dataclass
class Peers:
    """Where the others are installed.

    :ivar python: the interpreter that has websockets, aiohttp, picows, uvloop and orjson.
    :ivar moonraker: its command.
    """

    python: Path
    moonraker: Path

    @classmethod
    def nowhere(cls) -> Peers:
        """Give none."""
        return cls(Path("/nonexistent"), Path("/nonexistent"))


def entrants(peers: Peers) -> dict[str, Entrant]:
    """Give all servers, none of them started."""

    def module(name: str, python: str) -> Callable[[int | None], Server]:
        return lambda core: Server([python, "-m", f"benchmarks.servers.{name}"], core=core)

    def ours(*options: str) -> Callable[[int | None], Server]:
        return lambda core: Server(service("benchmarks.servers.ours", *options), path="/ws", core=core)

    made = [Entrant(STOCK, module("stock", sys.executable))]
    for name in (WEBSOCKETS, AIOHTTP, PICOWS):
        made.append(Entrant(name, module(f"with_{name}", str(peers.python))))
        if not peers.python.exists():
            made[-1].problem = "not installed"
    made.append(Entrant(MOONRAKER, lambda core: moonraker(peers.moonraker, core), "server.websocket.id"))
    made[-1].publishes, made[-1].chatty = False, True
    if not peers.moonraker.exists():
        made[-1].problem = "not installed"
    quiet = ("--set", "logging.traffic=OFF")
    made += [Entrant(OURS, ours(*quiet)), Entrant(DEFAULTS, ours())]
    made.append(Entrant(FALLBACK, ours(*quiet, "--set", "server.fast_path=false")))
    if "fast_path" not in config.Server.__struct_fields__:
        made[-1].problem = "there is no such option"
    made.append(Entrant(CEILING, _ceiling))
    return {entrant.name: entrant for entrant in made}


def service(module: str, *options: str) -> list[str]:
    """Give the command of the service, with the test pattern, no other camera, and a state of its own."""
    serve = [] if module == "benchmarks.servers.ours" else ["serve"]
    return [
        *(sys.executable, "-m", module, *serve, "--demo", "--listen", "tcp:0:interface=127.0.0.1"),
        *("--device-dir", "{directory}/dev", "--state-dir", "{directory}/state", *options),
    ]


@contextmanager
def running(chosen: Sequence[Entrant], core: int | None) -> Iterator[list[Entrant]]:
    """Start servers, all at once; those that do not start have a problem afterwards."""
    try:
        for entrant in chosen:
            if not entrant.problem:
                try:
                    entrant.server = entrant.start(core)
                except (BenchmarkFailed, OSError) as error:
                    entrant.problem = str(error)
        yield [entrant for entrant in chosen if entrant.server is not None]
    finally:
        for entrant in chosen:
            if entrant.server is not None:
                entrant.server.end()
                entrant.server = None


def moonraker(command: Path, core: int | None) -> Server:
    """Start Moonraker, with what it needs and no more."""
    port = free_port()
    with tempfile.TemporaryDirectory() as made:
        settings = Path(made, "moonraker.conf")
        settings.write_text(_MOONRAKER.replace("{port}", str(port)).replace("{directory}", made), "utf-8")
        argv = [str(command), "--datapath", "{directory}/data", "--configfile", str(settings)]
        return Server(argv, path="/websocket", port=port, core=core, environ=_NOWHERE)


def _ceiling(core: int | None) -> Server:
    argv = [sys.executable, "-m", "benchmarks.servers.ceiling"]
    compiler = shutil.which("cc")
    with tempfile.TemporaryDirectory() as made:
        if compiler is not None:
            program = Path(made, "ceiling")
            source = ROOT / "benchmarks" / "servers" / "ceiling.c"
            subprocess.run([compiler, "-O2", "-o", str(program), str(source)], check=True, timeout=60)  # noqa: S603 - ours
            argv = [str(program)]
        return Server(argv, core=core)
