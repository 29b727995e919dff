"""The configuration: what holds, which place wins, and how a mistake reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc import config
from webcam_rpc.config import Config, ConfigError
from webcam_rpc.config.document import DocumentError, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "etc" / "webcam.yaml"
MANUAL = ROOT / "docs" / "configuration.md"


class Loading(SynchronousTestCase):
    """What the tests below share: a configuration file of their own."""

    def load(
        self,
        text: str | bytes | None = None,
        environ: Mapping[str, str] | None = None,
        overrides: Sequence[tuple[str, str]] = (),
    ) -> Config:
        """Load a file with this text."""
        self.file: Path | None = None
        if text is not None:
            self.file = Path(self.mktemp())
            self.file.write_bytes(text.encode() if isinstance(text, str) else text)
        return config.load(self.file, environ or {}, overrides)

    def mistake(
        self,
        text: str | bytes | None = None,
        environ: Mapping[str, str] | None = None,
        overrides: Sequence[tuple[str, str]] = (),
    ) -> str:
        """Give the text of the mistake in it, without the file's name."""
        told = str(self.assertRaises(ConfigError, self.load, text, environ, overrides))
        if self.file is None:
            return told
        self.assertTrue(told.startswith(str(self.file)), told)
        return told[len(str(self.file)) :]


class ValueTests(Loading):
    """What a file that is right means."""

    def test_nothing_is_the_defaults(self) -> None:
        """No file, an empty file, a comment, empty sections and an explicit null are all the defaults."""
        for text in (None, "", "# nothing\n", "server:\ncameras:\n", "---\nnull\n", "\ufeff"):
            self.assertEqual(self.load(text), Config())

    def test_every_section_takes_values(self) -> None:
        """What the file says replaces the default and leaves its neighbours."""
        loaded = self.load("""
server: {port: 9000, listen: ["tcp:1"], ping_timeout: 3}
cameras:
  devices: [video0-9, video12]
  aliases: {Front door: usb-046d-0825-1}
  sources: [{id: demo, kind: test_pattern, fps: 5}]
media: {directory: /srv/media}
access: {anonymous: none, origins: ["https://panel.example:8443"]}
logging: {traffic: OFF, file: ~}
""")
        self.assertEqual(loaded.server, config.Server(port=9000, listen=("tcp:1",), ping_timeout=3.0))
        self.assertEqual(loaded.cameras.devices, ("video0-9", "video12"))
        self.assertEqual(loaded.cameras.aliases, {"Front door": "usb-046d-0825-1"})
        self.assertEqual(loaded.cameras.sources, (config.Source(id="demo", kind="test_pattern", fps=5),))
        self.assertEqual(loaded.media.directory, "/srv/media")
        self.assertEqual(loaded.access, config.Access(anonymous="none", origins=("https://panel.example:8443",)))
        self.assertEqual(loaded.logging, config.Logging(traffic="OFF"))

    def test_values_cannot_be_changed(self) -> None:
        """A configuration stays as it was loaded."""
        self.assertRaises(AttributeError, setattr, Config().server, "port", 1)

    def test_words_for_true_and_false(self) -> None:
        """Where an option is true or false the older words of YAML are understood, in any case."""
        for word in ("yes", "On", "TRUE", '"true"'):
            self.assertTrue(self.load(f"cameras: {{infrared: {word}}}").cameras.infrared)
        for word in ("no", "OFF", "False"):
            self.assertFalse(self.load(f"server: {{compression: {word}}}").server.compression)

    def test_numbers_of_yaml_1_2(self) -> None:
        """A leading zero is no octal number and a colon no base of sixty."""
        self.assertEqual(self.load("server: {port: 0100}").server.port, 100)
        self.assertEqual(self.load("server: {port: 0x50}").server.port, 80)
        self.assertEqual(self.load("cameras: {aliases: {a: 12-30}}").cameras.aliases, {"a": "12-30"})
        self.assertEqual(self.load("server: {ping_timeout: 1e1}").server.ping_timeout, 10.0)
        self.assertIn("expected int, got str", self.mistake("server: {port: 12:30}"))


