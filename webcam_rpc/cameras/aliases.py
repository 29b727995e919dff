"""Names that people give to cameras: those of the configuration, which stand, and those that clients set.

Owns which name belongs to which camera; one name a camera from clients, as many as one likes from the configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webcam_rpc.config import alias_fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webcam_rpc.cameras.memory import CameraMemory


class AliasRefused(Exception):  # noqa: N818 - an answer to a client
    """The name cannot be given; ``rule`` is one word, the text says why."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class Aliases:
    """Finds cameras by name and names by camera.

    :param fixed: the configuration's, camera ids by alias.
    """

    def __init__(self, fixed: Mapping[str, str], memory: CameraMemory) -> None:
        self._fixed = fixed
        self._memory = memory

    def configure(self, fixed: Mapping[str, str]) -> None:
        """Let these be the configuration's from now on."""
        self._fixed = fixed

    def camera_id(self, alias: str) -> str | None:
        """Give the id of the camera that ``alias`` means."""
        return self._fixed.get(alias) or self._memory.content.aliases.get(alias)

    def of(self, camera_id: str) -> str | None:
        """Give the name of a camera, the client's before the configuration's."""
        for aliases in (self._memory.content.aliases, self._fixed):
            for alias, named in aliases.items():
                # The configuration may have given a client's name to another camera since.
                if named == camera_id == self.camera_id(alias):
                    return alias
        return None

    def name(self, camera_id: str, alias: str) -> None:
        """Give the camera this name in place of the one that a client gave it before; the empty one only takes it away.

        It is not yet saved. Raises :class:`AliasRefused`.
        """
        owner = self.camera_id(alias)
        if alias and (fault := alias_fault(alias)) is not None:
            raise AliasRefused("pattern", fault)
        if owner not in (None, camera_id):
            raise AliasRefused("taken", f"belongs to {owner}")
        aliases = self._memory.content.aliases
        for old in [known for known, named in aliases.items() if named == camera_id]:
            del aliases[old]
        if alias and alias not in self._fixed:
            aliases[alias] = camera_id
