"""What the suite of benchmarks reads, counts, judges and writes."""

# ruff: noqa: RUF001 - a ratio is written with a sign for it

from __future__ import annotations

import io
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from twisted.trial.unittest import SynchronousTestCase

from benchmarks import cameras, chart, page, suite, wire
from benchmarks.report import Section, count, section_text, table, targets_text
from benchmarks.roster import CEILING, OURS, STOCK, Entrant, Peers, entrants
from benchmarks.rounds import Results, measured
from benchmarks.servers import ceiling, job

ROOT = Path(__file__).parents[1]


def sent(payload: bytes) -> bytes:
    """Write a frame as a server does."""
    if len(payload) < 126:
        return bytes((0x81, len(payload))) + payload
    return b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload


class WireTests(SynchronousTestCase):
    """Frames."""

    def test_request(self) -> None:
        """A server reads what the generator writes, however it is cut."""
        stream = wire.request("ping", 10) + wire.request("ping", 11, text="x" * 20)
        out, rest = b"", b""
        for at in range(0, len(stream), 7):
            answers, rest = ceiling.replies(rest + stream[at : at + 7])
            out += answers
        self.assertEqual(rest, b"")
        payloads = [out[body:end] for _, _, body, end in wire.frames(out)]
        self.assertEqual(payloads, [b'{"jsonrpc":"2.0","result":"pong","id":%d}' % number for number in (10, 11)])

    def test_long_request(self) -> None:
        """A longer frame has its length in two bytes, masked all the same."""
        frame = wire.frame(b"x" * 300)
        self.assertEqual(frame[:4], b"\x81\xfe" + (300).to_bytes(2, "big"))
        self.assertEqual(bytes(byte ^ frame[4 + place % 4] for place, byte in enumerate(frame[8:])), b"x" * 300)

    def test_frames(self) -> None:
        """Only whole frames are given."""
        stream = sent(b"a") + sent(b"b" * 125) + sent(b"c" * 126) + sent(b"d" * 3000)
        sizes = [end - body for _, _, body, end in wire.frames(stream)]
        self.assertEqual(sizes, [1, 125, 126, 3000])
        for cut in range(len(stream)):
            ends = [0, *(end for _, _, _, end in wire.frames(stream[:cut]))]
            self.assertLessEqual(ends[-1], cut)
            self.assertTrue(stream.startswith(stream[: ends[-1]]))
        self.assertEqual(len(list(wire.frames(stream[:-1]))), 3)


class JobTests(SynchronousTestCase):
    """What each server does."""

    def test_answer(self) -> None:
        """A ping is answered, something else refused."""
        self.assertEqual(job.answer({"method": "ping", "id": 3}), {"jsonrpc": "2.0", "result": "pong", "id": 3})
        self.assertEqual(job.answer({"method": "pong", "id": 4})["error"]["code"], -32601)

    def test_event(self) -> None:
        """Each event has its number, and the pattern stays as it is."""
        self.assertEqual([job.event(number)["params"]["seq"] for number in (7, 8)], [7, 8])
        self.assertEqual(job.EVENT["params"]["seq"], 1)

    def test_asked(self) -> None:
        """Nothing but the word is an order."""
        self.assertEqual([job.asked(line) for line in ("publish 20", "", "else 3")], [20, 0, 0])


class RoundsTests(SynchronousTestCase):
    """Rounds, and what is made of them."""

    def entrants(self, *names: str) -> list[Entrant]:
        """Give servers that nobody starts."""

        def start(_: int | None) -> None:
            self.fail("nobody is to be started")

        return [Entrant(name, start) for name in names]  # type: ignore[arg-type]

    def test_order(self) -> None:
        """Each round has everybody once, and does not always begin with the same."""
        seen: list[str] = []
        measured("", self.entrants("a", "b", "c"), 6, lambda entrant: seen.append(entrant.name))
        rounds = ["".join(seen[at : at + 3]) for at in range(0, 18, 3)]
        self.assertEqual({"".join(sorted(each)) for each in rounds}, {"abc"})
        self.assertEqual({each[0] for each in rounds}, {"a", "b", "c"})

    def test_failing(self) -> None:
        """A server that fails has a reason and no figures, and the others go on."""
        calls = 0

        def measure(entrant: Entrant) -> float:
            nonlocal calls
            calls += 1
            if entrant.name == "b" and calls > 3:
                raise wire.BenchmarkFailed("gone")
            return 1.0

        chosen = self.entrants("a", "b", "c")
        chosen[2].problem = "not installed"
        results = measured("", chosen, 4, measure)
        self.assertEqual(results.problems, {"b": "gone", "c": "not installed"})
        self.assertEqual(results.figures, {"a": [1.0] * 4})
        self.assertIsNone(results.ratio("a", "b", float))
        self.assertIsNone(results.median("c", float))

    def test_ratio(self) -> None:
        """What counts is the median of the rounds' ratios, not the ratio of the medians."""
        results: Results[float] = Results({"a": [1.0, 20.0, 3.0], "b": [2.0, 10.0, 1.0]})
        self.assertEqual(results.ratio("a", "b", float), 2.0)
        self.assertEqual(results.median("a", float), 3.0)

    def test_roster(self) -> None:
        """A peer that is not installed says so; the rest is there all the same."""
        found = entrants(Peers.nowhere())
        self.assertEqual(
            {found[name].problem for name in ("websockets", "aiohttp", "picows", "Moonraker")}, {"not installed"}
        )
        self.assertEqual([found[name].problem for name in (OURS, STOCK, CEILING)], ["", "", ""])


