"""The metrics of a service with more cameras than have a label of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.metrics.families import _CAMERAS, _feeds

if TYPE_CHECKING:
    from webcam_rpc.media.feeds import Feeds


class OneFeed:
    """A feed of which there are figures."""

    frames, broken, dropped, restarts, delivering = 100, 10, 5, 1, True

    def __init__(self, number: int) -> None:
        self.camera_id = f"camera-{number}"

    def consumers(self) -> dict[str, int]:
        """Give two kinds."""
        return {"stream": 2, "recording": 1}


class ManyFeeds:
    """So many of them."""

    def __init__(self, count: int) -> None:
        self._count = count

    def all(self) -> tuple[OneFeed, ...]:
        """Give them."""
        return tuple(map(OneFeed, range(self._count)))


class LabelTests(SynchronousTestCase):
    """No label has more values than there may be series."""

    def figures(self, count: int) -> dict[str, dict[str, float]]:
        """Give the figures of so many cameras: by metric, then by the label."""
        found: dict[str, dict[str, float]] = {}
        for family in _feeds(cast("Feeds", ManyFeeds(count))):
            for sample in family.samples:
                labels = dict(sample.labels)
                found.setdefault(sample.name, {})["/".join(labels.values())] = sample.value
        return found

    def test_few(self) -> None:
        """Each camera has a label, and there is no other."""
        figures = self.figures(_CAMERAS)
        self.assertEqual(len(figures["webcam_frames_total"]), _CAMERAS)
        self.assertNotIn("other", figures["webcam_frames_total"])
        self.assertEqual(figures["webcam_feed_consumers"]["camera-0/stream"], 2)

    def test_many(self) -> None:
        """Of more, all that have none of their own are counted as one."""
        figures = self.figures(_CAMERAS + 7)
        for name, each in (
            ("webcam_frames_total", 100),
            ("webcam_frames_broken_total", 10),
            ("webcam_frames_dropped_total", 5),
            ("webcam_capture_failures_total", 1),
        ):
            self.assertEqual(len(figures[name]), _CAMERAS + 1, name)
            self.assertEqual((figures[name]["camera-0"], figures[name]["other"]), (each, each * 7), name)
        self.assertEqual(len(figures["webcam_feed_delivering"]), _CAMERAS)
        self.assertEqual(len(figures["webcam_feed_consumers"]), _CAMERAS * 2)
