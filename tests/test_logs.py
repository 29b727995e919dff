"""The log: what a line looks like, what it hides, how much is written, and that it never hurts the service."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.application.service import Application, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from webcam_rpc import logs
from webcam_rpc.logs import lines
from webcam_rpc.logs.bridge import Bridge
from webcam_rpc.logs.masking import mask_message
from webcam_rpc.logs.output import FileOutput, Output

if TYPE_CHECKING:
    from collections.abc import Callable

#: What may stand in no line: it ends lines, moves the cursor, turns the text around, or cannot be written.
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
RENDERERS: tuple[Callable[[Any], str], ...] = (lines.text_lines, lines.json_lines, lines.journal_lines)
MOMENT = 1753862400.25


def event(template: str = "{text}", /, **fields: Any) -> dict[str, Any]:
    """Make an event as Twisted's Logger does."""
    defaults = {
        "log_time": MOMENT,
        "log_level": LogLevel.info,
        "log_namespace": "webcam_rpc.web",
        "log_format": template,
    }
    return {**defaults, **fields}


def failure(error: BaseException) -> Failure:
    """Give a failure with a traceback."""
    try:
        raise error
    except type(error):
        return Failure()


class LineTests(SynchronousTestCase):
    """The three forms of a line."""

    def setUp(self) -> None:
        """Use the time zone of the original's example."""
        self.addCleanup(self.set_zone, os.environ.get("TZ"))
        self.set_zone("XXX-2")

    def set_zone(self, name: str | None) -> None:
        """Set the time zone; None for the machine's own."""
        if name is None:
            os.environ.pop("TZ", None)
        else:
            os.environ["TZ"] = name
        time.tzset()

    def test_text(self) -> None:
        """The original's format, in local time with milliseconds after a comma."""
        made = lines.text_lines(event("Client connected: {peer} (Total clients: {n})", peer="127.0.0.1:54321", n=1))
        self.assertEqual(
            made,
            "2025-07-30 10:00:00,250 - webcam_rpc.web - INFO - Client connected: 127.0.0.1:54321 (Total clients: 1)\n",
        )

    def test_json(self) -> None:
        """One object with the time in UTC."""
        made = lines.json_lines(event("Ping method called"))
        self.assertEqual(
            made,
            '{"time": "2025-07-30T08:00:00.250Z", "level": "INFO", "logger": "webcam_rpc.web", '
            '"message": "Ping method called"}\n',
        )

    def test_journal(self) -> None:
        """The priority in front, and no time, which the journal has."""
        self.assertEqual(lines.journal_lines(event("x")), "<6>webcam_rpc.web - INFO - x\n")

    def test_levels(self) -> None:
        """Every level of Twisted has Python's name and syslog's number."""
        for level, name, number in (
            (LogLevel.debug, "DEBUG", 7),
            (LogLevel.info, "INFO", 6),
            (LogLevel.warn, "WARNING", 4),
            (LogLevel.error, "ERROR", 3),
            (LogLevel.critical, "CRITICAL", 2),
            (None, "INFO", 6),
        ):
            self.assertEqual(
                lines.journal_lines(event("x", log_level=level)), f"<{number}>webcam_rpc.web - {name} - x\n"
            )

    def test_traceback(self) -> None:
        """A traceback stands indented below its message, so that no exception's text can look like a line."""
        forged = "boom\n2025-07-30 10:00:00,000 - root - INFO - forged\x1b[2J"
        first, *rest = lines.text_lines(event("Broken", log_failure=failure(ValueError(forged)))).splitlines()
        self.assertTrue(first.endswith(" - Broken"))
        self.assertTrue(all(line.startswith("    ") for line in rest), rest)
        self.assertEqual(rest[0], "    Traceback (most recent call last):")
        self.assertEqual(rest[-1], "    2025-07-30 10:00:00,000 - root - INFO - forged\\x1b[2J")

    def test_traceback_in_the_journal(self) -> None:
        """Each line of it has the priority, or the journal would file all but the first under another."""
        made = lines.journal_lines(event("Broken", log_level=LogLevel.error, log_failure=failure(ValueError("x"))))
        self.assertGreater(len(made.splitlines()), 3)
        self.assertTrue(all(line.startswith("<3>") for line in made.splitlines()), made)

    def test_traceback_in_json(self) -> None:
        """It is a member of the one object."""
        made = lines.json_lines(event("Broken", log_failure=failure(ValueError("x"))))
        self.assertEqual(made.count("\n"), 1)
        self.assertTrue(json.loads(made)["traceback"].endswith("builtins.ValueError: x"))

    def test_failure_without_text(self) -> None:
        """Twisted's own failures may come without a message."""
        made = lines.text_lines(event(None, log_failure=failure(ValueError("x"))))  # type: ignore[arg-type]
        self.assertIn(" - Unhandled error\n    Traceback", made)

    def test_older_events(self) -> None:
        """Those of twisted.python.log have no logger of their own."""
        self.assertIn(" - twisted - ", lines.text_lines(event("x", log_namespace="log_legacy")))
        self.assertIn(" - twisted - ", lines.text_lines(event("x", log_namespace=None)))

    def test_long_messages_are_cut(self) -> None:
        """A line has a bound, and says how much it lacks."""
        made = lines.text_lines(event(text="a" * 1_000_000))
        self.assertLess(len(made), lines.MESSAGE_LIMIT + 200)
        self.assertTrue(made.endswith(f"a… ({1_000_000 - lines.MESSAGE_LIMIT} more characters)\n"))

    def test_long_tracebacks_are_cut(self) -> None:
        """So has a traceback."""
        made = lines.text_lines(event("x", log_failure=failure(ValueError("a" * 1_000_000))))
        self.assertLess(len(made), lines.TRACEBACK_LIMIT + 400)

    @settings(max_examples=300, deadline=None)
    @given(
        st.text(
            alphabet=st.one_of(st.characters(), st.sampled_from("\n\r\x1b\x7f\x85\u2028\u202e\ud800")), max_size=40
        ),
        st.text(alphabet=st.characters(codec=None), max_size=8),
        st.sampled_from(RENDERERS),
    )
    def test_one_clean_line(self, text: str, name: str, render: Callable[[Any], str]) -> None:
        """Whatever is in an event, it is one line of characters that do nothing, and of bytes that are UTF-8."""
        made = render(event(text=text, log_namespace=name))
        self.assertEqual(made.count("\n"), 1)
        self.assertTrue(made.endswith("\n"))
        self.assertIsNone(FORBIDDEN.search(made), ascii(made))
        made.encode()

    @settings(max_examples=100, deadline=None)
    @given(st.text(max_size=60), st.sampled_from(RENDERERS))
    def test_clean_tracebacks(self, text: str, render: Callable[[Any], str]) -> None:
        """The same goes for what an exception says, but for its indented lines."""
        made = render(event("x", log_failure=Failure(ValueError(text))))
        self.assertIsNone(FORBIDDEN.search(made), ascii(made))
        first, *rest = made[:-1].split("\n")
        self.assertTrue(all(re.match(r"(<\d>)?    ", line) for line in rest), made)
        self.assertIn("webcam_rpc.web", first)

    @settings(max_examples=100, deadline=None)
    @given(st.text(alphabet=st.characters(blacklist_characters="Uu"), max_size=60))
    def test_json_keeps_the_message(self, text: str) -> None:
        """Who reads the JSON gets the very text, control characters and all."""
        self.assertEqual(json.loads(lines.json_lines(event(text=text)))["message"], text)