class ReportTests(SynchronousTestCase):
    """Tables, the page and the chart."""

    def section(self) -> Section:
        """Give one with all that there may be."""
        section = Section("pipelined", "Pings", ("server", "figure"), [(OURS, "3.00×")], bars={OURS: 3.0, "a < b": 1.0})
        section.at_least("rate", 3.0, 7)
        section.at_least("cost", 3.0, 1.5, "{:.2f}× (by the clock 2.50×)")
        section.at_most("size", 6.96, 7, "{:.1f} KiB")
        section.at_most("cost", 1.4, 4 / 3)
        section.at_most("cameras", None, 200, "{:.0f} ms", "no webcam")
        return section

    def test_verdicts(self) -> None:
        """Met, missed, and not measured are three things."""
        section = self.section()
        self.assertEqual([verdict.met for verdict in section.verdicts], [False, True, True, False, None])
        targets = [verdict.target for verdict in section.verdicts]
        self.assertEqual(targets, ["≥ 7×", "≥ 1.5×", "≤ 7 KiB", "≤ 1.33×", "≤ 200 ms"])
        self.assertEqual(section.verdicts[1].figure, "3.00× (by the clock 2.50×)")
        self.assertEqual(section.verdicts[4].figure, "not measured: no webcam")
        self.assertEqual(count([section, section]), "4 met, 4 missed, 2 not measured")
        self.assertIn("| rate | 3.00× | ≥ 7× | **missed** |", targets_text([section]))

    def test_table(self) -> None:
        """A table is Markdown's."""
        self.assertEqual(table(("a", "b"), [("1", "2")]), "| a | b |\n|---|---|\n| 1 | 2 |")
        self.assertIn("### Pings", section_text(self.section()))

    def test_page(self) -> None:
        """Results take the place of those before, and nothing else changes; the page in the tree has that place."""
        text = (ROOT / "docs" / "performance.md").read_text("utf-8")
        once = page.put(text, "first")
        self.assertEqual(page.put(once, "first"), once)
        self.assertIn("\nsecond\n", page.put(once, "second"))
        self.assertNotIn("\nfirst\n", page.put(once, "second"))
        self.assertEqual(once.split("## Results")[0], text.split("## Results")[0])
        self.assertRaises(ValueError, page.put, "no markers", "first")

    def test_chart(self) -> None:
        """The chart is XML, shows every bar, and ours apart."""
        drawn = ET.fromstring(chart.chart([self.section()]))  # noqa: S314 - ours
        space = "{http://www.w3.org/2000/svg}"
        bars = [bar for bar in drawn.iter(f"{space}rect") if "bar" in (bar.get("class") or "")]
        self.assertEqual([bar.get("class") for bar in bars], ["bar ours", "bar"])
        lengths = [float(bar.get("width") or 0) for bar in bars]
        self.assertAlmostEqual(lengths[0], 3 * lengths[1], delta=0.2)
        self.assertIn("a < b", [text.text for text in drawn.iter(f"{space}text")])

    def test_latency(self) -> None:
        """What the test in the virtual machine says is understood."""
        said = (
            "plug to udev's announcement 0.578 s, one v4l2-ctl run then 0.118 s; plug to CONNECTED 0.695 s, with "
            "resolution and fps 0.737 s: 1.08 times the first two; udev's announcement to CONNECTED 0.124 s (med.)"
        )
        found = cameras.said(f"test_soon_after_udev ... {said}\n  [OK]")
        self.assertEqual(found, {"udev": 578, "probe": 118, "connected": 695, "complete": 737, "told": 124})
        self.assertIsNone(cameras.said("[FAIL]"))


class OptionTests(SynchronousTestCase):
    """The command line."""

    def test_only(self) -> None:
        """What is chosen is by name, and a name that is none is refused."""
        self.assertEqual(suite.parser().parse_args(["--only", "idle,base"]).only, ["idle", "base"])
        said = io.StringIO()
        self.patch(sys, "stderr", said)
        self.assertRaises(SystemExit, suite.parser().parse_args, ["--only", "idle,nonsense"])
        self.assertIn("nonsense is none of pipelined", said.getvalue())
