"""Fakes for tests, ours and those of people who build on us: cameras without hardware, programs, threads or time.

Owns stand-ins for the parts that touch the machine. Each records what it was asked and does nothing by itself: the test
plugs, answers and performs, so nobody sleeps. Each passes the same contract tests as the part that it stands for. Only
tests import this module.
"""

from __future__ import annotations

import os
from signal import Signals
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.python.failure import Failure

from webcam_rpc.cameras.device import Device, DeviceBusy, DeviceTrouble
from webcam_rpc.cameras.inventory import V4L2_MAJOR, Inventory, Node
from webcam_rpc.cameras.probe import Outcome, Output, V4L2Ctl
from webcam_rpc.media.child import Child, Children
from webcam_rpc.media.troubles import ProgramFailed, Stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twisted.internet.task import Clock

    from webcam_rpc.cameras.inventory import Facts
    from webcam_rpc.cameras.models import Camera, Control, ControlValue, CurrentMode, NodeReport, Trouble

_Result = TypeVar("_Result")


class FakeInventory(Inventory):
    """Device nodes that a test plugs and unplugs.

    ``problem`` is raised by :meth:`scan` while it is set.
    """

    def __init__(self, directory: str = "/dev") -> None:
        super().__init__(directory, lambda _: True)
        self.problem: Exception | None = None
        #: Where links lead to, by path.
        self.links: dict[str, str] = {}
        self._nodes: dict[str, Node] = {}
        self._facts: dict[int, Facts | None] = {}
        self._inodes = 0

    def path(self, number: int) -> str:
        """Give the path of videoN."""
        return f"{self.directory}/video{number}"

    def plug(self, number: int, facts: Facts | None = None, *, accessible: bool = True) -> Node:
        """Make videoN appear, in the place of the one that may be there; as in devtmpfs it has a new inode."""
        self._inodes += 1
        node = Node(self.path(number), os.makedev(V4L2_MAJOR, number), self._inodes, accessible)
        self._nodes[node.path] = node
        self._facts[node.device] = facts
        return node

    def unplug(self, number: int) -> None:
        """Make videoN vanish."""
        node = self._nodes.pop(self.path(number))
        del self._facts[node.device]

    def permit(self, number: int, *, accessible: bool) -> None:
        """Change whether videoN may be opened."""
        path = self.path(number)
        self._nodes[path] = msgspec.structs.replace(self._nodes[path], accessible=accessible)

    def udev_says(self, number: int, *, captures: bool | None) -> None:
        """Write into udev's database whether videoN captures."""
        device = self._nodes[self.path(number)].device
        facts = self._facts[device]
        if facts is None:
            raise LookupError(f"nothing is known of video{number}")
        self._facts[device] = msgspec.structs.replace(facts, captures=captures)

    def scan(self) -> dict[str, Node]:
        """List what is plugged."""
        if self.problem is not None:
            raise self.problem
        return dict(self._nodes)

    def node(self, path: str) -> Node | None:
        """Give what is plugged at ``path``."""
        return self._nodes.get(path)

    def resolve_link(self, path: str) -> str:
        """Follow :attr:`links`."""
        return self.links.get(path, path)

    def facts(self, node: Node) -> Facts | None:
        """Give what the node was plugged with."""
        return self._facts.get(node.device)

    def captures(self, node: Node) -> bool | None:
        """Give udev's word on ``node``."""
        facts = self._facts.get(node.device)
        return facts.captures if facts is not None else None


class FakeRun:
    """A run of ``v4l2-ctl`` that was asked for. ``result`` is what the asker waits for."""

    def __init__(self, device: str, argv: Sequence[str], timeout: float, result: Deferred[Output]) -> None:
        self.device = device
        self.argv = tuple(argv)
        self.timeout = timeout
        self.result = result


