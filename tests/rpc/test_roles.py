"""The five roles."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.rpc.roles import Role


class RoleTests(SynchronousTestCase):
    """Rank and name."""

    def test_rank(self) -> None:
        """Each role includes the ones below it."""
        self.assertEqual(sorted(Role), [Role.NONE, Role.STATUS, Role.VIEWER, Role.OPERATOR, Role.ADMIN])

    def test_wire(self) -> None:
        """A role is written in lower case and read back."""
        self.assertEqual([role.wire for role in Role], ["none", "status", "viewer", "operator", "admin"])
        self.assertEqual([Role.parse(role.wire) for role in Role], list(Role))

    def test_unknown(self) -> None:
        """A name that is none, also one that only looks like one, raises."""
        for wire in ("", "root", "ADMIN", "Admin", " admin", "2"):
            self.assertRaises(ValueError, Role.parse, wire)
