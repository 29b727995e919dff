"""Software that people already use, against the running service, with the settings that docs/integrations.md tells."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

from twisted.internet import reactor as global_reactor
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest

from tests.integration.media import probe
from tests.integration.test_service import ServiceCase
from tests.service import ROOT, eventually
from tests.web.wire import head

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.service import Service

reactor: Any = global_reactor
#: Seconds for anything to happen: far more than it takes.
PATIENCE = 60.0


def block(heading: str, language: str) -> str:
    """Give the one block of this language below a heading of the page."""
    text = (ROOT / "docs" / "integrations.md").read_text("utf-8")
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (found,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return str(found)


def free_port() -> int:
    """Give a port that nobody has."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class _Program(ProcessProtocol):
    def __init__(self) -> None:
        self.said = b""
        self.over = False

    def outReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's
        """Keep what it says."""
        self.said += data

    errReceived = outReceived  # noqa: N815 - the same

    def processEnded(self, reason: object) -> None:  # noqa: ARG002 - Twisted's
        self.over = True


class IntegrationCase(ServiceCase):
    """A service that nobody may look at without a token."""

    def program(self, name: str, package: str) -> str:
        """Find a program."""
        found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
        if found is None:
            text = f"no {name} (apt-get install {package})"
            raise SkipTest(text)
        return found

    async def token(self, service: Service, **params: Any) -> str:
        """Have a token made."""
        admin = await self.administer(service)
        return str((await admin.call("create_token", params))["token"])

    async def run_program(self, argv: list[str], directory: Path) -> _Program:
        """Run a program until the test ends."""
        running = _Program()
        environ = {**os.environ, "HOME": str(directory)}
        process = reactor.spawnProcess(running, argv[0], argv, env=environ, path=str(directory))

        async def end() -> None:
            if not running.over:
                process.signalProcess("KILL")
            await eventually(reactor, lambda: running.over, PATIENCE, f"the end of {argv[0]}")

        self.addCleanup(end)
        return running

    async def until(self, running: _Program, condition: Any, what: str) -> Any:
        """Wait for what the program brings about."""

        def look() -> Any:
            self.assertFalse(running.over, running.said.decode("utf-8", "replace")[-2000:])
            return condition()

        return await eventually(reactor, look, PATIENCE, what)


class FfmpegTests(IntegrationCase):
    """ffmpeg."""

    async def test_recording(self) -> None:
        """It copies the pictures of every path into a file, with a token in the URL, and says no word of complaint."""
        service = await self.serve()
        token = await self.token(service, role="viewer", kind="url", camera_id="demo")
        for path in ("/stream?", "/?action=stream&", "/cameras/demo/stream.mjpg?"):
            file = self.directory / "out.mkv"
            address = f"{service.http_url}{path}token={token}"
            argv = ["-nostdin", "-v", "error", "-y", "-f", "mpjpeg", "-strict_mime_boundary", "1", "-i", address]
            out, err, status = await getProcessOutputAndValue(
                self.program("ffmpeg", "ffmpeg"), [*argv, "-frames:v", "5", "-c", "copy", str(file)], env=os.environ
            )
            self.assertEqual((status, out + err), (0, b""), path)
            told = await probe(file)
            self.assertEqual([told[key] for key in ("codec", "width", "height", "frames")], ["mjpeg", 640, 480, 5])


class MotionTests(IntegrationCase):
    """Debian's Motion."""

    async def test_network_camera(self) -> None:
        """Motion takes the stream as its camera, sees what moves in the test pattern, and keeps pictures of it."""
        motion = self.program("motion", "motion")
        service = await self.serve()
        token = await self.token(service, role="viewer", kind="url", camera_id="demo")
        settings = block("Motion", "ini")
        for there, here in (
            ("http://cameras.example:8002", service.http_url),
            ("wru_TOKEN", token),
            ("/var/lib/motion", str(self.directory / "motion")),
        ):
            self.assertIn(there, settings)
            settings = settings.replace(there, here)
        file = self.directory / "motion.conf"
        # What a test needs beside it: no ports of its own, and an event at once.
        file.write_text(settings + "webcontrol_port 0\nstream_port 0\nemulate_motion on\npicture_output on\n")
        running = await self.run_program([motion, "-n", "-c", str(file)], self.directory)

        def pictures() -> list[Path]:
            return sorted((self.directory / "motion").glob("*.jpg"))

        # The first is written when the second is there.
        await self.until(running, lambda: len(pictures()) > 1, "pictures of Motion")
        jpeg = pictures()[0].read_bytes()
        self.assertEqual((jpeg[:2], jpeg[-2:]), (b"\xff\xd8", b"\xff\xd9"))
        self.assertNotIn(token.encode(), running.said)


