"""Each kind of message that msgspec has, as clients see it."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.rpc.errors import InvalidParams
from webcam_rpc.rpc.methods import Method, MethodTable
from webcam_rpc.rpc.roles import Role


class Colour(enum.Enum):
    """Values by name."""

    RED = "red"


class Inner(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An object within."""

    a: int
    b: str = ""


class One(msgspec.Struct, forbid_unknown_fields=True, frozen=True, tag="one"):
    """One of two that a tag tells apart."""

    x: int


class Two(msgspec.Struct, forbid_unknown_fields=True, frozen=True, tag="two"):
    """The other of two."""

    x: int


class Careful(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An object with a rule of its own."""

    secret: str

    def __post_init__(self) -> None:
        """Refuse, and say too much."""
        raise ValueError(f"Invalid UUID {self.secret}")


class Params(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A parameter of each kind."""

    required: str
    count: int | UnsetType = UNSET
    whole: Annotated[int, Meta(ge=1, le=10)] | UnsetType = UNSET
    ratio: Annotated[float, Meta(gt=0, lt=1)] | UnsetType = UNSET
    fives: Annotated[int, Meta(multiple_of=5)] | UnsetType = UNSET
    name: Annotated[str, Meta(pattern=r"^[a-z]+\Z", min_length=2, max_length=5)] | UnsetType = UNSET
    flag: bool | UnsetType = UNSET
    maybe: int | UnsetType | None = UNSET
    names: Annotated[list[str], Meta(max_length=2)] | UnsetType = UNSET
    pair: tuple[int, int] | UnsetType = UNSET
    map: dict[str, int] | UnsetType = UNSET
    numbered: dict[int, int] | UnsetType = UNSET
    inner: Inner | UnsetType = UNSET
    inners: list[Inner] | UnsetType = UNSET
    colour: Colour | UnsetType = UNSET
    choice: Literal["x", "y"] | UnsetType = UNSET
    tagged: One | Two | UnsetType = UNSET
    when: dt.datetime | UnsetType = UNSET
    zoned: Annotated[dt.datetime, Meta(tz=True)] | UnsetType = UNSET
    span: dt.timedelta | UnsetType = UNSET
    uid: uuid.UUID | UnsetType = UNSET
    exact: decimal.Decimal | UnsetType = UNSET
    blob: bytes | UnsetType = UNSET
    careful: list[Careful] | UnsetType = UNSET


#: The JSON of one parameter, and what is told of it.
REFUSED = (
    ('"count":"secret"', "count", "type", "Expected integer, got string."),
    ('"count":1.5', "count", "type", "Expected integer, got number."),
    ('"count":true', "count", "type", "Expected integer, got boolean."),
    ('"count":null', "count", "type", "Expected integer, got null."),
    ('"count":[]', "count", "type", "Expected integer, got array."),
    ('"required":{}', "required", "type", "Expected string, got object."),
    ('"maybe":"secret"', "maybe", "type", "Expected integer or null, got string."),
    ('"flag":1', "flag", "type", "Expected boolean, got integer."),
    ('"whole":0', "whole", "range", "Expected integer >= 1."),
    ('"whole":99999999999999999999999', "whole", "range", "Expected integer <= 10."),
    ('"ratio":0', "ratio", "range", "Expected number > 0.0."),
    ('"ratio":1.0', "ratio", "range", "Expected number < 1.0."),
    ('"ratio":1' + "0" * 310, "ratio", "range", "This number is out of range."),
    ('"fives":7', "fives", "range", "Expected integer that's a multiple of 5."),
    ('"name":"SECRET"', "name", "length", "Expected string of length <= 5."),
    ('"name":"x"', "name", "length", "Expected string of length >= 2."),
    ('"name":"NAME"', "name", "pattern", r"Expected string matching regex '^[a-z]+\\Z'."),
    ('"names":["a","b","c"]', "names", "length", "Expected array of length <= 2."),
    ('"names":["a",7]', "names[1]", "type", "Expected string, got integer."),
    ('"pair":[1]', "pair", "length", "Expected array of length 2."),
    ('"pair":[1,"secret"]', "pair[1]", "type", "Expected integer, got string."),
    ('"map":{"k":"secret"}', "map[...]", "type", "Expected integer, got string."),
    ('"map":{"k` - at `$.other":"secret"}', "map[...]", "type", "Expected integer, got string."),
    ('"numbered":{"secret":1}', "numbered", "type", "The name of a member: Expected integer, got string."),
    ('"inner":{}', "inner.a", "missing", "It is required."),
    ('"inner":{"a":1,"q":2}', "inner.q", "unknown", "There is no member of this name."),
    ('"inner":{"a":1,"q` - at `$.x":2}', "inner.q` - at `$.x", "unknown", "There is no member of this name."),
    ('"inner":{"a":"secret"}', "inner.a", "type", "Expected integer, got string."),
    ('"inners":[{"a":1},{"a":1,"b":2}]', "inners[1].b", "type", "Expected string, got integer."),
    ('"colour":"secret"', "colour", "choice", "This is none of the values that are allowed."),
    ('"colour":"secret` - at `$.x"', "colour", "choice", "This is none of the values that are allowed."),
    ('"choice":"secret"', "choice", "choice", "This is none of the values that are allowed."),
    ('"choice":4', "choice", "type", "Expected string, got integer."),
    ('"tagged":{"type":"secret"}', "tagged.type", "choice", "This is none of the values that are allowed."),
    ('"tagged":{"type":4}', "tagged.type", "type", "Expected string."),
    ('"tagged":{}', "tagged.type", "missing", "It is required."),
    ('"when":"secret"', "when", "pattern", "Invalid RFC3339 encoded datetime."),
    ('"zoned":"2020-01-01T00:00:00"', "zoned", "pattern", "Expected datetime with a timezone component."),
    ('"span":"secret"', "span", "pattern", "Invalid ISO8601 duration."),
    ('"uid":"secret"', "uid", "pattern", "Invalid UUID."),
    ('"exact":"secret"', "exact", "pattern", "Invalid decimal string."),
    ('"blob":"***"', "blob", "pattern", "Invalid base64 encoded string."),
    ('"careful":[{"secret":"secret"}]', "careful[0]", "invalid", "This value is not accepted."),
)


class RefusalTests(SynchronousTestCase):
    """What is told of a refused parameter."""

    def _data(self, text: str, params: type[msgspec.Struct] = Params) -> dict[str, str]:
        method = Method("m", Role.NONE, params, str, lambda _params, _caller: None, "Do something.")
        error = self.assertRaises(InvalidParams, MethodTable([method]).bind, method, Raw(text.encode()))
        return dict(error.data)

    def test_every_kind(self) -> None:
        """Each kind of refusal gives the path, the rule and a sentence; none gives the value."""
        for member, param, rule, hint in REFUSED:
            data = self._data(f'{{"required":"",{member}}}')
            self.assertEqual(data, {"param": param, "rule": rule, "hint": hint})
            self.assertNotIn("secret", data["hint"].lower())

    def test_missing(self) -> None:
        """What is missing is named."""
        self.assertEqual(self._data("{}"), {"param": "required", "rule": "missing", "hint": "It is required."})

    def test_unknown(self) -> None:
        """What is unknown is named, and the hint says what there is."""
        data = self._data('{"required":"","colur":"red"}')
        self.assertEqual((data["param"], data["rule"]), ("colur", "unknown"))
        self.assertIn("colour", data["hint"])

    def test_unknown_of_none(self) -> None:
        """A method without parameters says so."""
        data = self._data('{"x":1}', msgspec.defstruct("Nothing", [], forbid_unknown_fields=True))
        self.assertEqual(data, {"param": "x", "rule": "unknown", "hint": "This method takes no parameters."})

    def test_unknown_names_that_look_like_messages(self) -> None:
        """An unknown name is named as it is, whatever it looks like."""
        for name in ("x` - at `$.required", "", "` - at `$", "Expected `int`, got `str` - at `$.x`", "\n", "a`b"):
            data = self._data(msgspec.json.encode({"required": "", name: 1}).decode())
            self.assertEqual((data["param"], data["rule"]), (name, "unknown"))

    def test_long_unknown_name(self) -> None:
        """A name of a megabyte is cut, and takes no time."""
        for name in ("x" * 1_000_000, "` - at `$" * 100_000, " - at `$." + "x" * 1_000_000):
            data = self._data(msgspec.json.encode({"required": "", name: 1}).decode())
            self.assertEqual(data["rule"], "unknown")
            self.assertEqual(len(data["param"]), 200)
            data = self._data(msgspec.json.encode({"required": "", "inner": {name: 1}}).decode())
            self.assertLess(len(data["param"]), 201)

    def test_not_an_object(self) -> None:
        """What is not even an object is refused as a whole; no session lets it through."""
        self.assertEqual(self._data("1")["param"], "params")
