"""Whether the service is well, for what asks by HTTP and reads no more than a status: load balancers, monitors, people.

``/health``: 503 when it is UNHEALTHY; ``/health/live``: an answer, as long as the reactor turns; ``/health/ready``: 503
until it serves and again when it stops; ``/health/detailed``: each component, for the role ``status``. ``/metrics`` is
beside them.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

import msgspec

from webcam_rpc.rpc.roles import Role
from webcam_rpc.web.resources import Endpoint, Root, answer
from webcam_rpc.web.shown import later

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime
    from twisted.web.resource import Resource

    from webcam_rpc.web.channel import Request

_JSON = b"application/json"


class Look(Endpoint):
    """A page that tells how something is.

    :param look: gives the status and what is told.
    """

    verbs: ClassVar[tuple[bytes, ...]] = (b"GET", b"HEAD")

    def __init__(self, look: Callable[[], tuple[HTTPStatus, object]]) -> None:
        super().__init__()
        self._look = look

    def serve(self, request: Request) -> bytes:
        """Tell."""
        status, told = self._look()
        request.setHeader(b"Cache-Control", b"no-store")
        return answer(request, status, msgspec.json.encode(told), _JSON)


class DetailedLook(Look):
    """One that tells more than that all is well or is not."""

    role = Role.STATUS


class Health(Root):
    """``/health`` and what is below it."""

    def __init__(self, whole: Look) -> None:
        super().__init__()
        self._whole = whole

    def render(self, request: Request) -> bytes | int:  # type: ignore[override]
        """Tell how the whole is."""
        return self._whole.render(request)


class Metrics(Endpoint):
    """``/metrics``.

    :param text: gives its content type and it.
    """

    role = Role.STATUS
    verbs: ClassVar[tuple[bytes, ...]] = (b"GET", b"HEAD")

    def __init__(self, clock: IReactorTime, text: Callable[[], Deferred[tuple[bytes, bytes]]]) -> None:
        super().__init__()
        self._clock = clock
        self._text = text

    def serve(self, request: Request) -> int:
        """Give them."""

        def show(found: tuple[bytes, bytes]) -> bytes:
            content_type, text = found
            request.setHeader(b"Cache-Control", b"no-store")
            return answer(request, HTTPStatus.OK, text, content_type)

        return later(request, self._clock, self._text(), show)


def health_resources(
    health: Callable[[], str], waits_for: Callable[[], Mapping[str, bool]], detailed: Callable[[], object]
) -> dict[bytes, Resource]:
    """Give the pages, by the first part of their path.

    :param health: gives the health of the whole in one word.
    :param waits_for: gives what has to be before the service is ready, and whether it is.
    :param detailed: gives the whole, component by component.
    """

    def whole() -> tuple[HTTPStatus, object]:
        word = health()
        bad = word == "UNHEALTHY"
        return HTTPStatus.SERVICE_UNAVAILABLE if bad else HTTPStatus.OK, {"status": word}

    def ready() -> tuple[HTTPStatus, object]:
        steps = waits_for()
        done = all(steps.values())
        return HTTPStatus.OK if done else HTTPStatus.SERVICE_UNAVAILABLE, {"ready": done, **steps}

    branch = Health(Look(whole))
    branch.putChild(b"live", Look(lambda: (HTTPStatus.OK, {"live": True})))
    branch.putChild(b"ready", Look(ready))
    branch.putChild(b"detailed", DetailedLook(lambda: (HTTPStatus.OK, detailed())))
    return {b"health": branch}