class EscapeTests(SynchronousTestCase):
    """The form of an escaped character."""

    def test_forms(self) -> None:
        """Two digits where they do, four otherwise; what is harmless stays, also beyond ASCII."""
        self.assertEqual(logs.escape("a\n\x00\x7f\x85\u2028\u202e"), "a\\x0a\\x00\\x7f\\x85\\u2028\\u202e")
        self.assertEqual(logs.escape("tab\there, küche 📷 \\n"), "tab\\x09here, küche 📷 \\n")


class MaskTests(SynchronousTestCase):
    """Secrets do not reach the log, in whatever way a client writes them."""

    def test_messages(self) -> None:
        """By name and by position, escaped, nested, doubled, in batches, cut, and in what is no JSON."""
        for text in (
            '{"method": "authenticate", "params": {"auth_token": "SECRET"}}',
            '{"method": "authenticate", "params": ["SECRET"]}',
            '{"params": ["SECRET"], "method": "authenticate"}',
            '{"params": ["SECRET"], "method": "authenticat\\u0065"}',
            '[{"method": "ping"}, {"method": "authenticate", "params": ["a", ["SECRET"]]}]',
            '{"params": {"auth\\u005ftoken": "SECRET"}}',
            '{"params": {"Password": "SECRET"}, "params": {}}',
            '{"result": {"a": [{"token": {"x": ["SECRET"]}}]}}',
            '{"params": {"api_key": 5, "url": "/files/a.mkv?token=SECRET"}}',
            '{"params": {"auth_token": "SECRET',
            '{"params": {"auth\\u005ftoken": "SEC\\"SECRET"',
            '{"toke\\u006e": "SECRET',
            '{"method": "authenticat\\u0065", "params": ["SECRET"',
            '{"method": "authenticate", "params": ["SECRET"',
            "{'method': 'authenticate', 'params': ['SECRET']",
            "{auth_token: SECRET, x: 1}",
            "token=SECRET&x=1",
            "[" * 20_000 + '"token": "SECRET"',
            '{"method": "authenticate", "params": ["SECRET", "' + "x" * 9000 + '"]}',
            '{"params": ["SECRET", "' + "x" * 9000 + '"], "method": "authenticate"}',
            '{"par\\u0061ms": ["SECRET", "' + "x" * 9000 + '"], "method": "\\u0061uthenticate"}',
        ):
            self.assertNotIn("SECRET", mask_message(text, 8000), text[:200])

    def test_harmless_messages_stay(self) -> None:
        """A message without secrets is logged to the letter."""
        for text in (
            '{"jsonrpc": "2.0",  "method": "ping", "id": 1.0}',
            '{"method":"get_oneshot_token","params":{"ttl_s":5}}',
            "{malformed",
            "",
        ):
            self.assertEqual(mask_message(text, 8000), text)

    def test_the_rest_of_the_message_stays(self) -> None:
        """Only the value is hidden."""
        text = '{"id": 1, "params": {"auth_token": "SECRET", "device": "video0"}}'
        self.assertEqual(mask_message(text, 8000), text.replace("SECRET", "***"))

    def test_any_line(self) -> None:
        """Lines that are no messages are searched too."""
        for text in (
            "GET /files/x?token=SECRET HTTP/1.1",
            "Authorization: Bearer SECRET",
            "X-API-Key: SECRET",
            "refused {'auth_token': 'SECRET'}",
        ):
            self.assertNotIn("SECRET", lines.text_lines(event(text=text)), text)

    def test_time(self) -> None:
        """What a client writes cannot make the search slow."""
        for text in (
            '"token' * 2000,
            "token" + " " * 8000,
            '"\\u00' * 2000,
            'token:"' + '\\"' * 4000,
            "bearer " * 1200,
        ):
            before = time.process_time()
            mask_message(text, 8192)
            self.assertLess(time.process_time() - before, 0.5, text[:20])

    @settings(max_examples=200, deadline=None)
    @given(st.text(alphabet=st.sampled_from('{}[]":,\\u0token authenticate params'), max_size=80))
    def test_never_raises(self, text: str) -> None:
        """Whatever is sent, there is a text to log."""
        self.assertIsInstance(mask_message(text, 50), str)


