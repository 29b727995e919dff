"""How much room there is, and when that is too little."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.media.room import Room, Space
from webcam_rpc.media.troubles import StorageBroken, StorageLow

GB = 10**9


def space(available: int, total: int = 100 * GB) -> Space:
    """Give a disk."""
    return Space(total, total - available, available)


class RoomTests(SynchronousTestCase):
    """A directory on a real disk, and disks as values."""

    def setUp(self) -> None:
        """Make one without a floor."""
        self.directory = Path(self.mktemp()).absolute()
        self.room = self.make(0)

    def make(self, floor: int | None) -> Room:
        """Make one with this floor."""
        room = Room(self.directory, floor)
        room.make()
        return room

    def test_floor(self) -> None:
        """What is configured, or 5 % of the disk, at least 512 MB, at most 5 GB."""
        self.assertEqual(self.make(7).floor(space(1)), 7)
        room = self.make(None)
        floors = [room.floor(space(0, total * GB)) for total in (1, 10, 20, 60, 100, 4000)]
        self.assertEqual(floors, [512_000_000, 512_000_000, GB, 3 * GB, 5 * GB, 5 * GB])

    def test_check(self) -> None:
        """What fits above the floor is let through; what does not is refused with what there is and should be."""
        self.room.check(0)
        self.room.check(1)
        refused = self.assertRaises(StorageLow, self.room.check, 10**18)
        self.assertEqual(refused.required, 10**18)
        self.assertGreater(refused.available, 0)
        refused = self.assertRaises(StorageLow, self.make(10**18).check, 5)
        self.assertEqual(refused.required, 10**18 + 5)

    def test_missing(self) -> None:
        """What has to go is what does not fit."""
        self.assertLess(self.room.missing(0), 0)
        self.assertGreater(self.make(10**18).missing(5), 0)
        self.assertEqual(self.make(1000).margin(), 600)

    def test_broken(self) -> None:
        """A directory that is not there takes nothing, and one that cannot be made says why."""
        (self.directory / "recordings").rmdir()
        self.assertRaises(StorageBroken, self.room.check, 0)
        (self.directory / "recordings").write_text("")
        self.assertRaises(OSError, self.room.make)
        self.assertEqual(self.room.problem(), f"{self.directory}/recordings is not a directory")

    def test_cannot_be_looked_at(self) -> None:
        """A disk that gives errors is a problem that is told, not a failure of whoever asks."""
        room = Room(self.directory / ("x" * 300), 0)
        problem = room.problem()
        assert problem is not None
        self.assertTrue(problem.endswith(": File name too long"), problem)
        self.assertRaises(StorageBroken, room.check, 0)

    def test_levels(self) -> None:
        """FULL below the floor, LOW below one and a half."""
        room = self.make(10)
        for available, level in ((0, "FULL"), (9, "FULL"), (10, "LOW"), (14, "LOW"), (15, "OK"), (99, "OK")):
            self.assertEqual(room.level(space(available)), level)

    def test_hysteresis(self) -> None:
        """It gets worse at once, and better only with a tenth of the floor to spare."""
        room = self.make(10)
        level = room.level(space(20))
        seen = []
        for available in (15, 14, 15, 16, 15, 14, 9, 10, 11, 10, 9, 15, 16):
            level = room.level(space(available), level)
            seen.append(level)
        self.assertEqual(
            seen, ["OK", "LOW", "LOW", "OK", "OK", "LOW", "FULL", "FULL", "LOW", "LOW", "FULL", "LOW", "OK"]
        )
        self.assertEqual(room.level(space(10 + 6), "FULL"), "OK")

    def test_no_floor(self) -> None:
        """Without a floor it is never low."""
        self.assertEqual([self.room.level(space(0)), self.room.margin()], ["OK", 0])
