"""The service behind nginx and Caddy, configured as docs/deployment.md says."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor as global_reactor
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from tests.certificates import make_certificate
from tests.integration.test_service import ServiceCase
from tests.service import ROOT, eventually
from tests.web.wire import TEXT, UPGRADE, frame, frames, head

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.service import Service

reactor: Any = global_reactor

NAME = "cameras.example"
_NGINX = """\
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ }}
http {{
    access_log {directory}/access.log;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {page}
}}
"""
_CADDY = """\
{{
    admin off
    auto_https disable_redirects
    storage file_system {directory}/caddy
}}
{page}
"""


def block(language: str) -> str:
    """Give the one block of this language in the page on deployment."""
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    (found,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(found)


class _Program(ProcessProtocol):
    def __init__(self) -> None:
        self.over = False

    def processEnded(self, reason: object) -> None:  # noqa: ARG002 - Twisted's
        self.over = True


class Behind:
    """A client of the proxy, one connection at a time; blocks, so it belongs into a thread."""

    def __init__(self, port: int, certificate: Path) -> None:
        self._port = port
        self._context = ssl.create_default_context(cafile=str(certificate))

    def send(self, data: bytes, until: bytes, *, then: bytes = b"", deadline: float = 20.0) -> bytes:
        """Send something; give what comes until these bytes do.

        :param then: is sent behind the head of the answer: Caddy loses what comes with a handshake.
        """
        end, got = time.monotonic() + deadline, b""
        # From an address that is not the proxy's own.
        plain = socket.create_connection(("127.0.0.1", self._port), deadline, ("127.0.0.2", 0))
        with plain, self._context.wrap_socket(plain, server_hostname=NAME) as wire:
            wire.sendall(data)
            while until not in got and time.monotonic() < end:
                piece = wire.recv(65536)
                if not piece:
                    break
                got += piece
                if then and b"\r\n\r\n" in got:
                    wire.sendall(then)
                    then = b""
        return got

    def websocket(self, *lines: str, text: bytes) -> tuple[bytes, list[bytes]]:
        """Open a WebSocket and send a text; give the head of the answer and the texts until an answer with an id."""
        got = self.send(head("GET", "/ws", *UPGRADE, *lines, host=NAME), b'"id":7', then=frame(TEXT, text))
        first, _, rest = got.partition(b"\r\n\r\n")
        return first, [each.payload for each in frames(rest)] if rest else []


class ProxyCase(ServiceCase):
    """A proxy in front of a service."""

    async def front(self, program: str, page: str, around: str, *arguments: str) -> tuple[Service, Behind]:
        """Start both.

        :param page: the block of the documentation; its addresses, ports and files become those of this test.
        :param around: what the proxy needs beside it.
        """
        path = f"{os.environ['PATH']}:/usr/sbin"
        executable = shutil.which(program, path=path)
        if executable is None:
            raise SkipTest(f"no {program} here")
        access = (f"hosts=[{NAME}]", 'proxies=["127.0.0.1"]', "anonymous=viewer")
        service = await self.serve(*(text for each in access for text in ("--set", f"access.{each}")))
        directory = self.directory / "proxy"
        directory.mkdir()
        certificate, key = make_certificate(directory, NAME)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        upstream = service.http_url.removeprefix("http://")
        for there, here in (
            ("127.0.0.1:8002", upstream),
            ("listen 443", f"listen 127.0.0.1:{port}"),
            ("/etc/ssl/certs/cameras.pem", str(certificate)),
            ("/etc/ssl/private/cameras.key", str(key)),
            (f"{NAME} {{\n", f"https://{NAME}:{port} {{\n    bind 127.0.0.1\n    tls {certificate} {key}\n"),
        ):
            page = page.replace(there, here)
        self.assertIn(upstream, page)
        configuration = directory / "configuration"
        configuration.write_text(around.format(directory=directory, page=page))
        argv = [executable, *(argument.format(configuration=configuration) for argument in arguments)]
        await self.run_beside(argv, directory, port)
        return service, Behind(port, certificate)

    async def run_beside(self, argv: Sequence[str], directory: Path, port: int) -> None:
        """Run the proxy until the test ends."""
        running = _Program()
        with (directory / "output").open("wb") as output:
            environ = {**os.environ, "HOME": str(directory), "XDG_DATA_HOME": str(directory)}
            process = reactor.spawnProcess(
                running, argv[0], argv, env=environ, childFDs={0: "w", 1: output.fileno(), 2: output.fileno()}
            )

        async def end() -> None:
            if not running.over:
                process.signalProcess("KILL")
            await eventually(reactor, lambda: running.over, 20, "the proxy's end")

        def listens() -> bool:
            self.assertFalse(running.over, (directory / "output").read_text("utf-8", "replace"))
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        self.addCleanup(end)
        await eventually(reactor, listens, 30, "a proxy that listens")

    async def all_of_it(self, service: Service, behind: Behind) -> None:
        """Use the service through the proxy in every way."""
        own = f"https://{NAME}"
        call = b'{"jsonrpc":"2.0","id":7,"method":"take_snapshot","params":{"device":"demo"}}'
        first, texts = await deferToThread(behind.websocket, f"Origin: {own}", text=call)
        self.assertIn(b"101 Switching Protocols", first)
        self.assertIn(b'"camera_status_update"', texts[0])
        # Whoever comes through a proxy is nobody special, though the proxy is on this machine.
        self.assertIn(b'"have_role":"viewer"', texts[-1])
        self.assertIn("Client connected: 127.0.0.2 by 127.0.0.1:", service.log)
        lies = ("X-Forwarded-For: 198.51.100.7", "Forwarded: for=198.51.100.7")
        await deferToThread(behind.websocket, *lies, text=call)
        self.assertNotIn("Client connected: 198.51.100.7", service.log)
        self.assertEqual(service.log.count("Client connected: 127.0.0.2 by 127.0.0.1:"), 2)
        refused = await deferToThread(
            behind.send, head("GET", "/ws", *UPGRADE, "Origin: https://evil.example", host=NAME), b"\r\n\r\n"
        )
        self.assertIn(b" 403 ", refused.partition(b"\r\n")[0])
        # A stream comes picture by picture: three, while it goes on.
        stream = head("GET", "/cameras/demo/stream.mjpg", host=NAME)
        pictures = await deferToThread(behind.send, stream, b"\xff\xd9\r\n--boundarydonotcross")
        self.assertIn(b"multipart/x-mixed-replace", pictures)
        self.assertIn(b"\xff\xd8\xff", pictures)
        text = b'{"jsonrpc":"2.0","id":7,"method":"ping"}'
        lines = ("Content-Type: application/json", f"Content-Length: {len(text)}", "Connection: close")
        posted = await deferToThread(behind.send, head("POST", "/rpc", *lines, host=NAME) + text, b"pong")
        self.assertIn(b'"result":"pong"', posted)


class NginxTests(ProxyCase):
    """Debian's nginx."""

    async def test_nginx(self) -> None:
        """The block of the documentation, with other addresses."""
        service, behind = await self.front("nginx", block("nginx"), _NGINX, "-c", "{configuration}", "-e", "stderr")
        await self.all_of_it(service, behind)


class CaddyTests(ProxyCase):
    """Debian's Caddy."""

    async def test_caddy(self) -> None:
        """The block of the documentation, with other addresses and a certificate."""
        arguments = ("run", "--config", "{configuration}", "--adapter", "caddyfile")
        service, behind = await self.front("caddy", block("caddy"), _CADDY, *arguments)
        await self.all_of_it(service, behind)