class Reading(SynchronousTestCase):
    """What the tests below share: an observer that writes to a pipe, and the lines that came out."""

    def setUp(self) -> None:
        """Open the pipe."""
        self.clock = Clock()
        self.clock.advance(MOMENT)
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.addCleanup(self.close)

    def close(self) -> None:
        """Close both ends."""
        for descriptor in (self.reader, self.writer):
            if descriptor is not None:
                os.close(descriptor)

    def open(self, **options: Any) -> logs.Observer:
        """Give an observer whose console is the pipe."""
        given_ = {"level": "INFO", "format": "text", "traffic": "INFO", "file": None, **options}
        return logs.open_log(clock=self.clock, stdout=self.writer, stderr=self.writer, **given_)

    def lines(self) -> list[str]:
        """Give what has come out since the last time, without the times."""
        try:
            text = os.read(self.reader, 1 << 20).decode()
        except BlockingIOError:
            return []
        return [line.partition(" - ")[2] for line in text.splitlines()]


class ObserverTests(Reading):
    """Which events are written."""

    def test_interface(self) -> None:
        """It is what Twisted takes for an observer."""
        verifyObject(ILogObserver, self.open())

    def test_level(self) -> None:
        """What is below the level is not written."""
        observer = self.open(level="WARNING")
        for level in (LogLevel.debug, LogLevel.info, LogLevel.warn, LogLevel.error, LogLevel.critical):
            observer(event("x", log_level=level))
        written = [line.split(" - ")[1] for line in self.lines()]
        self.assertEqual(written, ["WARNING", "ERROR", "CRITICAL"])

    def test_traffic_has_a_level_of_its_own(self) -> None:
        """It is written where the rest is not, and the other way about."""
        observer = self.open(level="ERROR", traffic="INFO")
        observer(event("x", log_namespace=logs.TRAFFIC))
        observer(event("y"))
        self.assertEqual(self.lines(), ["webcam_rpc.traffic - INFO - x"])
        observer = self.open(level="INFO", traffic="OFF")
        observer(event("x", log_namespace=logs.TRAFFIC, log_level=LogLevel.critical))
        observer(event("y"))
        self.assertEqual(self.lines(), ["webcam_rpc.web - INFO - y"])

    def test_traffic_fields_are_masked(self) -> None:
        """A message is masked as the document that it is, as text or as bytes, and cut."""
        observer = self.open()
        message = '{"par\\u0061ms": ["SECRET"], "method": "authenticate"}'
        for sent in (message, message.encode()):
            observer(event("Received from {peer}: {message}", peer="[::1]:1", message=sent, log_namespace=logs.TRAFFIC))
        told = 'webcam_rpc.traffic - INFO - Received from [::1]:1: {"params": "***", "method": "authenticate"}'
        self.assertEqual(self.lines(), [told, told])

    def test_what_cannot_be_written(self) -> None:
        """Values and exceptions that raise when they are shown are not the caller's trouble."""

        class MuteError(Exception):
            def __str__(self) -> str:
                raise RuntimeError

            __repr__ = __str__

        observer = self.open()
        observer(event("{x}", x=MuteError()))
        observer(event("{"))
        observer(event("x", log_failure=failure(MuteError())))
        observer(event("x", log_time="then"))
        observer(event("x", log_failure="nonsense"))
        written = self.lines()
        self.assertGreaterEqual(len(written), 5)
        self.assertIn("webcam_rpc.logs - ERROR - A log message of webcam_rpc.web cannot be written", written[-1])

    def test_an_event_without_anything(self) -> None:
        """An empty event has a line as well, with the time that it is."""
        self.open(format="json")({})
        written = json.loads(os.read(self.reader, 4096))
        self.assertEqual((written["time"], written["logger"]), ("2025-07-30T08:00:00.250Z", "twisted"))