class PrecedenceTests(Loading):
    """Of several places that give one option the strongest wins, key by key."""

    def test_order(self) -> None:
        """--set wins over the environment, that over the file, and that over the default."""
        text = "server: {port: 1, max_pending: 5000, host: a}"
        environ = {"WEBCAM_RPC_SERVER_PORT": "2", "WEBCAM_RPC_SERVER_MAX_PENDING": "6000", "HOME": "/"}
        loaded = self.load(text, environ, [("server.port", "3")])
        self.assertEqual(loaded.server, config.Server(port=3, max_pending=6000, host="a"))

    def test_the_later_of_two_overrides(self) -> None:
        """Of --set twice for one option the later one holds."""
        self.assertEqual(self.load(overrides=[("server.port", "3"), ("server.port", "4")]).server.port, 4)

    def test_lists_and_maps_are_yaml(self) -> None:
        """A list or a map is written as YAML in the environment and in --set, and replaces that of the file."""
        loaded = self.load(
            "cameras: {devices: [video0], aliases: {a: x}}",
            {"WEBCAM_RPC_CAMERAS_DEVICES": "[video1, video2]"},
            [("cameras.aliases", "{b: usb-1, c: usb-2}")],
        )
        self.assertEqual(loaded.cameras.devices, ("video1", "video2"))
        self.assertEqual(loaded.cameras.aliases, {"b": "usb-1", "c": "usb-2"})

    def test_texts_are_taken_as_they_are(self) -> None:
        """What is a text by its type is not read as YAML, and nothing is null where null is allowed."""
        loaded = self.load(
            "logging: {file: /x}",
            {"WEBCAM_RPC_STATE_DIRECTORY": "/1: [", "WEBCAM_RPC_LOGGING_FILE": ""},
            [("logging.traffic", "OFF"), ("media.directory", "null")],
        )
        self.assertEqual(loaded.state.directory, "/1: [")
        self.assertEqual(loaded.logging, config.Logging(traffic="OFF", file=None))
        self.assertIsNone(loaded.media.directory)

    def test_a_mistake_counts_even_where_it_is_overridden(self) -> None:
        """An override does not hide that the file is wrong."""
        self.assertEqual(
            self.mistake("server:\n  port: x\n", overrides=[("server.port", "1")]),
            ":2: server.port: expected int, got str",
        )


