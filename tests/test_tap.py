"""The command line, and the composition."""

from __future__ import annotations

import os
import resource
import signal
import sys
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.testing import MemoryReactorClock
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc import config, tap
from webcam_rpc.web.local import AdminSocket


class OptionsTests(SynchronousTestCase):
    """From argv to the configuration."""

    def setUp(self) -> None:
        """Keep the environment's own options out."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("WEBCAM_")}
        self.patch(os, "environ", clean)

    def parse(self, *argv: str) -> config.Config:
        """Give the configuration that ``argv`` makes."""
        options = tap.Options()
        options.parseOptions(list(argv))
        return options.configuration()

    def test_nothing(self) -> None:
        """Without an option everything is as by default."""
        self.assertEqual(self.parse(), config.Config())

    def test_directories(self) -> None:
        """The three directories have options of their own."""
        settings = self.parse("--device-dir", "/d", "--media-dir", "/m", "--state-dir", "/s")
        directories = (settings.cameras.directory, settings.media.directory, settings.state.directory)
        self.assertEqual(directories, ("/d", "/m", "/s"))

    def test_precedence(self) -> None:
        """Options, then the environment, then the file."""
        file = Path(self.mktemp())
        file.write_text("server:\n  port: 1001\n  host: 127.0.0.1\ncameras:\n  infrared: true\n")
        os.environ.update({"WEBCAM_RPC_SERVER_PORT": "1002", "WEBCAM_RPC_SERVER_HOST": "127.0.0.2"})
        settings = self.parse("--config", str(file), "--set", "server.port=1003")
        self.assertEqual((settings.server.port, settings.server.host), (1003, "127.0.0.2"))
        self.assertTrue(settings.cameras.infrared)

    def test_listen(self) -> None:
        """``--listen`` may come several times and keeps its colons, backslashes and quotes."""
        endpoints = ("tcp6:8002:interface=\\:\\:1", "unix:/run/a b,c.sock", 'tcp:1:interface="x"')
        argv = [text for endpoint in endpoints for text in ("--listen", endpoint)]
        self.assertEqual(self.parse(*argv).server.listen, endpoints)

    def test_demo(self) -> None:
        """``--demo`` adds the test pattern to what is configured, once."""
        (source,) = self.parse("--demo").cameras.sources
        self.assertEqual((source.id, source.kind), ("demo", "test_pattern"))
        own = "[{id: demo, kind: test_pattern, name: Mine}, {id: other, kind: test_pattern}]"
        sources = self.parse("--demo", "--set", f"cameras.sources={own}").cameras.sources
        self.assertEqual([(one.id, one.name) for one in sources], [("demo", "Mine"), ("other", "Test pattern")])

    def test_set_without_value(self) -> None:
        """``--set`` needs an equals sign."""
        self.assertRaises(usage.UsageError, self.parse, "--set", "server.port")

    def test_mistake_ends_it(self) -> None:
        """A mistake is one line on standard error and status 78, before anything is composed."""
        stderr = StringIO()
        self.patch(sys, "stderr", stderr)
        options = tap.Options()
        options.parseOptions(["--set", "server.prot=1"])
        stopped = self.assertRaises(SystemExit, tap.makeService, options)
        self.assertEqual(stopped.code, 78)
        self.assertEqual(len(stderr.getvalue().splitlines()), 1)
        self.assertIn("server.prot", stderr.getvalue())


class ComposeTests(SynchronousTestCase):
    """All parts together, on a reactor in memory, neither started."""

    live: config.LiveConfig

    def compose(self, **sections: Any) -> tuple[IService, MemoryReactorClock]:
        """Put the service together in a directory of its own."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        self.root = Path(self.mktemp()).absolute()
        reactor = MemoryReactorClock()
        settings = config.Config(state=config.State(directory=str(self.root)), **sections)
        self.live = config.LiveConfig.fixed(settings)
        return tap.compose(settings, reactor, {}, self.live), reactor

    def test_every_change_is_heard(self) -> None:
        """Some part hears of every option but those that are said to need a restart."""
        self.compose()
        applied = {name for name in config.OPTIONS if self.live.is_applied(name)}
        self.assertEqual(applied, set(config.OPTIONS) - config.NEEDS_RESTART)

    def test_missing_dependency(self) -> None:
        """What is loaded when it is used has to be there at the start all the same."""
        self.patch(tap, "_LATER", ("no_such_module",))
        self.assertRaises(ModuleNotFoundError, self.compose)

    def test_quiet_until_started(self) -> None:
        """Composing opens no socket, starts no timer and touches no signal."""
        handler = signal.getsignal(signal.SIGTERM)
        _, reactor = self.compose()
        self.assertEqual((reactor.tcpServers, reactor.getDelayedCalls()), ([], []))
        self.assertIs(signal.getsignal(signal.SIGTERM), handler)

    def test_order(self) -> None:
        """What ends last starts first: threads before all that uses them, and READY comes after everything."""
        service, _ = self.compose()
        assert isinstance(service, MultiService)
        names = [type(part).__name__ for part in service]
        media = ["Children", "Caretaker", "Finishing", "Feeds", "ScaledFeeds", "Snapshots", "Recorder", "Scheduler"]
        cameras = ["TestPatterns", "CameraMonitor"]
        web = ["Certificates", "Listener", "AdminSocket", "Clients"]
        last = ["LoopLag", "HealthWatch", "Reloading", "SystemdNotifier"]
        expected = ["Threads", "Signals", *web, *media, *cameras, *last]
        self.assertEqual(names, expected)

    def test_endpoints(self) -> None:
        """``listen`` replaces host and port; an IPv6 host needs no quoting by the user."""
        for server, host, port in (
            (config.Server(host="127.0.0.1", port=8002), "127.0.0.1", 8002),
            (config.Server(host="::1", port=8002), "::1", 8002),
            (config.Server(host="127.0.0.1", listen=("tcp:9:interface=127.0.0.3",)), "127.0.0.3", 9),
        ):
            service, reactor = self.compose(server=server)
            service.privilegedStartService()
            parts: Any = service
            (admin,) = [part for part in parts if isinstance(part, AdminSocket)]
            # Its socket is a real one. Cleaned up in the other order.
            self.addCleanup(reactor.advance, 0)
            self.addCleanup(admin.stopService)
            ((found, _, _, interface),) = reactor.tcpServers
            self.assertEqual((interface, found), (host, port))

    def test_directories(self) -> None:
        """The media directory is below that of the state unless it is somewhere else."""
        self.compose()
        self.assertTrue((self.root / "media" / "recordings").is_dir())

    def test_one_reactor(self) -> None:
        """No other module of the package imports the reactor, and this one not when it is imported."""
        package = Path(tap.__file__).parent
        importing = [
            path.relative_to(package).as_posix()
            for path in package.rglob("*.py")
            if "internet import reactor" in path.read_text(encoding="utf-8")
        ]
        self.assertEqual(importing, ["tap.py"])
