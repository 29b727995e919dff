"""What whoever is connected may do, as long as the connection lasts.

Owns the roles of what is open: a token that expires or is revoked, a configuration that is changed, the first token
that is made: each takes effect on the sockets and streams that are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from webcam_rpc.tokens import Identity
    from webcam_rpc.web.access import Access, Visit

#: The wall clock may be set: an expiry that is further away is looked at again after so many seconds.
_LOOK = 60.0


class Grant:
    """What one connection or request may do now.

    :ivar visit: where it comes from.
    :ivar identity: who it has shown to be; None for nobody in particular.
    :ivar role: its role; :meth:`watch` tells of its changes.
    """

    __slots__ = ("_changed", "_grants", "_timer", "identity", "role", "visit")

    def __init__(self, grants: Grants, visit: Visit, identity: Identity | None) -> None:
        self.visit = visit
        self.identity = identity
        self.role = Role.NONE
        self._grants = grants
        self._changed: Callable[[], None] | None = None
        self._timer: IDelayedCall | None = None
        self._set()

    @property
    def only_camera(self) -> str | None:
        """The one camera that it may look at, and nothing else; None where there is no such limit."""
        return self.identity.camera_id if self.identity is not None else None

    def renew(self, identity: Identity) -> None:
        """Be somebody else from now on."""
        self.identity = identity
        self.recheck()

    def watch(self, changed: Callable[[], None]) -> None:
        """Have ``changed`` called at each change of the role, until :meth:`end`."""
        self._changed = changed
        self._grants.watched[self] = None
        self._wait()

    def end(self) -> None:
        """Look no further: the connection is gone."""
        self._changed = None
        self._grants.watched.pop(self, None)
        self._stop_waiting()

    def recheck(self) -> None:
        """Look whether everything is as it was."""
        before = self.role
        self._set()
        if self._changed is not None:
            self._wait()
            if self.role != before:
                self._changed()

    def _set(self) -> None:
        if self.identity is not None and not self._grants.is_valid(self.identity):
            self.identity = None
        self.role = self.identity.role if self.identity is not None else self._grants.access.role(self.visit)

    def _wait(self) -> None:
        self._stop_waiting()
        if self.identity is not None and self.identity.expires_at is not None:
            left = self.identity.expires_at - self._grants.now()
            self._timer = self._grants.clock.callLater(min(max(left, 0.0), _LOOK), self._look)

    def _look(self) -> None:
        self._timer = None
        self.recheck()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Grants:
    """All that is watched, and what decides about it.

    :param clock: the reactor.
    :param now: the wall clock, in Unix seconds.
    :param access: the roles of those who show no token.
    :param is_known: tells whether the token of this id has not been revoked.
    """

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], float],
        access: Access,
        is_known: Callable[[str], bool],
    ) -> None:
        self.clock = clock
        self.now = now
        self.access = access
        self._is_known = is_known
        self.watched: dict[Grant, None] = {}

    def grant(self, visit: Visit, identity: Identity | None = None) -> Grant:
        """Begin a connection or a request."""
        return Grant(self, visit, identity)

    def recheck(self) -> None:
        """Look again at everything that is open: tokens or the configuration have changed."""
        for grant in tuple(self.watched):
            grant.recheck()

    def is_valid(self, identity: Identity) -> bool:
        """Tell whether an identity still holds."""
        if identity.expires_at is not None and identity.expires_at <= self.now():
            return False
        return identity.token_id is None or self._is_known(identity.token_id)