#: What MainsailOS has for its first camera; an upstream's name is what nginx sends as the Host.
_NGINX = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream mjpgstreamer1 {{
        ip_hash;
        server {upstream};
    }}
    server {{
        listen 127.0.0.1:{port};
        location /webcam/ {{
            postpone_output 0;
            proxy_buffering off;
            proxy_ignore_headers X-Accel-Buffering;
            access_log off;
            error_log off;
            proxy_pass http://mjpgstreamer1/;
        }}
    }}
}}
"""


class MainsailTests(IntegrationCase):
    """The way to the camera that MainsailOS has, through Debian's nginx."""

    async def test_through_nginx(self) -> None:
        """Mainsail's page sees pictures and stream, a page elsewhere nothing, and nobody becomes an operator."""
        nginx = self.program("nginx", "nginx")
        self.make()
        file = self.directory / "webcam.yaml"
        self.directory.mkdir(exist_ok=True)
        file.write_text(block("Mainsail, Fluidd, Moonraker", "yaml"))
        service = await self.serve("--config", str(file))
        port = free_port()
        page = _NGINX.format(upstream=service.http_url.removeprefix("http://"), port=port)
        (self.directory / "nginx.conf").write_text(page)
        running = await self.run_program(
            [nginx, "-p", str(self.directory), "-c", "nginx.conf", "-e", "stderr"], self.directory
        )

        def listens() -> bool:
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0

        await self.until(running, listens, "nginx that listens")

        def ask(path: str, *lines: str, method: str = "GET", until: bytes = b"\r\n\r\n", body: bytes = b"") -> bytes:
            got = b""
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                client.sendall(head(method, f"/webcam/{path}", *lines, host="mainsailos.local") + body)
                while until not in got:
                    piece = client.recv(65536)
                    self.assertTrue(piece, got[-500:])
                    got += piece
            return got

        own = "Referer: http://mainsailos.local/"
        stream = await deferToThread(ask, "?action=stream&timestamp=17", own, until=b"\xff\xd9\r\n--boundarydonotcross")
        self.assertIn(b" 200 ", stream.partition(b"\r\n")[0])
        picture = await deferToThread(ask, "?action=snapshot&bypassCache=17", own)
        self.assertIn(b"Content-Type: image/jpeg", picture)
        foreign = await deferToThread(ask, "?action=snapshot", "Referer: http://evil.example/")
        self.assertIn(b" 403 ", foreign.partition(b"\r\n")[0])
        text = b'{"jsonrpc":"2.0","id":1,"method":"set_camera_alias","params":{"device":"demo","name":"x"}}'
        lines = ("Content-Type: application/json", f"Content-Length: {len(text)}")
        refused = await deferToThread(ask, "rpc", *lines, method="POST", until=b"}", body=text)
        self.assertIn(b'"have_role":"viewer"', refused)


class PrometheusTests(IntegrationCase):
    """Debian's Prometheus."""

    async def test_scrape(self) -> None:
        """It scrapes with a token of the role status, and finds what the alerts ask for."""
        prometheus = self.program("prometheus", "prometheus")
        service = await self.serve("--set", "access.anonymous=none")
        (self.directory / "token").write_text(await self.token(service, role="status", name="prometheus"))
        port = free_port()
        settings = block("Prometheus", "yaml")
        for there, here in (
            ("cameras.example:8002", service.http_url.removeprefix("http://")),
            ("/etc/prometheus/webcam.token", str(self.directory / "token")),
            ("[prometheus-alerts.yml]", f"[{ROOT / 'etc' / 'prometheus-alerts.yml'}]"),
        ):
            self.assertIn(there, settings)
            settings = settings.replace(there, here)
        (self.directory / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n" + settings
        )
        argv = [prometheus, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"]
        running = await self.run_program([*argv, f"--web.listen-address=127.0.0.1:{port}"], self.directory)

        def ask(path: str) -> Any:
            try:
                with urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=PATIENCE) as answer:
                    return json.load(answer)["data"]
            except (URLError, ConnectionError):
                return None  # it does not listen yet

        async def asked(path: str, key: str, wanted: Callable[[Any], bool]) -> None:
            end, found = reactor.seconds() + PATIENCE, None
            while not (found and wanted(found[key])):
                self.assertLess(reactor.seconds(), end, f"{path}: {found}")
                self.assertFalse(running.over, running.said)
                await deferLater(reactor, 0.2)
                found = await deferToThread(ask, path)

        def judged(groups: Any) -> bool:
            health = {rule["health"] for group in groups for rule in group["rules"]}
            self.assertNotIn("err", health)
            return health == {"ok"}

        query = quote('webcam_cameras{status="connected"}')
        await asked(f"query?query={query}", "result", lambda found: [each["value"][1] for each in found] == ["1"])
        await asked("rules", "groups", judged)
        self.assertEqual(running.said, b"")