class MistakeTests(Loading):
    """A mistake is one line that names the place, the key and what was expected."""

    def test_in_a_file(self) -> None:
        """File, line and key, for each kind of mistake."""
        source = "cameras:\n  sources:\n  - id: a\n    kind: test_pattern\n"
        for text, told in (
            ("server:\n  port: x\n", ":2: server.port: expected int, got str"),
            ("server:\n  host: h\n  port:\n", ":3: server.port: expected int, got null"),
            ("server:\n  port: 0\n", ":2: server.port: expected int >= 1, got 0"),
            ("server:\n  ping_timeout: .nan\n", ":2: server.ping_timeout: expected float, got str"),
            (f"server:\n  port: {'9' * 5000}\n", ":2: server.port: expected int, got str"),
            ("server:\n  listen: [tcp:1, 'x']\n", ":2: server.listen[1]: expected an endpoint such as "),
            ("server:\n  prot: 1\n", ":2: server.prot: unknown option; did you mean server.port?"),
            ("\nservr: {}\n", ":2: servr: unknown section; did you mean server?"),
            ("zzz: 1\n", ":1: zzz: unknown section"),
            ("server: 3\n", ":1: server: expected a map of options"),
            ("- 1\n", ":1: expected a map of sections"),
            ("server:\n  port: 1\n  port: 2\n", ":3: server.port: given twice, first on line 2"),
            ("server: {}\nserver: {}\n", ":2: server: given twice, first on line 1"),
            ("server: [\n", ":2: not valid YAML: "),
            ("server:\n\tport: 1\n", ":2: not valid YAML: "),
            ("a: 1\n---\nb: 2\n", ":2: not valid YAML: "),
            ("? [a]\n: 3\n", ":1: a key must be a plain text"),
            ("server: &x\n  listen: *x\n", ":2: YAML aliases are not supported"),
            ("server: !!python/object:os.system {}\n", ":1: server: the YAML tag "),
            ("server:\n  port: !!timestamp 2001-01-01\n", ":2: server.port: the YAML tag "),
            ("#\nserver:\n  host: \x01\n", ":3: the character #x0001 is not allowed"),
            ("[" * 2000, ": nested too deeply"),
            (b"server:\n  host: \xff\n", ":2: is not UTF-8 text"),
            ("cameras:\n  devices: video0\n", ":2: cameras.devices: expected list, got str"),
            (
                "cameras:\n  devices:\n  - video0\n  - vide1\n",
                ":4: cameras.devices[1]: expected video*, videoN or videoN-M",
            ),
            ("cameras:\n  devices:\n  - video0\n  - video9-0\n", ":4: cameras.devices[1]: 'video9-0' counts backwards"),
            ("cameras:\n  aliases:\n    a: b\n    c: 3\n", ":4: cameras.aliases.c: expected str, got int"),
            ("cameras:\n  aliases:\n    a: b\n    c: B\n", ":4: cameras.aliases.c: expected a camera id: "),
            ("cameras:\n  aliases:\n    a: b\n    video1: b\n", ":4: cameras.aliases.video1: 'video1' looks like "),
            (source + "    fps: 1000\n", ":5: cameras.sources[0].fps: expected int <= 120, got 1000"),
            (source + "    fqs: 1000\n", ":5: cameras.sources[0].fqs: unknown key"),
            (
                source.replace("test_pattern", "tape"),
                ":4: cameras.sources[0].kind: expected one of test_pattern, got 'tape'",
            ),
            (source + "  - {kind: test_pattern}\n", ":5: cameras.sources[1]: missing key id"),
            (source + "  - {kind: test_pattern, id: a}\n", ":5: cameras.sources[1].id: another source has the id 'a'"),
            (source + "  aliases: {a: usb-1}\n", ":5: cameras.aliases.a: 'a' is the id of a source"),
            (
                "logging:\n  level: info\n",
                ":2: logging.level: expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL, got ",
            ),
            ("access:\n  origins: ['https://a/b']\n", ":2: access.origins[0]: expected an origin such as "),
            ("access:\n  origins: ['null']\n", ":2: access.origins[0]: expected an origin such as "),
            ("access:\n  hosts: ['a.example\\n']\n", ":2: access.hosts[0]: expected a host name "),
        ):
            found = self.mistake(text)
            self.assertTrue(found.startswith(told), f"{text!r:.100} gave {found!r}, not {told!r}")

    def test_in_the_environment(self) -> None:
        """The variable is named, and the nearest one for a variable that does not exist."""
        for name, text, told in (
            ("SERVER_PORT", "x", "WEBCAM_RPC_SERVER_PORT: expected int, got str"),
            ("SERVER_PORT", "", "WEBCAM_RPC_SERVER_PORT: expected int, got null"),
            ("SERVER_PROT", "1", "WEBCAM_RPC_SERVER_PROT: unknown option; did you mean WEBCAM_RPC_SERVER_PORT?"),
            (
                "CAMERAS_DEVICES",
                "[video0, x]",
                "WEBCAM_RPC_CAMERAS_DEVICES[1]: expected video*, videoN or videoN-M, got 'x'",
            ),
            ("CAMERAS_DEVICES", "[", "WEBCAM_RPC_CAMERAS_DEVICES: not valid YAML: "),
            ("CAMERAS_DEVICES", "[video3-1]", "WEBCAM_RPC_CAMERAS_DEVICES[0]: 'video3-1' counts backwards"),
        ):
            found = self.mistake(environ={f"WEBCAM_RPC_{name}": text})
            self.assertTrue(found.startswith(f"environment: {told}"), found)

    def test_in_an_override(self) -> None:
        """--set is named as it was typed."""
        for name, text, told in (
            ("server.port", "x", "--set server.port: expected int, got str"),
            ("server.port", "99999", "--set server.port: expected int <= 65535, got 99999"),
            ("server.prot", "1", "--set server.prot: unknown option; did you mean server.port?"),
            ("server", "{}", "--set server: unknown option"),
            ("logging.level", "loud", "--set logging.level: expected one of "),
        ):
            found = self.mistake(overrides=[(name, text)])
            self.assertTrue(found.startswith(told), found)

    def test_a_file_that_cannot_be_read(self) -> None:
        """The system's reason is given, without a line."""
        for file, reason in ((Path("nowhere.yaml"), "No such file or directory"), (ROOT, "Is a directory")):
            error = self.assertRaises(ConfigError, config.load, file, {})
            self.assertEqual(str(error), f"{file}: cannot be read: {reason}")

    def test_parts(self) -> None:
        """The error carries its parts for whoever does not want the line."""
        error = self.assertRaises(ConfigError, self.load, "server:\n  port: x\n")
        self.assertEqual((error.file, error.line, error.key), (str(self.file), 2, "server.port"))
        self.assertEqual(error.message, "expected int, got str")

    def test_one_printable_line(self) -> None:
        """A key or a value with control characters does not break the line."""
        for text in ('server: {"a\\nb\\e": 1}', 'server: {host: "a\\nb"}', '"\\u2028": 1'):
            found = self.mistake(text)
            self.assertTrue(found.isprintable(), found)

    @settings(max_examples=200, deadline=None)
    @given(st.text(alphabet=st.sampled_from("server:port \n-[]{}&*!'\"\\x#|>0,?%@\t~\x00é"), max_size=60))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        """No text makes the reader fail in another way than by its own error."""
        try:
            lines = parse(text).lines
        except DocumentError as error:
            lines = {} if error.line is None else {"": error.line}
        self.assertTrue(all(1 <= line <= text.count("\n") + 1 for line in lines.values()), lines)


