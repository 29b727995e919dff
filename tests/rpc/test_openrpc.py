"""The OpenRPC document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import jsonschema
import msgspec
from msgspec import UNSET, Meta, UnsetType
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.rpc import openrpc
from webcam_rpc.rpc.errors import ERRORS, DependencyFailed, InvalidParams, NotFound
from webcam_rpc.rpc.methods import Method, MethodTable
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from collections.abc import Iterator


class Nothing(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """No parameters."""


class Size(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A size in pixels.

    Both ways.
    """

    width: int
    height: int


class ShotParams(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Of what to take a picture, and how."""

    device: Annotated[str, Meta(description="Which camera.")]
    size: Size | UnsetType = UNSET
    quality: Annotated[int, Meta(ge=1, le=100)] = 85


class Shot(msgspec.Struct, frozen=True):
    """A picture."""

    filename: str
    size: Size | None
    tags: dict[str, list[int]]


class Empty(msgspec.Struct, frozen=True):
    """A result that says nothing."""


def _table(*more: Method) -> MethodTable:
    def call(_params: object, _caller: object) -> None:
        return None

    return MethodTable(
        (
            Method("ping", Role.NONE, Nothing, Literal["pong"], call, "Say pong."),
            Method("shoot", Role.OPERATOR, ShotParams, Shot, call, "Take it.", (NotFound, DependencyFailed)),
            Method("sizes", Role.STATUS, Nothing, dict[str, Size], call, "Sizes by camera."),
            Method("rpc.discover", Role.NONE, Nothing, openrpc.Document, call, "This document."),
            *more,
        )
    )


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            if key == "$ref" and isinstance(member, str):
                yield member
            else:
                yield from _references(member)
    elif isinstance(value, list):
        for member in value:
            yield from _references(member)


class DocumentTests(SynchronousTestCase):
    """What the document says."""

    def setUp(self) -> None:
        """Make a document and read it as a client would."""
        self.document: dict[str, Any] = json.loads(msgspec.json.encode(openrpc.document(_table(), "Cameras", "1.2.3")))
        self.methods: dict[str, dict[str, Any]] = {method["name"]: method for method in self.document["methods"]}

    def _validator(self, schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
        """Give a validator of one schema, with the document's components in reach."""
        return jsonschema.Draft202012Validator({**schema, "components": self.document["components"]})

    def test_head(self) -> None:
        """The document says what it is and what it describes."""
        self.assertRegex(self.document["openrpc"], r"^1\.3\.\d+$")
        self.assertEqual(self.document["info"], {"title": "Cameras", "version": "1.2.3"})
        self.assertEqual(list(self.methods), ["ping", "shoot", "sizes", "rpc.discover"])

    def test_members(self) -> None:
        """Nothing stands in it that OpenRPC does not know, but for names that start with ``x-``."""
        self.assertEqual(set(self.document), {"openrpc", "info", "methods", "components", "x-error-data"})
        for method in self.methods.values():
            self.assertEqual(set(method), {"name", "summary", "params", "result", "errors", "paramStructure", "x-role"})
            for descriptor in (*method["params"], method["result"]):
                self.assertEqual(set(descriptor), {"name", "required", "schema"})
            for error in method["errors"]:
                self.assertEqual(set(error), {"code", "message"})

    def test_parameters(self) -> None:
        """Parameters stand in their order, with their schemas."""
        params = self.methods["shoot"]["params"]
        self.assertEqual([param["name"] for param in params], ["device", "size", "quality"])
        self.assertEqual([param["required"] for param in params], [True, False, False])
        self.assertEqual(params[0]["schema"], {"type": "string", "description": "Which camera."})
        self.assertEqual(params[1]["schema"], {"$ref": "#/components/schemas/Size"})
        self.assertEqual(params[2]["schema"], {"type": "integer", "minimum": 1, "maximum": 100, "default": 85})
        self.assertEqual(self.methods["ping"]["params"], [])
        self.assertEqual(self.methods["shoot"]["paramStructure"], "either")

    def test_roles(self) -> None:
        """Each method says the least role that may call it."""
        roles = {name: method["x-role"] for name, method in self.methods.items()}
        self.assertEqual(roles, {"ping": "none", "shoot": "operator", "sizes": "status", "rpc.discover": "none"})

    def test_errors(self) -> None:
        """Each method lists its own errors and those that any call may end with."""
        codes = {name: [error["code"] for error in method["errors"]] for name, method in self.methods.items()}
        self.assertEqual(codes["ping"], [-32602, -32040, -32070, -32603])
        self.assertEqual(codes["shoot"], [-32010, -32050, -32602, -32002, -32040, -32070, -32603])
        self.assertEqual(self.methods["shoot"]["errors"][0]["message"], "Not found")

    def test_errors_come_once(self) -> None:
        """An error that a method names though any call may end with it stands there once."""
        method = Method("m", Role.NONE, Nothing, str, lambda _p, _c: None, "Do it.", (InvalidParams,))
        document = openrpc.document(MethodTable([method]), "", "")
        codes = [error.code for error in document.methods[0].errors]
        self.assertEqual(codes.count(InvalidParams.code), 1)

    def test_references(self) -> None:
        """Every reference resolves within the document."""
        references = set(_references(self.document))
        self.assertIn("#/components/schemas/Size", references)
        for reference in references:
            target: Any = self.document
            for step in reference.removeprefix("#/").split("/"):
                target = target[step]
            self.assertIsInstance(target, dict)

    def test_schemas_are_valid(self) -> None:
        """Every schema is a valid JSON Schema, of the draft that OpenRPC names and of the newest."""
        schemas = [*self.document["components"]["schemas"].values(), *self.document["x-error-data"].values()]
        for method in self.methods.values():
            schemas += [param["schema"] for param in method["params"]]
            schemas.append(method["result"]["schema"])
        for schema in schemas:
            jsonschema.Draft7Validator.check_schema(schema)
            jsonschema.Draft202012Validator.check_schema(schema)

    def test_results_match(self) -> None:
        """What a method gives matches its schema, and what it does not give doesn't."""
        good = {
            "ping": "pong",
            "shoot": Shot("a.jpg", Size(640, 480), {"x": [1]}),
            "sizes": {"a": Size(1, 2)},
            "rpc.discover": openrpc.document(_table(), "Cameras", "1.2.3"),
        }
        for name, value in good.items():
            validator = self._validator(self.methods[name]["result"]["schema"])
            self.assertTrue(validator.is_valid(json.loads(msgspec.json.encode(value))), name)
            self.assertFalse(validator.is_valid({"filename": 1}), name)

    def test_parameters_match(self) -> None:
        """What binds matches the schema of its parameter."""
        for param, good, bad in zip(
            self.methods["shoot"]["params"],
            ("/dev/video0", {"width": 1, "height": 1}, 100),
            (0, {"width": 1, "height": 1, "depth": 1}, 101),
            strict=True,
        ):
            validator = self._validator(param["schema"])
            self.assertTrue(validator.is_valid(good))
            self.assertFalse(validator.is_valid(bad))

    def test_error_data(self) -> None:
        """The data of every error that has some are described, by its code."""
        described = self.document["x-error-data"]
        self.assertEqual(set(described), {str(code) for code, error in ERRORS.items() if error.shape is not None})
        error = InvalidParams("device", "missing", "It is required.")
        self.assertTrue(self._validator(described["-32602"]).is_valid(error.data))
        self.assertFalse(self._validator(described["-32602"]).is_valid({"param": "device"}))

    def test_descriptions(self) -> None:
        """Descriptions are not indented as the source is."""
        self.assertEqual(
            self.document["components"]["schemas"]["Size"]["description"], "A size in pixels.\n\nBoth ways."
        )

    def test_results_that_say_nothing(self) -> None:
        """A result whose type says nothing of what it holds is a defect."""
        for result in (Any, dict, dict[str, Any], Empty):
            method = Method("m", Role.NONE, Nothing, result, lambda _p, _c: None, "Do it.")
            error = self.assertRaises(ValueError, openrpc.document, MethodTable([method]), "", "")
            self.assertIn("m: the type of its result", str(error))
