"""The methods about the service itself, and the contract of all methods."""

from __future__ import annotations

import platform
from typing import Any

import msgspec

import twisted
from tests.api.case import ApiCase
from webcam_rpc.api.server import Component, worst

#: Name, least role and parameters in their order (a star: required), as the public contract lists them.
CONTRACT = (
    ("ping", "none", ()),
    ("rpc.discover", "none", ()),
    ("get_server_info", "status", ()),
    ("get_status", "status", ()),
    ("get_camera_list", "status", ()),
    ("get_camera_status", "status", ("device*",)),
    ("get_camera_capabilities", "status", ("device*", "refresh")),
    ("get_camera_controls", "status", ("device*",)),
    ("set_camera_controls", "operator", ("device*", "controls*", "persist")),
    ("reset_camera_controls", "operator", ("device*", "names")),
    ("set_camera_format", "operator", ("device*", "pixel_format", "width", "height", "fps")),
    ("set_camera_alias", "operator", ("device*", "name*")),
    ("diagnose_camera", "status", ("device*",)),
    ("subscribe_events", "status", ("topics*", "since_seq", "filters", "epoch")),
    ("unsubscribe_events", "status", ("topics",)),
)


class ContractTests(ApiCase):
    """The table against the public contract."""

    def setUp(self) -> None:
        """Ask for the document as a client does."""
        super().setUp()
        self.document: Any = self.call("rpc.discover")

    def target(self, schema: Any) -> Any:
        """Follow a reference."""
        return self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def test_methods(self) -> None:
        """Every method of the contract is there with its role and its parameters in order, and no other."""
        described = {
            method["name"]: (
                method["x-role"],
                tuple(param["name"] + "*" * param["required"] for param in method["params"]),
            )
            for method in self.document["methods"]
        }
        self.assertEqual(described, {name: (role, params) for name, role, params in CONTRACT})

    def test_no_bare_object(self) -> None:
        """Each result says what it holds, down to its last member."""
        bare = []

        def look(schema: Any, where: str, seen: frozenset[str]) -> None:
            reference = schema.get("$ref", "")
            if reference in seen:
                return
            target = self.target(schema)
            if target.get("type") == "object" and not (target.get("properties") or target.get("additionalProperties")):
                bare.append(where)
            for name, member in target.get("properties", {}).items():
                look(member, f"{where}.{name}", seen | {reference} if reference else seen)
            for key in ("items", "additionalProperties"):
                if isinstance(target.get(key), dict):
                    look(target[key], f"{where}[]", seen | {reference} if reference else seen)

        for method in self.document["methods"]:
            if method["name"] != "rpc.discover":  # it holds JSON Schemas, which are any object
                look(method["result"]["schema"], method["name"], frozenset())
        self.assertEqual(bare, [])

    def test_references(self) -> None:
        """Every reference of the document leads to a schema in it."""
        text = msgspec.json.encode(self.document).decode()
        wanted = {part.partition('"')[0] for part in text.split('"$ref":"')[1:]}
        self.assertTrue(wanted)
        known = {f"#/components/schemas/{name}" for name in self.document["components"]["schemas"]}
        self.assertEqual(wanted - known, set())


class ServerTests(ApiCase):
    """Is it there, what is it, how is it."""

    def test_ping(self) -> None:
        """A ping is answered, and told to the log of the traffic."""
        self.assertEqual(self.call("ping"), "pong")
        self.assertEqual(self.pings, [None])

    def test_info(self) -> None:
        """The versions are those that run, and the uptime counts from the start."""
        self.time += 1.5
        expected = {
            "name": "webcam_rpc",
            "version": "1.2.3",
            "api_version": "1.0",
            "capabilities": ["cameras", "controls", "events", "snapshots", "recordings", "schedules", "streams"],
            "python": platform.python_version(),
            "twisted": twisted.__version__,
            "start_time": "2025-07-30T10:00:00Z",
            "uptime": 1.5,
        }
        self.assertEqual(self.call("get_server_info"), expected)

    def test_status(self) -> None:
        """The whole is as well as its worst part, looked at anew for each call; a replay can start from the answer."""
        health = [Component("HEALTHY", "fine")]
        self.components["cameras"] = lambda: health[-1]
        self.components["tools"] = lambda: Component("HEALTHY", "there")
        self.assertEqual(self.call("get_status")["status"], "HEALTHY")

        def broken() -> Component:
            raise OSError("Input/output error")

        self.components["storage"] = broken
        status = self.call("get_status")
        self.assertEqual((status["status"], status["components"]["storage"]["status"]), ("DEGRADED", "DEGRADED"))
        self.assertEqual(status["components"]["tools"], {"status": "HEALTHY", "detail": "there"})
        del self.components["storage"]
        health.append(Component("DEGRADED", "one fails"))
        self.plug()
        status = self.call("get_status")
        self.assertEqual(status["status"], "DEGRADED")
        self.assertEqual(status["components"]["cameras"], {"status": "DEGRADED", "detail": "one fails"})
        self.assertEqual((status["seq"], status["epoch"], status["version"]), (1, "epoch", "1.2.3"))

    def test_worst(self) -> None:
        """UNHEALTHY counts more than DEGRADED, wherever it stands; nothing at all is well."""
        parts = {"a": Component("DEGRADED", ""), "b": Component("UNHEALTHY", ""), "c": Component("HEALTHY", "")}
        self.assertEqual(worst(parts), "UNHEALTHY")
        self.assertEqual(worst({}), "HEALTHY")

    def test_no_params(self) -> None:
        """What takes no parameters refuses some."""
        self.assertEqual(self.refused("ping", {"extra": 1})[0], -32602)
        self.assertEqual(self.refused("get_status", [1])[0], -32602)