class PlacesTests(SynchronousTestCase):
    """Where the state and the media are kept."""

    def test_state(self) -> None:
        """The configuration first, then systemd's, then the user's directories."""
        given_ = Config(state=config.State(directory="/s"))
        home = Config(state=config.State(directory="~/s"))
        environ = {"STATE_DIRECTORY": "/a:/b", "XDG_STATE_HOME": "/x", "HOME": "/h"}
        for configuration, without, expected in (
            (given_, (), "/s"),
            (home, (), "/h/s"),
            (Config(), (), "/a"),
            (Config(), ("STATE_DIRECTORY",), "/x/webcam-rpc"),
            (Config(), ("STATE_DIRECTORY", "XDG_STATE_HOME"), "/h/.local/state/webcam-rpc"),
        ):
            left = {name: value for name, value in environ.items() if name not in without}
            self.assertEqual(config.state_directory(configuration, left), Path(expected))

    def test_relative_xdg_is_ignored(self) -> None:
        """The XDG specification says that a relative path there means nothing."""
        environ = {"XDG_STATE_HOME": "x", "HOME": "/h"}
        self.assertEqual(config.state_directory(Config(), environ), Path("/h/.local/state/webcam-rpc"))

    def test_media(self) -> None:
        """Below the state unless it is given."""
        environ = {"STATE_DIRECTORY": "/a"}
        self.assertEqual(config.media_directory(Config(), environ), Path("/a/media"))
        self.assertEqual(config.media_directory(Config(media=config.Media(directory="/m")), environ), Path("/m"))


class DeviceFilterTests(SynchronousTestCase):
    """Which device names the patterns mean."""

    def test_patterns(self) -> None:
        """All, one, a range, and several of them."""
        for patterns, meant, others in (
            (("video*",), ("video0", "video63", "video1048575"), ("video", "video-demo", "vid0", "0", "")),
            (("video3",), ("video3",), ("video33", "video03", "video2", "3")),
            (("video0-9",), ("video0", "video9"), ("video10", "video0-9")),
            (("video1", "video4-5"), ("video1", "video4", "video5"), ("video2", "video6")),
            ((), (), ("video0",)),
            (("video*",), (), ("video٣", "video²", "video01", "video 1", "video1\n")),
        ):
            wanted = config.device_filter(patterns)
            for name in meant:
                self.assertTrue(wanted(name), f"{patterns} {name!r}")
            for name in others:
                self.assertFalse(wanted(name), f"{patterns} {name!r}")


class AliasTests(SynchronousTestCase):
    """Which names a camera may be given."""

    def test_good(self) -> None:
        """Words in any script, with spaces, dots and hyphens inside."""
        for alias in ("a", "Front door", "küche", "cam.1-b_c", "video", "x" * 64):
            self.assertIsNone(config.alias_fault(alias), alias)

    def test_bad(self) -> None:
        """Nothing that could be a path, a number or an id, and nothing unprintable."""
        for alias in (
            "",
            " a",
            "a ",
            "/dev/video0",
            "video0",
            "Camera7",
            "12",
            "usb-1",
            "platform-x",
            "a\n",
            "x" * 65,
            "a/b",
        ):
            self.assertIsNotNone(config.alias_fault(alias), alias)


