"""How long to wait before the connection is tried again: longer each time, and never all clients at once."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Backoff:
    """Delays that grow from ``first`` to ``most`` seconds, each shortened by chance to no less than half of itself.

    :param uniform: gives a number from 0 to 1.
    """

    def __init__(
        self, first: float = 0.1, most: float = 15.0, factor: float = 2.0, uniform: Callable[[], float] = random.random
    ) -> None:
        if not 0 < first <= most or factor < 1:
            raise ValueError("0 < first <= most and factor >= 1")
        self._first = first
        self._most = most
        self._factor = factor
        self._uniform = uniform
        self._next = first

    def delay(self) -> float:
        """Give the seconds to wait this time."""
        delay = self._next
        self._next = min(self._most, delay * self._factor)
        return delay * (0.5 + 0.5 * self._uniform())

    def reset(self) -> None:
        """Begin anew: the connection was good."""
        self._next = self._first
