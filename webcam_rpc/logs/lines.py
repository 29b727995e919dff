"""One log event to the text that is written for it: the original's lines, JSON lines, lines for the journal.

Owns what a line looks like. Pure. Whatever is in an event, a line ends in exactly one newline and holds no character
that moves a cursor, ends a line or turns the direction of the text, so that no client can forge a line or hide one.
"""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from twisted.logger import LogLevel, formatEvent

from webcam_rpc.logs.masking import mask

if TYPE_CHECKING:
    from twisted.logger import LogEvent
    from twisted.python.failure import Failure

#: The names of Python's own logging, which the original used, and syslog(3)'s number for each.
LEVELS = {
    LogLevel.debug: ("DEBUG", 7),
    LogLevel.info: ("INFO", 6),
    LogLevel.warn: ("WARNING", 4),
    LogLevel.error: ("ERROR", 3),
    LogLevel.critical: ("CRITICAL", 2),
}
#: A longer message is cut; a client may send a megabyte, a hundred times a second.
MESSAGE_LIMIT = 8192
#: The same for a traceback; a runaway recursion has a thousand frames.
TRACEBACK_LIMIT = 65536

# C0, DEL and C1 (both contain newlines), the Unicode line and paragraph separators, everything that sets the direction
# of text (UAX 9), the byte order mark, and surrogates, which UTF-8 cannot write.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def escape(text: str) -> str:
    r"""Write every unsafe character as ``\xNN`` or ``\uNNNN``."""
    return _UNSAFE.sub(lambda found: f"\\x{ord(found[0]):02x}" if found[0] < "\u0100" else _json_escape(found), text)


def _json_escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def text_lines(event: LogEvent) -> str:
    """Give ``2025-07-30 10:00:00,000 - webcam_rpc.web - INFO - Client connected: …``; a traceback is indented below."""
    moment = float(event.get("log_time", 0.0))
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
    return "".join(f"{line}\n" for line in _lines(event, f"{stamp},{int(moment * 1000) % 1000:03d} - "))


def journal_lines(event: LogEvent) -> str:
    """Give the same without the time, each line with its priority as sd-daemon(3) says."""
    _, priority = LEVELS[level(event)]
    return "".join(f"<{priority}>{line}\n" for line in _lines(event, ""))


def json_lines(event: LogEvent) -> str:
    """Give one JSON object, with a ``traceback`` besides if the event has one.

    For example ``{"time": "2025-07-30T08:00:00.000Z", "level": "INFO", "logger": "webcam_rpc.web", "message": "…"}``.
    """
    moment = datetime.fromtimestamp(float(event.get("log_time", 0.0)), timezone.utc)
    values = {
        "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": LEVELS[level(event)][0],
        "logger": logger(event),
        "message": message(event),
    }
    failure = event.get("log_failure")
    if failure is not None:
        values["traceback"] = _traceback(failure)
    # What is unsafe can only stand inside a string here, so that JSON's own escape is right for it.
    return _UNSAFE.sub(_json_escape, json.dumps(values, ensure_ascii=False)) + "\n"


def level(event: LogEvent) -> object:
    """Give the event's level, INFO if it has none."""
    found = event.get("log_level")
    return found if found in LEVELS else LogLevel.info


def logger(event: LogEvent) -> str:
    """Give the name of the event's logger; Twisted's older kind of event, which has none, is ``twisted``."""
    name = str(event.get("log_namespace") or "twisted")
    return "twisted" if name == "log_legacy" else name


def message(event: LogEvent) -> str:
    """Give the event's text with its secrets masked and its length bounded."""
    text = formatEvent(event)
    if not text and event.get("log_failure") is not None:
        text = "Unhandled error"
    return mask(_cut(text, MESSAGE_LIMIT))


def _lines(event: LogEvent, stamp: str) -> list[str]:
    name, _ = LEVELS[level(event)]
    lines = [f"{stamp}{escape(logger(event))} - {name} - {escape(message(event))}"]
    failure = event.get("log_failure")
    if failure is not None:
        lines += ["    " + escape(line) for line in _traceback(failure).split("\n")]
    return lines


def _traceback(failure: Failure) -> str:
    try:
        text = failure.getTraceback()
    except Exception:  # noqa: BLE001 - an exception's own __str__ may raise anything
        text = f"(a traceback that cannot be written of {failure.type})"
    return mask(_cut(text.rstrip("\n"), TRACEBACK_LIMIT))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"