class FakeV4L2Ctl(V4L2Ctl):
    """Records the runs that are asked for; the test answers them.

    ``runs`` are all that were ever asked for, in order.
    """

    def __init__(self) -> None:
        self.runs: list[FakeRun] = []
        self._open: list[FakeRun] = []
        self._ended = False

    def run(self, device: str, argv: Sequence[str], timeout: float) -> Deferred[Output]:
        """Record a run."""

        def cancel(result: Deferred[Output]) -> None:
            self._open.remove(asked)
            result.errback(CancelledError())

        asked = FakeRun(device, argv, timeout, Deferred(cancel))
        self.runs.append(asked)
        if self._ended:
            asked.result.callback(Output(Outcome.CANCELLED))
        else:
            self._open.append(asked)
        return asked.result

    @property
    def running(self) -> tuple[FakeRun, ...]:
        """The runs in flight: the oldest of each device; the others wait for their turn."""
        first: dict[str, FakeRun] = {}
        for asked in self._open:
            first.setdefault(asked.device, asked)
        return tuple(first.values())

    def answer(self, device: str, answer: Output | str) -> None:
        """End the run in flight for ``device``; a text is what it printed before it ended well."""
        asked = next(asked for asked in self._open if asked.device == device)
        self._open.remove(asked)
        asked.result.callback(Output(Outcome.DONE, answer, status=0) if isinstance(answer, str) else answer)

    def stop(self) -> None:
        """End every run and start no more."""
        self._ended = True
        while self._open:
            self._open.pop(0).result.callback(Output(Outcome.CANCELLED))


class FakeDevice(Device):
    """A camera whose driver takes what is in range, at once.

    :param report: what it is, can do and is set to at first.
    :param manual: names of controls that are inactive unless another has a value, with that other and the value.
    """

    def __init__(self, report: NodeReport, manual: Mapping[str, tuple[str, ControlValue]] | None = None) -> None:
        self.report = report
        #: What every operation fails with while it is set.
        self.trouble: Trouble | None = None
        #: Whether another program streams.
        self.busy = False
        #: Controls that the driver leaves as they are; a set with one of them is dropped as a whole.
        self.stuck: set[str] = set()
        #: What was written, a dict for each time.
        self.writes: list[dict[str, ControlValue]] = []
        self._manual = dict(manual or {})
        self._write({})

    def read(self, camera: Camera) -> Deferred[NodeReport]:  # noqa: ARG002 - it is the only one
        """Give the present report."""
        return fail(DeviceTrouble(self.trouble)) if self.trouble is not None else succeed(self.report)

    def write_controls(self, camera: Camera, values: Mapping[str, ControlValue]) -> Deferred[None]:  # noqa: ARG002
        """Take the values, steps and ranges kept."""
        if self.trouble is not None:
            return fail(DeviceTrouble(self.trouble))
        self.writes.append(dict(values))
        known = {control.name for control in self.report.controls}
        if known.issuperset(values) and self.stuck.isdisjoint(values):
            self._write(values)
        return succeed(None)

    def set_mode(self, camera: Camera, wanted: CurrentMode) -> Deferred[NodeReport]:
        """Take the mode, whatever it is."""
        if self.busy:
            return fail(DeviceBusy(camera.device))
        if self.trouble is None:
            self.report = msgspec.structs.replace(self.report, mode=wanted)
        return self.read(camera)

    def _write(self, values: Mapping[str, ControlValue]) -> None:
        written = {
            control.name: _driven(control, values[control.name])
            if control.name in values and "inactive" not in control.flags
            else control.value
            for control in self.report.controls
        }
        self.report = msgspec.structs.replace(
            self.report,
            controls=tuple(
                msgspec.structs.replace(control, value=written[control.name], flags=self._flags(control, written))
                for control in self.report.controls
            ),
        )

    def _flags(self, control: Control, written: Mapping[str, ControlValue | None]) -> tuple[str, ...]:
        if control.name not in self._manual:
            return control.flags
        governor, value = self._manual[control.name]
        others = tuple(flag for flag in control.flags if flag != "inactive")
        return others if written.get(governor) == value else (*others, "inactive")


