"""Writes docs/api.md from what a running service says of itself.

    scripts/api_docs.py http://localhost:8002/openrpc.json > docs/api.md

The methods, their parameters, results and errors are the OpenRPC document's; what a schema cannot say is said here.
"""

# ruff: noqa: E501 - examples are lines as they are on the wire

from __future__ import annotations

import json
import sys
import urllib.request
from typing import Any

from webcam_rpc.api.events import TOPICS
from webcam_rpc.rpc.errors import ERRORS

_HEAD = """\
# API

JSON-RPC 2.0 over WebSocket at `/ws`; the same methods answer `POST /rpc` (Content-Type `application/json`), and
`/openrpc.json` is this page for programs. This page is made by `scripts/api_docs.py`. Results may grow: ignore members
that you don't know.

## Conventions

- A camera (`device`) may be named, tried in this order, by its id, a path (`/dev/video0`) or a link below
  `/dev/v4l/`, a number (`video0`, `camera0`), or an alias. A link that two cameras share is refused (-32602,
  `ambiguous`). Answers carry both `camera_id`, which stays, and `device`, which is where the camera is now.
- Parameters by name, or by position in the order listed. An unknown, missing or ill-typed one is -32602.
- Times are RFC 3339 in UTC, durations seconds, sizes bytes. Rates are integers where they are whole.
- Each method needs a role: `none` < `status` < `viewer` < `operator` < `admin`. Until there is a token a client on the
  machine itself is `operator`, one from elsewhere `status`: see `access` in [configuration.md](configuration.md), and
  [deployment.md](deployment.md) for tokens. Where to show one: `authenticate`, a header (`Authorization: Bearer TOKEN`,
  `X-API-Key: TOKEN`), in the handshake too, or `?token=` for URLs that a browser opens by itself.
- A batch has at most 100 calls, and its answer at most 1 MiB: what goes beyond is -32020 `BATCH_TOO_LONG`.

## Methods
"""

_NOTIFICATIONS = """
## Notifications

They have no `id`. Each has `seq` (one counter for the server, strictly growing; gaps are normal), `epoch` (another at
each start of the process) and `timestamp`. Every client with the role `status` gets `camera_status_update`,
`camera_control_update` and `recording_status_update` without asking; `subscribe_events` narrows that, and with
`since_seq` and `epoch` sends again what was missed while disconnected, before anything new. Where that reaches too far
back, the answer says `full_state: true` and the states of now were sent instead.

`camera_status_update`: on connect one for each camera that is there, marked `initial`, then at each change.
`resolution` and `fps` are the mode in force; they are there only when CONNECTED and known. A camera that takes long to tell them is
announced without, and a second CONNECTED adds them.

```json
{"jsonrpc":"2.0","method":"camera_status_update","params":{"status":"CONNECTED","device":"/dev/video0","resolution":"640x480","fps":30,"camera_id":"usb-046d-0825-a1b2c3d4","name":"UVC Camera (046d:0825)","reason":null,"seq":7,"epoch":"144e814699605367","timestamp":"2026-11-23T02:14:53.209Z"}}
{"jsonrpc":"2.0","method":"camera_status_update","params":{"status":"DISCONNECTED","device":"/dev/video0","camera_id":"usb-046d-0825-a1b2c3d4","name":"UVC Camera (046d:0825)","reason":null,"seq":8,"epoch":"144e814699605367","timestamp":"2026-11-23T02:15:01.004Z"}}
```

`camera_control_update`: controls were set, by whomever; the values are the driver's.

```json
{"jsonrpc":"2.0","method":"camera_control_update","params":{"device":"/dev/video0","camera_id":"usb-046d-0825-a1b2c3d4","controls":{"brightness":20},"seq":9,"epoch":"144e814699605367","timestamp":"2026-11-23T02:15:03.120Z"}}
```

`recording_status_update`: STARTED once a file has its first frame on the disk; STOPPED when it is whole, and with
`continues: true` the recording goes on in another file as soon as it can, which is STARTED again under the same
`session_id`; ERROR when it ended for want of a camera, an encoder or room; FINALIZED when a file was rewritten in the
format that was asked for. `reason` is one of `stopped`, `duration`, `segment`, `unplugged`, `capture_failed`,
`encoder_failed`, `storage_low`, `storage_failed`, `shutdown`.

```json
{"jsonrpc":"2.0","method":"recording_status_update","params":{"seq":12,"epoch":"144e814699605367","timestamp":"2026-11-23T02:16:01.350Z","device":"/dev/video0","camera_id":"usb-046d-0825-a1b2c3d4","session_id":"e75dda5dbacf57c8","recording_id":"e75dda5dbacf57c8","status":"STARTED","continues":false,"filename":"porch.mp4","segment":1,"duration":0.6,"reason":null,"schedule_id":null}}
```

To be had by `subscribe_events`: `snapshot_status_update` (COMPLETED: a picture is there whole), `schedule_status_update`
(CREATED, UPDATED, CANCELLED, EXPIRED of a schedule; STARTED, JOINED, RESUMED, FINISHED, MISSED, FAILED of a run),
`storage_status_update` (OK, LOW, FULL, BROKEN of the room and the directory, CLEANED of files that were deleted) and
`system_health_update` (a `component` is HEALTHY, DEGRADED or UNHEALTHY from now on, with the `detail`).
"""

