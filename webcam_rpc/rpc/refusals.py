"""What msgspec says of parameters that it refuses, turned into what clients are told.

Owns the reading of msgspec's messages, the one place that depends on their wording (each kind has a test). Such a
message is ``Expected `int`, got `str` - at `$.controls[2].value```; of it come the path, a rule as one word for
machines, and a hint for people. The value itself is in some of the messages and never in what is told: it may be a
secret, or a megabyte.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

from webcam_rpc.rpc.errors import InvalidParams

if TYPE_CHECKING:
    from collections.abc import Collection

_keys = msgspec.json.Decoder(dict[str, Raw]).decode

#: Where in the parameters; the last thing in the message, absent where it is the whole of them.
_PLACE = re.compile(r"(?s)(?P<what>.*) - at (?P<key>`key` in )?`\$(?P<path>[^`]*)`\Z")

_UNKNOWN = re.compile(r"(?s)Object contains unknown field `(?P<name>.*)`\Z")
_MISSING = re.compile(r"(?s)Object missing required field `(?P<name>.*)`\Z")

#: Anything else, by how it begins: the rule, and a hint where the message itself cannot be one because it holds the
#: value. The first that fits counts.
_RULES = tuple(
    (re.compile(pattern), rule, hint)
    for pattern, rule, hint in (
        (r"Expected `[^`]*` of length", "length", None),
        (r"Expected `[^`]*` matching regex", "pattern", None),
        (r"Expected `[^`]*` (>|<|that's a multiple of)", "range", None),
        (r"(Integer value|Number) out of range", "range", "This number is out of range."),
        (r"Expected `[^`]*` with", "pattern", None),
        (r"Expected `[^`]*`(, got `[^`]*`)?\Z", "type", None),
        (r"Invalid (enum )?value ", "choice", "This is none of the values that are allowed."),
        (r"Invalid (RFC3339 encoded|ISO8601|UUID|base64|decimal)[a-z ]*\Z", "pattern", None),
    )
)

#: JSON's names for Python's types, as they stand between the backticks of a message.
_WORDS = {"bool": "boolean", "int": "integer", "float": "number", "str": "string", "bytes": "base64 string"}
_TYPES = re.compile("`([^`]*)`")


def refusal(error: msgspec.ValidationError, members: bytes | Raw, struct: type[msgspec.Struct]) -> InvalidParams:
    """Say what msgspec refused in ``members``, a JSON object that was to become a ``struct``."""
    message = str(error)
    names = struct.__struct_encode_fields__
    place = _PLACE.match(message)
    path = "" if place is None else place["path"].removeprefix(".")
    if error.__cause__ is not None:
        # A ValueError of ours, raised in a __post_init__; its text may hold the value.
        return InvalidParams(path or "params", "invalid", "This value is not accepted.")
    if _UNKNOWN.match(message):
        # An unknown name is the client's own text and may look like anything, like the end of a message too. So it is
        # looked up and not read from the message; the message is asked only for what lies deeper.
        for name in _keys(members):
            if name not in names:
                return InvalidParams(name, "unknown", _known(names))
    what = message if place is None else place["what"]
    for pattern, rule, hint in (
        (_UNKNOWN, "unknown", "There is no member of this name."),
        (_MISSING, "missing", "It is required."),
    ):
        found = pattern.match(what)
        if found is not None:
            return InvalidParams(f"{path}.{found['name']}".removeprefix("."), rule, hint)
    return InvalidParams(path or "params", *_rule(what, in_key=place is not None and place["key"] is not None))


def _rule(what: str, *, in_key: bool) -> tuple[str, str]:
    for pattern, rule, hint in _RULES:
        if pattern.match(what):
            told = hint or _TYPES.sub(_words, what) + "."
            return rule, f"The name of a member: {told}" if in_key else told
    return "invalid", "This value is not accepted."


def _words(types: re.Match[str]) -> str:
    return " or ".join(_WORDS.get(word, word) for word in types[1].split(" | "))


def _known(names: Collection[str]) -> str:
    return f"The parameters are: {', '.join(names)}." if names else "This method takes no parameters."
