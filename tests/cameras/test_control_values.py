"""Setting controls tells the truth: what the driver made of it, and why the rest was not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import report
from tests.cameras.case import a_camera
from webcam_rpc.cameras.control_values import Refused, acceptable, automatic, taken
from webcam_rpc.cameras.models import Control, MenuItem

if TYPE_CHECKING:
    from webcam_rpc.cameras.models import ControlValue

MENU = (MenuItem(1, "Manual Mode"), MenuItem(3, "Aperture Priority Mode"))


def control(kind: str, **more: Any) -> Control:
    """Give a control of this type."""
    return Control("name", 1, kind, **{"value": 0, **more})


class AutomaticTests(SynchronousTestCase):
    """Which controls are set first."""

    def test_names(self) -> None:
        """The kernel's names of controls that put others under their charge."""
        for name in (
            "auto_exposure",
            "exposure_auto",
            "white_balance_automatic",
            "white_balance_temperature_auto",
            "focus_automatic_continuous",
            "focus_auto",
            "gain_automatic",
        ):
            self.assertTrue(automatic(name), name)
        for name in ("exposure_time_absolute", "focus_absolute", "gain", "autonomy", "exposure_dynamic_framerate"):
            self.assertFalse(automatic(name), name)


class AcceptableTests(SynchronousTestCase):
    """What may be given to a control."""

    def accepted(self, control: Control, value: ControlValue, expected: ControlValue) -> None:
        """Demand that ``value`` is accepted as ``expected``, of the same type."""
        found = acceptable(control, value)
        self.assertEqual((found, type(found)), (expected, type(expected)))

    def refused(self, control: Control, value: ControlValue, why: str) -> None:
        """Demand that ``value`` is refused for this reason."""
        self.assertIn(why, str(self.assertRaises(Refused, acceptable, control, value)))

    def test_range(self) -> None:
        """Both ends are in, what is beyond is refused with the range."""
        number = control("int", min=-5, max=5)
        for value in (-5, 0, 5):
            self.accepted(number, value, value)
        for value in (-6, 6, 10**30):
            self.refused(number, value, "out of range -5 to 5")
        self.accepted(number, value=True, expected=1)

    def test_range_that_lies(self) -> None:
        """A range that cannot be true refuses nothing; no driver takes more than 64 bits."""
        backwards = control("int", min=5, max=-5)
        self.accepted(backwards, 7, 7)
        self.refused(backwards, 1 << 63, "64 bits")
        self.accepted(control("int64"), -(1 << 63), -(1 << 63))

    def test_bool(self) -> None:
        """Booleans take booleans, 0 and 1."""
        self.accepted(control("bool"), 1, expected=True)
        self.accepted(control("bool"), value=False, expected=False)
        self.refused(control("bool"), 2, "true or false")

    def test_menu(self) -> None:
        """A choice is meant by number or by name; what is no choice is refused with those that are."""
        menu = control("menu", min=0, max=3, menu=MENU)
        self.accepted(menu, "Manual Mode", 1)
        self.accepted(menu, 3, 3)
        for value in ("manual mode", 0, 2, "3"):
            self.refused(menu, value, "no such choice: 1 (Manual Mode), 3 (Aperture Priority Mode)")

    def test_text(self) -> None:
        """Text goes to text controls alone, without what v4l2-ctl would take for another assignment."""
        text = control("str", value="", max=4)
        self.accepted(text, "ab c", "ab c")
        for value, why in (("a,b", "commas"), ("a\n", "control characters"), ("12345", "longer than 4"), (3, "text")):
            self.refused(text, value, why)
        self.refused(text, "äöü", "longer")
        self.refused(control("int"), "3", "not text")

    def test_untouchable(self) -> None:
        """Read-only, grabbed and compound controls, and those whose value was not told."""
        self.refused(control("int", flags=("read-only",)), 1, "read-only")
        self.refused(control("int", flags=("grabbed",)), 1, "another program")
        for kind in ("u8", "u32", "ctrl-class", "area", "unknown"):
            self.refused(control(kind), 1, kind)
        self.refused(control("int", value=None), 1, "cannot be set")

    def test_button(self) -> None:
        """A button is pressed, whatever is given."""
        self.accepted(control("button", value=None), value=False, expected=1)


class TakenTests(SynchronousTestCase):
    """Whether the driver did it."""

    def test_exact(self) -> None:
        """Without a step only the value itself; booleans and texts too."""
        self.assertTrue(taken(control("int", value=5), 5))
        self.assertFalse(taken(control("int", value=5), 6))
        self.assertFalse(taken(control("bool", value=False), asked=True))
        self.assertTrue(taken(control("str", value="a"), "a"))
        self.assertFalse(taken(control("str", value="a"), "b"))
        self.assertFalse(taken(control("int", value=None), 1))
        self.assertTrue(taken(control("button", value=None), 1))

    def test_step(self) -> None:
        """The nearest that the step allows is taken; a whole step off is not."""
        stepped = control("int", value=10, step=4)
        self.assertTrue(taken(stepped, 13))
        self.assertTrue(taken(stepped, 7))
        self.assertFalse(taken(stepped, 14))
        self.assertFalse(taken(control("int", value=10, step=0), 11))


class CaptureTests(SynchronousTestCase):
    """The rules, on a real camera's controls."""

    def test_every_default_is_acceptable(self) -> None:
        """A camera takes its own defaults."""
        camera = a_camera(report=report("vivid-webcam"))
        assert camera.report is not None
        checked = 0
        for known in camera.report.controls:
            if known.default is not None and known.value is not None and not known.flags and known.type != "u32":
                acceptable(known, known.default)
                checked += 1
        self.assertGreater(checked, 20)
