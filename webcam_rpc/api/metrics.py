"""The method that gives the figures of ``/metrics`` to clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
from twisted.internet.defer import Deferred, inlineCallbacks

from webcam_rpc.api.cameras import NoParams
from webcam_rpc.rpc.methods import Caller, Method
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from prometheus_client.core import Metric

#: Some hundreds of figures are put together, and the disk is looked at.
_COST = 5.0


class Sample(msgspec.Struct, frozen=True):
    """One figure; ``name`` ends as Prometheus has it (``_total``, ``_bucket``, ``_sum``, ``_count``)."""

    name: str
    labels: dict[str, str]
    value: float


class MetricInfo(msgspec.Struct, frozen=True):
    """A metric with its figures."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    samples: tuple[Sample, ...]


class Metrics(msgspec.Struct, frozen=True):
    """All metrics; ``values`` has those without labels by name, for whoever wants one figure."""

    metrics: tuple[MetricInfo, ...]
    values: dict[str, float]


class MetricMethods:
    """What clients can ask about figures.

    :param families: gives every metric.
    """

    def __init__(self, families: Callable[[], Deferred[Iterable[Metric]]]) -> None:
        self._families = families

    def methods(self) -> tuple[Method, ...]:
        """List the methods of this noun."""
        return (
            Method(
                "get_metrics",
                Role.STATUS,
                NoParams,
                Metrics,
                self.get_metrics,
                "Give the counters and gauges of the service, the same figures as /metrics.",
                cost=_COST,
            ),
        )

    @inlineCallbacks
    def get_metrics(self, params: NoParams, caller: Caller) -> Generator[Deferred[Any], Any, Metrics]:  # noqa: ARG002
        """Give every figure."""
        families: Iterable[Metric] = yield self._families()
        metrics = tuple(_info(family) for family in families)
        values = {one.name: one.value for metric in metrics for one in metric.samples if not one.labels}
        return Metrics(metrics, values)


def _info(family: Metric) -> MetricInfo:
    samples = tuple(Sample(sample.name, dict(sample.labels), float(sample.value)) for sample in family.samples)
    kind: Literal["counter", "gauge", "histogram"] = family.type  # type: ignore[assignment]
    return MetricInfo(family.name, kind, family.documentation, samples)