class OutputTests(Reading):
    """A file or a pipe that is full or gone loses lines and nothing else."""

    def test_slow_reader(self) -> None:
        """A pipe that nobody reads does not stop the service; later the gap is counted."""
        observer = self.open()
        for number in range(2000):
            observer(event("{n} {filler}", n=number, filler="x" * 200))
        written = self.lines()
        self.assertLess(len(written), 1000)
        observer(event("after"))
        gap, last = self.lines()
        lost = 2000 - len(written)
        self.assertEqual(gap, f"webcam_rpc.logs - ERROR - {lost} log messages are missing here: the reader is too slow")
        self.assertEqual(last, "webcam_rpc.web - INFO - after")

    def test_lines_stay_whole(self) -> None:
        """A line that only went in part is completed before the next one."""
        output = Output(self.writer)
        sent: list[bytes] = []
        while output.write(line := b"%d" % len(sent) + b"x" * 20_000 + b"\n"):
            sent.append(line)
        got = b""
        while output.write(b"end\n") is False:
            got += os.read(self.reader, 4096)
        got += os.read(self.reader, 1 << 20)
        self.assertEqual(got, b"".join(sent) + b"end\n")

    def test_reader_gone(self) -> None:
        """A closed pipe is no error for who logs."""
        observer = self.open()
        os.close(self.reader)
        self.reader = None  # type: ignore[assignment]
        observer(event("x"))
        self.assertEqual(observer.targets[0].lost, 1)
        self.assertEqual(observer.targets[0].output.trouble, "Broken pipe")

    def test_no_console_at_all(self) -> None:
        """A process may be started without standard output."""
        for descriptor in (-1, 1_000_000):
            output = Output(descriptor)
            self.assertFalse(output.write(b"x\n"))
            self.assertNotEqual(output.trouble, "")

    def test_full_disk(self) -> None:
        """Lines go to the console meanwhile, and the first of them says why."""
        observer = self.open(file="/dev/full")
        observer(event("x"))
        observer(event("y"))
        notice, *written = self.lines()
        told = "Cannot write to /dev/full: No space left on device; logging to the console until it can be written"
        self.assertEqual(notice, f"webcam_rpc.logs - ERROR - {told}")
        self.assertEqual(written, ["webcam_rpc.web - INFO - x", "webcam_rpc.web - INFO - y"])


