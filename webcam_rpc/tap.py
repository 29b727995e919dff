"""makeService: the one place where the parts meet.

Owns the composition, and the only import of the reactor. Everything else is given what it needs.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.python.threadpool import ThreadPool

from webcam_rpc import __version__, config
from webcam_rpc.api.access import AccessMethods
from webcam_rpc.api.config import ConfigMethods
from webcam_rpc.api.events import Notifications
from webcam_rpc.api.health import HealthWatch
from webcam_rpc.api.metrics import MetricMethods
from webcam_rpc.api.server import ServerMethods
from webcam_rpc.api.tokens import TokenMethods
from webcam_rpc.composition.admission import make_admission
from webcam_rpc.composition.base import Base, make_bus, now
from webcam_rpc.composition.cameras import make_cameras
from webcam_rpc.composition.health import health_pages, make_watching, waits_for
from webcam_rpc.composition.listening import make_listening
from webcam_rpc.composition.live import Parts, wire, within_limits
from webcam_rpc.composition.media import make_media
from webcam_rpc.composition.methods import make_methods
from webcam_rpc.composition.status import configuration, in_a_line
from webcam_rpc.logs import logged_service
from webcam_rpc.options import Options
from webcam_rpc.reloading import Reloading
from webcam_rpc.rpc import openrpc
from webcam_rpc.rpc.methods import MethodTable
from webcam_rpc.signals import Signals
from webcam_rpc.systemd import SystemdNotifier
from webcam_rpc.threads import Threads
from webcam_rpc.tokens import TokensError
from webcam_rpc.web.calls import Calls
from webcam_rpc.web.clients import Clients
from webcam_rpc.web.counts import Counts
from webcam_rpc.web.dashboard import dashboard_resources
from webcam_rpc.web.files import Reads
from webcam_rpc.web.login import Login, Logout
from webcam_rpc.web.passed import PassedError
from webcam_rpc.web.pictures import media_resources
from webcam_rpc.web.polling import poll_without_context
from webcam_rpc.web.site import make_site
from webcam_rpc.web.tls import TlsError
from webcam_rpc.web.traffic import Traffic

if TYPE_CHECKING:
    from twisted.application.service import IService


__all__ = ["CONFIGURATION_ERROR", "Options", "compose", "makeService"]

#: EX_CONFIG of sysexits.h: the unit does not restart a service that ends with it.
CONFIGURATION_ERROR = 78
#: Runs of v4l2-ctl that sleep in the kernel on cameras that do not answer may be many; the rest needs one or two.
_THREADS = 16
#: What is loaded when it is used. That one is missing is to be known at the start all the same.
_LATER = ("OpenSSL", "argon2", "jwt", "prometheus_client")


def makeService(options: Options) -> IService:
    """Compose the service. A mistake in the configuration ends the process with one line and status 78."""
    from twisted.internet import reactor  # noqa: PLC0415 - choosing it is twistd's, until here

    # Twisted's reactors go by the wall clock: when that was set back by an hour, every timer would be an hour late.
    reactor.seconds = time.monotonic  # type: ignore[method-assign]
    try:
        live = config.LiveConfig(options.load)
        return compose(live.settings, reactor, options.parent or {}, live)
    except (config.ConfigError, TokensError, PassedError, TlsError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(CONFIGURATION_ERROR) from None


def compose(
    settings: config.Config,
    reactor: Any,  # noqa: ANN401 - of many interfaces
    twistd: Any,  # noqa: ANN401 - the same
    live: config.LiveConfig | None = None,
) -> IService:
    """Put the parts together.

    :param twistd: twistd's own options, which have a say in where the log goes.
    :param live: where the settings come from, and others may come from later.
    """
    for name in _LATER:
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    live = live or config.LiveConfig.fixed(settings)
    if settings.server.fast_path:
        poll_without_context(reactor)
    environment = dict(os.environ)
    logging = settings.logging
    service = logged_service(
        level=logging.level,
        format=logging.format,
        traffic=logging.traffic,
        file=logging.file,
        clock=reactor,
        twistd=twistd,
    )
    base = Base(settings, environment, reactor, Threads(reactor, ThreadPool(0, _THREADS, "webcam_rpc")), make_bus())
    counts = Counts()
    admitting = make_admission(base, counts)
    cameras = make_cameras(base)
    media = make_media(base, cameras)

    server = within_limits(settings.server)
    traffic = Traffic(reactor, enabled=logging.traffic != "OFF")
    clients = Clients(
        reactor,
        server,
        lambda client: notifications.states(client.subscription),
        traffic,
        counts,
    )
    notifications = Notifications(base.bus, cameras.registry, clients.broadcast)
    watching = make_watching(base, cameras, media, clients)
    looks = watching.looks
    looks["configuration"] = lambda: configuration(live)
    looks["access"] = admitting.component
    systemd = SystemdNotifier(reactor, environment, lambda: in_a_line(cameras.registry, clients, media.recorder, looks))
    reloading = Reloading(live, base.threads.run, systemd.reloading, systemd.reloaded)
    about = ServerMethods(
        base.bus,
        __version__,
        reactor.seconds,
        now(),
        looks,
        lambda: msgspec.Raw(document()),
        pinged=traffic.pinged,
    )
    table = MethodTable(
        (
            *about.methods(),
            *make_methods(base, cameras, media),
            *notifications.methods(),
            *ConfigMethods(live, reloading.reload).methods(),
            *AccessMethods(admitting.tokens.one_shot).methods(),
            *TokenMethods(admitting.tokens).methods(),
            *MetricMethods(watching.figures.metrics).methods(),
        )
    )
    watching.calls.expect(method.name for method in table)

    @cache
    def document() -> bytes:
        return msgspec.json.encode(openrpc.document(table, "webcam_rpc", __version__))

    # Clients need not wait for it to connect; whoever asks for it before it is there has it made. What is wrong with it
    # is told to who asks.
    reactor.callWhenRunning(lambda: base.threads.run(document).addErrback(lambda _: None))
    shown = media_resources(reactor, media.pictures, Reads(base.threads.run))
    pages = {
        **shown,
        **dashboard_resources(shown[b""]),
        b"login": Login(reactor, admitting.admission, time.time),
        b"logout": Logout(),
        **health_pages(watching, reactor, lambda: waits_for(listening, cameras, media, clients), about.status),
    }
    calls = Calls(table, reactor, observed=watching.calls.observed)
    site = make_site(reactor, server, admitting.admission, clients, calls, document, pages)
    listening = make_listening(base, site)
    if listening.certificates:
        looks["tls"] = listening.tls
    reloading.also(listening.certificates.reload)
    reloading.also(admitting.tokens.refresh)
    wire(live, Parts(service, traffic, admitting, site, cameras, media))

    def hung_up() -> None:
        service.reopen_logs()
        reloading.hung_up()

    # What is there at the start stays: no collection of garbage need look at it, which would hold the reactor.
    reactor.callWhenRunning(gc.freeze)
    # The threads end when nobody needs them any more.
    for ending in (cameras.v4l2ctl.stop, *media.endings, cameras.memory.settled):
        base.threads.before_stop(ending)
    for part in (
        base.threads,
        Signals(reactor, hung_up),
        *listening.services,
        clients,
        *media.services,
        cameras.patterns,
        cameras.monitor,
        watching.lag,
        HealthWatch(reactor, base.bus, looks),
        reloading,
        systemd,
    ):
        part.setServiceParent(service)
    return service
