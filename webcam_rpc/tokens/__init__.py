"""Tokens (a placeholder of the seam, replaced by the merge)."""

from __future__ import annotations

from typing import Literal

import msgspec

from webcam_rpc.rpc.roles import Role

Reason = Literal["malformed", "unknown", "expired", "revoked", "busy", "other_path"]


class Identity(msgspec.Struct, frozen=True):
    role: Role
    name: str
    token_id: str | None
    expires_at: float | None
    camera_id: str | None = None


class TokenRefused(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason
