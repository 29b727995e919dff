"""What every hardware test stands on: cameras to plug in, what the kernel itself says of them, and a service to ask.

Starting the service takes ten seconds on an emulated machine, so tests that want it with the same options share one. It
is stopped, and its exit status looked at, when a test wants another.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet import reactor as _reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest, TestCase

from tests.service import PATIENCE, Service, ServiceFailed, eventually
from tests.wsclient import Client, Contract, Notification, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

reactor: Any = _reactor
#: The test machine's command that plugs emulated webcams in.
CAMERA = "/usr/local/bin/camera"
REQUIRED = "WEBCAM_HARDWARE_REQUIRED"
#: Seconds to wait for anything that should happen: far more than it takes, since a wait that is right costs nothing.
DEADLINE = 40.0
_HUB = Path("/sys/devices/platform/vhci_hcd.0")


@dataclasses.dataclass(frozen=True)
class Plugged:
    """A webcam in a port: which, by the test machine's own account."""

    slot: int
    usb_path: str
    nodes: tuple[str, ...]

    @property
    def node(self) -> str:
        """Its first node, which captures."""
        return self.nodes[0]


async def run(*argv: str, ok: bool = True) -> str:
    """Run a program to its end; its standard output. Its failure fails the test unless ``ok`` is false."""
    path = shutil.which(argv[0]) or argv[0]
    out, err, status = await getProcessOutputAndValue(path, argv[1:], env=os.environ)
    if ok and status:
        raise AssertionError(f"{' '.join(argv)}: status {status}\n{out.decode()}{err.decode()}")
    return str(out.decode("utf-8", "replace"))


async def plug(slot: int, *options: str) -> Plugged:
    """Plug a webcam into port ``slot`` and wait until udev is done with it."""
    return _plugged(await run(CAMERA, "plug", str(slot), *options))


async def plug_at_once(slot: int, *options: str) -> None:
    """Plug a webcam in and wait for nothing more than the hub's word."""
    await run(CAMERA, "plug", str(slot), "--no-wait", *options)


async def unplug(slot: int) -> None:
    """Pull a webcam's cable and wait until the kernel is done with it."""
    await run(CAMERA, "unplug", str(slot))


async def replug(slot: int) -> Plugged:
    """Pull a webcam's cable and put it back."""
    return _plugged(await run(CAMERA, "replug", str(slot)))


async def set_state(slot: int, state: str) -> None:
    """Make a webcam misbehave, or behave again."""
    await run(CAMERA, "set", str(slot), state)


def detach(slot: int) -> None:
    """Pull a webcam's cable, this instant."""
    (_HUB / "detach").write_text(str(slot))


def plugged_at(slot: int) -> float:
    """When the hub saw the plug, on the monotonic clock."""
    return float(json.loads(Path(f"/run/camera/{slot}.json").read_text())["plugged_mono"])


def in_testbed() -> bool:
    """Tell whether this machine can plug emulated webcams in."""
    return os.path.exists(CAMERA)


def slots() -> list[str]:
    """List the ports that have a webcam in them."""
    return glob.glob("/run/camera/*.json")


def vivid_is_loaded() -> bool:
    """Tell whether the kernel has its virtual driver loaded."""
    return os.path.exists("/sys/module/vivid")


def in_port(slot: int) -> bool:
    """Tell whether a webcam is in this port, or its emulation has not ended yet."""
    return Path(f"/run/camera/{slot}.json").exists()


def exists(path: str) -> bool:
    """Tell whether there is something at ``path``."""
    return os.path.exists(path)


def links_to(node: str) -> list[str]:
    """List udev's links that lead to ``node``."""
    return sorted(link for link in glob.glob("/dev/v4l/by-*/*") if os.path.realpath(link) == node)


def nodes_of(usb_path: str) -> list[str]:
    """List the device nodes that the kernel has for the USB device at ``usb_path`` now, in order."""
    found = glob.glob(f"/sys/bus/usb/devices/{usb_path}:1.*/video4linux/video*")
    return ["/dev/" + name for name in sorted(map(os.path.basename, found), key=lambda name: int(name[5:]))]


def _plugged(printed: str) -> Plugged:
    match = re.search(r"camera (\d+): usb (\S+) (/dev/.+)", printed)
    assert match is not None, printed
    return Plugged(int(match[1]), match[2], tuple(match[3].split()))


