"""Who may do what, from the command that makes a token to the stream that ends when the token is revoked."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from twisted.internet import reactor as global_reactor
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue

from tests.integration.media import PATIENCE, MediaCase
from tests.service import eventually
from tests.wsclient import Client, RPCFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.service import Service

reactor: Any = global_reactor


class AccessCase(MediaCase):
    """A service, and the command with which its tokens are made."""

    async def ctl(self, service: Service, *arguments: str) -> tuple[int, str, str]:
        """Run webcamctl as its user does; gives status, output and errors."""
        argv = ["-m", "webcam_rpc", *arguments, "--state-dir", str(service.state)]
        out, err, status = await getProcessOutputAndValue(sys.executable, argv, service.environ, str(service.directory))
        return status, out.decode(), err.decode()

    async def token(self, service: Service, role: str, *arguments: str) -> str:
        """Make a token."""
        status, out, err = await self.ctl(service, "token", "create", "--role", role, *arguments)
        self.assertEqual(status, 0, err)
        return out.strip()

    async def token_ids(self, service: Service) -> list[str]:
        """Give the ids of all tokens."""
        _, out, _ = await self.ctl(service, "token", "list", "--json")
        return [one["token_id"] for one in json.loads(out)]

    async def as_whom(self, service: Service, token: str) -> Client:
        """Connect with a token in a header of the handshake."""
        headers = {"Authorization": f"Bearer {token}"}
        client = await Client.connect(reactor, service.url, headers=headers, contract=self.contract)
        self.addCleanup(client.close)
        self.contract = client.contract
        return client

    async def status_of(self, service: Service, path: str, headers: Mapping[str, str] | None = None) -> int:
        """Give the status of an answer."""
        try:
            return (await self.get(service, path, headers))[0]
        except HTTPError as error:
            with error:
                return error.code

    async def post(
        self, service: Service, path: str, body: object, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, bytes]:
        """POST; gives status, headers and body."""

        def fetch() -> tuple[int, Any, bytes]:
            everything = {"Content-Type": "application/json", **(headers or {})}
            request = Request(service.http_url + path, json.dumps(body).encode(), everything)  # noqa: S310 - http
            try:
                with urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
                    return response.status, response.headers, response.read()
            except HTTPError as error:
                with error:
                    return error.code, error.headers, error.read()

        return await deferToThread(fetch)

    async def refused(self, client: Client, method: str, params: Mapping[str, Any] | None = None) -> RPCFailed:
        """Call what is not granted."""
        return await self.assertFailure(client.call(method, params), RPCFailed)


class TokenTests(AccessCase):
    """API keys."""

    async def test_first_token(self) -> None:
        """The first token makes clients on the machine itself nobody in particular, those that are connected too."""
        service = await self.serve()
        client, viewer = await self.connect(service), await self.view(service)
        await self.frames(viewer, 1)
        await client.call("take_snapshot", {"device": "demo"})
        key = await self.token(service, "operator", "--name", "robot")
        failed = await self.refused(client, "take_snapshot", {"device": "demo"})
        self.assertEqual((failed.code, failed.data), (-32002, {"required_role": "operator", "have_role": "status"}))
        await eventually(reactor, lambda: viewer.lost, PATIENCE, "the stream that is no longer granted ended")
        who = await client.call("authenticate", {"auth_token": key})
        self.assertEqual((who["role"], who["permissions"]), ("operator", ["status", "view", "control"]))
        await client.call("take_snapshot", {"device": "demo"})
        self.assertEqual((await self.refused(client, "get_config")).code, -32002)

    async def test_revoked(self) -> None:
        """Revoking takes effect on sockets and streams that are open."""
        service = await self.serve()
        await self.token(service, "status", "--name", "another")
        key = await self.token(service, "viewer", "--name", "wall")
        client = await self.as_whom(service, key)
        self.assertEqual((await client.call("list_snapshots"))["total"], 0)
        viewer = await self.view(service, f"/cameras/demo/stream.mjpg?token={key}")
        await self.frames(viewer, 1)
        _, token_id = await self.token_ids(service)
        self.assertEqual((await self.ctl(service, "token", "revoke", token_id))[0], 0)
        await eventually(reactor, lambda: viewer.lost, PATIENCE, "the stream of a revoked token ended")
        failed = await self.refused(client, "list_snapshots")
        self.assertEqual(failed.code, -32002)
        self.assertEqual(await self.status_of(service, "/snapshot", {"X-API-Key": key}), 401)

    async def test_expired(self) -> None:
        """A JWT's end takes effect on a socket that is open."""
        service = await self.serve()
        jwt = await self.token(service, "operator", "--jwt", "--ttl", "5s")
        client = await self.as_whom(service, jwt)
        await client.call("list_snapshots")

        async def is_over() -> bool:
            try:
                await client.call("list_snapshots")
            except RPCFailed as failed:
                return failed.code == -32002
            return False

        for _ in range(600):
            if await is_over():
                break
            await eventually(reactor, iter([False, True]).__next__, 1.0, "a moment passed")
        else:
            self.fail("the token did not end")
        self.assertEqual(await self.status_of(service, "/snapshot", {"Authorization": f"Bearer {jwt}"}), 401)

    async def test_one_shot(self) -> None:
        """A one-shot token opens one URL, as often as a browser asks for it, and no other."""
        service = await self.serve()
        client = await self.as_whom(service, await self.token(service, "operator"))
        taken = await client.call("take_snapshot", {"device": "demo"})
        one = (await client.call("get_oneshot_token", {"ttl_s": 60}))["token"]
        path = f"{taken['download_url']}?token={one}"
        status, _, whole = await self.get(service, path)
        self.assertEqual((status, len(whole)), (200, taken["file_size"]))
        status, _, part = await self.get(service, path, {"Range": "bytes=10-19"})
        self.assertEqual((status, part), (206, whole[10:20]))
        self.assertEqual(await self.status_of(service, f"/cameras/demo/snapshot.jpg?token={one}"), 401)
        self.assertEqual(await self.status_of(service, taken["download_url"]), 401)

    async def test_one_camera(self) -> None:
        """A token for a URL shows its camera and nothing else."""
        service = await self.serve()
        url = await self.token(service, "viewer", "--url", "--camera", "demo")
        self.assertEqual(await self.status_of(service, f"/cameras/demo/snapshot.jpg?token={url}"), 200)
        self.assertEqual(await self.status_of(service, f"/files/snapshots/x.jpg?token={url}"), 403)
        viewer = await self.view(service, f"/?action=stream&token={url}")
        await self.frames(viewer, 2)

    async def test_outlives_restart(self) -> None:
        """Keys and JWTs hold over a restart; after a rotation that keeps nothing no JWT does."""
        service = await self.serve()
        key = await self.token(service, "viewer")
        jwt = await self.token(service, "viewer", "--jwt", "--ttl", "1d")
        await service.stop()
        again = await self.serve(name="service")
        for token in (key, jwt):
            self.assertEqual(await self.status_of(again, "/snapshot", {"Authorization": f"Bearer {token}"}), 200)
        self.assertEqual((await self.ctl(again, "token", "rotate", "--now"))[0], 0)
        statuses = [await self.status_of(again, "/snapshot", {"Authorization": f"Bearer {one}"}) for one in (key, jwt)]
        self.assertEqual(statuses, [200, 401])

    async def test_made_without_service(self) -> None:
        """A token that is made while no service runs is good when one does, which then is nobody's for nothing."""
        service = self.make()
        service.state.mkdir(parents=True)
        key = await self.token(service, "viewer")
        await service.start()
        self.addCleanup(service.stop)
        self.assertEqual(await self.status_of(service, "/snapshot"), 401)
        self.assertEqual(await self.status_of(service, "/snapshot", {"X-API-Key": key}), 200)

    async def test_state_unreadable(self) -> None:
        """A service that cannot tell who may come in does not start, and says why in one line."""
        service = self.make()
        service.state.mkdir(parents=True)
        await self.token(service, "viewer")
        (service.state / "tokens.json").write_bytes(b"{")
        service.spawn()
        self.assertEqual(await service.ended(), 78)
        self.assertIn("tokens.json", service.log.splitlines()[-1])


