"""Which files go: by age, by size, or because there is no room. Protected files never do.

Pure. It is given the files that were found, oldest first, and takes them one after another for as long as it must.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from webcam_rpc.config import Storage
    from webcam_rpc.media.stored import StoredFile

PolicyType = Literal["age", "size", "manual"]

_DAY = 86400
_GB = 1_000_000_000


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept.

    ``age``: what is older than ``max_age_days`` goes. ``size``: the oldest go until recordings and snapshots together
    have at most ``max_size_gb`` (of 10^9 bytes). Both make room too, oldest first, when the disk gets low. ``manual``,
    or any policy that is not ``enabled``: nothing goes by itself; a clean-up that somebody asks for goes by age where
    the policy is ``manual``.
    """

    policy_type: PolicyType
    max_age_days: Annotated[float, msgspec.Meta(gt=0, le=36500)]
    max_size_gb: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
    enabled: bool

    @classmethod
    def of(cls, settings: Storage) -> Policy:
        """Take it from the configuration."""
        return cls(
            policy_type=settings.policy,
            max_age_days=settings.max_age_days,
            max_size_gb=settings.max_size_gb,
            enabled=settings.policy != "manual",
        )

    @property
    def acts(self) -> bool:
        """Whether files go without anybody asking."""
        return self.enabled and self.policy_type != "manual"


def surplus(policy: Policy, oldest: Iterable[StoredFile], used: Callable[[], int], now: float) -> Iterator[StoredFile]:
    """Give the files that the policy has no place for.

    :param used: gives the bytes of all files that are still there; those of protected ones count, although they stay.
    :param now: Unix seconds.
    """
    limit = round(policy.max_size_gb * _GB)
    begin = (now - policy.max_age_days * _DAY) * 1e9
    for file in oldest:
        if used() <= limit if policy.policy_type == "size" else file.mtime_ns >= begin:
            return
        if not file.protected:
            yield file


def until(enough: Callable[[], bool], oldest: Iterable[StoredFile]) -> Iterator[StoredFile]:
    """Give unprotected files, one after another, until ``enough`` went."""
    for file in oldest:
        if enough():
            return
        if not file.protected:
            yield file
