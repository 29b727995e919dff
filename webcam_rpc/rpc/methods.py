"""The method table: every method that clients can call, as data, and the binding of their parameters.

Owns :class:`Method` (name, role, typed parameters, type of the result, the callable) and :class:`MethodTable`, which
finds one by name and turns the JSON of a call's ``params`` into its Struct *before* the method is called, so that a
TypeError inside a method is never mistaken for bad parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import UNSET, Raw, UnsetType, inspect

from webcam_rpc.rpc.errors import InvalidParams, MethodNotFound
from webcam_rpc.rpc.refusals import refusal

if TYPE_CHECKING:
    from webcam_rpc.rpc.errors import RPCError
    from webcam_rpc.rpc.roles import Role

    class Purse(Protocol):
        """What a caller pays from."""

        def spend(self, cost: float) -> None:
            """Pay for a call. Raises RateLimited."""


#: Names that start so are reserved by the specification (section 4); this one is OpenRPC's.
_RESERVED, _DISCOVER = "rpc.", "rpc.discover"

#: How the text of an array begins.
_ARRAY = ord("[")

_elements = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.Encoder().encode


class Caller(Protocol):
    """Who calls."""

    @property
    def role(self) -> Role:
        """What the caller may do."""

    @property
    def peer(self) -> str:
        """Where the caller is, for the log."""

    @property
    def allowance(self) -> Purse | None:
        """What the caller's calls are paid from; None where nothing is counted."""


@dataclass(frozen=True)
class Method:
    """A method as clients know it, and the callable behind it.

    :ivar name: what clients call it.
    :ivar role: the least role that may call it.
    :ivar params: a Struct with ``forbid_unknown_fields``; the order of its fields is that of positional parameters. A
        field that may be left out and differs from null then defaults to ``msgspec.UNSET``. For rules between fields,
        ``__post_init__`` raises :class:`~webcam_rpc.rpc.errors.InvalidParams`.
    :ivar result: the type of the result, from which its schema is made.
    :ivar call: takes the bound parameters and the :class:`Caller`; gives the result, or something that will have it.
    :ivar summary: one line for people.
    :ivar errors: what it ends with in its own right, beside what every call can end with.
    :ivar deadline_s: how many seconds it may take.
    :ivar cost: what a call takes of the caller's allowance, where a ping is 1.
    """

    name: str
    role: Role
    params: type[msgspec.Struct]
    result: Any
    call: Callable[[Any, Any], Any]
    summary: str
    errors: tuple[type[RPCError], ...] = ()
    deadline_s: float = 15.0
    cost: float = 1.0


class MethodTable(Iterable[Method]):
    """Every method by name, in the order in which they were given.

    :raises ValueError: if two have one name, if a name is reserved, or if a method's parameters would accept what they
        don't know. All of these are defects of ours, found when the table is made.
    """

    def __init__(self, methods: Iterable[Method]) -> None:
        self._methods: dict[str, Method] = {}
        self._decoders: dict[str, Callable[[bytes | Raw], msgspec.Struct]] = {}
        #: The parameters of those that have none: every call can have the same.
        self._nothing: dict[str, msgspec.Struct] = {}
        for method in methods:
            if method.name in self._methods:
                raise ValueError(f"two methods are named {method.name!r}")
            if method.name.startswith(_RESERVED) and method.name != _DISCOVER:
                raise ValueError(f"{method.name!r}: names that start with {_RESERVED!r} are reserved")
            _check(method)
            self._methods[method.name] = method
            if not method.params.__struct_fields__:
                self._nothing[method.name] = method.params()
            self._decoders[method.name] = msgspec.json.Decoder(method.params).decode

    def __iter__(self) -> Iterator[Method]:
        """Give the methods in their order."""
        return iter(self._methods.values())

    def __len__(self) -> int:
        """Count the methods."""
        return len(self._methods)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a method of that name."""
        return name in self._methods

    def get(self, name: str) -> Method:
        """Find a method.

        :raises MethodNotFound: if there is none of that name.
        """
        try:
            return self._methods[name]
        except KeyError:
            raise MethodNotFound(name) from None

    def cost(self, name: str) -> float:
        """Give what a call costs, be there such a method or not."""
        method = self._methods.get(name)
        return method.cost if method is not None else 1.0

    def bind(self, method: Method, params: Raw | UnsetType) -> msgspec.Struct:
        """Turn the JSON of ``params`` (of a :class:`~webcam_rpc.rpc.session.Call`) into the method's Struct.

        :raises InvalidParams: if it cannot be done; says which parameter is at fault, never what its value was.
        """
        if params is UNSET:
            nothing = self._nothing.get(method.name)
            if nothing is not None:
                return nothing
            members: bytes | Raw = b"{}"
        else:
            members = _named(params, method.params) if memoryview(params)[0] == _ARRAY else params
        try:
            return self._decoders[method.name](members)
        except msgspec.ValidationError as error:
            raise refusal(error, members, method.params) from None


def _named(params: Raw, struct: type[msgspec.Struct]) -> bytes:
    """Turn positional parameters into named ones, so that both are bound by the same rules and errors."""
    names = struct.__struct_encode_fields__
    values = _elements(params)
    if len(values) > len(names):
        raise InvalidParams(f"[{len(names)}]", "too_many", f"There can be up to {len(names)} positional parameters.")
    members = (b"".join((_encode(name), b":", value)) for name, value in zip(names, values, strict=False))
    return b"{" + b",".join(members) + b"}"


def _check(method: Method) -> None:
    """Raise ValueError if the parameters, or any object within them, are not Structs that refuse unknown members."""
    info = inspect.type_info(method.params)
    if not isinstance(info, inspect.StructType) or info.array_like:
        raise ValueError(f"{method.name}: params must be a Struct whose JSON is an object")
    for part in _parts(info, set()):
        lax = isinstance(part, inspect.StructType) and not part.forbid_unknown_fields
        if lax or isinstance(part, (inspect.DataclassType, inspect.TypedDictType, inspect.NamedTupleType)):
            raise ValueError(f"{method.name}: {part.cls.__qualname__} must be a Struct with forbid_unknown_fields=True")


def _parts(info: object, seen: set[int]) -> Iterator[Any]:
    """Give a type and all the types within it, each once: a Struct may hold itself."""
    if isinstance(info, tuple):
        for part in info:
            yield from _parts(part, seen)
    elif isinstance(info, (inspect.Type, inspect.Field)) and id(info) not in seen:
        seen.add(id(info))
        yield info
        for name in info.__struct_fields__:
            yield from _parts(getattr(info, name), seen)
