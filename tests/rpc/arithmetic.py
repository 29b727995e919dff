"""The methods that the examples of the JSON-RPC 2.0 specification call, and a server of one text around them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from webcam_rpc.rpc.errors import RPCError
from webcam_rpc.rpc.methods import Method, MethodTable
from webcam_rpc.rpc.roles import Role
from webcam_rpc.rpc.session import Call, Exchange, receive


class Nothing(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """No parameters."""


class Subtraction(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What to subtract from what."""

    minuend: int
    subtrahend: int


class Numbers(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Up to five numbers."""

    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    e: int = 0


@dataclass
class Arithmetic:
    """Performs the calls of one text after the other, and remembers the names of the methods that were called."""

    def __post_init__(self) -> None:
        """Make the table."""
        self.called: list[str] = []
        self.table = MethodTable(
            (
                Method("subtract", Role.NONE, Subtraction, int, lambda p, _: p.minuend - p.subtrahend, "Subtract."),
                Method("sum", Role.NONE, Numbers, int, lambda p, _: p.a + p.b + p.c + p.d + p.e, "Add."),
                Method("update", Role.NONE, Numbers, None, lambda _p, _c: None, "Take five numbers."),
                Method("notify_hello", Role.NONE, Numbers, None, lambda _p, _c: None, "Take a number."),
                Method("notify_sum", Role.NONE, Numbers, None, lambda _p, _c: None, "Take numbers."),
                Method("get_data", Role.NONE, Nothing, list[str | int], lambda _p, _c: ["hello", 5], "Give data."),
            )
        )

    def perform(self, exchange: Exchange, call: Call) -> bytes | None:
        """Answer one call; give what is to be sent then."""
        try:
            method = self.table.get(call.method)
            params = self.table.bind(method, call.params)
        except RPCError as error:
            return exchange.reject(call, error)
        self.called.append(method.name)
        return exchange.resolve(call, method.call(params, None))

    def answer(self, text: str | bytes) -> Any:
        """Give the decoded answer to ``text``, None if nothing was sent at all."""
        exchange = receive(text)
        sent = [exchange.reply, *(self.perform(exchange, call) for call in exchange.calls)]
        answers = [json.loads(reply) for reply in sent if reply is not None]
        if len(answers) > 1:
            raise AssertionError(sent)
        return answers[0] if answers else None
