"""JWTs, right and forged."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.tokens.case import TokensCase
from webcam_rpc.rpc.roles import Role


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _signed(header: dict[str, Any], claims: dict[str, Any], key: bytes, algorithm: str) -> str:
    text = f"{_part(header)}.{_part(claims)}"
    return f"{text}.{base64.urlsafe_b64encode(hmac.digest(key, text.encode(), algorithm)).rstrip(b'=').decode()}"


class JwtTests(TokensCase):
    """What is let in."""

    def forge(self, *, key: bytes | None = None, kid: str | None = None, **claims: object) -> str:
        """Sign claims, with our own secret unless told otherwise; ``None`` takes a claim out."""
        (secret,) = self.files.read().secrets
        full = {"iss": "webcam-rpc", "sub": "x", "role": "viewer", "exp": self.now + 60, **claims}
        kept = {name: value for name, value in full.items() if value is not None}
        headers = {"kid": secret.secret_id if kid is None else kid}
        return jwt.encode(kept, key or bytes.fromhex(secret.key), "HS256", headers)

    def test_made_and_shown(self) -> None:
        """A JWT that was made is somebody, without a thread, until it ends."""
        tokens = self.open()
        text, record = self.get(tokens.create("jwt", Role.ADMIN, "me", 60.0))
        self.threads.at_once = False
        shown = self.verify(tokens, text)
        self.assertEqual((shown.role, shown.name, shown.token_id), (Role.ADMIN, "me", record.token_id))
        self.assertEqual(shown.expires_at, record.expires_at)
        self.now += 60
        self.assertEqual(self.refused(tokens, text), "expired")

    def test_has_end(self) -> None:
        """One that is made without an end has one, in thirty days."""
        _, record = self.get(self.open().create("jwt", Role.VIEWER))
        self.assertEqual(record.expires_at, self.now + 30 * 86400)

    def test_revoked(self) -> None:
        """One that was revoked is worth nothing, though its signature is right."""
        tokens = self.open()
        text, record = self.get(tokens.create("jwt", Role.VIEWER))
        self.get(tokens.revoke(record.token_id))
        self.assertEqual(self.refused(tokens, text), "revoked")

    def test_made_elsewhere(self) -> None:
        """One that another program signed with our secret holds until it ends, or the secret does."""
        tokens = self.open()
        text = self.forge(role="operator", sub="scada")
        shown = self.verify(tokens, text)
        self.assertEqual((shown.role, shown.name, shown.expires_at), (Role.OPERATOR, "scada", self.now + 60))
        self.assertTrue(tokens.is_valid(shown.token_id or ""))
        self.get(tokens.rotate(keep_old=False))
        self.assertFalse(tokens.is_valid(shown.token_id or ""))
        self.assertEqual(self.refused(tokens, text), "unknown")

    def test_rotated(self) -> None:
        """After a rotation those of before hold until they end, unless they shall not; new ones hold."""
        tokens = self.open()
        short, _ = self.get(tokens.create("jwt", Role.VIEWER, ttl=60.0))
        long, _ = self.get(tokens.create("jwt", Role.VIEWER, ttl=600.0))
        self.get(tokens.rotate(keep_old=True))
        new, _ = self.get(tokens.create("jwt", Role.VIEWER, ttl=6000.0))
        for text in (short, long, new):
            self.verify(tokens, text)
        self.now += 600
        self.assertEqual(self.refused(tokens, long), "unknown")
        self.verify(tokens, new)
        self.get(tokens.rotate(keep_old=False))
        self.assertEqual(self.refused(tokens, new), "unknown")
        self.assertEqual(len(self.files.read().secrets), 1)

    def test_forged(self) -> None:
        """What is not signed with our secret by HS256, or lacks what it must say, is refused."""
        tokens = self.open()
        (secret,) = self.files.read().secrets
        claims = {"iss": "webcam-rpc", "role": "admin", "exp": self.now + 60}
        right = self.forge()
        head, body, signature = right.split(".")
        rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = rsa_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        kid = {"kid": secret.secret_id}
        forged = {
            "no signature": f"{head}.{body}.",
            "none": f"{_part({'alg': 'none', **kid})}.{_part(claims)}.",
            "None": f"{_part({'alg': 'None', **kid})}.{_part(claims)}.{signature}",
            "other claims": f"{head}.{_part(claims)}.{signature}",
            "RS256": jwt.encode(claims, pem, "RS256", kid),
            "deep": f"{base64.urlsafe_b64encode(b'[' * 2997).decode()}.{body}.{signature}",
            "HS512": _signed({"alg": "HS512", **kid}, claims, bytes.fromhex(secret.key), "sha512"),
            "other secret": self.forge(key=b"x" * 32),
            "hexadecimal": self.forge(key=secret.key.encode()),
            "empty secret of nobody": self.forge(key=b"x" * 32, kid=""),
            "kid a path": self.forge(key=b"x" * 32, kid="../../dev/null"),
            "kid unknown": self.forge(kid="aaaaaaaa"),
            "no exp": self.forge(exp=None),
            "exp a text": self.forge(exp=None, more=1).replace("x", "x"),
            "no role": self.forge(role=None),
            "role none": self.forge(role="none"),
            "role unknown": self.forge(role="root"),
            "role a number": self.forge(role=4),
            "no issuer": self.forge(iss=None),
            "other issuer": self.forge(iss="evil"),
            "no end": self.forge(exp=float("inf")),
            "end no number": self.forge(exp=float("nan")),
        }
        self.verify(tokens, right)
        for what, text in forged.items():
            self.assertIn(self.refused(tokens, text), ("unknown", "malformed"), what)

    def test_key_as_jwt(self) -> None:
        """The id of a key in a JWT gives nobody the key's place: it holds by its signature alone."""
        tokens = self.open()
        _, record = self.get(tokens.create("key", Role.ADMIN))
        shown = self.verify(tokens, self.forge(jti=record.token_id))
        self.assertEqual(shown.role, Role.VIEWER)
        self.assertNotEqual(shown.token_id, record.token_id)