class FileTests(Reading):
    """The log file."""

    def setUp(self) -> None:
        """Name it."""
        super().setUp()
        self.path = Path(self.mktemp()) / "logs" / "server.log"

    def test_instead_of_the_console(self) -> None:
        """Lines go to the file, whose directory is made, and not to the console."""
        self.open(file=str(self.path))(event("x"))
        self.assertTrue(self.path.read_text().endswith(" - webcam_rpc.web - INFO - x\n"))
        self.assertEqual(self.lines(), [])

    def test_beside_the_journal(self) -> None:
        """The journal has its own form and the file the original's."""
        self.open(file=str(self.path), format="journal")(event("x"))
        self.assertIn("2025-", self.path.read_text())
        self.assertEqual(os.read(self.reader, 4096), b"<6>webcam_rpc.web - INFO - x\n")

    def test_appends(self) -> None:
        """What was there stays."""
        self.path.parent.mkdir(parents=True)
        self.path.write_text("old\n")
        self.open(file=str(self.path))(event("x"))
        self.assertTrue(self.path.read_text().startswith("old\n2025-"))

    def test_cannot_be_opened(self) -> None:
        """Then the console has the lines, and says so first. A pipe that nobody reads does not make it wait."""
        os.mkfifo("pipe")
        Path("file").touch()
        for file, reason in (
            ("/dev", "Is a directory"),
            ("file/server.log", "File exists"),
            ("pipe", "No such device or address"),
            ("/proc/self/nothing/server.log", "No such file or directory"),
        ):
            self.open(file=file)(event("x"))
            notice, line = self.lines()
            told = f"Cannot open the log file {file}: {reason}; logging to the console"
            self.assertEqual(notice, f"webcam_rpc.logs - ERROR - {told}")
            self.assertEqual(line, "webcam_rpc.web - INFO - x")
        Path("pipe").unlink()
        Path("file").unlink()

    def test_reopened_after_rotation(self) -> None:
        """The old file has the old lines and the new one the new ones."""
        observer = self.open(file=str(self.path))
        observer(event("before"))
        rotated = self.path.with_suffix(".1")
        self.path.rename(rotated)
        observer(event("between"))
        observer.reopen()
        observer(event("after"))
        self.assertEqual(len(rotated.read_text().splitlines()), 2)
        self.assertTrue(self.path.read_text().endswith(" - after\n"))
        self.assertEqual(self.path.read_text().count("\n"), 1)

    def test_cannot_be_reopened(self) -> None:
        """The old file goes on and has the reason."""
        observer = self.open(file=str(self.path))
        rotated = self.path.with_suffix(".1")
        self.path.rename(rotated)
        self.path.mkdir()
        observer.reopen()
        observer(event("after"))
        said, after = rotated.read_text().splitlines()
        self.assertIn(f"Cannot reopen {self.path}: Is a directory", said)
        self.assertTrue(after.endswith(" - after"))

    def test_closed(self) -> None:
        """What is written to a file that was closed is lost, without a word to another descriptor."""
        output = FileOutput(str(self.path))
        output.close()
        self.assertFalse(output.write(b"x\n"))


