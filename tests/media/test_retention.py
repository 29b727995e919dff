"""Which files go, oldest first, and which stay whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.media.shelf import NOW, a_stored
from webcam_rpc.config import Storage
from webcam_rpc.media.retention import Policy, PolicyType, surplus, until

if TYPE_CHECKING:
    from webcam_rpc.media.stored import StoredFile

DAY = 86400


def a_policy(policy_type: PolicyType = "age", days: float = 3, gb: float = 1, *, enabled: bool = True) -> Policy:
    """Give a policy."""
    return Policy(policy_type=policy_type, max_age_days=days, max_size_gb=gb, enabled=enabled)


def going(policy: Policy, files: list[StoredFile]) -> str:
    """Tell in one word which files go, when each that is to go does."""
    left = {file.filename: file.size for file in files}
    gone = ""
    for file in surplus(policy, files, lambda: sum(left.values()), NOW):
        del left[file.filename]
        gone += file.filename[0]
    return gone


def files_of(*ages: float, size: int = 10**9, protected: str = "") -> list[StoredFile]:
    """Give files a, b, c… of these ages in days, the oldest first."""
    names = [f"{chr(97 + number)}.mp4" for number in range(len(ages))]
    return [
        a_stored(name, int(NOW - age * DAY), size=size, protected=name[0] in protected)
        for name, age in zip(names, ages, strict=True)
    ]


class PolicyTests(SynchronousTestCase):
    """A policy as a value."""

    def test_of_configuration(self) -> None:
        """What is configured acts, unless it is manual, which is the default."""
        self.assertFalse(Policy.of(Storage()).acts)
        policy = Policy.of(Storage(policy="size", max_size_gb=2.5))
        self.assertEqual((policy.acts, policy.policy_type, policy.max_size_gb), (True, "size", 2.5))

    def test_acts(self) -> None:
        """One that is switched off does not act, and manual never does."""
        self.assertFalse(a_policy("age", enabled=False).acts)
        self.assertFalse(a_policy("manual", enabled=True).acts)

    def test_there_and_back(self) -> None:
        """It can be written and read; one that would delete everything cannot be read."""
        policy = a_policy("size", 0.5, 0.001)
        self.assertEqual(msgspec.json.decode(msgspec.json.encode(policy), type=Policy), policy)
        for limit in (b"0", b"-1", b"1e9"):
            text = b'{"policy_type":"age","max_age_days":%s,"max_size_gb":1,"enabled":true}' % limit
            self.assertRaises(msgspec.ValidationError, msgspec.json.decode, text, type=Policy)


class SurplusTests(SynchronousTestCase):
    """What the policy has no place for."""

    def test_age(self) -> None:
        """What is older than so many days goes, to the second."""
        self.assertEqual(going(a_policy("age", 3), files_of(9, 3.00002, 3, 2, 0)), "ab")
        self.assertEqual(going(a_policy("age", 0.5), files_of(0.4)), "")

    def test_manual(self) -> None:
        """A clean-up by hand goes by age."""
        self.assertEqual(going(a_policy("manual", 3), files_of(9, 4, 1)), "ab")

    def test_size(self) -> None:
        """The oldest go until the rest is small enough, whatever their age."""
        self.assertEqual(going(a_policy("size", gb=2), files_of(0.3, 0.2, 0.1, 0)), "ab")
        self.assertEqual(going(a_policy("size", gb=2), files_of(900, 800)), "")
        self.assertEqual(going(a_policy("size", gb=0.5), files_of(3, 2, 1)), "abc")

    def test_protected(self) -> None:
        """Protected files stay, and what they take makes others go."""
        self.assertEqual(going(a_policy("age", 3), files_of(9, 8, 7, 1, protected="b")), "ac")
        self.assertEqual(going(a_policy("size", gb=2), files_of(9, 8, 7, 1, protected="a")), "bc")

    def test_what_stays(self) -> None:
        """A file that could not be removed makes the next one go in its place."""
        files = files_of(4, 3, 2, 1)
        used = 4 * 10**9
        found = [file.filename[0] for file in surplus(a_policy("size", gb=3), files, lambda: used, NOW)]
        self.assertEqual(found, list("abcd"))

    def test_one_after_another(self) -> None:
        """The files are taken as they are needed: a hundred thousand are not looked at for the first."""
        taken = iter(files_of(9, 8, 1, 0))
        self.assertEqual(next(surplus(a_policy("age", 3), taken, int, NOW)).filename, "a.mp4")
        self.assertEqual(next(taken).filename, "b.mp4")


class UntilTests(SynchronousTestCase):
    """What makes room."""

    def test_enough(self) -> None:
        """None goes where there is room; else one after another until there is."""
        self.assertEqual(list(until(lambda: True, files_of(1))), [])
        gone: list[str] = []
        for file in until(lambda: len(gone) == 2, files_of(4, 3, 2, 1, protected="b")):
            gone.append(file.filename)  # noqa: PERF401 - what has gone decides what follows
        self.assertEqual(gone, ["a.mp4", "c.mp4"])

    def test_never_enough(self) -> None:
        """All that may go has gone when it is never enough."""
        self.assertEqual(len(list(until(lambda: False, files_of(4, 3, 2, protected="c")))), 2)


class AnyTests(SynchronousTestCase):
    """What holds for any files and any policy."""

    @settings(
        derandomize=True, max_examples=200, deadline=None, database=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )  # fmt: skip
    @given(
        st.lists(st.tuples(st.floats(0, 10), st.booleans(), st.integers(0, 10**9)), max_size=8),
        st.sampled_from(["age", "size", "manual"]),
        st.floats(0.1, 5),
    )
    def test_any(self, made: list[tuple[float, bool, int]], policy_type: PolicyType, limit: float) -> None:
        """No protected file goes, none goes before an older one, and after it the limit is kept as far as it can be."""
        made.sort(key=lambda one: -one[0])
        files = [
            a_stored(f"{number}.mp4", int(NOW - age * DAY), protected=protected, size=size)
            for number, (age, protected, size) in enumerate(made)
        ]
        gone = going(a_policy(policy_type, limit, limit), files)
        free = [file for file in files if not file.protected]
        self.assertEqual(gone, "".join(file.filename[0] for file in free[: len(gone)]))
        left = free[len(gone) :]
        if policy_type == "size":
            used = sum(file.size for file in files if file.protected or file in left)
            self.assertTrue(used <= limit * 10**9 or not left)
            last = free[len(gone) - 1].size if gone else 0
            self.assertTrue(not gone or used + last > limit * 10**9)
        else:
            begin = (NOW - limit * DAY) * 1e9
            self.assertTrue(all(file.mtime_ns >= begin for file in left))
            self.assertTrue(all(file.mtime_ns < begin for file in free[: len(gone)]))