async def driver_mode(node: str) -> tuple[str, str, float]:
    """Ask the driver for the mode in force: pixel format, size such as 640x480, frames per second."""
    text = await run("v4l2-ctl", "-d", node, "--get-fmt-video", "--get-parm")
    size = re.search(r"Width/Height\s*: (\d+)/(\d+)", text)
    pixels = re.search(r"Pixel Format\s*: '([^']+)'", text)
    rate = re.search(r"Frames per second: ([0-9.]+)", text)
    assert size is not None, text
    assert pixels is not None, text
    return pixels[1], f"{size[1]}x{size[2]}", float(rate[1]) if rate else 0.0


async def driver_controls(node: str, *names: str) -> dict[str, int]:
    """Ask the driver for the values of these controls."""
    text = await run("v4l2-ctl", "-d", node, "--get-ctrl", ",".join(names))
    return {name: int(value) for name, value in re.findall(r"^(\w+): (-?\d+)", text, re.MULTILINE)}


async def driver_modes(node: str) -> set[tuple[str, int, int]]:
    """Ask the driver for every pixel format and discrete size."""
    modes, pixels = set(), ""
    for line in (await run("v4l2-ctl", "-d", node, "--list-formats-ext")).splitlines():
        kind = re.match(r"\s*\[\d+\]: '([^']+)'", line)
        size = re.match(r"\s*Size: Discrete (\d+)x(\d+)", line)
        pixels = kind[1] if kind else pixels
        if size:
            modes.add((pixels, int(size[1]), int(size[2])))
    return modes


def children(pid: int) -> list[int]:
    """List the processes that any thread of ``pid`` has started and not reaped."""
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in Path(path).read_text().split()]
    return found


def is_probing(pid: int, node: str) -> bool:
    """Tell whether ``pid`` has a child that is v4l2-ctl on ``node``."""
    for child in children(pid):
        with contextlib.suppress(OSError):
            argv = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            if b"v4l2-ctl" in argv[0] and node.encode() in b" ".join(argv):
                return True
    return False


def descriptors(pid: int) -> list[str]:
    """List what each open descriptor of ``pid`` leads to, without the numbers that tell sockets apart."""
    found = []
    for path in glob.glob(f"/proc/{pid}/fd/*"):
        with contextlib.suppress(OSError):
            found.append(re.sub(r"\[\d+\]", "", os.readlink(path)))
    return sorted(found)


def threads(pid: int) -> int:
    """How many threads ``pid`` has."""
    return len(os.listdir(f"/proc/{pid}/task"))


_shared: dict[str, Any] = {"key": None, "service": None, "contract": None}

#: Why a service did not start, so that each further test that wants it need not wait to learn the same.
_failed: dict[Any, str] = {}


async def release() -> None:
    """Stop the service that tests share, if one runs; it must end as it promises."""
    service, _shared["service"], _shared["key"], _shared["contract"] = _shared["service"], None, None, None
    if service is not None:
        status = await service.stop()
        if status:
            raise AssertionError(f"the service that earlier tests shared ended with {status}:\n{service.log[-4000:]}")
        shutil.rmtree(service.directory, ignore_errors=True)


def fresh_directory() -> Path:
    """Make a directory that outlives the test; every user may pass through it."""
    directory = Path(tempfile.mkdtemp(prefix="webcam-hardware-"))
    directory.chmod(0o755)
    return directory


