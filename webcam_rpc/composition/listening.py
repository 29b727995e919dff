"""Where clients connect: the sockets, their certificates, and the administrator's door."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webcam_rpc.api.server import Component
from webcam_rpc.web.endpoints import certificate_of, endpoints_of
from webcam_rpc.web.listener import Listener
from webcam_rpc.web.local import AdminSocket
from webcam_rpc.web.passed import passed_sockets
from webcam_rpc.web.tls import Certificates

if TYPE_CHECKING:
    from webcam_rpc.composition.base import Base
    from webcam_rpc.web.site import Site


@dataclass(frozen=True)
class Listening:
    """Where clients connect. ``services`` are to be started in this order."""

    certificates: Certificates
    listener: Listener
    admin: AdminSocket

    @property
    def services(self) -> tuple[Certificates, Listener, AdminSocket]:
        """The parts that are services."""
        return (self.certificates, self.listener, self.admin)

    def tls(self) -> Component:
        """Tell how the certificates are."""
        trouble = self.certificates.trouble
        return (
            Component("HEALTHY", "the certificates are in use") if trouble is None else Component("DEGRADED", trouble)
        )


def make_listening(base: Base, site: Site) -> Listening:
    """Put the parts together.

    :raises TlsError: if a certificate cannot be used.
    :raises PassedError: if systemd passed something that is nothing to listen on.
    """
    settings = base.settings
    main = certificate_of(settings.tls)
    endpoints = endpoints_of(settings.server, main)
    # Who names endpoints wants those; systemd's are among them if they are named there.
    passed = () if settings.server.listen else passed_sockets()
    found = dict.fromkeys([main, *(endpoint.certificate for endpoint in endpoints)])
    certificates = Certificates(
        [certificate for certificate in found if certificate is not None], base.reactor, base.threads.run, time.time
    )
    listener = Listener(base.reactor, endpoints, site, passed, main)
    return Listening(certificates, listener, AdminSocket(base.reactor, base.state, site))
