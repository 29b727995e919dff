"""The methods about files, as clients call them, on real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.api.case import ApiCase, Caller, at_once
from tests.media.shelf import NOW, Disk, SmallDisk
from webcam_rpc.api.files import FileMethods
from webcam_rpc.cameras.models import Status
from webcam_rpc.config import Storage
from webcam_rpc.media.library import MediaLibrary
from webcam_rpc.media.names import SNAPSHOTS
from webcam_rpc.rpc.methods import MethodTable
from webcam_rpc.rpc.roles import Role

INVALID, NOT_FOUND, STATE, DEPENDENCY, STOPPING = -32602, -32010, -32020, -32050, -32080


class FilesCase(ApiCase):
    """Three recordings of two cameras, one of which is no longer known, and a snapshot."""

    def make_table(self) -> MethodTable:
        """Add the methods that are tested."""
        root = Path(self.mktemp()).absolute()
        self.disk = Disk(root / "media")
        self.state = root / "state"
        self.library = MediaLibrary(root / "media", self.state, Storage(), self.bus, at_once, lambda: NOW)
        self.addCleanup(self.library._shelves.close)
        self.library.room = SmallDisk(root / "media")
        files = FileMethods(self.registry, self.library)
        return MethodTable((*super().make_table(), *files.methods()))

    def setUp(self) -> None:
        """Plug the camera in and make the files."""
        super().setUp()
        self.plug("usb-1", "/dev/video0")
        self.disk.put("a.mp4", 1, duration=2.5)
        self.disk.put("b.mp4", 2, camera_id="usb-old", protected=True)
        self.disk.put("c.mkv", 3, camera_id=None)
        self.disk.put("s.jpg", 4, SNAPSHOTS, camera_id="usb-old")

    def names(self, **params: Any) -> str:
        """List recordings in one word."""
        return "".join(one["filename"][0] for one in self.call("list_recordings", params)["files"])


class ListTests(FilesCase):
    """Lists."""

    def test_shape(self) -> None:
        """All that the contract promises of each file."""
        listing = self.call("list_recordings")
        self.assertEqual(
            listing["files"][0],
            {
                "filename": "a.mp4",
                "camera_id": "usb-1",
                "file_size": 10,
                "modified_time": "2024-12-31T23:59:59.000Z",
                "duration": 2.5,
                "download_url": "/files/recordings/a.mp4",
                "protected": False,
            },
        )
        del listing["files"]
        self.assertEqual(listing, {"total": 3, "limit": 50, "offset": 0, "next_cursor": None})
        nobodys = self.call("list_recordings")["files"][2]
        self.assertEqual((nobodys["camera_id"], nobodys["duration"]), (None, None))
        (picture,) = self.call("list_snapshots")["files"]
        self.assertEqual(picture["download_url"], "/files/snapshots/s.jpg")

    def test_pages(self) -> None:
        """By offset, and by cursor to the end; null is as good as nothing."""
        self.assertEqual((self.names(limit=2), self.names(limit=2, offset=2), self.names(offset=9)), ("ab", "c", ""))
        first = self.call("list_recordings", [2])
        second = self.call("list_recordings", {"limit": 2, "cursor": first["next_cursor"]})
        self.assertEqual([one["filename"] for one in second["files"]], ["c.mkv"])
        self.assertEqual((second["total"], second["next_cursor"]), (3, None))
        self.assertEqual(self.names(cursor=None, device=None), "abc")

    def test_camera(self) -> None:
        """The files of a camera by any of its names, and of one that is no longer known by its id."""
        for name in ("usb-1", "/dev/video0", "video0", "camera0"):
            listing = self.call("list_recordings", {"device": name})
            self.assertEqual(([one["filename"] for one in listing["files"]], listing["total"]), (["a.mp4"], 1))
        self.assertEqual(self.names(device="usb-old"), "b")
        self.aliases.name("usb-old", "barn")
        self.plug("usb-old", "/dev/video2", status=Status.DISCONNECTED)
        self.assertEqual(self.names(device="barn"), "b")
        self.plug("usb-3", "/dev/video4")
        self.assertEqual(self.names(device="usb-3"), "")

    def test_refused(self) -> None:
        """Cameras that never were, cursors that were not given, and limits."""
        for device in ("usb-9", "video7", "/dev/video7", "No Such"):
            self.assertEqual(
                self.refused("list_recordings", {"device": device}),
                (NOT_FOUND, {"resource": "camera", "id": device}),
            )
        code, data = self.refused("list_snapshots", {"cursor": "nonsense"})
        self.assertEqual((code, data["param"], data["rule"]), (INVALID, "cursor", "invalid"))
        for params, param in (
            ({"limit": 0}, "limit"),
            ({"limit": 1001}, "limit"),
            ({"offset": -1}, "offset"),
            ({"offset": 1, "cursor": "x"}, "offset"),
            ({"device": ""}, "device"),
        ):
            code, data = self.refused("list_recordings", params)
            self.assertEqual((code, data["param"]), (INVALID, param))

    def test_directory_gone(self) -> None:
        """A directory that is not there is a failure, not an empty list; and so is the end of the service."""
        self.library.end()
        self.assertEqual(self.refused("list_recordings"), (STOPPING, None))
        self.library.begin()
        (self.disk.root / "recordings").rename(self.disk.root / "away")
        for name in ("list_recordings", "get_storage_info"):
            code, data = self.refused(name)
            self.assertEqual((code, data["reason"]), (DEPENDENCY, "STORAGE_FAILED"))


class FileTests(FilesCase):
    """One file."""

    def test_info(self) -> None:
        """All that the metadata file holds, and what stands in for it."""
        info = self.call("get_recording_info", ["a.mp4"])
        self.assertEqual((info["filename"], info["camera"]["camera_id"], info["duration"]), ("a.mp4", "usb-1", 2.5))
        self.assertEqual((info["file_size"], info["download_url"]), (10, "/files/recordings/a.mp4"))
        self.assertEqual(self.call("get_recording_info", ["c.mkv"])["camera"]["camera_id"], "unknown")
        info = self.call("get_snapshot_info", {"filename": "s.jpg"})
        self.assertEqual((info["timestamp"], info["download_url"]), ("2025-01-01T00:00:00Z", "/files/snapshots/s.jpg"))

    def test_no_such_file(self) -> None:
        """A name that is none, or leads elsewhere, is not found by any method."""
        for name in ("x.mp4", "s.jpg", "../snapshots/s.jpg", "/etc/passwd", "a.mp4.json", "-f", "a.mp4\n"):
            for method in ("get_recording_info", "delete_recording"):
                self.assertEqual(self.refused(method, [name]), (NOT_FOUND, {"resource": "recording", "id": name}))
            self.assertEqual(self.refused("protect_recording", [name, True])[0], NOT_FOUND)
        for method in ("get_snapshot_info", "delete_snapshot"):
            self.assertEqual(self.refused(method, ["a.mp4"])[1]["resource"], "snapshot")
        self.assertEqual(self.refused("get_recording_info", [""])[0], INVALID)

    def test_delete(self) -> None:
        """A deleted file is in no list; it cannot be deleted again."""
        self.assertEqual(self.call("delete_recording", ["a.mp4"]), {"filename": "a.mp4", "deleted": True})
        self.assertEqual(self.names(), "bc")
        self.assertEqual(self.refused("delete_recording", ["a.mp4"])[0], NOT_FOUND)
        self.assertEqual(self.call("delete_snapshot", ["s.jpg"]), {"filename": "s.jpg", "deleted": True})
        self.assertEqual(self.call("list_snapshots")["total"], 0)

    def test_protect(self) -> None:
        """A protected recording is not deleted, until it no longer is protected."""
        code, data = self.refused("delete_recording", ["b.mp4"])
        self.assertEqual((code, data["reason"]), (STATE, "PROTECTED"))
        info = self.call("protect_recording", {"filename": "b.mp4", "protected": False})
        self.assertEqual((info["protected"], info["camera"]["camera_id"]), (False, "usb-old"))
        self.assertTrue(self.call("protect_recording", ["c.mkv", True])["protected"])
        self.assertEqual([one["protected"] for one in self.call("list_recordings")["files"]], [False, False, True])
        self.call("delete_recording", ["b.mp4"])
        self.assertEqual(self.names(), "ac")


class StorageTests(FilesCase):
    """The room, and what goes when."""

    def test_info(self) -> None:
        """What there is, and what our files take."""
        self.assertEqual(
            self.call("get_storage_info"),
            {
                "total_space": 1000,
                "used_space": 40,
                "available_space": 960,
                "usage_percentage": 4.0,
                "recordings_size": 30,
                "snapshots_size": 10,
                "low_space_warning": False,
                "floor": 100,
                "policy": {"policy_type": "manual", "max_age_days": 30.0, "max_size_gb": 10.0, "enabled": False},
            },
        )
        policy = self.call("set_retention_policy", {"policy_type": "age", "max_age_days": 7, "enabled": True})
        self.assertEqual(self.call("get_storage_info")["policy"], policy)

    def test_policy(self) -> None:
        """A policy is set, kept, and keeps the limits that were not named."""
        policy = self.call("set_retention_policy", {"policy_type": "age", "max_age_days": 0.5, "enabled": True})
        self.assertEqual(policy, {"policy_type": "age", "max_age_days": 0.5, "max_size_gb": 10.0, "enabled": True})
        policy = self.call("set_retention_policy", ["size", None, 2, False])
        self.assertEqual(policy, {"policy_type": "size", "max_age_days": 0.5, "max_size_gb": 2.0, "enabled": False})
        self.assertTrue((self.state / "retention.json").exists())

    def test_policy_refused(self) -> None:
        """A policy that would delete everything, or is none, is refused; one that cannot be kept is not in force."""
        for params in (["age", 0, 1, True], ["age", -1, 1, True], ["size", 1, 0, True], ["never", 1, 1, True], ["age"]):
            self.assertEqual(self.refused("set_retention_policy", params)[0], INVALID)
        (self.state / "retention.json").mkdir(parents=True)
        code, data = self.refused("set_retention_policy", ["age", 1, 1, True])
        self.assertEqual((code, data["reason"], self.library.policy.acts), (DEPENDENCY, "STORAGE_FAILED", False))

    def test_cleanup(self) -> None:
        """What is too old goes, and is counted."""
        self.call("set_retention_policy", ["age", 2.1 / 86400, 1, True])
        self.assertEqual(self.call("cleanup_old_files"), {"files_deleted": 2, "space_freed": 20})
        self.assertEqual((self.names(), self.call("list_snapshots")["total"]), ("ab", 0))

    def test_roles(self) -> None:
        """Who may do what."""
        roles = {method.name: method.role for method in self.table}
        wanted = {
            Role.STATUS: ("get_storage_info",),
            Role.VIEWER: ("list_recordings", "list_snapshots", "get_recording_info", "get_snapshot_info"),
            Role.OPERATOR: ("delete_recording", "delete_snapshot", "protect_recording"),
            Role.ADMIN: ("set_retention_policy", "cleanup_old_files"),
        }
        for role, names in wanted.items():
            for name in names:
                self.assertIs(roles[name], role)

    def test_schemas(self) -> None:
        """Positional parameters are in the order of the documentation."""
        orders = {method.name: method.params.__struct_encode_fields__ for method in self.table}
        self.assertEqual(orders["list_recordings"], ("limit", "offset", "cursor", "device"))
        self.assertEqual(orders["set_retention_policy"], ("policy_type", "max_age_days", "max_size_gb", "enabled"))
        self.assertEqual(self.call("list_recordings", [1, 1], Caller(None))["offset"], 1)
