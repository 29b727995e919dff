"""That nothing has become slow: what a call costs the service, beside a plain Autobahn server in the same run.

Compared is CPU time and not wall time, in rounds that follow each other at once, so that a busy machine does not matter
much; and ratios, so that a slow one does not either. ``scripts/bench`` measures the rest.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.load import Answered, call_closely
from benchmarks.roster import OURS, STOCK, Peers, entrants, running
from benchmarks.rounds import Results, measured

#: What the CPU time of a call may be in comparison: generous, so that what is over it is no chance.
PIPELINED, CLOSED = 0.4, 0.6
_LOOK = "of the CPU time of stock Autobahn; if the fast path is off, the service's log says why"
_ROUNDS, _SECONDS = 5, 0.2


class CostTests(SynchronousTestCase):
    """CPU time of a reply, against stock Autobahn with the same clients."""

    def cost(self, clients: int, in_flight: int) -> float:
        """Give the median of the rounds' ratios."""
        servers = entrants(Peers.nowhere())
        with running([servers[OURS], servers[STOCK]], None) as both:
            self.assertEqual(len(both), 2, [server.problem for server in servers.values()])
            results: Results[Answered] = measured(
                "", both, _ROUNDS, lambda server: call_closely(server.up(), "ping", clients, in_flight, _SECONDS)
            )
        self.assertEqual(results.problems, {})
        ratio = results.ratio(OURS, STOCK, lambda answered: answered.cost)
        assert ratio is not None
        return ratio

    def test_pipelined(self) -> None:
        """With calls under way all the time a reply costs no more than its share."""
        self.assertLess(self.cost(20, 16), PIPELINED, _LOOK)

    def test_closed_loop(self) -> None:
        """With clients that wait for each answer a reply costs no more than its share."""
        self.assertLess(self.cost(50, 1), CLOSED, _LOOK)
