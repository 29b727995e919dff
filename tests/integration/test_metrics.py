"""What a monitor sees of the service: health, figures, and the rules and panels that are made of them."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor as global_reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest

from tests.integration.media import PATIENCE, MediaCase
from tests.service import ROOT, eventually
from tests.wsclient import RPCFailed

if TYPE_CHECKING:
    from tests.service import Service

reactor: Any = global_reactor

#: What no promtool knows of us; Prometheus makes it.
_MADE_BY_PROMETHEUS = {"up"}
_NAME = re.compile(r"\b(webcam_[a-z_]+|up)\b(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"""(\w+)(=~|=)"([^"]*)\"""")
#: Labels that Prometheus adds.
_ADDED = {"instance", "job"}


def metrics_in(expression: str) -> list[tuple[str, dict[str, str]]]:
    """Give the metrics in an expression, each with the labels that it is picked by."""
    return [
        (name, {label: value for label, _, value in _MATCHER.findall(labels) if label not in _ADDED})
        for name, labels in _NAME.findall(expression)
    ]


class MetricsTests(MediaCase):
    """A service with a test-pattern camera, looked at from outside."""

    async def scrape(self, service: Service) -> dict[str, Any]:
        """Give what Prometheus' own parser makes of /metrics, by the names of the samples."""
        status, headers, body = await self.get(service, "/metrics")
        self.assertEqual((status, headers.get_content_type()), (200, "text/plain"))
        self.text = body.decode()
        found: dict[str, Any] = {}
        for family in text_string_to_metric_families(self.text):
            for sample in family.samples:
                found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
        return found

    async def test_figures(self) -> None:
        """Calls, messages, cameras, frames and pictures are counted where they happen."""
        service = await self.serve()
        client = await self.connect(service)
        for _ in range(3):
            await client.call("ping")
        with self.assertRaises(RPCFailed):
            await client.call("get_camera_status", {"device": "nothing"})
        await client.exchange(b'{"jsonrpc":"2.0","id":900,"method":"' + b"x" * 50 + b'"}')
        await client.call("take_snapshot", {"device": "demo"})
        viewer = await self.view(service)
        await self.frames(viewer, 3)
        figures = await self.scrape(service)

        def one(name: str, **labels: str) -> float:
            return float(figures[name][tuple(sorted(labels.items()))])

        self.assertEqual(one("webcam_calls_total", method="ping", outcome="ok"), 3)
        self.assertEqual(one("webcam_calls_total", method="get_camera_status", outcome="not_found"), 1)
        self.assertEqual(one("webcam_calls_total", method="unknown", outcome="method_not_found"), 1)
        self.assertEqual(one("webcam_call_seconds_bucket", method="ping", le="+Inf"), 3)
        self.assertEqual(one("webcam_clients"), 1)
        self.assertEqual(one("webcam_connections", kind="websocket"), 1)
        self.assertEqual(one("webcam_connections", kind="stream"), 1)
        self.assertEqual(one("webcam_connections", kind="http"), 1)
        self.assertEqual(one("webcam_calls_total", method="stop_recording", outcome="internal_error"), 0)
        self.assertEqual(one("webcam_frames_dropped_total", camera="demo"), 0)
        self.assertGreater(one("webcam_descriptors_limit"), one("webcam_open_descriptors"))
        self.assertGreaterEqual(one("webcam_messages_received_total"), 6)
        self.assertGreater(one("webcam_message_bytes_sent_total"), one("webcam_message_bytes_received_total"))
        self.assertEqual(one("webcam_cameras", status="connected"), 1)
        self.assertGreaterEqual(one("webcam_frames_total", camera="demo"), 3)
        self.assertEqual(one("webcam_feed_consumers", camera="demo", kind="stream"), 1)
        self.assertEqual(one("webcam_snapshots_total"), 1)
        self.assertEqual(one("webcam_captures_total", event="started"), 1)
        self.assertGreater(one("webcam_storage_total_bytes"), one("webcam_storage_available_bytes"))
        self.assertGreater(one("webcam_resident_memory_bytes"), 10_000_000)
        self.assertGreater(one("webcam_open_descriptors"), 5)
        self.assertEqual(figures["webcam_component_healthy"][("component", "cameras"),], 1)

        told = await client.call("get_metrics")
        self.assertEqual({one["name"] for one in told["metrics"]} | {"webcam"}, self.families() | {"webcam"})
        self.assertEqual(told["values"]["webcam_snapshots_total"], 1)

    def families(self) -> set[str]:
        """Give the names of the families of the last scrape."""
        return {family.name for family in text_string_to_metric_families(self.text)}

    async def test_rules_and_panels(self) -> None:
        """Prometheus takes the metrics and the rules, and every name in rules and panels is one of ours."""
        service = await self.serve()
        await (await self.connect(service)).call("ping")
        await self.frames(await self.view(service), 1)
        figures = await self.scrape(service)
        rules = (ROOT / "etc" / "prometheus-alerts.yml").read_text("utf-8")
        expressions = re.findall(r"^ +expr: (.*)$", rules, re.MULTILINE)
        self.assertEqual(len(expressions), rules.count("- alert: "))
        board = json.loads((ROOT / "etc" / "grafana-dashboard.json").read_text("utf-8"))
        expressions += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
        self.assertGreater(len(expressions), 30)
        for expression in expressions:
            self.assertTrue(metrics_in(expression), expression)
            for name, labels in metrics_in(expression):
                # By its full name, with _total and _bucket: of the family's there is nothing to be found.
                found = [dict(sample) for sample in figures.get(name, ())]
                self.assertTrue(found or name in _MADE_BY_PROMETHEUS, expression)
                # With values that there are before anything went wrong: else the first time would not be seen.
                self.assertTrue(not labels or any(labels.items() <= one.items() for one in found), expression)
            for label in re.findall(r"(?:by|on) \(([^)]*)\)", expression):
                known = {key for name, _ in metrics_in(expression) for sample in figures[name] for key, _ in sample}
                self.assertEqual(set(re.split(r",\s*", label)) - known - _ADDED, set(), expression)
        page = (ROOT / "docs" / "operations.md").read_text("utf-8")
        self.assertEqual([name for name in sorted(self.families()) if f"`{name}" not in page], [])
        self.assertEqual([name for name in re.findall(r"alert: (\w+)", rules) if f"`{name}`" not in page], [])

        promtool = shutil.which("promtool")
        if promtool is None:
            raise SkipTest("no promtool (apt-get install prometheus)")
        alerts = str(ROOT / "etc" / "prometheus-alerts.yml")
        out, err, status = await getProcessOutputAndValue(promtool, ["check", "rules", alerts])
        self.assertEqual(status, 0, (out + err).decode())
        scraped = self.directory / "metrics"
        scraped.write_text(self.text, "utf-8")
        check = ["-c", f'exec "{promtool}" check metrics < "{scraped}"']
        out, err, status = await getProcessOutputAndValue("/bin/sh", check)
        self.assertEqual((status, (out + err).decode()), (0, ""))

    async def test_health(self) -> None:
        """The pages tell whoever asks whether all is well, and who may see more what is not."""
        service = await self.serve("--set", "access.loopback=none", "--set", "access.anonymous=none")

        async def look(path: str) -> tuple[int, Any]:
            try:
                status, _, body = await self.get(service, path)
            except HTTPError as error:
                with error:
                    return error.code, error.read()
            return status, json.loads(body)

        self.assertEqual(await look("/health/live"), (200, {"live": True}))
        self.assertEqual(await look("/health"), (200, {"status": "HEALTHY"}))

        async def ready() -> bool:
            return (await look("/health/ready"))[0] == 200

        for _ in range(100):
            if await ready():
                break
        steps = {"ready": True, "listening": True, "monitoring": True, "recovered": True}
        self.assertEqual(await look("/health/ready"), (200, steps))
        for path in ("/health/detailed", "/metrics"):
            self.assertEqual((await look(path))[0], 401, path)
        admin = await self.administer(service)
        status = await admin.call("get_status")
        self.assertTrue({"rpc", "loop", "feeds", "probes", "storage", "access"} <= set(status["components"]))

    async def test_storage_failure_is_told(self) -> None:
        """A media directory that breaks is news for every client, degrades the health, and is well again after."""
        service = await self.serve()
        client = await self.connect(service)
        await client.call("subscribe_events", {"topics": ["system_health_update"]})
        recordings = service.state / "media" / "recordings"
        recordings.rmdir()
        recordings.write_bytes(b"")

        def storage(status: str) -> Any:
            return lambda one: one.params.get("component") == "storage" and one.params["status"] == status

        await client.wait_for(storage("DEGRADED"), PATIENCE)
        self.assertEqual((await self.scrape(service))["webcam_component_healthy"][("component", "storage"),], 0)
        recordings.unlink()
        recordings.mkdir()
        await client.wait_for(storage("HEALTHY"), PATIENCE)
        await eventually(reactor, lambda: "storage is well again" in service.log, PATIENCE, "the log says so")
