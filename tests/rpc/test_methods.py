"""The method table and the binding of parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.rpc.errors import InvalidParams, MethodNotFound
from webcam_rpc.rpc.methods import Method, MethodTable
from webcam_rpc.rpc.roles import Role


class Nothing(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """No parameters."""


class Shot(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Parameters of which one is required, and of which null means something."""

    device: str
    quality: Annotated[int, Meta(ge=1, le=100)] = 85
    name: str | UnsetType | None = UNSET


class Renamed(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename="camel"):
    """Parameters whose names on the wire are others."""

    first_name: str
    last_name: str = ""


class Either(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Parameters with a rule between them."""

    start: str | None = None
    cron: str | None = None

    def __post_init__(self) -> None:
        """Refuse both and neither."""
        if (self.start is None) == (self.cron is None):
            raise InvalidParams("start", "exactly_one", "Give either start or cron.")


class Tree(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Parameters that hold themselves."""

    children: list[Tree] = []


class Lax(msgspec.Struct):
    """Something that ignores what it does not know."""


class Holder(msgspec.Struct, forbid_unknown_fields=True):
    """Something strict that holds something lax."""

    inner: dict[str, list[Lax]]


@dataclass
class Plain:
    """Something that is not a Struct."""


class PlainHolder(msgspec.Struct, forbid_unknown_fields=True):
    """Something strict that holds something that is not a Struct."""

    inner: Plain | None = None


class Positional(msgspec.Struct, forbid_unknown_fields=True, array_like=True):
    """Something whose JSON is an array."""


def _method(params: type[msgspec.Struct], name: str = "m") -> Method:
    return Method(name, Role.NONE, params, str, lambda _params, _caller: None, "Do something.")


class TableTests(SynchronousTestCase):
    """Methods by name."""

    def test_get(self) -> None:
        """A method is found by its name, and by nothing that only looks like it."""
        table = MethodTable([_method(Nothing, "a"), _method(Shot, "b")])
        self.assertIs(table.get("b").params, Shot)
        for name in ("", "A", "a ", "c"):
            self.assertRaises(MethodNotFound, table.get, name)

    def test_order(self) -> None:
        """The methods keep their order."""
        table = MethodTable(_method(Nothing, name) for name in "cab")
        self.assertEqual([method.name for method in table], ["c", "a", "b"])
        self.assertEqual(len(table), 3)

    def test_same_name(self) -> None:
        """Two methods of one name are a defect."""
        self.assertRaises(ValueError, MethodTable, [_method(Nothing), _method(Shot)])

    def test_reserved_name(self) -> None:
        """Of the reserved names only the one that OpenRPC defines may be used."""
        self.assertRaises(ValueError, MethodTable, [_method(Nothing, "rpc.mine")])
        self.assertEqual(MethodTable([_method(Nothing, "rpc.discover")]).get("rpc.discover").params, Nothing)

    def test_lax_parameters(self) -> None:
        """Parameters that would ignore what they don't know are a defect, however deep within."""
        for params in (Lax, Holder, PlainHolder, Positional, Plain, dict):
            error = self.assertRaises(ValueError, MethodTable, [_method(params)])  # type: ignore[arg-type]
            self.assertIn("Struct", str(error))

    def test_recursive_parameters(self) -> None:
        """Parameters may hold themselves."""
        table = MethodTable([_method(Tree)])
        bound = table.bind(table.get("m"), Raw(b'{"children":[{"children":[{}]}]}'))
        self.assertEqual(bound, Tree([Tree([Tree()])]))


class BindTests(SynchronousTestCase):
    """Parameters become a Struct."""

    def _bind(self, params: type[msgspec.Struct], text: str | None) -> msgspec.Struct:
        table = MethodTable([_method(params)])
        return table.bind(table.get("m"), UNSET if text is None else Raw(text.encode()))

    def _refused(self, params: type[msgspec.Struct], text: str | None) -> tuple[object, object]:
        error = self.assertRaises(InvalidParams, self._bind, params, text)
        data = json.loads(json.dumps(error.data))
        self.assertEqual(set(data), {"param", "rule", "hint"})
        return data["param"], data["rule"]

    def test_no_parameters(self) -> None:
        """Absent, empty by name and empty by position are the same."""
        for text in (None, "{}", "[]"):
            self.assertEqual(self._bind(Nothing, text), Nothing())
            self.assertEqual(self._refused(Shot, text), ("device", "missing"))

    def test_by_name(self) -> None:
        """By name, in any order."""
        self.assertEqual(self._bind(Shot, '{"quality":1,"device":"a"}'), Shot("a", 1))

    def test_by_position(self) -> None:
        """By position, in the order of the fields, as many as there are."""
        self.assertEqual(self._bind(Shot, '["a"]'), Shot("a"))
        self.assertEqual(self._bind(Shot, '["a", 1, "n"]'), Shot("a", 1, "n"))
        self.assertEqual(self._refused(Shot, '["a", 1, "n", 4]'), ("[3]", "too_many"))
        self.assertEqual(self._refused(Nothing, "[1]"), ("[0]", "too_many"))

    def test_by_position_errors_have_names(self) -> None:
        """A positional parameter is refused by its name."""
        self.assertEqual(self._refused(Shot, "[1]"), ("device", "type"))
        self.assertEqual(self._refused(Shot, '["a", 101]'), ("quality", "range"))

    def test_names_on_the_wire(self) -> None:
        """It is the wire's names that count, by position and in errors too."""
        self.assertEqual(self._bind(Renamed, '["a", "b"]'), Renamed("a", "b"))
        self.assertEqual(self._bind(Renamed, '{"firstName": "a"}'), Renamed("a"))
        self.assertEqual(self._refused(Renamed, '{"first_name": "a"}'), ("first_name", "unknown"))
        self.assertEqual(self._refused(Renamed, "[]"), ("firstName", "missing"))

    def test_null_is_not_absent(self) -> None:
        """Null and absent differ where the method says so, and null is ill-typed elsewhere."""
        absent, null = self._bind(Shot, '["a"]'), self._bind(Shot, '["a", 1, null]')
        self.assertEqual((absent, null), (Shot("a", 85, UNSET), Shot("a", 1, None)))
        self.assertEqual(self._refused(Shot, '{"device": null}'), ("device", "type"))
        self.assertEqual(self._refused(Shot, '["a", null]'), ("quality", "type"))

    def test_rules_between_parameters(self) -> None:
        """A rule between parameters is refused like any other, in the method's own words."""
        self.assertEqual(self._refused(Either, "{}"), ("start", "exactly_one"))
        self.assertEqual(self._bind(Either, '{"cron": "* * * * *"}'), Either(cron="* * * * *"))
