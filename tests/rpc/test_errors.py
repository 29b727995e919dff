"""The table of errors."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.rpc.errors import (
    ERRORS,
    AuthenticationFailed,
    DeadlinePassed,
    DependencyFailed,
    InternalError,
    InvalidParams,
    InvalidRequest,
    InvalidState,
    MethodNotFound,
    NotFound,
    ParseError,
    PermissionDenied,
    RateLimited,
    RPCError,
    ShuttingDown,
    StorageLow,
    Unsupported,
)
from webcam_rpc.rpc.roles import Role

#: One of each, with its code and message as the documentation has them.
SAMPLES = (
    (ParseError(), -32700, "Parse error"),
    (InvalidRequest(), -32600, "Invalid Request"),
    (InvalidRequest("too long"), -32600, "Invalid Request"),
    (MethodNotFound("x"), -32601, "Method not found: x"),
    (InvalidParams("device", "missing", "It is required."), -32602, "Invalid params"),
    (InternalError("c0ffee"), -32603, "Internal error"),
    (AuthenticationFailed("expired"), -32001, "Authentication failed"),
    (PermissionDenied(Role.OPERATOR, Role.STATUS), -32002, "Permission denied"),
    (NotFound("camera", "camera7"), -32010, "Not found"),
    (InvalidState("DEVICE_BUSY", holder={"pid": 7}), -32020, "Invalid state"),
    (Unsupported("infrared"), -32030, "Not supported"),
    (RateLimited(250), -32040, "Rate limited"),
    (DependencyFailed("V4L2_FAILED", "exit status 1", "Plug it in again."), -32050, "Dependency failed"),
    (StorageLow(1, 2), -32060, "Storage low"),
    (DeadlinePassed(15.0), -32070, "Deadline passed"),
    (ShuttingDown(), -32080, "Shutting down"),
)


class ErrorTests(SynchronousTestCase):
    """Each row of the table."""

    def test_codes_and_messages(self) -> None:
        """Each error has its code and its message, which is also what it prints."""
        for error, code, message in SAMPLES:
            self.assertEqual((error.code, error.message, str(error)), (code, message, message))

    def test_table(self) -> None:
        """The table has every error, by its code, and there is none beside it."""
        self.assertEqual({code: type(error) for error, code, _ in SAMPLES}, dict(ERRORS))
        self.assertEqual(set(RPCError.__subclasses__()), set(ERRORS.values()))

    def test_data(self) -> None:
        """The data of an error are of its shape; what has no shape has no data."""
        for error, _code, _message in SAMPLES:
            if error.shape is None:
                self.assertIsNone(error.data)
            elif error.data is not None:
                msgspec.convert(error.data, error.shape)
                self.assertTrue(set(error.shape.__struct_encode_fields__) <= set(error.data))

    def test_roles_in_data(self) -> None:
        """Roles are named as on the wire."""
        data = PermissionDenied(Role.OPERATOR, Role.STATUS).data
        self.assertEqual(data, {"required_role": "operator", "have_role": "status"})

    def test_more_data(self) -> None:
        """An invalid state may say more."""
        self.assertEqual(InvalidState("DEVICE_BUSY", holder=None).data, {"reason": "DEVICE_BUSY", "holder": None})

    def test_reflection_is_cut(self) -> None:
        """What comes from a request comes back cut."""
        long = "x" * 1000
        self.assertEqual(len(MethodNotFound(long).message), len("Method not found: ") + 200)
        for error in (InvalidParams(long, "unknown", ""), NotFound("camera", long), Unsupported(long)):
            self.assertLess(len(str(error.data)), 300)
