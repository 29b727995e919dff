"""The configuration that becomes another while the service runs: what holds, what waits, and what goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred

from tests.cameras.case import LogCase
from webcam_rpc import config
from webcam_rpc.composition.status import configuration
from webcam_rpc.reloading import Reloading


class ReloadCase(LogCase):
    """A file, what is in force of it, and a thread that runs when the test says so."""

    def setUp(self) -> None:
        """Begin with a file of two options."""
        super().setUp()
        self.file = Path(self.mktemp()).absolute()
        self.file.write_text("storage:\n  floor: 1\n")
        self.environ: dict[str, str] = {}
        self.live = config.LiveConfig(lambda **how: config.resolve(self.file, self.environ, (), **how))
        self.told: list[str] = []
        self.threads: list[tuple[Deferred[Any], Any]] = []
        self.reloading = Reloading(
            self.live, self.in_thread, lambda: self.told.append("began"), lambda: self.told.append("ended")
        )
        self.reloading.also(lambda: self.told.append("also"))
        self.reloading.startService()
        self.floors: list[int | None] = []
        self.live.on(lambda storage: self.floors.append(storage.floor), "storage")
        self.live.on(lambda _: None, "server")

    def in_thread(self, function: Any) -> Deferred[Any]:
        """Keep what a thread would run."""
        self.threads.append((Deferred(), function))
        return self.threads[-1][0]

    def run_thread(self) -> None:
        """Let the thread do the oldest of it."""
        waiter, function = self.threads.pop(0)
        maybeDeferred(function).chainDeferred(waiter)

    def reload(self, text: str) -> config.Reloaded:
        """Write the file, and read it."""
        self.file.write_text(text)
        return self.read()

    def read(self) -> config.Reloaded:
        """Read the file as it is."""
        reloaded = self.reloading.reload()
        self.run_thread()
        return self.successResultOf(reloaded)

    def refused(self) -> config.ConfigError:
        """Read what cannot be taken over."""
        reloaded = self.reloading.reload()
        self.run_thread()
        error: config.ConfigError = self.failureResultOf(reloaded, config.ConfigError).value
        self.assertIs(self.live.problem, error)
        self.assertEqual(configuration(self.live).status, "DEGRADED")
        self.assertEqual(self.live.settings.storage.floor, 1)
        self.assertEqual(self.floors, [])
        return error


class TakenOverTests(ReloadCase):
    """What holds at once, and what waits."""

    def test_applied(self) -> None:
        """A part is told of its section, once, and everything says the new value and the line that it comes from."""
        reloaded = self.reload("storage:\n\n  floor: 2\n")
        self.assertEqual(reloaded, config.Reloaded(("storage.floor",), ()))
        self.assertEqual(self.floors, [2])
        self.assertEqual(self.live.settings.storage.floor, 2)
        self.assertEqual(self.live.origins["storage.floor"], config.Origin("file", f"{self.file}:3"))

    def test_nothing_changed(self) -> None:
        """A file that says the same disturbs nobody."""
        self.assertEqual(self.reload("# the same\nstorage: {floor: 1}\n"), config.Reloaded((), ()))
        self.assertEqual(self.floors, [])

    def test_restart(self) -> None:
        """What waits for a restart is told each time until it is taken back, and its section goes on without it."""
        text = "server: {port: 9000, ping_interval: 5}\n"
        reloaded = self.reload(text)
        self.assertEqual(reloaded, config.Reloaded(("server.ping_interval", "storage.floor"), ("server.port",)))
        self.assertEqual((self.live.settings.server.port, self.live.settings.server.ping_interval), (8002, 5.0))
        self.assertEqual(self.live.pending, {"server.port": 9000})
        self.assertEqual(self.live.origins["server.port"].source, "default")
        self.assertEqual(self.reload(text), config.Reloaded((), ("server.port",)))
        self.assertEqual(configuration(self.live).status, "HEALTHY")
        self.assertIn("server.port", configuration(self.live).detail or "")
        self.assertEqual(self.reload("server: {ping_interval: 5}\n").restart_required, ())

    def test_nobody_asked(self) -> None:
        """An option that no part hears of is never said to hold."""
        reloaded = self.reload("storage: {floor: 1}\nrecording: {crf: 30}\n")
        self.assertEqual(reloaded, config.Reloaded((), ("recording.crf",)))
        self.assertEqual(self.live.settings.recording.crf, 23)

    def test_environment_wins(self) -> None:
        """The environment overrules the file at a reload as it does at the start."""
        self.environ["WEBCAM_RPC_STORAGE_FLOOR"] = "7"
        self.reload("storage: {floor: 2}\n")
        self.assertEqual(self.floors, [7])

    def test_alias_named_as_a_source_that_waits(self) -> None:
        """What is right by itself but not beside what waits, waits with it."""
        self.environ["WEBCAM_RPC_CAMERAS_SOURCES"] = "[{id: yard, kind: test_pattern}]"
        live = config.LiveConfig(lambda **how: config.resolve(self.file, self.environ, (), **how))
        live.on(lambda _: None, "cameras")
        del self.environ["WEBCAM_RPC_CAMERAS_SOURCES"]
        self.file.write_text("storage: {floor: 1}\ncameras: {aliases: {yard: usb-1-2}}\n")
        reloaded = live.take(live.read())
        self.assertEqual(reloaded, config.Reloaded((), ("cameras.aliases", "cameras.sources")))
        self.assertEqual(live.settings.cameras.aliases, {})

    def test_one_part_fails(self) -> None:
        """The others hear of it all the same; the section does not count as applied, and is tried again."""
        faults = [ValueError("no"), ValueError("no")]

        def fail(_: object) -> None:
            if faults:
                raise faults.pop()

        self.live = config.LiveConfig(lambda **how: config.resolve(self.file, {}, (), **how))
        self.reloading = Reloading(self.live, self.in_thread, lambda: None, lambda: None)
        self.reloading.startService()
        self.live.on(fail, "storage")
        self.live.on(lambda storage: self.floors.append(storage.floor), "storage")
        levels: list[str] = []
        self.live.on(lambda logging: levels.append(logging.level), "logging")
        text = "storage: {floor: 2}\nlogging: {level: DEBUG}\n"
        self.assertEqual(self.reload(text), config.Reloaded(("logging.level",), ("storage.floor",)))
        self.assertEqual((self.floors, levels), ([2], ["DEBUG"]))
        self.assertEqual(configuration(self.live).status, "DEGRADED")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertIn("Configuration: not applied wholly: storage", "\n".join(map(str, self.error_lines())))
        # Taken back: the part that had taken it must not stay with it.
        self.reload("storage: {floor: 1}\nlogging: {level: DEBUG}\n")
        self.assertEqual(self.floors, [2, 1])
        self.flushLoggedErrors(ValueError)
        self.assertEqual(self.reload(text).changed, ("storage.floor",))
        self.assertEqual(configuration(self.live).status, "HEALTHY")

    def error_lines(self) -> list[str]:
        """Give what was logged as an error, but for tracebacks."""
        return [
            event["log_format"].format(**event)
            for event in self.logged
            if event.get("log_namespace") == "webcam_rpc.config" and event["log_level"].name == "error"
        ]


class BrokenTests(ReloadCase):
    """What cannot be read leaves everything as it was, and says why."""

    def test_mistake(self) -> None:
        """Line, key and reason are told and logged; the mended file is taken over."""
        self.file.write_text("storage:\n  floor: much\n")
        error = self.refused()
        self.assertEqual((error.file, error.line, error.key), (str(self.file), 2, "storage.floor"))
        self.assertTrue(any(f"{self.file}:2: storage.floor" in str(event.get("error")) for event in self.logged))
        self.reload("storage:\n  floor: 3\n")
        self.assertEqual(configuration(self.live).status, "HEALTHY")
        self.assertEqual(self.floors, [3])

    def test_removed(self) -> None:
        """A file that is gone is no empty file."""
        self.file.unlink()
        self.assertIn("cannot be read", self.refused().message)

    def test_directory(self) -> None:
        """Nor is a directory."""
        self.file.unlink()
        self.file.mkdir()
        self.refused()

    def test_binary(self) -> None:
        """Nor is what is no text."""
        self.file.write_bytes(b"storage:\n  floor: \xff\n")
        self.refused()

    def test_too_long(self) -> None:
        """Nor is what has no end."""
        self.file.write_bytes(b"#" * (1024 * 1024 + 1))
        self.refused()


class OrderTests(ReloadCase):
    """Who asks when."""

    def test_order(self) -> None:
        """The beginning and the end are told around it, and the other files are read after the configuration."""
        self.read()
        self.assertEqual(self.told, ["began", "also", "ended"])
        self.told.clear()
        self.file.unlink()
        self.refused()
        self.assertEqual(self.told, ["began", "also", "ended"])

    def test_many_at_once(self) -> None:
        """Those who ask while it is read are served by one more reading, which sees what they have written."""
        first = self.reloading.reload()
        self.file.write_text("storage: {floor: 5}\n")
        for _ in range(20):
            self.reloading.hung_up()
        last = self.reloading.reload()
        self.assertEqual(len(self.threads), 1)
        self.run_thread()
        self.successResultOf(first)
        self.assertNoResult(last)
        self.run_thread()
        self.successResultOf(last)
        self.assertEqual((self.threads, self.floors[-1]), ([], 5))
        self.assertEqual(self.told.count("began"), 2)

    def test_stopped(self) -> None:
        """What is read while the service stops is not taken over, and everybody who waits is told."""
        self.file.write_text("storage: {floor: 5}\n")
        waiting = [self.reloading.reload(), self.reloading.reload()]
        self.reloading.stopService()
        self.failureResultOf(self.reloading.reload(), config.ReloadStopped)
        self.run_thread()
        for each in waiting:
            self.failureResultOf(each, config.ReloadStopped)
        self.assertEqual((self.floors, self.threads), ([], []))

    def test_defect(self) -> None:
        """A defect in the reading is told to who waits, and the next reading goes on."""
        first = self.reloading.reload()
        self.threads.pop(0)[0].errback(ZeroDivisionError())
        self.failureResultOf(first, ZeroDivisionError)
        self.read()

    def test_notifier_fails(self) -> None:
        """Nobody waits for ever because the service manager cannot be told."""
        reloading = Reloading(self.live, self.in_thread, lambda: 1 / 0, lambda: None)
        reloading.startService()
        self.failureResultOf(reloading.reload(), ZeroDivisionError)
        self.failureResultOf(reloading.reload(), ZeroDivisionError)

    def test_other_files_fail(self) -> None:
        """What belongs to the configuration and cannot be read keeps nothing else from being."""
        self.told.clear()
        self.reloading.also(lambda: 1 / 0)
        self.reloading.also(lambda: self.told.append("last"))
        self.read()
        self.assertEqual(self.told, ["began", "also", "last", "ended"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
