"""One text in, the calls that it makes out, their results in, one text out. No I/O, no clock, no order of completion.

    text -> receive() -> Exchange
                           .calls    to be performed, in any order and in one's own time
                           .reply    what can be answered already (a text that is no request), else None
            resolve(call, result) or reject(call, error), once for each call
                           -> the text to send if this completed the answer, else None

What the other side does wrong is data: an error in the reply, never an exception. What this side does wrong (to answer
a call twice, to answer a call of another exchange) raises :class:`MisuseError`.

Notifications are calls too, so they are performed and must be answered as any other, but nothing is sent for them and a
batch does not wait for them. The replies of a batch stand in the order of its requests.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from webcam_rpc.rpc import messages
from webcam_rpc.rpc.errors import InvalidRequest, InvalidState, ParseError, RPCError
from webcam_rpc.rpc.messages import NULL, UnencodableError

__all__ = ["Call", "Exchange", "Limits", "MisuseError", "UnencodableError", "plain_call", "receive"]

#: The quotes of a :class:`_Plain`, and the digits of ids that need no closer look: longer ones may be more than JSON's
#: decoder takes.
_PLAIN_QUOTES, _DIGITS = 10, 18

#: What an id may be (section 4 of the specification); compared with type() because a bool is an int too.
_ID_TYPES = frozenset({str, int, float, type(None)})


class MisuseError(Exception):
    """A call was answered that is not open in this exchange."""


class Limits(msgspec.Struct, frozen=True):
    """How far a text may go."""

    depth: int = 64
    """Arrays and objects within each other."""
    batch: int = 100
    """Requests in a batch."""
    reflect: int = 8192
    """Bytes of a request that come back in an error; a longer id makes the request invalid."""
    reply: int = 1024 * 1024
    """Bytes of the answer to a batch, which is held until it is whole; errors are sent beyond it, but nothing else."""


_DEFAULT_LIMITS = Limits()


class Call(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A call to be performed.

    ``id`` and ``params`` are as they stand in the text, UNSET where the request has none; a call without an id is a
    notification. Two calls are never equal, even if their text is.
    """

    id: bytes | Raw | UnsetType
    method: str
    params: Raw | UnsetType


class Exchange:
    """The answer to one text, while it comes together: here of a request alone, as nearly all are.

    :ivar calls: the calls to perform.
    :ivar reply: what is to be sent at once because no call can add to it; None if the calls decide, or if there is
        nothing to send at all.
    :ivar full: whether the answer is as long as it may be: a call that is not performed yet should be declined.
    """

    __slots__ = ("_limits", "_open", "calls")

    reply: bytes | None = None
    full = False

    def __init__(self, calls: tuple[Call, ...], limits: Limits = _DEFAULT_LIMITS) -> None:
        self.calls = calls
        self._open = True
        self._limits = limits

    def resolve(self, call: Call, result: object) -> bytes | None:
        """Answer ``call`` with ``result``; give the text to send if that completed the exchange.

        :raises UnencodableError: if JSON cannot carry the result; the call is still open and has to be rejected.
        """
        if not self._open or call is not self.calls[0]:
            raise MisuseError(call.method)
        answer = None if call.id is UNSET else messages.success(call.id, result)
        self._open = False
        return answer

    def reject(self, call: Call, error: RPCError) -> bytes | None:
        """Answer ``call`` with ``error``; give the text to send if that completed the exchange."""
        if not self._open or call is not self.calls[0]:
            raise MisuseError(call.method)
        self._open = False
        return None if call.id is UNSET else messages.failure(call.id, error, self._limits.reflect)

    def decline(self, call: Call) -> bytes | None:
        """Answer ``call``, which was not performed because this is full."""
        return self.reject(call, _too_long(performed=False))


class _Refusal(Exchange):
    """The answer to what asks for no call."""

    __slots__ = ("reply",)

    def __init__(self, reply: bytes, limits: Limits) -> None:
        super().__init__((), limits)
        self.reply = reply
        self._open = False


