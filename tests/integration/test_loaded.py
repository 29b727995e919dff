"""What is loaded in a service that is ready to serve, so that what was taken out does not creep back."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from twisted.internet import reactor as global_reactor
from twisted.internet.task import deferLater

from tests.integration.media import PATIENCE, MediaCase
from tests.service import Service

reactor: Any = global_reactor

#: What others brought along and nobody used, or what waits until it is used. With what it costs at a start (CPython
#: 3.11 on x86-64): memory that only this process has, and time.
NOT_LOADED = {
    "OpenSSL": "TLS is for who has a certificate (see web/tls.py)",
    "cryptography": "pyOpenSSL, PyJWT and Autobahn ask for it if they find it: 3 MiB, 40 ms",
    "twisted.internet._sslverify": "Twisted's own TLS, which is not used (see web/lean.py)",
    "twisted.protocols.tls": "the same as OpenSSL",
    "autobahn.twisted": "the package itself imports all of WAMP (see web/lean.py)",
    "autobahn.wamp.message": "WAMP: 1.2 MiB",
    "cbor2": "WAMP",
    "msgpack": "WAMP",
    "flatbuffers": "WAMP",
    "autobahn.nvx": "web/octets.py is as fast",
    "cffi": "with pycparser: 1.3 MiB, 20 ms",
    "pycparser": "cffi",
    "_cffi_backend": "cffi, cryptography, argon2",
    "click": "is for webcamctl; Autobahn colours with it: 0.9 MiB",
    "jwt": "waits for the first JWT (see tokens/jwts.py): with cryptography 3.4 MiB, 40 ms",
    "argon2": "waits for the first key (see tokens/keys.py)",
    "prometheus_client": "waits for the first scrape (see metrics/figures.py): 1.1 MiB, 9 ms",
    "wsgiref": "prometheus_client",
    "twisted.spread.pb": "twisted.web.server: 0.7 MiB (see web/lean.py)",
    "twisted.web.util": "twisted.web.server: 1.2 MiB (see web/lean.py)",
    "xml.sax": "twisted.web.util",
    "multiprocessing": "not used",
    "pkg_resources": "not used",
}
#: What is not the standard library's and may be loaded: by us, by Twisted or by Autobahn.
MAY_BE_LOADED = {
    *("webcam_rpc", "autobahn", "cronsim", "msgspec", "pyudev", "sdnotify", "twisted", "txaio", "yaml", "zope"),
    *("attr", "attrs", "automat", "constantly", "hyperlink", "idna", "incremental", "typing_extensions"),
    # Twisted takes HTTP/2 if it is there. Compiled modules have one of their own.
    *("h2", "hpack", "hyperframe", "priority", "cython_runtime"),
    # What the interpreter itself is started with.
    *("sitecustomize", "usercustomize", "coverage"),
}
#: Python imports it before all else; it says what was loaded when the process has ended.
_TELL = """\
import atexit, json, sys
atexit.register(lambda: json.dump([n for n, m in sys.modules.items() if m is not None], open({path!r}, "w")))
"""
_TIMED = re.compile(r"^import time: +\d+ \| +\d+ \| ( *)(\S+)$", re.MULTILINE)


def chain(log: str, module: str) -> str:
    """Tell from what PYTHONPROFILEIMPORTTIME writes who imported a module, from the outermost on."""
    rows = [(len(found[1]), found[2]) for found in _TIMED.finditer(log)]
    names: list[str] = []
    depth = -1
    # Each import is written when it has ended: after those inside it.
    for indent, name in rows:
        if (name == module or name.startswith(f"{module}.")) and not names:
            names, depth = [name], indent
        elif names and indent < depth:
            names.append(name)
            depth = indent
    return " <- ".join(names)


class ReadyTests(MediaCase):
    """The real service, with a camera, a configuration and a log, and nobody who asks for anything."""

    def prepared(self) -> Path:
        """Make a directory, with a configuration and with what tells of the modules."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        (directory / "sitecustomize.py").write_text(_TELL.format(path=str(directory / "loaded.json")), "utf-8")
        (directory / "webcam.yaml").write_text("logging: {level: INFO}\n", "utf-8")
        return directory

    async def ready(self, service: Service) -> None:
        """Wait until it says so itself."""
        end = reactor.seconds() + PATIENCE
        while reactor.seconds() < end:
            try:
                await self.get(service, "/health/ready")
            except HTTPError as error:
                error.close()
                await deferLater(reactor, 0.05)
            else:
                return
        self.fail("not ready")

    async def test_loaded(self) -> None:
        """Nothing is there that waits for its use, and nothing of others' but what is named."""
        directory = self.prepared()
        service = Service(
            reactor,
            directory,
            options=("--demo", "--config", str(directory / "webcam.yaml")),
            environ={"PYTHONPROFILEIMPORTTIME": "1"},
        )
        service.environ["PYTHONPATH"] = f"{directory}:{service.environ['PYTHONPATH']}"
        self.addCleanup(service.kill)
        await service.start()
        await self.ready(service)
        self.assertEqual(await service.stop(), 0)
        loaded: list[str] = json.loads((directory / "loaded.json").read_text("utf-8"))
        self.assertIn("webcam_rpc.web.protocol", loaded)

        log = service.log
        crept = [
            f"{name} ({why}): {chain(log, name)}"
            for name, why in NOT_LOADED.items()
            if any(f"{one}.".startswith(f"{name}.") for one in loaded)
            # The modules of a package whose own code was not run are loaded without it.
            and (name != "autobahn.twisted" or name in loaded)
        ]
        self.assertEqual(crept, [], "this has crept back into the start; each with who imported it")
        tops = {name.partition(".")[0] for name in loaded}
        strangers = {
            name for name in tops - set(sys.stdlib_module_names) - MAY_BE_LOADED if not name.startswith("_")
        } - {"__main__"}
        found = [f"{name}: {chain(log, name)}" for name in sorted(strangers)]
        self.assertEqual(found, [], "new at the start: needed there, or later? Name it in MAY_BE_LOADED or NOT_LOADED")

    def test_chain(self) -> None:
        """The chain of imports is read from the innermost to the outermost."""
        log = (
            "import time:         1 |          1 |     aside\n"
            "import time:         1 |          1 |       inner.deep\n"
            "import time:         1 |          2 |     inner\n"
            "import time:         1 |          3 |   middle\n"
            "import time:         1 |          3 |   sibling\n"
            "import time:         1 |          4 | outer\n"
            "import time:         1 |          4 | another\n"
        )
        self.assertEqual(chain(log, "inner"), "inner.deep <- inner <- middle <- outer")
        self.assertEqual(chain(log, "aside"), "aside <- middle <- outer")
        self.assertEqual(chain(log, "absent"), "")
