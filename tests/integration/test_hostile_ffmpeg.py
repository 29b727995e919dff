"""A broken or malicious ``ffmpeg`` first in PATH: errors in time, a service that goes on, and nothing left behind."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import DeferredList, ensureDeferred
from twisted.internet.task import LoopingCall

from tests.integration.media import MediaCase, below
from tests.service import eventually
from tests.wsclient import RPCFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.service import Service
    from tests.wsclient import Client

reactor: Any = global_reactor

_HALF = r"printf -- '--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: 4000\r\n\r\n\377\330\377\340half'"
#: What each does instead of its work.
TRICKS = {
    "hangs": "sleep 1000",
    "ignores SIGTERM": "trap '' TERM INT HUP; while :; do sleep 1; done",
    "forks": "sleep 1000 & sleep 1000 & sleep 1000 & wait",
    "half a picture": _HALF,
    "half a picture and hangs": f"{_HALF}; sleep 1000",
    "nothing": "exit 0",
    "floods": "yes 'no picture at all'",
    "floods its errors": "yes 'something is wrong' >&2",
    "crashes": "kill -SEGV $$",
    "lies of its length": r"printf -- '--ffmpeg\r\nContent-length: 99999999999\r\n\r\n'; sleep 1000",
}


class HostileCase(MediaCase):
    """Services whose ffmpeg is not ours."""

    async def serve_with(self, script: str, *options: str) -> Service:
        """Start a service that finds a script of this text as ``ffmpeg``."""
        programs = self.programs()
        program = programs / "ffmpeg"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        return await self.serve("--set", "media.linger=0", *options, environ={"PATH": path}, name=programs.parent.name)

    def programs(self) -> Path:
        """Make a directory for programs."""
        programs = Path(self.mktemp()).absolute()
        programs.mkdir(parents=True)
        return programs

    async def refused(self, service: Service, client: Client, method: str, **params: object) -> RPCFailed:
        """Call a method that must fail within the time that every call is promised."""
        began = reactor.seconds()
        failed: RPCFailed = await self.assertFailure(client.call(method, {"device": "demo", **params}), RPCFailed)
        self.assertLess(reactor.seconds() - began, service.promised(15.0))
        return failed

    async def nothing_of_it(self, service: Service, client: Client, trick: str = "") -> None:
        """Wait until no child is left, and look that no file is, or is spoken of."""
        await eventually(reactor, lambda: not below(service.pid), 15, "no child")
        for kind in ("recordings", "snapshots"):
            self.assertEqual([path.name for path in self.media(service, kind).iterdir()], [], trick)
            self.assertEqual((await client.call(f"list_{kind}"))["files"], [])

    async def with_each(self, wrap: str, attack: Callable[[str, Service], Coroutine[Any, Any, None]]) -> None:
        """Start a service for each trick, then attack all of them at once: most of it is waiting."""
        services = {trick: await self.serve_with(wrap + script) for trick, script in TRICKS.items()}
        attacks = [ensureDeferred(attack(trick, service)) for trick, service in services.items()]
        results: list[Any] = await DeferredList(attacks, consumeErrors=True)
        for success, failure in results:
            if not success:
                failure.raiseException()
        for service in services.values():
            self.assertEqual(await service.stop(), 0)


class Pings:
    """The round trips of another client, one after the other, while something goes on."""

    def __init__(self, client: Client) -> None:
        self.times: list[float] = []
        self._client = client
        self._loop = LoopingCall(self._ping)
        self._loop.clock = reactor
        self._loop.start(0.05)

    def stop(self) -> None:
        """Send no more."""
        if self._loop.running:
            self._loop.stop()

    def assert_like(self, calm: Pings, about: str) -> None:
        """See that they are soon back, or where the machine is busy, as soon as those of a service in peace."""
        for part, seconds in ((0.9, 0.5), (1.0, 3.0)):
            mine, others = (sorted(times)[int((len(times) - 1) * part)] for times in (self.times, calm.times))
            if mine > max(seconds, 4 * others):
                text = f"{about}: {part:.0%} of the pings took up to {mine:.3f} s, in peace {others:.3f} s"
                raise AssertionError(text)

    def _ping(self) -> Any:
        began = reactor.seconds()
        return self._client.call("ping").addCallback(lambda _: self.times.append(reactor.seconds() - began))


class CaptureTests(HostileCase):
    """The capture child is not what it should be."""

    async def test_tricks(self) -> None:
        """Every trick ends in an error that says what to do, at a snapshot and at a recording; others go on."""

        async def attack(trick: str, service: Service) -> None:
            client, other = await self.connect(service), await self.connect(service)
            pings = Pings(other)
            for method in ("take_snapshot", "start_recording"):
                error = await self.refused(service, client, method)
                self.assertEqual(error.code, -32050, (trick, method, error))
                self.assertTrue(error.data["remedy"], (trick, error))
            await self.nothing_of_it(service, client, trick)
            pings.stop()
            pings.assert_like(calm, trick)

        bystander = await self.serve(name="bystander")
        calm = Pings(await self.connect(bystander))
        await self.with_each("", attack)
        calm.stop()

    async def test_missing(self) -> None:
        """Without ffmpeg the error says which package it is in."""
        programs = self.programs()
        for name in ("setsid", "setpriv"):
            (programs / name).symlink_to(str(shutil.which(name)))
        service = await self.serve(environ={"PATH": str(programs)})
        client = await self.connect(service)
        for method in ("take_snapshot", "start_recording"):
            error = await self.refused(service, client, method)
            self.assertEqual(error.data["remedy"], "apt-get install ffmpeg")
        await self.nothing_of_it(service, client)


class EncoderTests(HostileCase):
    """The capture works, and whatever else is asked of ffmpeg does not."""

    async def test_tricks(self) -> None:
        """A recording and a conversion end in an error, no file is left, and the camera's stream never stops."""

        async def attack(trick: str, service: Service) -> None:
            client = await self.connect(service)
            viewer = await self.view(service)
            await self.frames(viewer, 2)
            for method, params in (("take_snapshot", {"format": "png"}), ("start_recording", {})):
                error = await self.refused(service, client, method, **params)
                self.assertEqual(error.code, -32050, (trick, method, error))
                await self.frames(viewer, 2)
            await self.leave(viewer)
            await self.nothing_of_it(service, client, trick)

        await self.with_each(f'case "$*" in *testsrc2*) exec {shutil.which("ffmpeg")} "$@";; esac\n', attack)
