"""What is known of a camera: values without behaviour that the other modules pass around.

The terms are V4L2's (kernel documentation, userspace-api/media/v4l).
"""

from __future__ import annotations

import enum

import msgspec

#: A control's value as JSON carries it: integers for int, menu, intmenu and bitmask; booleans for bool; text for str.
ControlValue = bool | int | str
#: The driver of the cameras that are drawn, not seen (:mod:`webcam_rpc.cameras.pattern`).
PATTERN_DRIVER = "test-pattern"


class Range(msgspec.Struct, frozen=True):
    """A stepwise or continuous range (``v4l2_frmsize_stepwise``, ``v4l2_frmival_stepwise``); step 0 is continuous.

    Rates always have step 0: a step of the interval is not one of the rate.
    """

    min: float
    max: float
    step: float


class SizeRange(msgspec.Struct, frozen=True):
    """A stepwise or continuous range of pixels (``v4l2_frmsize_stepwise``)."""

    min: int
    max: int
    step: int


class Mode(msgspec.Struct, frozen=True):
    """A size of a pixel format with the rates at which it is delivered.

    ``width`` and ``height`` are pixels, or a range of them. ``fps`` lists frames per second, each an integer where it
    is whole, or is one range of them. Empty where the driver enumerates no intervals; 0x0 where it names no size.
    """

    pixel_format: str
    width: int | SizeRange
    height: int | SizeRange
    fps: tuple[float | int, ...] | Range


class CurrentMode(msgspec.Struct, frozen=True):
    """What the camera is set to now (``VIDIOC_G_FMT``, ``VIDIOC_G_PARM``); ``fps`` is None where it tells no rate."""

    pixel_format: str
    width: int
    height: int
    fps: float | int | None

    @property
    def resolution(self) -> str:
        """The size as clients read it: ``640x480``."""
        return f"{self.width}x{self.height}"


class MenuItem(msgspec.Struct, frozen=True):
    """One choice of a menu control; an integer menu's name is its number."""

    value: int
    name: str


class Control(msgspec.Struct, frozen=True):
    """A control (``v4l2_queryctrl``) with its value; ``min``, ``max``, ``step``, ``default`` where it has them.

    ``value`` is None for buttons, arrays and compound types, and for a write-only control.
    """

    name: str
    id: int
    type: str
    min: int | None = None
    max: int | None = None
    step: int | None = None
    default: ControlValue | None = None
    value: ControlValue | None = None
    flags: tuple[str, ...] = ()
    menu: tuple[MenuItem, ...] = ()


class NodeReport(msgspec.Struct, frozen=True):
    """What ``v4l2-ctl --all --list-formats-ext`` says of one device node.

    ``device_caps`` holds the names under "Device Caps" (of this node), never those under "Capabilities" (of the whole
    device). ``serial`` is empty where there is none. ``mode`` is None where the node captures no video or names no
    format.
    """

    driver: str
    card: str
    bus_info: str
    serial: str
    device_caps: frozenset[str]
    mode: CurrentMode | None
    modes: tuple[Mode, ...]
    controls: tuple[Control, ...]

    @property
    def captures(self) -> bool:
        """A camera is a node that captures video and has at least one format."""
        return bool(self.device_caps & {"Video Capture", "Video Capture Multiplanar"}) and bool(self.modes)

    @property
    def infrared(self) -> bool:
        """An infrared sensor gives greyscale or depth formats and nothing else (kernel: pixfmt-yuv-luma)."""
        return bool(self.modes) and all(mode.pixel_format in INFRARED_FORMATS for mode in self.modes)


#: Luma-only and depth formats (kernel documentation, pixfmt-yuv-luma and depth-formats): what infrared sensors give.
INFRARED_FORMATS = frozenset(
    {
        "GREY",
        "Y04 ",
        "Y06 ",
        "Y10 ",
        "Y12 ",
        "Y14 ",
        "Y16 ",
        "Y10B",
        "Y10P",
        "Y8I ",
        "Y12I",
        "Y16 -BE",
        "Z16 ",
        "INZI",
        "CNF4",
    }
)


class Trouble(msgspec.Struct, frozen=True):
    """Why a camera did not do what it was asked: a reason of the errors' table, what happened, and what to do about it.

    ``lasting`` troubles are told at once; the others may be over in a moment and are told after the grace.
    """

    code: str
    detail: str
    remedy: str
    lasting: bool

    @property
    def reason(self) -> str:
        """Both in words, as clients read it."""
        return f"{self.detail}: {self.remedy}"


class Status(enum.Enum):
    """Where a camera stands, as clients read it."""

    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    ERROR = "ERROR"


class Camera(msgspec.Struct, frozen=True):
    """A camera: what it is (``camera_id`` and the facts of its bus) and where it stands now.

    ``device`` is the node that it has or last had. ``report`` is None until a probe has succeeded; ``reason`` says in
    words why the status is ERROR.
    """

    camera_id: str
    device: str
    name: str
    status: Status
    vendor_id: str | None = None
    product_id: str | None = None
    serial: str | None = None
    usb_path: str | None = None
    driver: str | None = None
    reason: str | None = None
    report: NodeReport | None = None


class CameraStatusChanged(msgspec.Struct, frozen=True):
    """Event: a camera came, went, failed, or is set to another mode."""

    camera: Camera


class CameraControlsChanged(msgspec.Struct, frozen=True):
    """Event: controls of a camera have these values now, read back from the driver."""

    camera: Camera
    controls: dict[str, ControlValue]
