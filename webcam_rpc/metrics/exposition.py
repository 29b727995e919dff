"""The figures as Prometheus reads them, and as ``get_metrics`` gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client.core import Metric


class Exposition:
    """Puts the figures together when they are asked for. In a registry of its own: nothing else is in it.

    :param families: gives every metric.
    """

    content_type = CONTENT_TYPE_LATEST.encode()

    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self._families = families
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Give every metric."""
        return self._families()

    def describe(self) -> Iterable[Metric]:
        """Name none: they would be put together for it, before the service is."""
        return ()

    def text(self) -> bytes:
        """Write them in Prometheus' format."""
        return generate_latest(self._registry)