class _Batch(Exchange):
    """The answer to a batch."""

    __slots__ = ("_answers", "_places", "_room", "_waiting", "full", "reply")

    def __init__(
        self, places: dict[Call, int], answers: list[bytes | None], reply: bytes | None, limits: Limits
    ) -> None:
        super().__init__(tuple(places), limits)
        self.reply = reply
        self.full = False
        #: The calls that are not answered yet, each with the place of its reply in ``_answers``.
        self._places = places
        #: The replies in the order of the requests, None where one is awaited.
        self._answers = answers
        self._waiting = answers.count(None)
        self._room = limits.reply

    def resolve(self, call: Call, result: object) -> bytes | None:
        """Answer ``call`` with ``result``: see :meth:`Exchange.resolve`."""
        if call not in self._places:
            raise MisuseError(call.method)
        return self._answered(call, None if call.id is UNSET else messages.success(call.id, result))

    def reject(self, call: Call, error: RPCError) -> bytes | None:
        """Answer ``call`` with ``error``: see :meth:`Exchange.reject`."""
        if call not in self._places:
            raise MisuseError(call.method)
        return self._answered(
            call, None if call.id is UNSET else messages.failure(call.id, error, self._limits.reflect)
        )

    def _answered(self, call: Call, answer: bytes | None) -> bytes | None:
        place = self._places.pop(call)
        if answer is None:
            return None
        if len(answer) > max(self._room, self._limits.reflect) and not isinstance(call.id, UnsetType):
            # A hundred pictures or descriptions would be many megabytes, and are held once more while they are sent.
            self.full = True
            answer = messages.failure(call.id, _too_long(performed=True), self._limits.reflect)
        self._room -= len(answer)
        self._answers[place] = answer
        self._waiting -= 1
        return _join(self._answers) if self._waiting == 0 else None


class _Plain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A call without parameters whose id is a whole number, and nothing else: as most calls are."""

    jsonrpc: Literal["2.0"]
    method: str
    id: Raw


_decode_plain = msgspec.json.Decoder(_Plain).decode


def plain_call(text: bytes) -> Call | None:
    """Read one text if it is a call of the simplest kind, in a third of the time; None says to :func:`receive` it.

    It accepts nothing that the other would not. Its three members have five strings in them, so where there are no more
    quotes than those have, there is no member that was not looked at, nor a second one of a name; and of what is left
    raw it accepts digits only.
    """
    if text.count(b'"') != _PLAIN_QUOTES:
        return None
    try:
        plain = _decode_plain(text)
    except (msgspec.DecodeError, UnicodeError):
        return None
    id_ = bytes(plain.id)
    return Call(id_, plain.method, UNSET) if id_.isdigit() and len(id_) <= _DIGITS else None


def receive(data: str | bytes, limits: Limits = _DEFAULT_LIMITS) -> Exchange:
    """Read one text. Whatever it is, this gives an exchange and never raises."""
    try:
        value = messages.read(data, limits.depth)
    except ParseError as error:
        return _refused(error, limits)
    if type(value) is dict:
        outcome = _request(value, data, limits)
        if isinstance(outcome, Call):
            return Exchange((outcome,), limits)
        return _Refusal(outcome, limits)
    if type(value) is not list or not value:
        return _refused(InvalidRequest(), limits)
    if len(value) > limits.batch:
        return _refused(InvalidRequest(f"A batch may hold up to {limits.batch} requests."), limits)
    return _batch(value, data, limits)


def _batch(values: list[Any], data: str | bytes, limits: Limits) -> Exchange:
    places: dict[Call, int] = {}
    answers: list[bytes | None] = []
    for value, text in zip(values, messages.elements(data), strict=True):
        outcome = _request(value, text, limits)
        if not isinstance(outcome, Call):
            answers.append(outcome)
            continue
        places[outcome] = len(answers)
        if outcome.id is not UNSET:
            answers.append(None)
    # A batch of nothing but notifications gets no reply, not an empty one (section 6 of the specification).
    reply = _join(answers) if answers and None not in answers else None
    return _Batch(places, answers, reply, limits)


def _request(value: Any, text: str | bytes | Raw, limits: Limits) -> Call | bytes:  # noqa: ANN401 - any JSON value
    """Give the call that one request object asks for, or the reply that says why there is none."""
    if type(value) is not dict:
        return messages.failure(NULL, InvalidRequest(), limits.reflect)
    members = messages.verbatim(text)
    method = value.get("method")
    if members.id is not UNSET:
        # An id that cannot be used leaves the reply with null; one that can goes into the reply even if the rest of
        # the request is wrong, so that the client learns which of its calls failed.
        if type(value["id"]) not in _ID_TYPES:
            return messages.failure(NULL, InvalidRequest(), limits.reflect)
        if len(members.id) > limits.reflect:
            error = InvalidRequest(f"An id may be up to {limits.reflect} bytes long.")
            return messages.failure(NULL, error, limits.reflect)
    if (
        value.get("jsonrpc") != "2.0"
        or type(method) is not str
        or (members.params is not UNSET and type(value["params"]) not in (dict, list))
    ):
        return messages.failure(NULL if members.id is UNSET else members.id, InvalidRequest(), limits.reflect)
    return Call(members.id, method, members.params)


def _refused(error: RPCError, limits: Limits) -> Exchange:
    return _Refusal(messages.failure(NULL, error, limits.reflect), limits)


def _too_long(*, performed: bool) -> RPCError:
    hint = "The answers to this batch are too long to be sent in one text."
    return InvalidState("BATCH_TOO_LONG", performed=performed, hint=hint)


def _join(answers: list[bytes | None]) -> bytes:
    return b"[" + b",".join(answer for answer in answers if answer is not None) + b"]"
