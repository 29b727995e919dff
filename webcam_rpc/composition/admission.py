"""Who may come in: tokens, roles and rates."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webcam_rpc.api.server import Component
from webcam_rpc.tokens import Tokens
from webcam_rpc.web.access import Access
from webcam_rpc.web.admission import Admission
from webcam_rpc.web.allowance import Rates
from webcam_rpc.web.grants import Grants

if TYPE_CHECKING:
    from webcam_rpc.composition.base import Base
    from webcam_rpc.config import Access as Settings
    from webcam_rpc.web.counts import Counts


@dataclass(frozen=True)
class Admitting:
    """Who may come in."""

    tokens: Tokens
    access: Access
    grants: Grants
    rates: Rates
    admission: Admission

    def component(self) -> Component:
        """Tell whether what is known of tokens can be read and written."""
        problem = self.tokens.problem
        if problem is not None:
            return Component("DEGRADED", problem)
        return Component("HEALTHY", "tokens are kept")

    def configure(self, settings: Settings) -> None:
        """Go by these settings from now on, for who is connected too."""
        self.access.configure(settings)
        self.rates.configure(settings.rate)
        self.grants.recheck()


def make_admission(base: Base, counts: Counts) -> Admitting:
    """Put the parts together.

    :param counts: is told of what is refused.

    :raises TokensError: if what is known of tokens cannot be read: rather no service than one that is open to all.
    """
    settings, seconds = base.settings.access, base.reactor.seconds
    tokens = Tokens.open(base.state, base.threads.run, time.time)
    access = Access(settings, _names_of_this_machine(), lambda: tokens.any)
    grants = Grants(base.reactor, time.time, access, tokens.is_valid)
    tokens.changed.append(grants.recheck)
    rates = Rates(settings.rate, seconds)
    return Admitting(tokens, access, grants, rates, Admission(access, grants, tokens, rates, seconds, counts))


def _names_of_this_machine() -> tuple[str, ...]:
    name = socket.gethostname()
    # mDNS publishes a machine under NAME.local (RFC 6762); the network's own name for it is in access.hosts if wanted.
    return (name, name.partition(".")[0], name.partition(".")[0] + ".local")