class BridgeTests(SynchronousTestCase):
    """What libraries say to Python's logging."""

    def setUp(self) -> None:
        """Start a bridge that keeps what it gets."""
        self.events: list[dict[str, Any]] = []

        @implementer(ILogObserver)
        def keep(found: dict[str, Any]) -> None:
            self.events.append(found)

        self.bridge = Bridge("INFO", LogPublisher(keep))
        self.before = logging.getLogger().level, list(logging.getLogger().handlers)
        self.bridge.start()
        self.addCleanup(self.bridge.stop)

    def test_records(self) -> None:
        """Name, level and text are kept."""
        logging.getLogger("some.library").warning("%d things", 3)
        logging.getLogger("some.library").debug("details")
        (record,) = self.events
        self.assertEqual(record["log_namespace"], "some.library")
        self.assertEqual(record["log_level"], LogLevel.warn)
        self.assertTrue(lines.text_lines(record).endswith(" - some.library - WARNING - 3 things\n"))

    def test_levels(self) -> None:
        """Numbers in between belong to the level below."""
        for number in (20, 25, 30, 40, 50, 60):
            logging.getLogger("x").log(number, "x")
        names = [record["log_level"].name for record in self.events]
        self.assertEqual(names, ["info", "info", "warn", "error", "critical", "critical"])

    def test_exceptions(self) -> None:
        """The traceback comes along."""
        try:
            int("x")
        except ValueError:
            logging.getLogger("x").exception("Broken")
        self.assertIn("builtins.ValueError: invalid literal", lines.text_lines(self.events[0]))

    def test_arguments_that_do_not_fit(self) -> None:
        """A library's mistake is told without one of ours."""
        self.bridge.handle(logging.LogRecord("x", logging.ERROR, "x.py", 1, "%d", ("three",), None))
        self.assertIn("%d (with arguments that do not fit)", lines.text_lines(self.events[0]))

    def test_stop(self) -> None:
        """The root logger is left as it was."""
        self.bridge.stop()
        self.assertEqual((logging.getLogger().level, logging.getLogger().handlers), self.before)
        self.bridge.start()


class Part(Service):
    """A part that ends when it is told to."""

    def __init__(self) -> None:
        self.stopped: Deferred[None] = Deferred()

    def stopService(self) -> Deferred[None]:
        """Stop later."""
        return self.stopped


