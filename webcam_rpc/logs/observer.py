"""The one observer of the service's log events: which of them are written, how, and where.

Owns the levels, and what happens when a file cannot be written.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from twisted.logger import ILogObserver, LogLevel
from zope.interface import implementer

from webcam_rpc.logs import lines
from webcam_rpc.logs.masking import mask_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IReactorTime
    from twisted.logger import LogEvent

    from webcam_rpc.logs.output import Output

#: The logger of the messages that are received and sent; it has a level of its own.
TRAFFIC = "webcam_rpc.traffic"

_OWN = "webcam_rpc.logs"
# Leaves room for what stands before the message in its line.
_TRAFFIC_MESSAGE_LIMIT = lines.MESSAGE_LIMIT - 192
_RANKS: dict[object, int] = {level: rank for rank, level in enumerate(lines.LEVELS)}
_THRESHOLDS = {name: _RANKS[level] for level, (name, _) in lines.LEVELS.items()} | {"OFF": math.inf}
_INFO = _RANKS[LogLevel.info]


class Target:
    """One place that lines go to, in the form that they have there; it counts what was lost."""

    def __init__(self, name: str, render: Callable[[LogEvent], str], output: Output) -> None:
        self.name = name
        self.lost = 0
        self.output = output
        self._render = render

    def write(self, event: LogEvent) -> bool:
        """Write the event's lines; tell whether they could be taken. After a gap its size comes first."""
        if self.lost:
            gap = _event(event["log_time"], "{lost} log messages are missing here: {reason}", lost=self.lost)
            if not self._written({**gap, "reason": self.output.trouble}):
                self.lost += 1
                return False
            self.lost = 0
        if self._written(event):
            return True
        self.lost += 1
        return False

    def _written(self, event: LogEvent) -> bool:
        return self.output.write(self._render(event).encode("utf-8", "backslashreplace"))


@implementer(ILogObserver)
class Observer:
    """Writes the events that are to be written; calling it never raises.

    :param targets: where every line goes.
    :param console: where it goes while one of ``targets`` cannot be written; may be one of them.
    :param level: the least level, by Python's names.
    :param traffic: the same for the logger :data:`TRAFFIC`, instead of ``level``; ``OFF`` for none.
    :param clock: gives the time of what the log has to say itself.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        console: Target,
        *,
        level: str,
        traffic: str,
        clock: IReactorTime,
    ) -> None:
        self.targets = tuple(targets)
        self._console = console
        self.set_levels(level, traffic)
        self._clock = clock

    def __call__(self, event: LogEvent) -> None:
        """Write the event, if its level says so."""
        rank = _RANKS.get(event.get("log_level"), _INFO)
        traffic = event.get("log_namespace") == TRAFFIC
        if rank < (self._traffic if traffic else self._level):
            return
        try:
            self._write(_without_secrets(event) if traffic else event)
        except Exception as error:  # noqa: BLE001 - whatever an event's fields do, the caller only wanted to log
            name = lines.logger(event)
            self.say("A log message of {logger} cannot be written: {error}", logger=name, error=type(error))

    def set_levels(self, level: str, traffic: str) -> None:
        """Write from these levels on."""
        self._level = _THRESHOLDS[level]
        self._traffic = _THRESHOLDS[traffic]

    def say(self, text: str, **fields: object) -> None:
        """Write an error about the log itself."""
        self._write(_event(self._clock.seconds(), text, **fields))

    def reopen(self) -> None:
        """Go on in new files, after a rotation; a file that cannot be opened again is kept as it is."""
        for target in self.targets:
            try:
                target.output.reopen()
            except OSError as error:
                self.say("Cannot reopen {name}: {reason}", name=target.name, reason=error.strerror)

    def _write(self, event: LogEvent) -> None:
        event.setdefault("log_time", self._clock.seconds())
        for target in self.targets:
            if target.write(event) or target is self._console:
                continue
            if target.lost == 1:
                text = "Cannot write to {name}: {reason}; logging to the console until it can be written"
                notice = _event(event["log_time"], text, name=target.name, reason=target.output.trouble)
                self._console.write(notice)
            if self._console not in self.targets:
                self._console.write(event)


def _event(moment: float, text: str, **fields: object) -> dict[str, Any]:
    own = {"log_time": moment, "log_level": LogLevel.error, "log_namespace": _OWN, "log_format": text}
    return {**fields, **own}


def _without_secrets(event: LogEvent) -> dict[str, Any]:
    """Mask in each field, where a message is still a whole document, and not only in the line that is made of it."""
    hidden = dict(event)
    for name, value in event.items():
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if isinstance(text, str) and not name.startswith("log_"):
            hidden[name] = mask_message(text, _TRAFFIC_MESSAGE_LIMIT)
    return hidden