def _driven(control: Control, value: ControlValue) -> ControlValue | None:
    """Clamp and round as drivers do (kernel: ``v4l2_ctrl_new_fill``, ``std_validate``); a button keeps nothing."""
    if control.type == "button":
        return None
    if isinstance(value, (bool, str)) or control.min is None or control.max is None:
        return value
    step = control.step or 1
    nearest = control.min + (value - control.min + step // 2) // step * step
    return max(control.min, min(nearest, control.max - (control.max - control.min) % step))


class FakeThreads:
    """Threads that do nothing until the test lets them, and then do it in the test's own."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def __len__(self) -> int:
        """Count what waits to be performed."""
        return len(self._waiting)

    def run(self, function: Callable[..., _Result], *args: object) -> Deferred[_Result]:
        """Keep ``function`` until :meth:`work`."""
        result: Deferred[_Result] = Deferred()
        self._waiting.append((lambda: function(*args), result))
        return result

    def work(self) -> None:
        """Perform what waits, and what that asks for in turn."""
        while self._waiting:
            self.work_one()

    def work_one(self) -> None:
        """Perform what has waited longest."""
        function, result = self._waiting.pop(0)
        try:
            value = function()
        except Exception:  # noqa: BLE001 - it belongs to whoever waits for the result
            result.errback(Failure())
        else:
            result.callback(value)


class FakeChild(Child):
    """A child that a test lets print and end; made by :class:`FakeChildren`.

    :ivar argv: how it was started.
    :ivar written: what it was fed with.
    :ivar input_ended: whether its input was closed.
    :ivar signals: ``TERM`` and ``KILL``, as it got them. A killed one ends at once unless ``immortal`` is set.
    :ivar backlog: what :attr:`pending` tells.
    """

    def __init__(self, clock: Clock, argv: Sequence[str], stdout: Callable[[bytes], None] | None) -> None:
        super().__init__(clock)
        self.argv = list(argv)
        self.written = b""
        self.input_ended = False
        self.signals: list[str] = []
        self.immortal = False
        self.backlog = 0
        self._print = stdout

    @property
    def killed(self) -> bool:
        """Whether it got SIGKILL."""
        return "KILL" in self.signals

    @property
    def pending(self) -> int:
        """Give what the test says."""
        return self.backlog

    def write(self, data: bytes) -> None:
        """Take it."""
        self.written += data

    def end_input(self) -> None:
        """Take note."""
        self.input_ended = True

    def prints(self, data: bytes) -> None:
        """Let it print."""
        assert self._print is not None  # noqa: S101 - the test asked for it
        self._print(data)

    def ends(self, status: int | None = 0, signal: int | None = None, stderr: str = "") -> None:
        """Let it end."""
        self._stderr[:] = stderr.encode()
        self._status = (status, signal)
        self._all_told()

    def _signal(self, number: int) -> None:
        if self.running:
            name = Signals(number).name.removeprefix("SIG")
            self.signals.append(name)
            if name == "KILL" and not self.immortal:
                self.ends(None, number)


class FakeChildren(Children):
    """Programs that only seem to run.

    :ivar started: every child, in order.
    :ivar missing: names of programs that are not there.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, {"PATH": "/nowhere"})
        self.clock = clock
        self.started: list[FakeChild] = []
        self.missing: set[str] = set()

    def start(
        self,
        argv: Sequence[str],
        *,
        stdout: Callable[[bytes], None] | None = None,
        stdin: bool = False,  # noqa: ARG002 - every fake may be fed
    ) -> FakeChild:
        """Seem to start it."""
        if self._stopped:
            raise Stopping
        if argv[0] in self.missing:
            raise ProgramFailed(f"{argv[0]} is not in PATH", f"apt-get install {argv[0]}")
        child = FakeChild(self.clock, argv, stdout)
        self.started.append(child)
        child.pid = len(self.started)
        self._running.add(child)
        child.when_ended().addCallback(lambda _: self._running.discard(child))
        return child