class ReferenceTests(Loading):
    """etc/webcam.yaml and docs/configuration.md name every option with its true default."""

    def options(self) -> dict[str, tuple[str, str, str, str]]:
        """Read the one fixed form of etc/webcam.yaml: effect, default, example and the commented-out key by name."""
        form = re.compile(r"((?:  # .*\n)+?)  #   default: (.*)\n  #   example: (.*)\n  #(\w+: .*)\n", re.MULTILINE)
        found = {}
        for section, body in re.findall(r"^(\w+):\n((?:(?:  .*)?\n)+)", REFERENCE.read_text(), re.MULTILINE):
            self.assertEqual(form.sub("", body).strip("\n"), "", "something in another form")
            for effect, default, example, line in form.findall(body):
                told = " ".join(effect.replace("  # ", " ").split())
                found[f"{section}.{line.partition(':')[0]}"] = (told, default, example, line)
        return found

    def test_every_option_is_there_once(self) -> None:
        """Neither file lacks an option, has another, or has another order."""
        self.assertEqual(list(self.options()), list(config.OPTIONS))
        self.assertEqual(re.findall(r"^### `(.*)`$", MANUAL.read_text(), re.MULTILINE), list(config.OPTIONS))

    def test_as_it_stands_it_is_the_defaults(self) -> None:
        """The file can be installed unchanged."""
        self.assertEqual(config.load(REFERENCE, {}), Config())

    def test_defaults(self) -> None:
        """What is called the default, and what stands commented out, is the default."""
        for name, (_, default, _, line) in self.options().items():
            section, _, key = name.partition(".")
            self.assertEqual(line, f"{key}: {default}")
            loaded = self.load(f"{section}:\n  {line}\n")
            self.assertEqual(loaded, Config(), name)
            # A value that is left out is the default as well, so look at what the text itself says.
            said = msgspec.convert(parse(default).value, config.OPTIONS[name].type)
            self.assertEqual(said, config.OPTIONS[name].default, name)

    def test_examples(self) -> None:
        """Every example is allowed and says something else than the default."""
        for name, (_, _, example, _) in self.options().items():
            section, _, key = name.partition(".")
            # The two of this section are nothing without each other.
            other = {"certificate": "  private_key: k\n", "private_key": "  certificate: c\n"}.get(key, "")
            self.assertNotEqual(self.load(f"{section}:\n  {key}: {example}\n{other}"), Config(), name)

    def test_certificate_without_key(self) -> None:
        """A certificate and its key go together: the line of the one that is given is told."""
        for there, missing in (("certificate", "private_key"), ("private_key", "certificate")):
            error = self.assertRaises(config.ConfigError, self.load, f"tls:\n  {there}: /x.pem\n")
            self.assertIn(f":2: tls.{there}: is nothing without tls.{missing}", str(error))

    def test_what_needs_a_restart(self) -> None:
        """The head of etc/webcam.yaml names those options that need one, and no others."""
        head = " ".join(REFERENCE.read_text().partition("\n\n")[0].replace("\n#", " ").split())
        named = head.partition("These need a restart: ")[2].removesuffix(".").split(", ")
        self.assertEqual(named, [name for name in config.OPTIONS if name in config.NEEDS_RESTART])

    def test_the_manual_says_the_same(self) -> None:
        """Effect, default and example in docs/configuration.md are those of etc/webcam.yaml."""
        manual = MANUAL.read_text()
        for name, (effect, default, example, _) in self.options().items():
            section = manual.partition(f"### `{name}`\n")[2].partition("\n#")[0]
            told, _, rest = section.partition("\n- Default:")
            self.assertEqual(" ".join(told.split()), effect, name)
            variable = config.OPTIONS[name].variable
            holds = "after a restart" if name in config.NEEDS_RESTART else "at a reload"
            expected = f" `{default}`\n- Example: `{example}`\n- Environment: `{variable}`\n- Changes hold: {holds}"
            self.assertEqual(rest.strip("\n"), expected, name)
