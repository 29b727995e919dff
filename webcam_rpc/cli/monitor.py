"""``webcamctl monitor``: what happens, line by line, each event once, whatever becomes of the connection.

Owns the place in the sequence of events that was reached, and the words for each event.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import deferLater

from webcam_rpc.cli import wire
from webcam_rpc.cli.failures import Failed
from webcam_rpc.cli.tables import coloured
from webcam_rpc.cli.words import amount, mode, plain, read, several, span

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from webcam_rpc.cli.service import Service

#: Seconds between two attempts to connect again: more each time, up to the latter.
_FIRST, _LONGEST = 0.5, 10.0


class Monitor:
    """What one ``monitor`` has told so far.

    :param topics: the notifications that are wanted.
    :param camera_id: of this camera alone, unless None.
    """

    def __init__(self, service: Service, topics: Sequence[str], camera_id: str | None, *, as_json: bool) -> None:
        self._service = service
        self._topics = frozenset(topics)
        self._camera_id = camera_id
        self._as_json = as_json
        self._seq, self._epoch = -1, ""
        #: What came since a connection was made and is not told yet; None once it has caught up.
        self._held: list[dict[str, Any]] | None = None

    @inlineCallbacks
    def go_on(self, reactor: Any, duration: float | None) -> Generator[Deferred[Any], Any, int]:  # noqa: ANN401
        """Listen for so many seconds, or for ever, and give the exit status.

        :raises Failed: if the first connection does not come about.
        """
        connected: wire.Wire = yield self._connect(reactor)
        end = None if duration is None else reactor.seconds() + duration
        while True:
            over = yield self._until(reactor, connected, end)
            if over is None:
                connected.close()
                return 0
            self._aside(f"{over}; trying again")
            wait = _FIRST
            while True:
                left = None if end is None else end - reactor.seconds()
                if left is not None and left <= 0:
                    return 0
                yield deferLater(reactor, wait if left is None else min(wait, left))
                try:
                    connected = yield self._connect(reactor)
                    break
                except Failed:
                    wait = min(2 * wait, _LONGEST)
            self._aside("The connection is back.")

    @inlineCallbacks
    def _until(
        self,
        reactor: Any,  # noqa: ANN401 - of several interfaces
        connected: wire.Wire,
        end: float | None,
    ) -> Generator[Deferred[Any], Any, str | None]:
        """Wait for the end, or for that of the connection: then give its reason."""
        over: Deferred[str | None] = Deferred()
        timer = None if end is None else reactor.callLater(max(0.0, end - reactor.seconds()), over.callback, None)
        connected.lost.addCallback(lambda reason: None if over.called else over.callback(reason))
        reason: str | None = yield over
        if timer is not None and timer.active():
            timer.cancel()
        return reason

    @inlineCallbacks
    def _connect(self, reactor: Any) -> Generator[Deferred[Any], Any, wire.Wire]:  # noqa: ANN401
        self.begin()
        connected: wire.Wire = yield wire.connect(reactor, self._service, self.heard)
        params: dict[str, Any] = {"topics": sorted(self._topics)}
        if self._camera_id is not None:
            params["filters"] = {"device": self._camera_id}
        if self._epoch:
            params |= {"since_seq": self._seq, "epoch": self._epoch}
        subscribed = yield connected.call("subscribe_events", params)
        self.catch_up(subscribed)
        return connected

    def begin(self) -> None:
        """Know that a connection is made: what comes is held back until it has caught up."""
        self._held = []

    def heard(self, message: dict[str, Any]) -> None:
        """Hear a notification, and tell it if it is wanted and new."""
        if self._held is not None:
            # What is sent again may come after what is new.
            self._held.append(message)
        elif message["params"]["seq"] > self._seq:
            self._seq = message["params"]["seq"]
            self._tell(message)

    def catch_up(self, subscribed: dict[str, Any]) -> None:
        """Know what the service answered to the subscription, and tell what was held back, in its order.

        The states are told only where the events before them are not known.
        """
        held, self._held = self._held or [], None
        states = [one for one in held if one["params"].get("initial")]
        events = {one["params"]["seq"]: one for one in held if not one["params"].get("initial")}
        if subscribed["full_state"]:
            self._aside("What happened meanwhile is not known any more. This is how it is now:")
        elif self._epoch:
            states = []
        else:
            self._aside(f"Listening to {self._service.name}; Ctrl-C ends it.")
        # Another run of the service counts anew.
        reached = self._seq if subscribed["epoch"] == self._epoch else -1
        known = {one["params"]["camera_id"]: one for one in states}
        for one in known.values():
            self._tell(one)
        for seq in sorted(events):
            # Of a camera the state says it already.
            if seq > reached and not (known and events[seq]["method"] == "camera_status_update"):
                self._tell(events[seq])
        self._seq, self._epoch = subscribed["seq"], subscribed["epoch"]

    def _tell(self, message: dict[str, Any]) -> None:
        topic, params = message["method"], message["params"]
        other = self._camera_id is not None and params.get("camera_id", self._camera_id) != self._camera_id
        if other or topic not in self._topics:
            return
        if self._as_json:
            click.echo(json.dumps(message, ensure_ascii=False))
            return
        subject, status, more = _WORDS[topic](params)
        time = read(params["timestamp"]).astimezone().strftime("%H:%M:%S")
        blank = " " * max(0, _STATUS_WIDTH - len(status))
        click.echo(f"{time}  {plain(subject):<{_SUBJECT_WIDTH}}  {coloured(status)}{blank}  {plain(more)}".rstrip())

    def _aside(self, text: str) -> None:
        click.echo(f"webcamctl: {plain(text)}", err=True)


_SUBJECT_WIDTH, _STATUS_WIDTH = 16, 12


def _of_camera(params: dict[str, Any]) -> tuple[str, str, str]:
    told = params["reason"] or mode(params.get("resolution"), params.get("fps"))
    return params["device"], params["status"], f"{told}  {params['name']}" if told != "-" else params["name"]


def _of_controls(params: dict[str, Any]) -> tuple[str, str, str]:
    return params["device"], "controls", ", ".join(f"{name}={value}" for name, value in params["controls"].items())


def _of_recording(params: dict[str, Any]) -> tuple[str, str, str]:
    why = (params["reason"] or "").replace("_", " ")
    length = span(params["duration"]) if params["status"] != "STARTED" else ""
    goes_on = "goes on in another file" if params["continues"] else ""
    more = ", ".join(filter(None, [params["filename"], length, why, goes_on]))
    return params["device"], params["status"], f"recording {more}"


def _of_snapshot(params: dict[str, Any]) -> tuple[str, str, str]:
    return params["device"], params["status"], f"snapshot {params['filename']}, {amount(params['file_size'])}"


def _of_schedule(params: dict[str, Any]) -> tuple[str, str, str]:
    next_run = f"next at {read(params['next_run']).astimezone():%Y-%m-%d %H:%M:%S}" if params["next_run"] else ""
    name = f"{params['name']!r}" if params["name"] else ""
    more = ", ".join(filter(None, [params["schedule_id"], name, params["camera_id"], params["reason"], next_run]))
    return "schedule", params["status"], more


def _of_storage(params: dict[str, Any]) -> tuple[str, str, str]:
    if params["status"] == "CLEANED":
        gone = f"{several(params['files_deleted'], 'file')} deleted, {amount(params['space_freed'])} freed"
    else:
        gone = f"{amount(params['available_space'])} free"
    return "storage", params["status"], ", ".join(filter(None, [gone, params["reason"]]))


def _of_health(params: dict[str, Any]) -> tuple[str, str, str]:
    return params["component"], params["status"], params["detail"]


_WORDS: dict[str, Callable[[dict[str, Any]], tuple[str, str, str]]] = {
    "camera_status_update": _of_camera,
    "camera_control_update": _of_controls,
    "recording_status_update": _of_recording,
    "snapshot_status_update": _of_snapshot,
    "schedule_status_update": _of_schedule,
    "storage_status_update": _of_storage,
    "system_health_update": _of_health,
}
