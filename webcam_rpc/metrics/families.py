"""The metrics: their names, their help, and where each figure comes from.

A name, once given, stays. No label has more values than the service itself has: methods, outcomes, states; of cameras
the first of each look, the others together.
"""

from __future__ import annotations

import os
import platform
import resource
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

import twisted
from webcam_rpc.cameras.models import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.core import Metric

    from webcam_rpc.cameras.monitor import CameraMonitor
    from webcam_rpc.cameras.registry import CameraRegistry
    from webcam_rpc.histogram import Histogram
    from webcam_rpc.media.feeds import Feeds
    from webcam_rpc.media.library import MediaLibrary
    from webcam_rpc.media.recorder import Recorder
    from webcam_rpc.metrics.calls import CallTally
    from webcam_rpc.metrics.events import EventTally
    from webcam_rpc.metrics.lag import LoopLag
    from webcam_rpc.web.clients import Clients

#: Cameras with a label of their own.
_CAMERAS = 64
_OTHERS = "other"


@dataclass(frozen=True)
class Sources:
    """Where the figures come from.

    :ivar health: gives the status of each component in words, by its name.
    """

    version: str
    clients: Clients
    calls: CallTally
    lag: LoopLag
    events: EventTally
    registry: CameraRegistry
    monitor: CameraMonitor
    feeds: Feeds
    recorder: Recorder
    library: MediaLibrary
    health: Callable[[], Mapping[str, str]]


def families(sources: Sources) -> Iterator[Metric]:
    """Give every metric as it is now."""
    yield from _service(sources)
    yield from _network(sources.clients)
    yield from _calls(sources.calls)
    yield from _cameras(sources)
    yield from _feeds(sources.feeds)
    yield from _media(sources)


