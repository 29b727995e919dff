"""The job that every server does: what it answers, and what it publishes. Without a library, so that each can do it."""

from __future__ import annotations

from typing import Any

#: What is published: of the length of a camera's CONNECTED as the service sends it.
EVENT: dict[str, Any] = {
    "jsonrpc": "2.0",
    "method": "camera_status_update",
    "params": {
        "device": "/dev/video-demo",
        "camera_id": "demo",
        "status": "CONNECTED",
        "name": "Demo camera",
        "resolution": "640x480",
        "fps": 30,
        "seq": 1,
        "epoch": "0123456789abcdef",
        "timestamp": "2026-11-23T12:00:00.000Z",
    },
}


def answer(call: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Perform a call."""
    if call["method"] == "ping":
        return {"jsonrpc": "2.0", "result": "pong", "id": call["id"]}
    return {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": call["id"]}


def event(number: int) -> dict[str, Any]:
    """Give the event with this number."""
    return {**EVENT, "params": {**EVENT["params"], "seq": number}}


def asked(line: str) -> int:
    """Read ``publish N``."""
    word, _, count = line.partition(" ")
    return int(count) if word == "publish" else 0
