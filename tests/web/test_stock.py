"""What holds with the fast path holds with stock Autobahn: every test in memory of the WebSocket, run that way too.

Each of their classes is here once more, as ``StockMessageTests`` and so on, with ``server.fast_path`` off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tests.web import test_admission, test_clients, test_machine, test_protocol, test_reading, test_site
from tests.web.case import WebTestCase
from tests.web.mediacase import MediaCase
from webcam_rpc.web.fastpath import FastServerProtocol

if TYPE_CHECKING:
    from types import ModuleType

    from tests.web.wire import Wire


def stock(case: type[WebTestCase]) -> type[WebTestCase]:
    """Give the same tests without the fast path."""

    def websocket(self: Any, *lines: str, **more: Any) -> Wire:
        wire: Wire = case.websocket(self, *lines, **more)
        self.assertNotIsInstance(wire.protocol, FastServerProtocol)
        return wire

    name = f"Stock{case.__name__}"
    limits = msgspec.structs.replace(case.limits, fast_path=False)
    members = {"__module__": __name__, "__doc__": case.__doc__, "limits": limits, "websocket": websocket}
    return type(name, (case,), members)


def of(module: ModuleType) -> list[type[WebTestCase]]:
    """Give the classes of a module that open WebSockets."""
    return [
        one
        for one in vars(module).values()
        if isinstance(one, type)
        and issubclass(one, WebTestCase)
        and not issubclass(one, MediaCase)
        and one.__module__ == module.__name__
    ]


for _module in (test_protocol, test_reading, test_clients, test_admission, test_site):
    for _case in of(_module):
        globals()[f"Stock{_case.__name__}"] = stock(_case)


class StockMachineTests(test_machine.MachineTests):
    """Clients that do anything in any order."""

    machine = test_machine.StockClients
