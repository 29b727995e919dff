"""What becomes of a call to a service that answers, refuses, or says what nobody understands."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer
from typing import TYPE_CHECKING, Any

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.cli import admin, failures
from webcam_rpc.web import local

if TYPE_CHECKING:
    import socket

ROOT = Path(__file__).resolve().parent.parent.parent


class Said(UnixStreamServer):
    """A service that answers every request with the same, or hangs up where that is None.

    :ivar asked: path, headers and body of the requests.
    """

    def __init__(self, path: Path, body: bytes | None, status: int) -> None:
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        said = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                said.asked.append((self.path, dict(self.headers.items()), json.loads(asked)))
                if body is None:
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(str(path), Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Give an address of the kind that the library can show."""
        return super().get_request()[0], ("unix", 0)


class CallTests(SynchronousTestCase):
    """A call, with a real socket and a thread that answers on it."""

    def setUp(self) -> None:
        """Make a directory whose path has room in a socket's address."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.state = Path(directory.name)

    def serve(self, body: bytes | None, status: int = 200) -> Said:
        """Have a service that says this."""
        (self.state / admin.NAME).unlink(missing_ok=True)
        server = Said(self.state / admin.NAME, body, status)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 30)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def refused(self) -> tuple[int, str]:
        """Give exit status and text of a call that fails."""
        failed = self.assertRaises(failures.Failed, admin.call, self.state, "list_tokens", {})
        return failed.status, str(failed)

    def test_same_socket_as_the_service(self) -> None:
        """The service listens where this calls."""
        self.assertEqual(admin.NAME, local.NAME)

    def test_result(self) -> None:
        """The request is what POST /rpc takes, and its result comes back."""
        server = self.serve(b'{"jsonrpc": "2.0", "id": 1, "result": {"tokens": []}}')
        self.assertEqual(admin.call(self.state, "list_tokens", {"a": 1}), {"tokens": []})
        ((path, headers, body),) = server.asked
        self.assertEqual((path, headers["Content-Type"], headers["Host"]), ("/rpc", "application/json", "localhost"))
        self.assertEqual(body, {"jsonrpc": "2.0", "id": 1, "method": "list_tokens", "params": {"a": 1}})

    def test_refused(self) -> None:
        """Who may not has a status of its own; what else is wrong is told with its hint."""
        for code, data, expected in (
            (-32002, {"method": "list_tokens"}, (77, "No: method: list_tokens")),
            (-32001, None, (77, "No")),
            (-32602, {"param": "name", "hint": "shorter"}, (1, "name: shorter")),
        ):
            self.serve(json.dumps({"id": 1, "error": {"code": code, "message": "No", "data": data}}).encode())
            self.assertEqual(self.refused(), expected)

    def test_what_nobody_understands(self) -> None:
        """What is no answer of JSON-RPC is a failure, by its status in HTTP."""
        for body in b"<html>", b"[]", b"{}", b'{"error": 5}', b"null":
            for status, expected in (200, 1), (403, 77), (503, 69):
                self.serve(body, status)
                self.assertEqual(self.refused(), (expected, f"{self.state}/admin.sock: {status} {body.decode()}"))

    def test_hung_up(self) -> None:
        """One that hangs up before it has answered is not there."""
        server = self.serve(None)
        self.assertEqual(self.refused()[0], 69)
        self.assertEqual(len(server.asked), 1)

    def test_silence(self) -> None:
        """One that says nothing is waited for no longer than the deadline."""
        self.patch(admin, "_PATIENCE", 0.05)
        server = self.serve(b"")
        server.shutdown()
        status, text = self.refused()
        self.assertEqual(status, 69)
        self.assertIn("no answer in time", text)

    def test_command(self) -> None:
        """A command tells what the service said in one line that a terminal does not obey, and ends with the status."""
        self.serve(b'{"id": 1, "error": {"code": -32002, "message": "No \\u001b[31mway"}}')
        command = ["-m", "webcam_rpc", "token", "create", "--role", "admin", "--state-dir", str(self.state)]
        ran = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (77, "", "webcamctl: No \\x1b[31mway\n"))
