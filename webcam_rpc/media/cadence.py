"""The times that frames have in a file: those at which they came, set to the beat of the camera.

Pure. Frames come with a jitter that the camera never saw. Programs that think in frame rates (ffmpeg's ``-f null``
among them) round each time to the rate that they guess, and two frames that fall together there are an error to them.
On the beat each frame has a place of its own: it is moved by half a beat at most, a gap stays a gap, a camera that
slows down in the dark stays slow, and one that runs a little fast is put right now and then.
"""

from __future__ import annotations

#: Seconds by which the places may run ahead of the frames: after many have come at once, or of a camera that is fast.
_AHEAD = 0.5


class Cadence:
    """The places of one file's frames.

    :param fps: the rate that the camera should have.
    """

    def __init__(self, fps: float) -> None:
        self._beat = 1 / fps
        self._last = -1.0
        self._catching_up = False

    def place(self, seconds: float) -> float:
        """Give a frame's time in the file for the one at which it came; both count from the first frame."""
        now = seconds / self._beat
        ahead = (self._last - now) * self._beat
        self._catching_up = ahead > (0.0 if self._catching_up else _AHEAD)
        if self._catching_up:
            # Half a beat to each, or less where it gives more than twice what it should.
            self._last += 0.5 if ahead < 2 * _AHEAD else 0.1
        else:
            self._last = max(float(round(now)), self._last + 1)
        return self._last * self._beat
