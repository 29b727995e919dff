"""Keys: their text and their hashes."""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.tokens import keys


class HashTests(SynchronousTestCase):
    """Argon2."""

    def test_match(self) -> None:
        """The hash of a secret is that of no other, and the hash that nobody has is nobody's."""
        hashes = keys.Hashes()
        secret = keys.new_secret()
        hashed = hashes.make(secret)
        self.assertTrue(hashed.startswith("$argon2id$"))
        self.assertTrue(hashes.match(hashed, secret))
        self.assertFalse(hashes.match(hashed, keys.new_secret()))
        self.assertFalse(hashes.match(None, secret))

    def test_nobody_takes_as_long(self) -> None:
        """To find that an id is nobody's takes as long as to find that a secret is wrong."""
        hashes = keys.Hashes()
        hashed, secret = hashes.make(keys.new_secret()), keys.new_secret()

        def least(candidate: str | None) -> float:
            times = []
            for _ in range(7):
                began = time.perf_counter()
                hashes.match(candidate, secret)
                times.append(time.perf_counter() - began)
            return min(times)

        ratio = least(None) / least(hashed)
        self.assertTrue(1 / 3 < ratio < 3, f"{ratio:.2f}")


class TextTests(SynchronousTestCase):
    """What a key looks like."""

    def test_there_and_back(self) -> None:
        """Id and secret can be read from the text of either kind."""
        for prefix in (keys.KEY, keys.URL):
            token_id, secret = keys.new_id(), keys.new_secret()
            self.assertEqual(keys.parse(keys.text_of(prefix, token_id, secret)), (token_id, secret))

    def test_nothing_else(self) -> None:
        """Anything else is none."""
        for text in ("", "wrk_", "wro_" + 32 * "A", "wrk_aaaaaaaa_" + 43 * "A" + "\n", " wrk_aaaaaaaa_" + 43 * "A"):
            self.assertIsNone(keys.parse(text), text)
