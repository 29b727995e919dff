"""The methods about the configuration, without a door in front of them."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc import config
from webcam_rpc.api.cameras import NoParams
from webcam_rpc.api.config import ConfigMethods
from webcam_rpc.rpc.errors import InvalidState, ShuttingDown
from webcam_rpc.rpc.roles import Role


class ConfigTests(SynchronousTestCase):
    """What an administrator is shown and told."""

    def setUp(self) -> None:
        """Have options from two places."""
        self.environ = {"WEBCAM_RPC_SERVER_PORT": "9000"}
        self.set = [("storage.floor", "5")]
        self.live = config.LiveConfig(lambda **how: config.resolve(None, self.environ, self.set, **how))
        self.live.on(lambda _: None, "storage")
        self.answer: Deferred[Any] = succeed(config.Reloaded(("storage.floor",), ("server.port",)))
        self.methods = ConfigMethods(self.live, lambda: self.answer)
        self.caller: Any = None

    def shown(self) -> Any:
        """Give what get_config answers, as JSON."""
        return msgspec.to_builtins(self.methods.get_config(NoParams(), self.caller))

    def test_roles(self) -> None:
        """Both are for administrators."""
        self.assertEqual(
            {method.name: method.role for method in self.methods.methods()},
            dict.fromkeys(("get_config", "reload_config"), Role.ADMIN),
        )

    def test_origins(self) -> None:
        """Every option is there, with where it comes from and whether another value would hold at once."""
        options = self.shown()["options"]
        self.assertEqual(set(options), set(config.OPTIONS))
        self.assertEqual(
            options["server.port"],
            {
                "value": 9000,
                "default": 8002,
                "source": "environment",
                "place": "WEBCAM_RPC_SERVER_PORT",
                "live": False,
            },
        )
        self.assertEqual(
            options["storage.floor"],
            {
                "value": 5,
                "default": None,
                "source": "command_line",
                "place": "--set",
                "live": True,
            },
        )
        self.assertEqual(options["logging.level"]["source"], "default")

    def test_pending(self) -> None:
        """What waits for a restart is shown beside what is in force."""
        self.environ["WEBCAM_RPC_SERVER_PORT"] = "9001"
        self.live.take(self.live.read())
        shown = self.shown()
        self.assertEqual(shown["restart_required"], ("server.port",))
        self.assertEqual(
            (shown["options"]["server.port"]["value"], shown["options"]["server.port"]["pending"]), (9000, 9001)
        )

    def test_problem_without_secrets(self) -> None:
        """What is wrong is told without the password in it."""
        self.live.problem = config.ConfigError("f", 3, "cameras.sources", "rtsp://me:hunter2@cam is not right")
        self.assertEqual(self.shown()["problem"], "f:3: cameras.sources: rtsp://***@cam is not right")

    def test_reloaded(self) -> None:
        """What has changed and what waits are told."""
        answer: Any = self.successResultOf(self.methods.reload_config(NoParams(), self.caller))
        self.assertEqual((answer.changed, answer.restart_required), (("storage.floor",), ("server.port",)))

    def test_mistake(self) -> None:
        """A mistake is an error that says where it is and what, without secrets."""
        self.answer = fail(config.ConfigError("/etc/w.yaml", 3, "", "http://u:hunter2@h is not right"))
        error: Any = self.failureResultOf(self.methods.reload_config(NoParams(), self.caller), InvalidState).value
        self.assertEqual(
            error.data,
            {
                "reason": "INVALID_CONFIGURATION",
                "file": "/etc/w.yaml",
                "line": 3,
                "key": None,
                "message": "http://***@h is not right",
            },
        )

    def test_stopping(self) -> None:
        """Who asks a service that ends is told that it ends."""
        self.answer = fail(config.ReloadStopped())
        self.failureResultOf(self.methods.reload_config(NoParams(), self.caller), ShuttingDown)


class ShownTests(SynchronousTestCase):
    """What is hidden."""

    def test_hidden(self) -> None:
        """Secrets are hidden by their key, however deep, and passwords in URLs wherever they are."""
        value = {"auth_token": "x", "list": [{"Password": "y", "at": "rtsp://a:b@c/d"}], "secret": None, "port": 1}
        expected = {
            "auth_token": "***",
            "list": [{"Password": "***", "at": "rtsp://***@c/d"}],
            "secret": None,
            "port": 1,
        }
        self.assertEqual(config.shown("cameras", value), expected)
        self.assertEqual(config.shown("api_keys", ["x"]), "***")

    def test_not_hidden(self) -> None:
        """A path or a plain URL is shown as it is."""
        self.assertEqual(config.shown("certificate", "/etc/a@b.pem"), "/etc/a@b.pem")
        self.assertEqual(config.shown("origins", ("https://panel.example",)), ["https://panel.example"])
