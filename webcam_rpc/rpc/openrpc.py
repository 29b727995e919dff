"""The method table as an OpenRPC 1.3 document (https://spec.open-rpc.org), for tools and for people.

Owns the shape of the document, typed, so that it has a schema itself: it is the result of a method too. Schemas come
from the Structs; each ``$ref`` points into ``components.schemas`` of the same document.

Two extensions: ``x-role``, the least role that may call a method, and ``x-error-data``, which schema the ``data`` of an
error has, by its code (an Error Object of OpenRPC has room for a value there, not for a schema).
"""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from webcam_rpc.rpc.errors import ERRORS, DeadlinePassed, InternalError, InvalidParams, PermissionDenied, RateLimited
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from webcam_rpc.rpc.errors import RPCError
    from webcam_rpc.rpc.methods import Method, MethodTable

OPENRPC = "1.3.2"

_TEMPLATE = "#/components/schemas/{name}"
_PREFIX = _TEMPLATE.format(name="")

#: What makes the schema of an object say something.
_MEMBERS = ("properties", "additionalProperties", "patternProperties")

Schema = Annotated[dict[str, Any], Meta(description="A JSON Schema.")]


class Info(msgspec.Struct, frozen=True):
    """What the document describes."""

    title: str
    version: str


class ContentDescriptor(msgspec.Struct, frozen=True):
    """A parameter or a result."""

    name: str
    required: bool
    schema: Schema


class ErrorObject(msgspec.Struct, frozen=True):
    """An error that a method may end with."""

    code: int
    message: str


class MethodObject(msgspec.Struct, frozen=True, rename={"param_structure": "paramStructure", "role": "x-role"}):
    """A method."""

    name: str
    summary: str
    params: list[ContentDescriptor]
    result: ContentDescriptor
    errors: list[ErrorObject]
    param_structure: str
    role: str


class Components(msgspec.Struct, frozen=True):
    """What the schemas of the methods refer to."""

    schemas: dict[str, Schema]


class Document(msgspec.Struct, frozen=True, rename={"error_data": "x-error-data"}):
    """An OpenRPC document."""

    openrpc: str
    info: Info
    methods: list[MethodObject]
    components: Components
    error_data: dict[str, Schema]


def document(table: MethodTable, title: str, version: str) -> Document:
    """Describe every method of ``table``.

    :raises ValueError: if a result's type says nothing of what the result holds.
    """
    methods = tuple(table)
    shapes = {code: error.shape for code, error in ERRORS.items() if error.shape is not None}
    types = (*(method.params for method in methods), *(method.result for method in methods), *shapes.values())
    schemas, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    for component in components.values():
        if "description" in component:
            component["description"] = cleandoc(component["description"])
    count = len(methods)
    return Document(
        openrpc=OPENRPC,
        info=Info(title, version),
        methods=[
            _describe(method, _target(params, components), result, components)
            for method, params, result in zip(methods, schemas[:count], schemas[count : 2 * count], strict=True)
        ],
        components=Components(components),
        error_data={str(code): schema for code, schema in zip(shapes, schemas[2 * count :], strict=True)},
    )


def _describe(
    method: Method, params: dict[str, Any], result: dict[str, Any], components: dict[str, dict[str, Any]]
) -> MethodObject:
    target = _target(result, components)
    if not target or (target.get("type") == "object" and not any(target.get(key) for key in _MEMBERS)):
        raise ValueError(f"{method.name}: the type of its result, {method.result!r}, says nothing of what it holds")
    return MethodObject(
        name=method.name,
        summary=method.summary,
        params=[
            ContentDescriptor(name, name in params["required"], schema) for name, schema in params["properties"].items()
        ],
        result=ContentDescriptor("result", required=True, schema=result),
        errors=[ErrorObject(error.code, error.title) for error in _errors(method)],
        param_structure="either",
        role=method.role.wire,
    )


def _errors(method: Method) -> tuple[type[RPCError], ...]:
    """Give the method's own errors, then those that any call of it may end with."""
    denied = (PermissionDenied,) if method.role > Role.NONE else ()
    # By way of a dict each comes once, in this order.
    return tuple(dict.fromkeys((*method.errors, InvalidParams, *denied, RateLimited, DeadlinePassed, InternalError)))


def _target(schema: dict[str, Any], components: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Follow a reference, if it is one."""
    reference = schema.get("$ref")
    return schema if reference is None else components[reference.removeprefix(_PREFIX)]