class ServiceTests(SynchronousTestCase):
    """How twistd comes to use the log, and what is left of it at the end."""

    def make(self, twistd: dict[str, Any], file: str | None = None) -> logs.LoggedService:
        """Make the service as a plugin does."""
        return logs.logged_service(level="INFO", format="text", traffic="OFF", file=file, clock=Clock(), twistd=twistd)

    def observer(self, service: logs.LoggedService) -> Any:
        """Give what twistd finds when the service has been given to its application."""
        application = Application("webcam")
        service.setServiceParent(application)
        return application.getComponent(ILogObserver, None)

    def names(self, twistd: dict[str, Any], file: str | None = None) -> list[str]:
        """Give the names of the places that lines go to."""
        return [target.name for target in self.observer(self.make(twistd, file)).targets]

    def test_twistd_finds_the_observer(self) -> None:
        """The application has it as the component that twistd asks for."""
        self.assertIsInstance(self.observer(self.make({"nodaemon": True})), logs.Observer)

    def test_in_another_service(self) -> None:
        """Where there is no application the service is one like any other."""
        parent = MultiService()
        service = self.make({"nodaemon": True})
        service.setServiceParent(parent)
        self.assertEqual(list(parent), [service])

    def test_where_lines_go(self) -> None:
        """The configured file, else twistd's, else the console; a daemon has none."""
        for twistd, file, expected in (
            ({"nodaemon": True, "logfile": None}, None, "the console"),
            ({"nodaemon": True, "logfile": "-"}, None, "the console"),
            ({"nodaemon": True, "logfile": "theirs.log"}, None, "theirs.log"),
            ({"nodaemon": True, "logfile": "theirs.log"}, "ours.log", "ours.log"),
            ({"nodaemon": False}, None, "twistd.log"),
            ({}, None, "the console"),
        ):
            self.assertEqual(self.names(twistd, file), [expected])

    def test_left_to_twistd(self) -> None:
        """Who asks twistd for the system log or for another logger gets that."""
        self.assertIsNone(self.observer(self.make({"syslog": True})))
        self.assertIsNone(self.observer(self.make({"logger": object()})))

    def test_started_and_stopped_twice(self) -> None:
        """Python's logging is taken over while the parts run, until the last has stopped, and is left as it was."""
        before = list(logging.getLogger().handlers)
        service = self.make({"nodaemon": True})
        for _ in range(2):
            part = Part()
            part.setServiceParent(service)
            service.startService()
            self.assertEqual(len(logging.getLogger().handlers), len(before) + 1)
            ended = service.stopService()
            self.assertNoResult(ended)
            self.assertEqual(len(logging.getLogger().handlers), len(before) + 1)
            part.stopped.callback(None)
            self.successResultOf(ended)
            self.assertEqual(logging.getLogger().handlers, before)
            service.removeService(part)

    def test_reopen(self) -> None:
        """The service reopens its files; one that left its log to twistd has none."""
        path = Path(self.mktemp())
        service = self.make({"nodaemon": True}, str(path))
        path.unlink()
        service.reopen_logs()
        self.assertTrue(path.exists())
        self.make({"syslog": True}).reopen_logs()


class TwistedLoggerTests(Reading):
    """The observer behind Twisted's own Logger."""

    def test_logger(self) -> None:
        """An event goes the whole way."""
        publisher = LogPublisher(self.open())
        Logger("webcam_rpc.web", observer=publisher).info("Client connected: {peer}", peer="\x1b[0m\n")
        self.assertEqual(self.lines(), ["webcam_rpc.web - INFO - Client connected: \\x1b[0m\\x0a"])

    def test_time(self) -> None:
        """The line has the time of the event, not of the writing."""
        publisher = LogPublisher(self.open(format="json"))
        before = time.time()
        Logger("x", observer=publisher).info("x")
        written = json.loads(os.read(self.reader, 4096))["time"]
        moment = datetime.strptime(written, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()
        self.assertApproximates(moment, before, 5)
