"""Wrong tokens: how often an address may show one before it is not listened to for a while.

Pure; the time is an argument.
"""

from __future__ import annotations

from collections import OrderedDict, deque

#: So many failures within so many seconds, and for so many seconds nobody from there is listened to.
FAILURES, WITHIN, LOCKED = 10, 60.0, 60.0
#: Addresses that are remembered; of more, those that failed longest ago are forgotten.
_ADDRESSES = 10_000


class Lockout:
    """The failures of each address."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._locked: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """Count the addresses that are locked out, or were and have not been back since."""
        return len(self._locked)

    def wait(self, address: str, now: float) -> float:
        """Give the seconds for which an address is locked out: 0 if it is not."""
        until = self._locked.get(address)
        if until is None:
            return 0.0
        if until <= now:
            del self._locked[address]
            return 0.0
        return until - now

    def failed(self, address: str, now: float) -> bool:
        """Count a wrong token; tell whether that locks the address out."""
        failures = self._failures.setdefault(address, deque())
        self._failures.move_to_end(address)
        while failures and failures[0] <= now - WITHIN:
            failures.popleft()
        failures.append(now)
        if len(failures) < FAILURES:
            if len(self._failures) > _ADDRESSES:
                self._failures.popitem(last=False)
            return False
        del self._failures[address]
        self._locked[address] = now + LOCKED
        self._locked.move_to_end(address)
        if len(self._locked) > _ADDRESSES:
            self._locked.popitem(last=False)
        return True