class GuessTests(AccessCase):
    """Wrong tokens."""

    async def test_connection_closed(self) -> None:
        """The third wrong token closes the connection; each is answered in the same words."""
        service = await self.serve()
        await self.token(service, "viewer")
        client = await self.connect(service)
        guesses = ("wrk_abcdefgh_" + 43 * "A", "nonsense", "eyJhbGciOiJub25lIn0.e30.")
        told = [await self.refused(client, "authenticate", {"auth_token": guess}) for guess in guesses]
        self.assertEqual({failed.code for failed in told}, {-32001})
        self.assertEqual(len({failed.message for failed in told}), 1)
        self.assertEqual((await client.lost()).code, 1008)

    async def test_locked_out(self) -> None:
        """After ten guesses in a minute the address is not listened to, with a right token neither."""
        service = await self.serve()
        key = await self.token(service, "viewer")
        wrong = {"X-API-Key": "wrk_abcdefgh_" + 43 * "A"}
        statuses = [await self.status_of(service, "/snapshot", wrong) for _ in range(11)]
        self.assertEqual(statuses, [401] * 10 + [429])
        self.assertEqual(await self.status_of(service, "/snapshot", {"X-API-Key": key}), 429)
        # Who is nobody in particular shows no token, and is served as before.
        client = await self.connect(service)
        self.assertEqual((await client.call("get_camera_list"))["total"], 1)


