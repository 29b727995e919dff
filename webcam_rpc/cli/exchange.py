"""One request of HTTP and its answer: calls of methods, and files.

Owns what may go wrong on the way, in the words of whoever waits for the answer.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import socket
import ssl
from typing import TYPE_CHECKING, Any

from webcam_rpc.cli.failures import NO_PERMISSION, UNAVAILABLE, Failed, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: What is said of these at every kind of connection.
NOT_TRUSTED = (
    "its certificate is not trusted; where it is your own, name it in the environment: SSL_CERT_FILE=certificate.pem"
)
NOBODY = "nothing listens there: is the service running? On its machine `systemctl status webcam-service` tells"
HUNG_UP = "it hung up without an answer; is it wss:// or https:// perhaps?"

#: What HTTP says of those who may not, and of too much to do.
_STATUSES = {401: NO_PERMISSION, 403: NO_PERMISSION, 429: UNAVAILABLE, 503: UNAVAILABLE}


def call(
    connection: http.client.HTTPConnection,
    where: str,
    method: str,
    params: Mapping[str, Any],
    *,
    path: str = "/rpc",
    headers: Mapping[str, str] | None = None,
) -> Any:  # noqa: ANN401 - any JSON
    """Call a method by ``POST /rpc``, and close the connection.

    :param where: what the service is called in errors.
    :raises Failed: if it answers with an error, or not at all.
    """
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    with reaching(where), contextlib.closing(connection):
        connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        text = response.read()
    try:
        answer = json.loads(text)
        error = answer.get("error")
        if error is None:
            return answer["result"]
        raise refusal(error)
    except (ValueError, AttributeError, LookupError, TypeError):
        raise _not_understood(where, response.status, text) from None


@contextlib.contextmanager
def opened(
    connection: http.client.HTTPConnection, where: str, path: str, headers: Mapping[str, str] | None = None
) -> Iterator[http.client.HTTPResponse]:
    """Get a file: its answer while it is read, in a ``with`` that closes the connection.

    :raises Failed: if there is none, or it breaks off while it is read.
    """
    with reaching(where), contextlib.closing(connection):
        connection.request("GET", path, headers=dict(headers or {}))
        # The connection may be the response's by now: it is closed with the one or the other.
        with connection.getresponse() as response:
            if response.status != http.HTTPStatus.OK:
                raise _not_understood(f"{where}: {path}", response.status, response.read(_SHOWN))
            yield response


@contextlib.contextmanager
def reaching(where: str) -> Iterator[None]:
    """Turn what may go wrong with a connection into words.

    :raises Failed: for it.
    """
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise Failed(f"{where}: {NOT_TRUSTED}", UNAVAILABLE) from None
    except socket.gaierror:
        raise Failed(f"{where}: there is no host of this name", UNAVAILABLE) from None
    except (OSError, http.client.HTTPException) as error:
        late = isinstance(error, TimeoutError) or getattr(error, "errno", None) == errno.EAGAIN
        raise Failed(f"{where}: {'no answer in time' if late else _why(error)}", UNAVAILABLE) from None


_SHOWN = 200


def _why(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return NOBODY
    if isinstance(error, http.client.RemoteDisconnected):
        return HUNG_UP
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS as it should; is it http:// or ws:// perhaps?"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or "no answer"


def _not_understood(where: str, status: int, text: bytes) -> Failed:
    shown = text[:_SHOWN].decode("utf-8", "replace").strip()
    what = f"{where}: {status} {shown}"
    if status == http.HTTPStatus.UNAUTHORIZED:
        what += "\nWhat to do: show another token; `webcamctl token create` on the service's machine makes one"
    return Failed(what, _STATUSES.get(status, 1))
