"""JSON-RPC 2.0 messages as text: reading one strictly, and writing replies and notifications.

Owns what is JSON and what is not. Reading decodes the whole text once, because only that checks everything in it (the
members that nobody asked for too): msgspec skips over what it is told to leave raw and sees neither bad UTF-8 nor
1e400 there. A second, lazy pass then takes ``id`` and ``params`` as they stand in the text, so that an id comes back
letter by letter (``1.0`` stays ``1.0``) and the parameters can be decoded by the type that their method wants.

A reply is put together from bytes around the verbatim id.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from webcam_rpc.rpc.errors import ParseError

if TYPE_CHECKING:
    from webcam_rpc.rpc.errors import RPCError

#: The id of a reply to what had no readable id.
NULL = b"null"

_OPENING = b"[{"
_CLOSING = b"]}"
_QUOTE = b'"'
_EXPONENT = re.compile(rb"[0-9][eE]")

#: How many arrays and objects a text may hold: decoding a megabyte of empty ones would hold the reactor for a quarter
#: of a second, and no request is like that.
_CONTAINERS = 50_000

#: How many members of objects: 80,000, which fit into a megabyte, take 20 ms.
_MEMBERS = 20_000

#: How many numbers with an exponent: some (``9e300``) take 10 µs each, so that a megabyte of them takes two seconds.
_EXPONENTS = 1000

#: Everything that says nothing about nesting.
_IRRELEVANT = bytes(sorted(set(range(256)) - set(_OPENING + _CLOSING + _QUOTE)))

#: A bracket's step up or down, as a signed byte.
_STEPS = bytes.maketrans(_OPENING + _CLOSING, b"\x01\x01\xff\xff")


class UnencodableError(Exception):
    """Something of ours was to be sent that JSON cannot carry: a defect here, whose reason is the ``__cause__``."""


class Verbatim(msgspec.Struct, frozen=True):
    """The members of a request that are needed as they stand in the text."""

    id: Raw | UnsetType = UNSET
    params: Raw | UnsetType = UNSET


_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_verbatim = msgspec.json.Decoder(Verbatim).decode
_elements = msgspec.json.Decoder(list[Raw]).decode


def read(text: bytes | str, depth: int) -> Any:  # noqa: ANN401 - any JSON value
    """Decode one text as strict JSON of at most ``depth`` arrays and objects within each other.

    :raises ParseError: if it is anything else. What is nested deeper, or made of more arrays, objects and members
        than any request, counts as that too: RFC 8259, section 9, lets a parser limit both.
    """
    try:
        if isinstance(text, str):
            text = text.encode()
        if len(text) > _EXPONENTS:
            _check_amounts(text)
        value = _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # UnicodeError: bad UTF-8, or a str with half a surrogate pair. ValidationError, a DecodeError, is what 1e400
        # and integers of thousands of digits get.
        raise ParseError from None
    # A bracket and its counterpart take two bytes, so nothing shorter can be nested too deep.
    if len(text) > 2 * depth and text.count(b"[") + text.count(b"{") > depth and _nesting(text) > depth:
        raise ParseError
    return value


def _check_amounts(text: bytes) -> None:
    """Raise ParseError where there is more in a text than in any request; nothing short can hold so much."""
    if len(text) > _CONTAINERS and text.count(b"[") + text.count(b"{") > _CONTAINERS:
        raise ParseError
    if len(text) > _MEMBERS and text.count(b":") > _MEMBERS and _outside_strings(text, b"").count(b":") > _MEMBERS:
        raise ParseError
    if _exponents(text) > _EXPONENTS:
        raise ParseError


def _nesting(text: bytes) -> int:
    """Give how deep valid JSON is nested; works in a few passes in C because the text may be a megabyte of brackets."""
    brackets = _outside_strings(text, _IRRELEVANT)
    return max(accumulate(memoryview(brackets.translate(_STEPS)).cast("b")), default=0)


def _exponents(text: bytes) -> int:
    """Give how many numbers with an exponent there are at most; where that is too many, how many there are."""
    letters = text.count(b"e") + text.count(b"E")
    if letters <= _EXPONENTS:
        return letters
    return len(_EXPONENT.findall(_outside_strings(text, b"")))


def _outside_strings(text: bytes, irrelevant: bytes) -> bytes:
    """Give what stands between the strings of valid JSON, without ``irrelevant`` bytes, none of which is a quote."""
    # Escaped backslashes go first, from left to right, so that what is left before a quote does escape it. Two quotes
    # side by side then have nothing between them, and without them there is less to split.
    bare = text.replace(rb"\\", b"").replace(rb"\"", b"").translate(None, irrelevant).replace(b'""', b"")
    # Every second piece lies within a string.
    return b"".join(bare.split(_QUOTE)[::2])


def verbatim(request: bytes | str | Raw) -> Verbatim:
    """Take the raw members out of an object that :func:`read` has accepted."""
    return _verbatim(request)


def elements(batch: bytes | str) -> list[Raw]:
    """Take the raw elements out of an array that :func:`read` has accepted."""
    return _elements(batch)


def encode(value: object) -> bytes:
    """Encode anything of ours; NaN and infinities, which JSON has not, become null.

    :raises UnencodableError: if it cannot be done: a type that JSON has not, half a surrogate pair, a cycle.
    """
    try:
        return _encode(value)
    except Exception as error:
        # Whatever the reason (msgspec raises at least TypeError, ValueError and RecursionError here): the caller has
        # one thing to do, to answer with an internal error.
        raise _unencodable(value) from error


def _unencodable(value: object) -> UnencodableError:
    return UnencodableError(f"cannot be encoded as JSON: {type(value).__name__}")


def success(id: bytes | Raw, result: object) -> bytes:  # noqa: A002 - the specification's name for it
    """Write the reply that carries ``result``.

    :raises UnencodableError: if the result cannot be encoded.
    """
    try:
        return b"".join((b'{"jsonrpc":"2.0","result":', _encode(result), b',"id":', id, b"}"))
    except Exception as error:
        raise _unencodable(result) from error


def failure(id: bytes | Raw, error: RPCError, limit: int) -> bytes:  # noqa: A002 - as above
    """Write the reply that carries ``error``; never fails.

    If the error and the id together are longer than ``limit`` bytes, or the error cannot be encoded (a file name that
    is not UTF-8 may have got into it), then only the code and its plain message are sent.
    """
    members: dict[str, object] = {"code": error.code, "message": error.message}
    if error.data is not None:
        members["data"] = error.data
    try:
        body = encode(members)
    except UnencodableError:
        body = b""
    if not 0 < len(body) <= limit - len(id):
        body = encode({"code": error.code, "message": error.title})
    return b"".join((b'{"jsonrpc":"2.0","error":', body, b',"id":', id, b"}"))


def notification(method: str, params: object) -> bytes:
    """Write a notification.

    :raises UnencodableError: if the parameters cannot be encoded.
    """
    return b"".join((b'{"jsonrpc":"2.0","method":', encode(method), b',"params":', encode(params), b"}"))