class SecretTests(AccessCase):
    """What is secret stays so."""

    async def test_nothing_written(self) -> None:
        """No token and no secret is in the log, and no token that can be used is on the disk."""
        service = await self.serve("--set", "logging.level=DEBUG", "--set", "logging.traffic=INFO")
        key = await self.token(service, "operator")
        jwt = await self.token(service, "operator", "--jwt", "--ttl", "1d")
        url = await self.token(service, "viewer", "--url", "--camera", "demo")
        client = await self.connect(service)
        await client.call("authenticate", {"auth_token": jwt})
        await client.call("authenticate", {"auth_token": key})
        one = (await client.call("get_oneshot_token"))["token"]
        for token in (key, jwt, url, one):
            await self.status_of(service, f"/cameras/demo/snapshot.jpg?token={token}")
        await self.refused(client, "authenticate", {"auth_token": key[:-1] + "?"})
        secrets = [part for token in (key, jwt, url, one) for part in (token, token[14:-4])]
        for path in service.directory.rglob("*"):
            if path.is_file():
                text = path.read_text("latin-1")
                self.assertEqual([secret for secret in secrets if secret in text], [], path)
        for name in ("tokens.json", "jwt-secrets.json"):
            self.assertEqual((service.state / name).stat().st_mode & 0o777, 0o600, name)
        signing = json.loads((service.state / "jwt-secrets.json").read_text("utf-8"))
        self.assertNotIn(json.dumps(signing)[-40:-10], service.log)

    async def test_administrator(self) -> None:
        """Who runs the service is its administrator by the socket in the state directory, and by nothing else."""
        service = await self.serve()
        admin = await self.administer(service)
        made = await admin.call("create_token", {"role": "viewer", "name": "wall"})
        listed = await admin.call("list_tokens")
        self.assertEqual([one["name"] for one in listed["tokens"]], ["wall"])
        self.assertNotIn(made["token"], json.dumps(listed))
        other = await self.connect(service)
        self.assertEqual((await self.refused(other, "list_tokens")).data["required_role"], "admin")


class BrowserTests(AccessCase):
    """The dashboard's cookie."""

    async def test_login(self) -> None:
        """A token that was shown once is in a cookie that no script can read, until the browser logs out."""
        service = await self.serve()
        key = await self.token(service, "viewer")
        self.assertEqual((await self.post(service, "/login", {"token": "nonsense"}))[0], 401)
        status, headers, body = await self.post(service, "/login", {"token": key})
        self.assertEqual((status, json.loads(body)), (200, {"role": "viewer"}))
        kept, *marks = headers["Set-Cookie"].split("; ")
        self.assertEqual(set(marks) & {"HttpOnly", "SameSite=Strict"}, {"HttpOnly", "SameSite=Strict"})
        self.assertEqual(await self.status_of(service, "/snapshot", {"Cookie": kept}), 200)
        foreign = {"Cookie": kept, "Origin": "http://evil.example"}
        self.assertEqual(await self.status_of(service, "/snapshot", foreign), 403)
        self.assertEqual((await self.post(service, "/login", {"token": key}, foreign))[0], 403)
        status, headers, _ = await self.post(service, "/logout", {}, {"Cookie": kept})
        self.assertEqual(status, 204)
        self.assertIn("Max-Age=0", headers["Set-Cookie"])


class ProxyTests(AccessCase):
    """Whoever comes through a proxy."""

    async def test_header_unasked(self) -> None:
        """A header of a proxy that nobody configured makes nobody anybody else, and takes loopback's role away."""
        service = await self.serve()
        forwarded = {"X-Forwarded-For": "127.0.0.1"}
        self.assertEqual(await self.status_of(service, "/snapshot"), 200)
        self.assertEqual(await self.status_of(service, "/snapshot", forwarded), 401)

    async def test_one_client_locked_out(self) -> None:
        """Behind a proxy that is configured, the guesses of one client lock out nobody else."""
        service = await self.serve("--set", "access.proxies=[127.0.0.1]")
        key = await self.token(service, "viewer")
        wrong = {"X-API-Key": "nonsense", "X-Forwarded-For": "192.0.2.1"}
        statuses = [await self.status_of(service, "/snapshot", wrong) for _ in range(11)]
        self.assertEqual(statuses[-2:], [401, 429])
        right = {"X-API-Key": key, "X-Forwarded-For": "192.0.2.2"}
        self.assertEqual(await self.status_of(service, "/snapshot", right), 200)


class FileTests(AccessCase):
    """The file of tokens, when somebody else writes it."""

    async def test_hung_up(self) -> None:
        """SIGHUP has the service read the tokens that were changed behind its back."""
        service = await self.serve()
        key = await self.token(service, "viewer")
        self.assertEqual(await self.status_of(service, "/snapshot", {"X-API-Key": key}), 200)
        path = service.state / "tokens.json"
        kept = path.read_bytes()
        await self.ctl(service, "token", "revoke", *(await self.token_ids(service)))
        self.assertEqual(await self.status_of(service, "/snapshot", {"X-API-Key": key}), 401)
        temporary = path.with_suffix(".new")
        temporary.write_bytes(kept)
        temporary.chmod(0o600)
        os.replace(temporary, path)
        service.send_signal(signal.SIGHUP)

        for _ in range(200):
            if await self.status_of(service, "/cameras/demo/snapshot.jpg", {"X-API-Key": key}) == 200:
                break
        else:
            self.fail("the file was not read again")
