"""Pictures, streams and recordings of one camera at once: the real service and the real ffmpeg."""

from __future__ import annotations

import json
import os
import signal
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import gatherResults

from tests.integration.media import (
    PATIENCE,
    MediaCase,
    captures,
    decoded,
    encoders,
    kill,
    later,
    probe,
    recording,
)
from tests.service import eventually
from tests.wsclient import RPCFailed

if TYPE_CHECKING:
    from tests.wsclient import Client

reactor: Any = global_reactor


class SharingTests(MediaCase):
    """One open camera for everybody."""

    async def test_all_at_once(self) -> None:
        """Two streams, a recording and ten snapshots at once take one capture child, and none disturbs another."""
        service = await self.serve()
        client = await self.connect(service)
        one, two = await self.view(service), await self.view(service)
        started = await client.call("start_recording", {"device": "demo"})
        await self.frames(one, 5)
        await self.frames(two, 5)
        shots = [client.call("take_snapshot", {"device": "demo", "filename": f"shot{n}"}) for n in range(10)]
        for n, shot in enumerate(await gatherResults(shots)):
            path = self.media(service, "snapshots") / f"shot{n}.jpg"
            self.assertEqual(shot["file_path"], str(path))
            self.assertEqual(path.stat().st_size, shot["file_size"])
            await decoded(path)
        self.assertEqual(len(captures(service)), 1)
        status = await client.call("get_camera_status", {"device": "demo"})
        self.assertEqual(status["consumers"], {"stream": 2, "recording": 1})
        self.assertEqual(status["recording"], started["recording_id"])
        await self.leave(one)
        await self.frames(two, 10)
        going = await client.call("get_recording_status", {"device": "demo"})
        self.assertEqual((going["state"], going["frames_dropped"]), ("RECORDING", 0))
        stopped = await client.call("stop_recording", {"device": "demo"})
        await self.frames(two, 10)
        self.assertEqual(len(captures(service)), 1)
        self.assertEqual(encoders(service), [])
        (entry,) = await self.whole(service, client)
        self.assertEqual(entry["filename"], stopped["filename"])
        # The camera's rate is the file's, whoever else looked on.
        told = await probe(self.media(service) / entry["filename"])
        self.assertApproximates(told["frames"] / told["duration"], 30, 4)

    async def test_linger(self) -> None:
        """The capture ends a while after the last who wanted it, and begins again for the next."""
        service = await self.serve("--set", "media.linger=0.5")
        client = await self.connect(service)
        viewer = await self.view(service)
        await self.frames(viewer, 3)
        (first,) = captures(service)
        await self.leave(viewer)
        await eventually(reactor, lambda: not captures(service), PATIENCE, "the camera is free")
        status = await client.call("get_camera_status", {"device": "demo"})
        self.assertEqual((status["consumers"], status["last_frame_age_ms"], status["status"]), ({}, None, "CONNECTED"))
        await client.call("take_snapshot", {"device": "demo"})
        self.assertNotIn(first, captures(service))

    async def test_slow_viewer(self) -> None:
        """A viewer that does not read costs the others nothing, and gets new pictures when it reads again."""
        service = await self.serve(
            "--demo", "--set", "cameras.sources=[{id: demo, kind: test_pattern, width: 1280, height: 720}]"
        )
        slow, fast = await self.view(service), await self.view(service)
        await self.frames(slow, 3)
        slow.transport.pauseProducing()  # type: ignore[union-attr]
        stood = slow.frames
        await self.frames(fast, 150)
        gaps = [after - before for before, after in zip(fast.times, fast.times[1:], strict=False)]
        self.assertLess(sorted(gaps)[len(gaps) // 2], 0.1)
        slow.transport.resumeProducing()  # type: ignore[union-attr]
        await self.frames(slow, 3)
        self.assertLess(slow.frames - stood, 140)

    async def test_sizes_and_rates(self) -> None:
        """``?width=`` and ``?fps=`` give smaller and fewer pictures, the former from one child for all who want it."""
        service = await self.serve()
        small, as_small, few = [
            await self.view(service, f"/cameras/demo/stream.mjpg?{query}")
            for query in ("width=320", "width=320", "fps=5")
        ]
        await self.frames(small, 5)
        await self.frames(as_small, 1)
        await self.frames(few, 8)
        self.assertEqual(len(captures(service)), 1)
        path = self.directory / "small.jpg"
        path.write_bytes(small.last)
        self.assertEqual((await probe(path))["width"], 320)
        gaps = [after - before for before, after in zip(few.times, few.times[1:], strict=False)]
        self.assertApproximates(sorted(gaps)[len(gaps) // 2], 0.2, 0.05)

    async def test_new_mode(self) -> None:
        """A stream goes on in the new mode when one is set; while a recording goes on none can be."""
        service = await self.serve()
        client = await self.connect(service)
        viewer = await self.view(service)
        await self.frames(viewer, 3)
        await client.call("set_camera_format", {"device": "demo", "width": 320, "height": 240})
        await self.frames(viewer, 20)
        path = self.directory / "new.jpg"
        path.write_bytes(viewer.last)
        self.assertEqual((await probe(path))["width"], 320)
        await client.call("start_recording", {"device": "demo"})
        failed: RPCFailed = await self.assertFailure(
            client.call("set_camera_format", {"device": "demo", "width": 640, "height": 480}), RPCFailed
        )
        self.assertEqual(failed.data["reason"], "RECORDING")


class SnapshotTests(MediaCase):
    """Single pictures."""

    async def test_kinds(self) -> None:
        """JPEG and PNG, of a quality, fresh, inline: each whole, with its metadata beside it and listed."""
        service = await self.serve()
        client = await self.connect(service)
        await client.call("subscribe_events", {"topics": ["snapshot_status_update"]})
        best = await client.call("take_snapshot", {"device": "demo", "quality": 95, "filename": "best"})
        worst = await client.call("take_snapshot", {"device": "demo", "quality": 5, "filename": "worst"})
        png = await client.call("take_snapshot", {"device": "demo", "format": "png", "fresh": True})
        inline = await client.call("take_snapshot", {"device": "demo", "inline": True, "filename": "inline.jpg"})
        self.assertLess(worst["file_size"] * 2, best["file_size"])
        for shot in (best, worst, png, inline):
            path = self.media(service, "snapshots") / shot["filename"]
            await decoded(path)
            meta = json.loads((path.parent / f"{path.name}.json").read_text())
            self.assertEqual((meta["resolution"], meta["camera"]["camera_id"]), ("640x480", "demo"))
            self.assertEqual(path.stat().st_size, meta["file_size"])
            _, headers, body = await self.get(service, shot["download_url"])
            self.assertEqual(body, path.read_bytes())
            self.assertEqual(headers["Content-Type"], "image/png" if shot is png else "image/jpeg")
        listed = await client.call("list_snapshots")
        self.assertEqual([entry["filename"] for entry in listed["files"]][-1], "best.jpg")
        self.assertEqual(listed["total"], 4)
        told = [n.params["filename"] for n in client.notifications if n.method == "snapshot_status_update"]
        self.assertEqual(told, [shot["filename"] for shot in (best, worst, png, inline)])
        again = await self.assertFailure(
            client.call("take_snapshot", {"device": "demo", "filename": "best"}), RPCFailed
        )
        self.assertEqual((again.code, again.data["rule"]), (-32602, "exists"))

    async def test_by_http(self) -> None:
        """The picture of now, under our path and those that other programs ask for."""
        service = await self.serve()
        for path in ("/cameras/demo/snapshot.jpg", "/?action=snapshot", "/snapshot"):
            status, headers, body = await self.get(service, path)
            self.assertEqual((status, headers["Content-Type"]), (200, "image/jpeg"), path)
            self.assertEqual((body[:2], body[-2:]), (b"\xff\xd8", b"\xff\xd9"), path)
        for path in ("/?action=stream", "/stream"):
            await self.frames(await self.view(service, path), 3)


class RecordingTests(MediaCase):
    """Files that play."""

    async def test_formats(self) -> None:
        """Each format and codec gives a file that plays, of the length that was asked for, with its metadata."""
        service = await self.serve()
        client = await self.connect(service)
        cases = (("fmp4", "h264"), ("mp4", "h264"), ("mkv", "h264"), ("mkv", "copy"), ("fmp4", "copy"))
        for form, codec in cases:
            name = f"{form}-{codec}"
            params = {"device": "demo", "format": form, "codec": codec, "filename": name, "duration": 1.5}
            since = client.mark()
            started = await client.call("start_recording", params)
            path = self.media(service) / started["filename"]
            self.assertTrue(path.with_name(path.name + ".part").stat().st_size)
            over = await client.wait_for(recording("STOPPED", recording_id=started["recording_id"]), PATIENCE, since)
            self.assertEqual((over.params["filename"], over.params["reason"]), (path.name, "duration"))
            if form == "mp4":
                await client.wait_for(recording("FINALIZED"), PATIENCE, since)
            told = await probe(path)
            self.assertEqual(told["codec"], "h264" if codec == "h264" else "mjpeg")
            # On a busy machine the end comes a little late: what was announced is what is there.
            self.assertGreater(told["duration"], 1.2)
            self.assertApproximates(told["duration"], over.params["duration"], 0.3)
        self.assertEqual(len(await self.whole(service, client)), len(cases))

    async def test_segments_and_pre_roll(self) -> None:
        """A recording in segments lacks no frame between two of them, and begins before it was asked for."""
        service = await self.serve("--set", "media.keep_warm=true")
        client = await self.connect(service)
        await eventually(reactor, lambda: captures(service), PATIENCE, "kept warm")
        await later(2.5)
        started = await client.call(
            "start_recording", {"device": "demo", "segment_s": 1, "pre_roll_s": 2, "filename": "parts"}
        )
        self.assertGreater(started["pre_roll_s"], 1)
        await client.wait_for(recording("STARTED", segment=3), PATIENCE)
        stopped = await client.call("stop_recording", {"recording_id": started["recording_id"]})
        self.assertGreaterEqual(len(stopped["files"]), 3)
        await self.whole(service, client)
        frames, duration = 0, 0.0
        for name in stopped["files"]:
            told = await probe(self.media(service) / name)
            frames, duration = frames + told["frames"], duration + told["duration"]
        self.assertEqual(frames, stopped["frames"])
        self.assertApproximates(frames / duration, 30, 3)

    async def test_ranges(self) -> None:
        """A player can seek in a file over HTTP."""
        service = await self.serve()
        client = await self.connect(service)
        await client.call("start_recording", {"device": "demo", "filename": "seek"})
        stopped = await client.call("stop_recording", {"device": "demo"})
        path = self.media(service) / "seek.mp4"
        url = f"/files/recordings/{stopped['filename']}"
        status, headers, body = await self.get(service, url, {"Range": "bytes=100-299"})
        self.assertEqual((status, body), (206, path.read_bytes()[100:300]))
        self.assertEqual(headers["Content-Range"], f"bytes 100-299/{path.stat().st_size}")
        self.assertEqual((await probe(service.http_url + url))["frames"], stopped["frames"])

    async def test_schedule(self) -> None:
        """A scheduled run and a manual recording become one file, and both are told."""
        service = await self.serve()
        client = await self.connect(service)
        await client.call("subscribe_events", {"topics": ["schedule_status_update", "recording_status_update"]})
        manual = await client.call("start_recording", {"device": "demo", "duration": 60})
        made = await client.call("schedule_recording", {"device": "demo", "duration": 2, "start_time": _soon(1)})
        joined = await client.wait_for(lambda n: n.params.get("status") == "JOINED", PATIENCE)
        self.assertEqual(joined.params["recording_id"], manual["recording_id"])
        self.assertEqual(joined.params["schedule_id"], made["schedule_id"])
        await client.call("stop_recording", {"device": "demo"})
        self.assertEqual(len(await self.whole(service, client)), 1)


class SurvivalTests(MediaCase):
    """What is left when something dies."""

    async def record(self, client: Client, seconds: float = 3.0, **more: object) -> dict[str, Any]:
        """Let a recording go on for a while."""
        started = await client.call("start_recording", {"device": "demo", **more})
        await later(seconds)
        return dict(started)

    async def test_service_killed(self) -> None:
        """Kill -9 in a recording leaves no ffmpeg, and a file that plays, lacks at most 2 s, and is listed."""
        for form in ("fmp4", "mkv"):
            service = await self.make(name=form).start()
            client = await self.connect(service)
            started = await self.record(client, 4, format=form)
            before = await client.call("get_recording_status", {"device": "demo"})
            service.kill()
            await service.ended()
            await self.nothing_left(str(service.state))
            service = await self.serve(name=form)
            client = await self.connect(service)
            files = await eventually_listed(client)
            (entry,) = files
            self.assertEqual(entry["filename"], started["filename"])
            await self.whole(service, client)
            info = await client.call("get_recording_info", {"filename": entry["filename"]})
            self.assertEqual((info["interrupted"], info["ended"]), (True, "interrupted"))
            told = await probe(self.media(service) / entry["filename"])
            self.assertGreater(told["duration"], before["elapsed"] - 2)
            self.assertEqual([path.name for path in self.media(service).iterdir() if path.suffix == ".part"], [])

    async def test_encoder_killed(self) -> None:
        """Kill -9 of the encoder: the recording goes on in another file, and both play."""
        service = await self.serve()
        client = await self.connect(service)
        started = await self.record(client, 2)
        for pid in encoders(service):
            kill(pid)
        again = await client.wait_for(recording("STARTED", segment=2), PATIENCE)
        self.assertEqual(again.params["session_id"], started["recording_id"])
        stopped = await client.call("stop_recording", {"device": "demo"})
        self.assertEqual(len(stopped["files"]), 2)
        self.assertEqual(len(await self.whole(service, client)), 2)

    async def test_capture_killed(self) -> None:
        """Kill -9 of the capture: streams and the recording go on with the next."""
        service = await self.serve()
        client = await self.connect(service)
        viewer = await self.view(service)
        await self.frames(viewer, 3)
        await self.record(client, 2)
        (pid,) = captures(service)
        kill(pid)
        error = await client.wait_for(lambda n: n.params.get("status") == "ERROR" and "reason" in n.params, PATIENCE)
        self.assertIn("signal 9", error.params["reason"])
        await client.wait_for(recording("STARTED", segment=2), PATIENCE)
        await self.frames(viewer, 3)
        camera = await client.call("get_camera_status", {"device": "demo"})
        self.assertEqual((camera["status"], camera["restarts"]), ("CONNECTED", 1))
        await client.call("stop_recording", {"device": "demo"})
        self.assertEqual(len(await self.whole(service, client)), 2)

    async def test_capture_hangs(self) -> None:
        """A capture that lives and delivers nothing is begun again."""
        service = await self.serve("--set", "media.stall_timeout=1")
        client = await self.connect(service)
        viewer = await self.view(service)
        await self.frames(viewer, 3)
        (pid,) = captures(service)
        os.kill(pid, signal.SIGSTOP)
        error = await client.wait_for(lambda n: n.params.get("status") == "ERROR", PATIENCE)
        self.assertIn("no further frame in 1 s", error.params["reason"])
        await self.frames(viewer, 3)
        self.assertNotIn(pid, captures(service))

    async def test_sigterm(self) -> None:
        """SIGTERM in a recording: within 2 s it is whole and listed, the status is 0, and no child is left."""
        service = await self.serve()
        client = await self.connect(service)
        await self.view(service)
        started = await self.record(client, 2)
        began = reactor.seconds()
        self.assertEqual(await service.stop(), 0)
        self.assertLess(reactor.seconds() - began, service.promised(2.0))
        await self.nothing_left(str(service.state))
        path = self.media(service) / started["filename"]
        await decoded(path)
        meta = json.loads((path.parent / f"{path.name}.json").read_text())
        self.assertEqual((meta["ended"], meta["interrupted"]), ("shutdown", False))
        service = await self.serve()
        self.assertEqual(len(await self.whole(service, await self.connect(service))), 1)

    async def test_directory_vanishes(self) -> None:
        """The media directory is taken away in a recording: it is made again and the recording goes on there."""
        service = await self.serve()
        client = await self.connect(service)
        await self.record(client, 1.5)
        gone = self.directory / "gone"
        self.media(service).rename(gone)
        again = await client.wait_for(recording("STARTED", segment=2), PATIENCE)
        await client.call("stop_recording", {"device": "demo"})
        self.assertEqual([entry["filename"] for entry in await self.whole(service, client)], [again.params["filename"]])

    async def test_floor(self) -> None:
        """Below the floor neither a recording nor a picture is begun, and the error says what is missing."""
        service = await self.serve("--set", f"storage.floor={1 << 60}")
        client = await self.connect(service)
        for method in ("start_recording", "take_snapshot"):
            failed: RPCFailed = await self.assertFailure(client.call(method, {"device": "demo"}), RPCFailed)
            self.assertEqual(failed.code, -32060)
            self.assertGreaterEqual(failed.data["required"], 1 << 60)
        self.assertTrue((await client.call("get_storage_info"))["low_space_warning"])
        self.assertEqual(list(self.media(service).iterdir()), [])


def _soon(seconds: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat()


async def eventually_listed(client: Client) -> list[dict[str, Any]]:
    """List what was recovered, once all of it has its final form: an index is added in the background."""
    for _ in range(200):
        files = (await client.call("list_recordings"))["files"]
        infos = [await client.call("get_recording_info", {"filename": entry["filename"]}) for entry in files]
        if infos and not any(info["finalizing"] for info in infos):
            return list((await client.call("list_recordings"))["files"])
        await later(0.1)
    raise AssertionError("nothing was recovered")