def _counter(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(name, about, value=value)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def _counters(name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(name, about, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family


def _gauges(name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family


def _times(name: str, about: str, histogram: Histogram) -> Metric:
    return HistogramMetricFamily(name, about, buckets=histogram.buckets(), sum_value=histogram.sum)


def _service(sources: Sources) -> Iterator[Metric]:
    build = GaugeMetricFamily("webcam_build_info", "What serves; always 1.", labels=["version", "python", "twisted"])
    build.add_metric([sources.version, platform.python_version(), twisted.__version__], 1)
    yield build
    health = {name: float(status == "HEALTHY") for name, status in sources.health().items()}
    yield _gauges("webcam_component_healthy", "Whether a component is well (1) or not (0).", "component", health)
    yield _times("webcam_loop_lag_seconds", "By how much the reactor was late, twice a second.", sources.lag.times)
    yield _gauge("webcam_loop_lag_worst_seconds", "The most of the last ten seconds.", sources.lag.worst)
    yield _gauge("webcam_threads", "Threads of the process.", threading.active_count())
    resident = _resident()
    if resident is not None:
        yield _gauge("webcam_resident_memory_bytes", "Memory of the process, its children left out.", resident)
    descriptors = _descriptors()
    if descriptors is not None:
        yield _gauge("webcam_open_descriptors", "Open file descriptors of the process.", descriptors)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most != resource.RLIM_INFINITY:
        yield _gauge("webcam_descriptors_limit", "File descriptors that the process may have open.", most)
    used = os.times()
    yield _counter(
        "webcam_cpu_seconds", "Processor time of the process, its children left out.", used.user + used.system
    )
    yield _counter(
        "webcam_children_cpu_seconds",
        "Processor time of children that have ended (ffmpeg, v4l2-ctl).",
        used.children_user + used.children_system,
    )


def _network(clients: Clients) -> Iterator[Metric]:
    counts = clients.counts
    yield _gauge("webcam_clients", "Clients connected by WebSocket.", len(clients))
    kinds = clients.connections.by_kind()
    yield _gauges("webcam_connections", "Connections, by what they are.", "kind", kinds)
    yield _counter("webcam_connections_refused", "Connections that were too many.", counts.refused)
    yield _counter("webcam_messages_received", "Messages that clients sent.", counts.messages_received)
    yield _counter("webcam_messages_fast_path", "Those of them that took the fast path.", counts.fast_path)
    yield _counter("webcam_messages_sent", "Replies and notifications.", counts.messages_sent)
    yield _counter("webcam_message_bytes_received", "Bytes of messages that clients sent.", counts.bytes_received)
    yield _counter("webcam_message_bytes_sent", "Bytes of replies and notifications.", counts.bytes_sent)
    yield _counter("webcam_broadcasts", "Notifications, each counted once.", counts.broadcasts)
    yield _counter("webcam_clients_too_slow", "Clients closed because too much waited for them.", counts.too_slow)
    yield _counter(
        "webcam_message_bytes_dropped", "Bytes that waited for clients when they were closed.", counts.bytes_dropped
    )
    yield _counter("webcam_clients_silent", "Clients closed because they answered no ping.", counts.silent)
    yield _counter("webcam_wrong_tokens", "Tokens that nobody has: guesses.", counts.wrong_tokens)
    yield _counter("webcam_lockouts", "Addresses locked out for a while, for wrong tokens.", counts.locked_out)
    yield _counter("webcam_http_rate_limited", "HTTP requests refused with 429.", counts.rate_limited)


def _calls(calls: CallTally) -> Iterator[Metric]:
    made = CounterMetricFamily(
        "webcam_calls", "Calls that are over, by method and outcome.", labels=["method", "outcome"]
    )
    for (method, outcome), count in sorted(calls.outcomes.items()):
        made.add_metric([method, outcome], count)
    yield made
    times = HistogramMetricFamily("webcam_call_seconds", "How long calls took, by method.", labels=["method"])
    for method, histogram in sorted(calls.times.items()):
        times.add_metric([method], buckets=histogram.buckets(), sum_value=histogram.sum)
    yield times


def _cameras(sources: Sources) -> Iterator[Metric]:
    states = dict.fromkeys((status.value.lower() for status in Status), 0.0)
    for camera in sources.registry.all():
        states[camera.status.value.lower()] += 1
    yield _gauges("webcam_cameras", "Cameras that are known, by status.", "status", states)
    yield _counters("webcam_camera_changes", "Changes of cameras, by the new status.", "status", sources.events.cameras)
    monitor = sources.monitor
    yield _times("webcam_camera_announce_seconds", "From a node's first sight to its announcement.", monitor.announced)
    yield _times("webcam_probe_seconds", "How long v4l2-ctl took to tell what a node is.", monitor.probed)
    yield _counter("webcam_probes_failed", "Probes that did not tell what a node is.", monitor.probes_failed)


def _feeds(feeds: Feeds) -> Iterator[Metric]:
    frames = CounterMetricFamily("webcam_frames", "Whole frames that came from a camera.", labels=["camera"])
    broken = CounterMetricFamily("webcam_frames_broken", "Broken frames that came from a camera.", labels=["camera"])
    dropped = CounterMetricFamily(
        "webcam_frames_dropped", "Frames that recordings missed: the encoder had no time.", labels=["camera"]
    )
    failed = CounterMetricFamily(
        "webcam_capture_failures", "How often the capture of a camera failed.", labels=["camera"]
    )
    delivering = GaugeMetricFamily("webcam_feed_delivering", "Whether frames come (1) or not (0).", labels=["camera"])
    consumers = GaugeMetricFamily("webcam_feed_consumers", "Who lives on a camera's frames.", labels=["camera", "kind"])
    counters = (frames, broken, dropped, failed)
    rest = [0] * len(counters)
    for place, feed in enumerate(feeds.all()):
        counts = (feed.frames, feed.broken, feed.dropped, feed.restarts)
        if place >= _CAMERAS:
            rest = [sum(both) for both in zip(rest, counts, strict=True)]
            continue
        for family, count in zip(counters, counts, strict=True):
            family.add_metric([feed.camera_id], count)
        delivering.add_metric([feed.camera_id], float(feed.delivering))
        for kind, count in sorted(feed.consumers().items()):
            consumers.add_metric([feed.camera_id, kind], count)
    if any(rest):
        for family, value in zip(counters, rest, strict=True):
            family.add_metric([_OTHERS], value)
    yield from (*counters, delivering, consumers)


def _media(sources: Sources) -> Iterator[Metric]:
    events, recorder, library = sources.events, sources.recorder, sources.library
    yield _counters("webcam_captures", "Captures that began or failed.", "event", events.captures)
    yield _gauge("webcam_recordings_active", "Recordings that go on.", len(recorder.active()))
    yield _counters("webcam_recordings", "Recordings, by what became of them.", "event", events.recordings)
    yield _counters("webcam_schedules", "Schedules and their runs, by what became of them.", "event", events.schedules)
    yield _counter("webcam_snapshots", "Pictures that were kept.", events.snapshots)
    yield _counter("webcam_snapshot_bytes", "Bytes of pictures that were kept.", events.snapshot_bytes)
    yield _counter("webcam_files_deleted", "Files deleted to make room.", events.files_deleted)
    try:
        space = library.room.space()
    except OSError:
        # Nobody can tell; the component ``storage`` says why.
        return
    yield _gauge("webcam_storage_total_bytes", "Size of the media's file system.", space.total)
    yield _gauge("webcam_storage_available_bytes", "What may still be used of it.", space.available)
    yield _gauge("webcam_storage_floor_bytes", "What stays free: below it nothing is recorded.", library.floor())


def _resident() -> int | None:
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None


def _descriptors() -> int | None:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return None
