"""API keys and the tokens of URLs: their text, and the hash by which they are recognised.

Pure, but slow on purpose: hashing takes milliseconds of a processor, and belongs into a thread.
"""

from __future__ import annotations

import re
import secrets
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from argon2 import PasswordHasher

#: By its beginning a token tells what it is: to us, and to those who look for secrets in what people publish.
KEY, URL, ONE_SHOT = "wrk_", "wru_", "wro_"
PREFIX: Final = {"key": KEY, "url": URL}
_TEXT = re.compile(r"(?:wrk|wru)_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
#: The secrets have 256 random bits, which no hash has to stretch: this is what a small machine does in 20 ms.
_TIME_COST, _MEMORY_KIB, _LANES = 2, 8192, 1


def new_id() -> str:
    """Give an id of eight characters: no secret, and good to read out."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))


def new_secret() -> str:
    """Give 32 random bytes as 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def text_of(prefix: str, token_id: str, secret: str) -> str:
    """Write a token."""
    return f"{prefix}{token_id}_{secret}"


def parse(text: str) -> tuple[str, str] | None:
    """Give id and secret of a key's text; None for anything else."""
    found = _TEXT.fullmatch(text)
    return (found[1], found[2]) if found else None


class Hashes:
    """Makes and compares Argon2id hashes (RFC 9106), in constant time and, for an id that nobody has, as long.

    :param time_cost: passes over the memory.
    :param memory: in KiB.
    """

    def __init__(self, time_cost: int = _TIME_COST, memory: int = _MEMORY_KIB) -> None:
        self._costs = (time_cost, memory, _LANES)

    @cached_property
    def _argon2(self) -> PasswordHasher:
        from argon2 import PasswordHasher  # noqa: PLC0415 - many services never see a key

        return PasswordHasher(*self._costs)

    @cached_property
    def _nobodys(self) -> str:
        return self._argon2.hash(new_secret())

    def make(self, secret: str) -> str:
        """Hash a secret. Blocks."""
        return self._argon2.hash(secret)

    def match(self, hashed: str | None, secret: str) -> bool:
        """Tell whether a hash is that of a secret; of none it is, which takes as long. Blocks."""
        from argon2.exceptions import VerificationError  # noqa: PLC0415 - the same

        # Made the first time, whatever is looked for then: what is unknown takes no longer.
        nobodys = self._nobodys
        try:
            self._argon2.verify(nobodys if hashed is None else hashed, secret)
        except VerificationError:
            return False
        return hashed is not None
