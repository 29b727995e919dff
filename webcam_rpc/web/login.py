"""Logging in and out by a browser: the token goes into a cookie that no script can read.

Owns ``POST /login`` with ``{"token": "…"}`` and ``POST /logout``. The checks of Origin and Host, which every request
goes through, are what keeps other sites' pages from logging anybody in.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from webcam_rpc.web.credentials import cookie
from webcam_rpc.web.resources import Endpoint, answer, refuse
from webcam_rpc.web.shown import later

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.tokens import Identity
    from webcam_rpc.web.admission import Admission
    from webcam_rpc.web.channel import Request

#: How long a browser keeps a token that has no end, in seconds.
_YEAR = 365 * 86400


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str


_decode = msgspec.json.Decoder(_Form).decode


class Login(Endpoint):
    """``POST /login``.

    :param clock: the reactor.
    :param now: the wall clock, in Unix seconds.
    """

    verbs = (b"POST",)

    def __init__(self, clock: IReactorTime, admission: Admission, now: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._admission = admission
        self._now = now

    def serve(self, request: Request) -> bytes | int:
        """Look at the token, and have the browser keep it if it is one."""
        try:
            token = _decode(request.content.read()).token
        except msgspec.MsgspecError:
            return refuse(request, HTTPStatus.BAD_REQUEST, 'the body must be {"token": "…"}')
        request.setHeader(b"Cache-Control", b"no-store")

        def proved(identity: Identity) -> bytes:
            left = _YEAR if identity.expires_at is None else max(0, int(identity.expires_at - self._now()))
            request.setHeader(b"Set-Cookie", cookie(token, left, secure=request.isSecure()))
            body = msgspec.json.encode({"role": identity.role.wire})
            return answer(request, HTTPStatus.OK, body, b"application/json")

        return later(request, self._clock, self._admission.prove(request.grant.visit, token), proved)


class Logout(Endpoint):
    """``POST /logout``."""

    verbs = (b"POST",)

    def serve(self, request: Request) -> bytes:
        """Have the browser forget the token."""
        request.setHeader(b"Set-Cookie", cookie("", 0, secure=request.isSecure()))
        return answer(request, HTTPStatus.NO_CONTENT)
