"""Who may do what: the five roles, each including the ones below it."""

from __future__ import annotations

import enum


class Role(enum.IntEnum):
    """A rank, so that ``caller.role >= method.role`` is the whole check."""

    NONE = 0
    """Nobody in particular."""
    STATUS = 1
    """Sees which cameras are there and how the service is."""
    VIEWER = 2
    """Sees pictures and files too."""
    OPERATOR = 3
    """Changes cameras and makes recordings."""
    ADMIN = 4
    """Changes the service."""

    @property
    def wire(self) -> str:
        """The role's name as clients and the configuration write it."""
        return self.name.lower()

    @classmethod
    def parse(cls, wire: str) -> Role:
        """Give the role of that name.

        :raises ValueError: if there is none.
        """
        for role in cls:
            if role.wire == wire:
                return role
        raise ValueError(f"no such role: {wire!r}")
