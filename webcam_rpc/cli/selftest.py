"""``webcamctl selftest``: whether a service does what its clients rely on, told line by line.

The lines are those that the first test client of this protocol printed: people know them, and look for them in logs.
"""

from __future__ import annotations

import json
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

import click
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import deferLater

from webcam_rpc.cli.words import plain, rate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator

    from webcam_rpc.cli.wire import Wire

Part = Literal["ping", "errors", "notifications"]

#: Pings, of whose times the median counts: the first of a connection is slower than the others.
_PINGS = 5
_INVALID_METHOD = {"code": -32601, "message": "Method not found: invalid_method"}
_PARSE_ERROR = {"code": -32700, "message": "Parse error"}


class Selftest:
    """What was found out so far.

    :param threshold: the milliseconds within which a ping has to be answered.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._passed = self._failed = 0
        #: What came before it was asked about.
        self._early: list[dict[str, Any]] = []
        self._listening = False
        self._updates = 0

    @inlineCallbacks
    def on(
        self,
        wire: Wire,
        clock: Any,  # noqa: ANN401 - IReactorTime
        parts: Collection[Part],
        duration: float,
    ) -> Generator[Deferred[Any], Any, int]:
        """Try these parts on a connection, close it, and give the exit status."""
        if "ping" in parts:
            yield self._ping(wire, clock.seconds)
        if "errors" in parts:
            yield self._errors(wire)
        if "notifications" in parts:
            yield self._notifications(wire, clock, duration)
        wire.close()
        return self._end()

    @inlineCallbacks
    def _ping(self, wire: Wire, seconds: Callable[[], float]) -> Generator[Deferred[Any], Any, None]:
        times = []
        for _ in range(_PINGS):
            began = seconds()
            answer: dict[str, Any] = yield wire.exchange(_request("ping"))
            times.append(1000 * (seconds() - began))
        took = median(times)
        self._tell(
            answer.get("result") == "pong",
            f"Ping test passed! Response: 'pong' in {took:.2f} ms",
            f"Ping test failed! Expected 'pong', got: {answer}",
        )
        threshold = f"{self._threshold:g}ms threshold"
        self._tell(
            took <= self._threshold,
            f"Response time ({took:.2f} ms) is within {threshold}",
            f"Response time ({took:.2f} ms) exceeds {threshold}",
        )

    @inlineCallbacks
    def _errors(self, wire: Wire) -> Generator[Deferred[Any], Any, None]:
        answer: dict[str, Any] = yield wire.exchange(_request("invalid_method"))
        self._expect("Invalid method", "expected error", answer, _INVALID_METHOD)
        answer = yield wire.exchange('{"jsonrpc": "2.0", "method": "ping", "id": 1')
        self._expect("Malformed JSON", "expected parse error", answer, _PARSE_ERROR)

    @inlineCallbacks
    def _notifications(self, wire: Wire, clock: Any, duration: float) -> Generator[Deferred[Any], Any, None]:  # noqa: ANN401
        click.echo(f"📷 Testing camera status notifications for {duration:g} seconds...")
        self._listening = True
        for params in self._early:
            self._show(params)
        lost: list[str] = []
        waiting: Deferred[None] = deferLater(clock, duration)

        def ended(reason: str) -> None:
            lost.append(reason)
            waiting.cancel()

        wire.lost.addCallback(ended)
        waiting.addErrback(lambda failure: None if lost else failure)
        yield waiting
        if lost:
            self._tell(False, "", f"Camera notification test failed! {plain(lost[0])}")  # noqa: FBT003
            return
        cameras = yield wire.call("get_camera_list")
        if not self._updates and not cameras["connected"]:
            click.echo("⚠️ No camera is connected and none was plugged in: there was nothing to be notified of")
            return
        self._tell(
            self._updates > 0,
            f"Camera notification test passed! Received {self._updates} notifications",
            f"Camera notification test failed! {cameras['connected']} cameras are connected, and none was announced",
        )

    def heard(self, message: dict[str, Any]) -> None:
        """Hear a notification."""
        if message["method"] != "camera_status_update":
            return
        if self._listening:
            self._show(message["params"])
        else:
            self._early.append(message["params"])

    def _end(self) -> int:
        if self._failed:
            click.echo(f"❌ {self._failed} of {self._failed + self._passed} tests failed")
            return 1
        click.echo("🎉 All tests passed!")
        return 0

    def _show(self, params: dict[str, Any]) -> None:
        self._updates += 1
        click.echo(f"📷 Camera Status Update: {plain(params['device'])} -> {plain(params['status'])}")
        if "resolution" in params:
            fps = f", FPS: {rate(params['fps'])}" if "fps" in params else ""
            click.echo(f"   Resolution: {params['resolution']}{fps}")
        if params.get("reason"):
            click.echo(f"   Reason: {plain(params['reason'])}")

    def _expect(self, name: str, kind: str, answer: dict[str, Any], expected: dict[str, Any]) -> None:
        error = answer.get("error") or {}
        got = {key: error.get(key) for key in expected}
        right = f"{name} test passed! Got {kind}: {got}"
        self._tell(got == expected, right, f"{name} test failed! Expected error {expected}, got: {answer}")

    def _tell(self, passed: bool, right: str, wrong: str) -> None:  # noqa: FBT001 - reads as it is
        self._passed += passed
        self._failed += not passed
        click.echo(f"✅ {right}" if passed else f"❌ {plain(wrong)}")


def _request(method: str) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": method, "id": 1})
