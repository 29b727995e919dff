"""Events on the wire: notifications, the states on connect, subscriptions and replay."""

from __future__ import annotations

import msgspec

from tests.api.case import ApiCase, Caller
from webcam_rpc.bus import Bus, Subscription
from webcam_rpc.cameras.models import Camera, CameraControlsChanged, Status

CAMERAS, CONTROLS = "camera_status_update", "camera_control_update"


class NotificationTests(ApiCase):
    """What becomes of an event."""

    def test_connected(self) -> None:
        """CONNECTED is flat, in the order that clients have always read, without an id."""
        self.plug()
        ((message, topic, camera_id),) = self.broadcasts
        self.assertEqual((topic, camera_id), (CAMERAS, "usb-1"))
        self.assertEqual(list(message), ["jsonrpc", "method", "params"])
        mode = self.device.report.mode
        assert mode is not None
        expected = {
            "status": "CONNECTED",
            "device": "/dev/video0",
            "resolution": mode.resolution,
            "fps": mode.fps,
            "camera_id": "usb-1",
            "name": "Webcam",
            "reason": None,
            "seq": 1,
            "epoch": "epoch",
            "timestamp": "2025-07-30T10:00:00Z",
        }
        self.assertEqual(message["params"], expected)
        self.assertEqual(list(message["params"]), list(expected))

    def test_not_connected(self) -> None:
        """DISCONNECTED and ERROR carry no mode."""
        self.plug(status=Status.DISCONNECTED)
        self.plug(status=Status.ERROR, reason="no permission")
        gone, failed = (message["params"] for message, _, _ in self.broadcasts)
        for params in (gone, failed):
            self.assertNotIn("resolution", params)
            self.assertNotIn("fps", params)
        self.assertEqual((gone["status"], failed["status"]), ("DISCONNECTED", "ERROR"))
        self.assertEqual(failed["reason"], "no permission")

    def test_inside(self) -> None:
        """An event that has no notification stays inside."""
        self.bus.publish(object())
        self.assertEqual(self.broadcasts, [])

    def test_states(self) -> None:
        """A new client gets the cameras that are there, marked, with their last number; not those that are gone."""
        self.plug("usb-1", "/dev/video0")
        self.plug("usb-2", "/dev/video2", status=Status.DISCONNECTED)
        self.plug("usb-3", "/dev/video4", status=Status.ERROR, reason="no")
        states = [msgspec.json.decode(one)["params"] for one in self.notifications.states(Subscription())]
        self.assertEqual([(one["camera_id"], one["seq"], one["initial"]) for one in states], [
            ("usb-1", 1, True),
            ("usb-3", 3, True),
        ])  # fmt: skip
        nothing = Subscription()
        nothing.remove(None)
        self.assertEqual(list(self.notifications.states(nothing)), [])


class SubscribeTests(ApiCase):
    """Choosing what to be told."""

    def resolutions(self) -> list[int]:
        """Give the numbers of what was sent to the caller."""
        return [message["params"]["seq"] for message in self.caller.sent]

    def test_narrow_and_widen(self) -> None:
        """The first call narrows the default to what it names, the next ones add."""
        answer = self.call("subscribe_events", {"topics": [CONTROLS]})
        self.assertEqual((answer["topics"], answer["subscribed"], answer["full_state"]), ([CONTROLS], True, False))
        self.assertFalse(self.caller.subscription and self.caller.subscription.wants(CAMERAS, None))
        self.assertEqual(self.call("subscribe_events", [[CAMERAS]])["topics"], [CONTROLS, CAMERAS])
        self.assertEqual(self.caller.sent, [])

    def test_unsubscribe(self) -> None:
        """One topic less, then none at all."""
        self.assertEqual(
            self.call("unsubscribe_events", {"topics": [CAMERAS]})["topics"], [CONTROLS, "recording_status_update"]
        )
        self.assertEqual(self.call("unsubscribe_events")["topics"], [])

    def test_unknown_topic(self) -> None:
        """A topic that is none is refused by its place, and changes nothing."""
        for method in ("subscribe_events", "unsubscribe_events"):
            code, data = self.refused(method, {"topics": [CAMERAS, "weather"]})
            self.assertEqual((code, data["param"], data["rule"]), (-32602, "topics[1]", "unknown"))

    def test_unknown_topic_changes_nothing(self) -> None:
        """Who made a mistake has what it had."""
        self.refused("subscribe_events", {"topics": ["weather"]})
        assert self.caller.subscription is not None
        self.assertTrue(self.caller.subscription.wants(CAMERAS, "usb-1"))

    def test_replay(self) -> None:
        """What was missed comes again in order, as far as it is wanted now, and not as initial states."""
        self.plug("usb-1", "/dev/video0")
        camera = self.registry.get("usb-1")
        assert isinstance(camera, Camera)
        self.bus.publish(CameraControlsChanged(camera, {"brightness": 1}))
        self.bus.publish(object())
        self.plug("usb-2", "/dev/video2")
        answer = self.call("subscribe_events", {"topics": [CAMERAS], "since_seq": 0, "epoch": "epoch"})
        self.assertEqual(self.resolutions(), [1, 4])
        self.assertNotIn("initial", self.caller.sent[0]["params"])
        self.assertEqual((answer["replayed"], answer["full_state"], answer["seq"]), (2, False, 4))

    def test_replay_of_one_camera(self) -> None:
        """A replay keeps to the filter, which takes any name of a camera, or several."""
        self.plug("usb-1", "/dev/video0")
        self.plug("usb-2", "/dev/video2")
        for device, expected in (("video2", [2]), (["usb-1", "video2"], [1, 2])):
            self.caller = Caller(Subscription())
            self.call("subscribe_events", {"topics": [CAMERAS], "since_seq": 0, "filters": {"device": device}})
            self.assertEqual(self.resolutions(), expected)

    def test_filter_of_what_is_to_come(self) -> None:
        """A camera that was never here can be waited for by its id, but not by a name that means nothing."""
        self.call("subscribe_events", {"topics": [CAMERAS], "filters": {"device": "usb-later"}})
        assert self.caller.subscription is not None
        self.assertTrue(self.caller.subscription.wants(CAMERAS, "usb-later"))
        self.assertFalse(self.caller.subscription.wants(CAMERAS, "usb-other"))
        self.assertEqual(self.refused("subscribe_events", {"topics": [CAMERAS], "filters": {"device": "x"}})[0], -32010)

    def test_too_far_back(self) -> None:
        """Another epoch, the future, a negative number or what has left the ring: the present states instead."""
        self.plug()
        for past in ({"since_seq": 0, "epoch": "x"}, {"since_seq": 99}, {"since_seq": -1}):
            self.caller = Caller(Subscription())
            answer = self.call("subscribe_events", {"topics": [CAMERAS], **past})
            self.assertEqual((answer["full_state"], answer["replayed"]), (True, 0), past)
            self.assertEqual([one["params"]["initial"] for one in self.caller.sent], [True], past)
        self.assertEqual(Bus("e", str, ring=1).since(0, None), [])

    def test_by_post(self) -> None:
        """A caller without a connection of its own cannot be told anything later."""
        post = Caller(None)
        for method, params in (("subscribe_events", {"topics": [CAMERAS]}), ("unsubscribe_events", {})):
            code, data = self.refused(method, params, post)
            self.assertEqual((code, data["reason"]), (-32020, "NOT_A_WEBSOCKET"))
