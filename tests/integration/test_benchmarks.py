"""The load generator with a server that does no more than answer: it counts right, and notices what is wrong."""

from __future__ import annotations

import sys

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.crowd import gathered
from benchmarks.load import call_closely, ping_alone
from benchmarks.process import Server
from benchmarks.roster import CEILING, OURS, STOCK, Peers, entrants
from benchmarks.wire import BenchmarkFailed

#: Answers each ping twice.
_TWICE = """
from benchmarks.servers import ceiling
once = ceiling.replies
def twice(data):
    out, left = once(data)
    return out * 2, left
ceiling.replies = twice
ceiling.main()
"""


class GeneratorTests(SynchronousTestCase):
    """Clients of the bare server."""

    def serve(self, *argv: str) -> Server:
        """Start one that ends with the test."""
        server = Server([sys.executable, *(argv or ("-m", "benchmarks.servers.ceiling"))])
        self.addCleanup(server.end)
        return server

    def test_calls(self) -> None:
        """Every call is answered once, whatever is under way, and both sides' time is told."""
        server = self.serve()
        for clients, in_flight in ((3, 16), (10, 1)):
            for chatty in (False, True):
                answered = call_closely(server, "ping", clients, in_flight, 0.1, chatty=chatty)
                self.assertGreater(answered.rate, 0)
                self.assertGreater(answered.cost, 0)
                self.assertGreater(answered.busy, 0)
        self.assertGreater(ping_alone(server, "ping", 20), 0)

    def test_events(self) -> None:
        """All clients hear of each event of a burst."""
        with gathered(self.serve(), 40) as crowd:
            for events in (1, 20, 1):
                told = crowd.hear(events)
                self.assertGreater(told.seconds, 0)
                self.assertGreater(told.used, 0)

    def test_too_many_answers(self) -> None:
        """A server that says more than it was asked has no figure."""
        server = self.serve("-c", _TWICE)
        self.assertRaises(BenchmarkFailed, call_closely, server, "ping", 2, 4, 0.1)

    def test_no_start(self) -> None:
        """A server that does not start says why."""
        error = self.assertRaises(BenchmarkFailed, Server, [sys.executable, "-c", "raise SystemExit('no such thing')"])
        self.assertIn("no such thing", str(error))


class EndTests(SynchronousTestCase):
    """Nothing outlives the suite."""

    def test_end_of_input(self) -> None:
        """A server whose starter has gone, of whatever kind, ends by itself."""
        for entrant in (entrants(Peers.nowhere())[name] for name in (OURS, STOCK, CEILING)):
            server = entrant.start(None)
            self.addCleanup(server.end)
            server.hang_up()
            self.assertEqual(server.wait(), 0, entrant.name)
