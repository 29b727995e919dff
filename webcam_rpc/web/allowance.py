"""How much each client may ask for in a while: token buckets, for a connection and for its whole address.

Pure; the time is an argument. Written here and not taken from a library: the two that there are keep a thread for each
store, or every key for ever, and neither tells when to try again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from webcam_rpc.rpc.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import Callable

    from webcam_rpc.config import Rate
    from webcam_rpc.web.peers import Peer

#: Seconds that a bucket takes to fill up: so long may a client ask for twice as much.
BURST = 2.0
#: Addresses whose buckets are kept, before those that are full are thrown away.
_ADDRESSES = 1024


class Bucket:
    """Fills up at ``rate`` a second, and holds what it gets in :data:`BURST` seconds."""

    __slots__ = ("_at", "_level", "_rate")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._level = rate * BURST
        self._at = now

    def wait(self, cost: float, now: float) -> float:
        """Give the seconds until there is enough: 0 if there is. What costs more than it holds has to find it full."""
        self._level = min(self._rate * BURST, self._level + (now - self._at) * self._rate)
        self._at = now
        return max(0.0, min(cost, self._rate * BURST) - self._level) / self._rate

    def spend(self, cost: float) -> None:
        """Take as much out as something costs, even where less is there."""
        self._level -= cost

    def is_full(self, now: float) -> bool:
        """Tell whether it is as it was at first."""
        return self._level + (now - self._at) * self._rate >= self._rate * BURST


class Allowance:
    """What one connection may ask for: as much as is left of its own and of its address's."""

    __slots__ = ("_buckets", "_seconds")

    def __init__(self, buckets: tuple[Bucket, ...], seconds: Callable[[], float]) -> None:
        self._buckets = buckets
        self._seconds = seconds

    def spend(self, cost: float) -> None:
        """Pay for a call. Raises RateLimited, which tells when to try again; then nothing was paid."""
        now = self._seconds()
        wait = max(bucket.wait(cost, now) for bucket in self._buckets)
        if wait > 0:
            raise RateLimited(math.ceil(wait * 1000))
        for bucket in self._buckets:
            bucket.spend(cost)


class Rates:
    """Gives each connection its allowance.

    :param seconds: the monotonic time.
    """

    def __init__(self, rate: Rate, seconds: Callable[[], float]) -> None:
        self._rate = rate
        self._seconds = seconds
        self._addresses: dict[str, Bucket] = {}

    def configure(self, rate: Rate) -> None:
        """Go by other rates from now on; connections that are open keep theirs."""
        self._rate = rate
        self._addresses.clear()

    def of(self, peer: Peer) -> Allowance | None:
        """Give the allowance of a new connection; None where nothing is counted."""
        rate = self._rate
        if peer.loopback and not rate.loopback:
            return None
        now = self._seconds()
        buckets = [Bucket(rate.connection, now)] if rate.connection else []
        if rate.address and peer.network is not None:
            buckets.append(self._of_address(peer.network, now))
        return Allowance(tuple(buckets), self._seconds) if buckets else None

    def _of_address(self, network: str, now: float) -> Bucket:
        found = self._addresses.get(network)
        if found is None:
            if len(self._addresses) >= _ADDRESSES:
                # An address that is as good as new need not be remembered. All of the others are at work right now.
                self._addresses = {key: each for key, each in self._addresses.items() if not each.is_full(now)}
            found = self._addresses[network] = Bucket(self._rate.address, now)
        return found
