"""``webcamctl config check``: every mistake by its line, and nothing that only follows from another."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc import config
from webcam_rpc.cli import commands

ROOT = Path(__file__).resolve().parent.parent.parent

_BAD = """\
server:
  port: 80000
  host: 127.0.0.1
camera: {}
tls:
  certificate: /etc/x.pem
  private_kye: /etc/y.pem
cameras:
  devices: [video9-1]
logging: loud
"""


class CheckTests(SynchronousTestCase):
    """Files with more than one mistake, or none."""

    def mistakes(self, text: str | None) -> list[str]:
        """Give what is told of a file, without its name."""
        self.file = Path(self.mktemp())
        if text is not None:
            self.file.write_text(text, "utf-8")
        ran = CliRunner().invoke(commands, ["config", "check", str(self.file)])
        if ran.exit_code == 0:
            self.assertEqual(ran.output, f"{self.file}: good\n")
            return []
        self.assertEqual(ran.output, "")
        return str(ran.exception).replace(str(self.file), "").split("\n")

    def test_reference(self) -> None:
        """The configurations that come along are good."""
        for name in "webcam.yaml", "demo.yaml":
            self.assertEqual(self.mistakes((ROOT / "etc" / name).read_text("utf-8")), [])

    def test_every_mistake(self) -> None:
        """Each is told once; of a section with one, what its options mean together is not."""
        expected = [
            ":2: server.port: expected int <= 65535, got 80000",
            ":4: camera: unknown section; did you mean cameras?",
            ":7: tls.private_kye: unknown option; did you mean tls.private_key?",
            ":10: logging: expected a map of options",
            ":9: cameras.devices[0]: 'video9-1' counts backwards",
        ]
        self.assertEqual(self.mistakes(_BAD), expected)

    def test_the_service_ends_with_the_first(self) -> None:
        """The service says the first of them."""
        first = self.mistakes(_BAD)[0]
        told = str(self.assertRaises(config.ConfigError, config.load, self.file, {}))
        self.assertEqual(told, f"{self.file}{first}")

    def test_no_configuration(self) -> None:
        """What is no YAML, and what is not there, is one mistake."""
        (told,) = self.mistakes("server: [")
        self.assertTrue(told.startswith(":1: not valid YAML"), told)
        self.assertEqual(self.mistakes(None), [": cannot be read: No such file or directory"])
