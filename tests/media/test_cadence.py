"""The places that frames have in a file."""

from __future__ import annotations

from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.media.cadence import Cadence

RATES = st.sampled_from([1.0, 5.0, 7.5, 14.985, 15.0, 29.97, 30.0, 60.0, 120.0])
#: What rounding may do.
_ROUNDING = 1e-6


def placed(fps: float, times: list[float]) -> list[float]:
    """Give the places of frames that came at these times."""
    cadence = Cadence(fps)
    return [cadence.place(at) for at in times]


class CadenceTests(SynchronousTestCase):
    """On the beat, in order, and near the time at which they came."""

    @given(RATES, st.lists(st.floats(0.0, 3.0), max_size=200))
    def test_growing(self, fps: float, gaps: list[float]) -> None:
        """However frames come, many at once too, each is later than the one before; the first is at 0."""
        places = placed(fps, list(accumulate(gaps, initial=0.0)))
        self.assertEqual(places[0], 0.0)
        for before, after in pairwise(places):
            # Nothing that keeps times, a Matroska file in milliseconds, must see two as one.
            self.assertGreaterEqual(after - before, 0.1 / fps - _ROUNDING)

    @given(RATES, st.lists(st.tuples(st.integers(1, 60), st.floats(-0.24, 0.24)), max_size=200))
    def test_near(self, fps: float, frames: list[tuple[int, float]]) -> None:
        """With a camera that is not faster than its rate no frame is moved by more than half a beat, gaps or not."""
        beats = list(accumulate((beats for beats, _ in frames), initial=0))
        jitter = [0.0, *(late for _, late in frames)]
        times = [max(0.0, (beat + late) / fps) for beat, late in zip(beats, jitter, strict=True)]
        for at, place in zip(times, placed(fps, times), strict=True):
            self.assertLessEqual(abs(place - at), 0.5 / fps + _ROUNDING)
            self.assertAlmostEqual(place * fps, round(place * fps), 5)

    def test_gap(self) -> None:
        """A gap stays a gap of its length, and what comes behind it is on its own time."""
        times = [0.0, 0.05, 0.1, 2.1, 2.15]
        for at, place in zip(times, placed(20.0, times), strict=True):
            self.assertApproximates(place, at, 1e-9)

    def test_slow(self) -> None:
        """A camera that gives half of its rate in the dark gets half of the places."""
        times = [n / 15 for n in range(60)]
        for at, place in zip(times, placed(30.0, times), strict=True):
            self.assertApproximates(place, at, 1e-9)

    def test_stall(self) -> None:
        """Frames that come all at once after a stall keep to the beat, and in a second the places are right again."""
        late = [1.0] * 10
        times = [n / 20 for n in range(10)] + late + [1.0 + n / 20 for n in range(1, 41)]
        places = placed(20.0, times)
        self.assertApproximates(places[19] - places[10], 9 / 20, 1e-9)
        self.assertLess(max(place - at for at, place in zip(times, places, strict=True)), 0.5 + 0.05)

    @given(st.floats(1.01, 4.0))
    def test_fast(self, times_too_fast: float) -> None:
        """A camera that is faster than it says runs ahead by no more than a second and a few frames, for ever."""
        fps, count = 30.0, 3000
        times = [n / fps / times_too_fast for n in range(count)]
        ahead = [place - at for at, place in zip(times, placed(fps, times), strict=True)]
        self.assertLess(max(ahead), 1.0 + 2 / fps)
        self.assertGreaterEqual(min(ahead), -0.5 / fps - _ROUNDING)

    def test_a_little_fast(self) -> None:
        """One that runs a little fast is put right now and then, down to its own time and not all the while."""
        fps = 30.0
        times = [n / fps / 1.02 for n in range(6000)]
        places = placed(fps, times)
        ahead = [place - at for at, place in zip(times, places, strict=True)]
        self.assertLess(max(ahead), 0.5 + 1 / fps)
        self.assertLess(min(ahead[3000:]), 1 / fps)
        steady = sum(abs(after - before - 1 / fps) < _ROUNDING for before, after in pairwise(places))
        self.assertGreater(steady, 0.9 * len(places))