_HTTP = """
## HTTP

On the same port. Pictures, streams and files need the role `viewer`; a page of another site gets none of them unless
`access.origins` names it.

| path | |
|---|---|
| `POST /rpc` | the same methods |
| `/` | the dashboard: a page for people, a client of these methods; its files are below `/static/` |
| `/openrpc.json` | this page for programs |
| `/cameras/ID/snapshot.jpg` | the newest picture; `?fresh=1` one from after the request, `?max_age_ms=` |
| `/cameras/ID/stream.mjpg` | `multipart/x-mixed-replace`; `?fps=` lets pictures pass, `?width=` makes them smaller |
| `/files/recordings/NAME`, `/files/snapshots/NAME` | files, with ranges |
| `/files/recordings/NAME?as=mjpeg` | the pictures of a recording with `codec: copy` as a stream, at their pace; `&from=` seconds; four at a time |
| `/?action=snapshot`, `/?action=stream`, `&camera=N` | as mjpg-streamer has them |
| `/snapshot`, `/stream`, `/state` | as µStreamer has them |
| `/health`, `/health/live`, `/health/ready` | for monitors: see [operations.md](operations.md); for anybody |
| `/health/detailed`, `/metrics` | the same with reasons, and figures for Prometheus; for the role `status` |
| `POST /login` `{"token": "…"}`, `POST /logout` | a cookie that no script can read, for pages in a browser |

`ID` is whatever a camera may be called. What goes wrong is a status with a line of text: 404 no such camera or file, 401
a token is missing or wrong, 403 the role, 429 too many requests or wrong tokens, 503 no pictures and why, 507 no room, 504 not in time.
"""

_CLOSE_CODES = """
WebSocket close codes: 1001 the service stops, 1002 a violation of the protocol, 1003 a binary message, 1007 bad UTF-8,
1009 too big, 1013 too slow. A request that may not come in at all is answered by HTTP: 403 for a foreign Origin or an
unknown Host, 404, 426 without an upgrade, 503 for too many.
"""


def render(document: dict[str, Any]) -> str:
    """Give the page for an OpenRPC document."""
    schemas = document["components"]["schemas"]
    parts = [_HEAD, *(_method(method, schemas) for method in document["methods"]), _NOTIFICATIONS]
    parts.append("Names to subscribe to: " + ", ".join(f"`{topic}`" for topic in TOPICS) + ".\n")
    parts.append("\n## Errors\n\n| code | message | data |\n|---|---|---|\n")
    shapes = document["x-error-data"]
    for code, error in ERRORS.items():
        members = _members(_target(shapes[str(code)], schemas)) if str(code) in shapes else []
        parts.append(f"| {code} | {error.title} | {', '.join(f'`{name}`' for name, _, _ in members)} |\n")
    parts += (_CLOSE_CODES, _HTTP)
    return "".join(parts)


def _method(method: dict[str, Any], schemas: dict[str, Any]) -> str:
    lines = [f"\n### `{method['name']}`\n\n{method['summary']} Role: `{method['x-role']}`.\n"]
    if method["params"]:
        lines.append("\n| parameter | type | |\n|---|---|---|\n")
        for param in method["params"]:
            schema = param["schema"]
            note = "required" if param["required"] else _default(schema)
            lines.append(f"| `{param['name']}` | {_type(schema, schemas)} | {note} |\n")
    result = _target(method["result"]["schema"], schemas)
    members = _members(result)
    if members:
        lines.append("\n| result | type |\n|---|---|\n")
        lines += [f"| `{name}` | {_type(schema, schemas)} |\n" for name, schema, _ in members]
    else:
        lines.append(f"\nResult: {_type(result, schemas)}.\n")
    lines.append("\nErrors: " + ", ".join(str(error["code"]) for error in method["errors"]) + ".\n")
    return "".join(lines)


def _members(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any], bool]]:
    required = schema.get("required", ())
    return [(name, member, name in required) for name, member in schema.get("properties", {}).items()]


def _target(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    target: dict[str, Any] = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return target


def _default(schema: dict[str, Any]) -> str:
    return f"default `{json.dumps(schema['default'])}`" if "default" in schema else ""


def _type(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Say in a few words what a schema lets through."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        members = _members(schemas[name])
        return f"{name}{{{', '.join(member for member, _, _ in members)}}}" if members else name
    if "enum" in schema:
        return " \\| ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " \\| ".join(dict.fromkeys(_type(choice, schemas) for choice in schema["anyOf"]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"{_type(schema.get('items', {}), schemas)}[]"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"{{name: {_type(schema['additionalProperties'], schemas)}}}"
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    return f"{kind} {low}..{high}" if low is not None and high is not None else str(kind)


def main() -> None:
    """Fetch the document, from the address given or from standard input, and print the page."""
    if len(sys.argv) > 1:
        with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:  # noqa: S310 - the user's own service
            document = json.load(answer)
    else:
        document = json.load(sys.stdin)
    sys.stdout.write(render(document))


if __name__ == "__main__":
    main()