class Bench(TestCase):
    """A test with a service, and a client that is connected to it and hears everything.

    ``options`` are the service's; tests with the same share one service, and so one state directory.
    """

    timeout = 240
    options: ClassVar[tuple[str, ...]] = ()
    #: Whether each test has a service of its own, which must end well with it.
    alone: ClassVar[bool] = False
    #: What must be there, else the test skips.
    needs: ClassVar[str] = "camera"

    async def setUp(self) -> None:  # type: ignore[override]
        """Have an empty machine, a running service and a client."""
        self._look_for_hardware()
        await self.clear()
        self.service = await self.shared_service()
        self._logged = len(self.service.log)
        self.client = await self.connect()
        await self.settle()
        self.since = self.client.mark()

    async def tearDown(self) -> None:  # type: ignore[override]
        """Nothing that the service did in this test may have raised."""
        if hasattr(self, "service"):
            log = self.service.log[self._logged :]
            self.assertNotIn("Traceback", log)
            self.assertNotIn("Unhandled", log)
            self.assertIsNone(self.service.status, "the service died:\n" + log[-4000:])
        if self.alone:
            await release()

    def _look_for_hardware(self) -> None:
        if in_testbed():
            return
        if self.needs == "camera":
            self.lack(f"no {CAMERA} here: it plugs the emulated USB webcams in")
        elif self.needs == "vivid":
            if os.geteuid() != 0:
                self.lack("the vivid driver is loaded by root only")
            modprobe = shutil.which("modprobe")
            if modprobe is None or subprocess.run([modprobe, "-n", "-q", "vivid"], check=False, timeout=10).returncode:
                self.lack("this kernel has no vivid driver")
            if not shutil.which("v4l2-ctl"):
                self.lack("no v4l2-ctl here")

    def lack(self, reason: str) -> None:
        """Skip for ``reason``, or fail where the hardware must be there."""
        if os.environ.get(REQUIRED) == "1":
            raise self.failureException(f"{REQUIRED}=1, but {reason}")
        raise SkipTest(reason)

    async def clear(self) -> None:
        """Take every camera out of the machine."""
        if in_testbed() and slots():
            await run(CAMERA, "unplug", "all", ok=False)
        if vivid_is_loaded() and (in_testbed() or self.needs == "vivid"):
            await run("modprobe", "-r", "vivid")

    async def start_service(self, directory: Path) -> Service:
        """Start the service as this class wants it."""
        return await Service(reactor, directory, options=self.options).start()

    async def shared_service(self) -> Service:
        """Give the service that this class shares; started if it does not run."""
        key = (type(self).start_service, self.options)
        if key in _failed:
            raise ServiceFailed(_failed[key])
        if _shared["key"] != key or _shared["service"].status is not None:
            await release()
            try:
                _shared["service"] = await self.start_service(fresh_directory())
            except ServiceFailed as error:
                _failed[key] = str(error)
                raise
            _shared["key"] = key
        service: Service = _shared["service"]
        return service

    async def connect(self) -> Client:
        """Connect another client; closed, and held against the contract, when the test is over."""
        contract: Contract | None = _shared["contract"]
        client = await Client.connect(reactor, self.service.url, contract=contract)
        _shared["contract"] = client.contract
        self.addCleanup(client.close)
        return client

    async def settle(self) -> None:
        """Wait until the service too knows that no camera is there."""
        end = reactor.seconds() + DEADLINE
        while True:
            cameras = (await self.client.call("get_camera_list"))["cameras"]
            there = [camera for camera in cameras if camera["status"] != "DISCONNECTED"]
            if not there or (self.needs == "vivid" and not in_testbed()):
                return
            if reactor.seconds() > end:
                self.fail(f"the machine is empty, but the service still lists {there}")

    # What tests say.

    async def announced(
        self, camera_id: str | None, status: str, since: int | None = None, client: Client | None = None
    ) -> Notification:
        """Wait for the first announcement since ``since`` (the test's start) that ``camera_id`` has ``status``."""
        client = client or self.client
        where = self.since if since is None else since
        return await client.wait_for(status_of(camera_id, status), DEADLINE, where, f"{camera_id} {status}")

    async def ends_as(self, expected: dict[str, str]) -> None:
        """Wait until the cameras that are there, ``{camera_id: device}``, are ``expected``, all CONNECTED."""
        end = reactor.seconds() + DEADLINE
        while True:
            cameras = (await self.client.call("get_camera_list"))["cameras"]
            there = {camera["camera_id"]: camera["device"] for camera in cameras if camera["status"] == "CONNECTED"}
            wrong = [camera for camera in cameras if camera["status"] == "ERROR"]
            if there == expected and not wrong:
                break
            if reactor.seconds() > end:
                self.fail(f"expected {expected}, the service says {there} and {wrong}")
        last = {one.params["camera_id"]: one.params["status"] for one in self.updates()}
        told = {camera_id for camera_id, status in last.items() if status == "CONNECTED"}
        self.assertEqual(told, set(expected), "what clients were told last differs from what is there")

    def updates(self, camera_id: str | None = None) -> list[Notification]:
        """Every status update of a camera (of all, for None) that came since the test's start."""
        return [
            one
            for one in self.client.notifications[self.since :]
            if one.method == "camera_status_update" and camera_id in (None, one.params["camera_id"])
        ]

    async def eventually(self, condition: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
        """Wait until ``condition`` gives something true, and give that."""
        return await eventually(reactor, condition, deadline, what)


class Launcher:
    """Mixed into a :class:`Bench` whose service is started in front of something: as a user, in a namespace."""

    options: ClassVar[tuple[str, ...]] = ()
    prefix: ClassVar[Sequence[str]] = ()

    async def start_service(self, directory: Path) -> Service:
        """Start the service behind ``prefix``."""
        service = Service(reactor, directory, options=self.options, prefix=self.prefix)
        self.prepare(service)
        return await service.start(PATIENCE)

    def prepare(self, service: Service) -> None:
        """Do what must be done before the start."""
