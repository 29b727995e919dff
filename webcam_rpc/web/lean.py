"""Autobahn and Twisted without what this service never uses of them: WAMP, cffi and pyOpenSSL.

Owns their first import, which :mod:`webcam_rpc.web` sees to before anything else of it is loaded. Together they are
more than all of our own code. What it leans on (Autobahn 24.4 to 26.10, Twisted 24.11 to 26.10), each with a test in
tests/web/test_lean.py that says what moved:

- A package's modules can be imported without running its ``__init__``. Those of ``autobahn.twisted`` and
  ``autobahn.wamp`` import all of WAMP, while ``autobahn.twisted.websocket`` only wants ``autobahn.wamp.types``, and of
  ``autobahn.wamp.websocket`` the four classes in :data:`_WAMP` as bases of its own WAMP classes.
- Autobahn takes an ImportError of ``_nvx_utf8validator`` (its C extension, through cffi and pycparser), of ``click``
  (it colours) and of ``OpenSSL`` for an answer. In place of the C there is :mod:`.octets`:
  ``autobahn.websocket.protocol`` has ``create_xor_masker`` and ``Utf8Validator`` as names of its own.
- Twisted takes an ImportError of ``OpenSSL`` for an answer in ``tcp``, ``endpoints`` and ``posixbase``. What is missing
  then is ``startTLS`` and Twisted's own ``ssl:`` endpoints. We have TLS from :mod:`twisted.protocols.tls`, which is
  loaded where a certificate is configured and needs neither.
- Twisted's web server takes two base classes from Perspective Broker and calls nothing of them, and of its templates
  (``twisted.web.util``) it only uses, when something has failed, what formats a traceback.

Whatever was loaded before stays as it is, and where one of these does not hold the plain import is made. Afterwards
nothing is hidden: who imports ``autobahn.wamp``, ``click`` or ``OpenSSL`` later gets the real one. Only WAMP over
Autobahn's WebSocket cannot be had in this process.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from webcam_rpc.web import octets

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Imported here, so that they are there when others ask for them.
_TWISTED = ("twisted.internet.tcp", "twisted.internet.endpoints", "twisted.internet.posixbase")
_AUTOBAHN = ("autobahn.twisted.websocket", "autobahn.websocket.compress")
#: What Autobahn's WAMP classes derive from.
_WAMP = (
    "WampWebSocketClientFactory",
    "WampWebSocketClientProtocol",
    "WampWebSocketServerFactory",
    "WampWebSocketServerProtocol",
)
#: What Twisted's web server takes from Perspective Broker: bases with which requests and sites could be sent by it.
_BROKER = ("Copyable", "ViewPoint")


def load() -> None:
    """Import what we need of both, lean where that is possible."""
    with hidden("OpenSSL"):
        for name in _TWISTED:
            importlib.import_module(name)
    if not _try(_web, "twisted.web"):
        importlib.import_module("twisted.web.server")
    if not _try(_websocket, "autobahn"):
        for name in _AUTOBAHN:
            importlib.import_module(name)


@contextlib.contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Have imports of these modules fail for a while, but for those that are loaded."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type] # None is how the import system is told
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextlib.contextmanager
def standing_in(**modules: ModuleType) -> Iterator[None]:
    """Have these modules found under these names for a while; a dot in a name is written ``__``."""
    found = {name.replace("__", "."): module for name, module in modules.items()}
    sys.modules.update(found)
    try:
        yield
    finally:
        for name in found:
            del sys.modules[name]


class Later(ModuleType):
    """A module that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> object:
        """Give it from the real one."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


def without_init(name: str) -> ModuleType:
    """Give a package whose modules can be imported, with nothing else in it."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ImportError(name)
    return importlib.util.module_from_spec(spec)


def with_classes(name: str, classes: tuple[str, ...]) -> ModuleType:
    """Give a module of empty classes."""
    module = ModuleType(name)
    module.__dict__.update({each: type(each, (), {}) for each in classes})
    return module


def _try(importing: Any, package: str) -> bool:  # noqa: ANN401 - a function without arguments
    """Make an import, or leave no trace of it."""
    before = set(sys.modules)
    try:
        importing()
    except (ImportError, AttributeError, TypeError):
        for name in set(sys.modules) - before:
            if name.startswith(f"{package}."):
                del sys.modules[name]
        return False
    return True


def _web() -> None:
    if {"twisted.spread.pb", "twisted.web.server", "twisted.web.util"} & set(sys.modules):
        raise ImportError("too late")
    broker, util = with_classes("twisted.spread.pb", _BROKER), Later("twisted.web.util")
    with standing_in(twisted__spread__pb=broker, twisted__web__util=util):
        importlib.import_module("twisted.web.server")


def _websocket() -> None:
    if {"autobahn.twisted", "autobahn.wamp", "autobahn.websocket"} & set(sys.modules):
        raise ImportError("too late")
    stand_ins = {
        "autobahn__twisted": without_init("autobahn.twisted"),
        "autobahn__wamp": without_init("autobahn.wamp"),
        "autobahn__wamp__websocket": with_classes("autobahn.wamp.websocket", _WAMP),
    }
    stand_ins["autobahn__wamp"].websocket = stand_ins["autobahn__wamp__websocket"]  # type: ignore[attr-defined]
    # Who asks for the C in the environment gets it.
    native = ["_nvx_utf8validator", "_nvx_xormasker"] if not os.environ.get("AUTOBAHN_USE_NVX") else []
    with hidden("OpenSSL", "click", *native), standing_in(**stand_ins):
        for name in _AUTOBAHN:
            importlib.import_module(name)
    if native:
        protocol: Any = importlib.import_module("autobahn.websocket.protocol")
        # Both are there, or this is not the module we know.
        _ = protocol.create_xor_masker, protocol.Utf8Validator
        protocol.create_xor_masker, protocol.Utf8Validator = octets.create_xor_masker, octets.Utf8Validator
