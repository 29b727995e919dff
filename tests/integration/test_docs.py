"""The API's page is what the running service says of itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from twisted.internet.utils import getProcessOutputAndValue

from tests.integration.test_service import ServiceCase, reactor

ROOT = Path(__file__).resolve().parents[2]


class ApiPageTests(ServiceCase):
    """docs/api.md."""

    async def test_current(self) -> None:
        """The page in the tree is the one that would be written now."""
        client = await self.connect(await self.serve())
        file = self.directory / "openrpc.json"
        file.write_text(json.dumps(await client.call("rpc.discover")))
        program = str(ROOT / "scripts" / "api_docs.py")
        out, err, status = await getProcessOutputAndValue(
            sys.executable,
            [program, file.as_uri()],
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            reactor=reactor,
        )
        self.assertEqual((status, err), (0, b""))
        message = "docs/api.md is out of date: scripts/api_docs.py http://localhost:8002/openrpc.json > docs/api.md"
        self.assertTrue(out.decode() == (ROOT / "docs" / "api.md").read_text(), message)
