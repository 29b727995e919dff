"""The listing of controls is read rightly, as each version of v4l2-ctl prints it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import capture, report
from webcam_rpc.cameras import v4l2
from webcam_rpc.cameras.models import Control, MenuItem


def control(line: str) -> Control:
    """Parse the one control of a listing."""
    (found,) = v4l2.parse_controls(line)
    return found


class ControlTests(SynchronousTestCase):
    """The listing of controls."""

    def setUp(self) -> None:
        """Have vivid's controls by name: it has one of each type."""
        self.vivid = {found.name: found for found in report("vivid-webcam").controls}

    def test_alone(self) -> None:
        """The listing alone, with menus, gives the controls that the report gives."""
        for name in ("uvc-controls", "sample-uvc-capture-list-ctrls-menus"):
            self.assertEqual(v4l2.parse_controls(capture(name)), report("uvc-hd").controls, name)
        found = v4l2.parse_controls(capture("sample-vivid-hdmi-list-ctrls-menus"))
        self.assertEqual([c.name for c in found], [c.name for c in report("vivid-hdmi").controls])

    def test_numbers(self) -> None:
        """Numbers have their range, and 64 bits of it."""
        self.assertEqual(
            report("uvc-hd").controls[0],
            Control("brightness", 0x00980900, "int", min=-64, max=64, step=1, default=0, value=0),
        )
        found = self.vivid["integer_64_bits"]
        self.assertEqual((found.type, found.min, found.max), ("int64", -(2**63), 2**63 - 1))
        self.assertEqual(self.vivid["read_only_integer_32_bits"].flags, ("read-only",))

    def test_booleans(self) -> None:
        """A boolean is one, and not an integer, in its value and its default."""
        found = self.vivid["boolean"]
        self.assertEqual([(type(given), given) for given in (found.value, found.default)], [(bool, True)] * 2)
        self.assertEqual((found.min, found.max, found.step), (None, None, None))

    def test_menus(self) -> None:
        """A menu's value is its number; choices that the driver leaves out are left out."""
        found = self.vivid["menu"]
        self.assertEqual((found.value, found.default, found.min, found.max), (3, 3, 1, 4))
        self.assertEqual(
            found.menu, (MenuItem(1, "Menu Item 1"), MenuItem(3, "Menu Item 3"), MenuItem(4, "Menu Item 4"))
        )
        found = self.vivid["integer_menu"]
        self.assertEqual((found.type, found.value), ("intmenu", 4))
        self.assertEqual(found.menu[2], MenuItem(4, "5"))

    def test_menu_without_a_choice(self) -> None:
        """A control after a menu has no choices of its own, nor has the last one before the formats."""
        self.assertEqual(self.vivid["string"].menu, ())
        self.assertEqual(report("uvc-hd").controls[-1].menu, ())

    def test_bitmask(self) -> None:
        """A bitmask is without a sign, as its default is, though this version prints its value with one."""
        found = self.vivid["bitmask"]
        self.assertEqual((found.max, found.default, found.value), (0x80402010, 0x80002000, 0x80002000))
        newer = "bitmask 0x0098f906 (bitmask): max=0x80402010 default=0x80002000 value=0x80002000"
        self.assertEqual(control(newer).value, 0x80002000)

    def test_texts(self) -> None:
        """A text keeps its blanks, quotes and words that look like flags; escapes are undone."""
        self.assertEqual((self.vivid["string"].value, self.vivid["string"].flags), ("  ", ("has-payload",)))
        head = "string 0x0098f905 (str)    : min=0 max=9 step=1 value="
        for printed, value in (
            ("''", ""),
            ("''a''", "'a'"),
            (r"'a\\b'", r"a\b"),
            (r"'a\nb\x1b\\n'", r"ab\n"),
            ("'a flags=b'", "a flags=b"),
            ("'a value=b'", "a value=b"),
        ):
            for flags in ((), ("has-payload",)):
                line = head + printed + (" flags=" + ", ".join(flags) if flags else "")
                found = control(line)
                self.assertEqual((found.value, found.flags, found.max), (value, flags, 9), line)

    def test_without_a_value(self) -> None:
        """Buttons, arrays, compounds and what is write-only have no value, whatever is printed."""
        self.assertEqual(self.vivid["button"].flags, ("write-only", "execute-on-write"))
        for name in (
            "button",
            "u32_1_element_array",
            "u16_8x16_matrix",
            "u8_2x3x4x5_array",
            "area",
            "u32_dynamic_array",
        ):
            self.assertIsNone(self.vivid[name].value, name)
        self.assertEqual((self.vivid["u16_8x16_matrix"].type, self.vivid["u16_8x16_matrix"].default), ("u16", 24))
        self.assertIsNone(
            control("pin 0x00980999 (int)    : min=0 max=9 step=1 default=0 value=0 flags=write-only").value
        )

    def test_flags(self) -> None:
        """All flags are kept, those too that this version of v4l2-ctl has no name for."""
        self.assertEqual(self.vivid["u32_dynamic_array"].flags, ("has-payload", "0x00000800"))
        self.assertEqual(self.vivid["gain"].flags, ("inactive", "volatile"))

    def test_other_versions(self) -> None:
        """Lines as older and newer versions of v4l2-ctl format them (print_qctrl) are read as well."""
        for line, expected in (
            # 1.6 to 1.18: no text to a menu's value, no "value=" for compounds, dimensions without a name.
            (
                "  exposure_auto 0x009a0901 (menu)   : min=0 max=3 default=3 value=1",
                Control("exposure_auto", 0x009A0901, "menu", min=0, max=3, default=3, value=1),
            ),
            (
                "  matrix 0x0098f909 (u16)    : min=16 max=8192 step=1 default=24 [8][16] flags=has-payload",
                Control("matrix", 0x0098F909, "u16", min=16, max=8192, step=1, default=24, flags=("has-payload",)),
            ),
            (
                "  button 0x0098f900 (button) : flags=write-only",
                Control("button", 0x0098F900, "button", flags=("write-only",)),
            ),
            (
                "  pan 0x009a0908 (int)    : min=-36000 max=36000 step=3600 default=0 value=0",
                Control("pan", 0x009A0908, "int", min=-36000, max=36000, step=3600, default=0, value=0),
            ),
            (
                "  h264 0x00a40902 (unknown): type=110 value=unsupported payload type flags=has-payload",
                Control("h264", 0x00A40902, "unknown", flags=("has-payload",)),
            ),
            # 1.24 and later: lengths of dynamic arrays, arrays of int, rectangles, names for more types and flags.
            (
                "a 0x0098f90d (u32)    : min=1 max=9 step=1 default=5 elems=1 dims=[9] flags=x, dynamic-array",
                Control("a", 0x0098F90D, "u32", 1, 9, 1, 5, flags=("x", "dynamic-array")),
            ),
            (
                "  s32 0x0098f910 (int)    : min=0 max=9 step=1 default=5 dims=[2] flags=has-payload",
                Control("s32", 0x0098F910, "int", min=0, max=9, step=1, default=5, flags=("has-payload",)),
            ),
            (
                "  roi 0x009a0924 (rect)   : value=(0,0)/640x480 flags=has-payload, has-min-max",
                Control("roi", 0x009A0924, "rect", flags=("has-payload", "has-min-max")),
            ),
            (
                "  cll 0x00a40901 (hdr10-cll-info): value=unsupported payload type flags=has-payload",
                Control("cll", 0x00A40901, "hdr10-cll-info", flags=("has-payload",)),
            ),
            # One element of a payload type, and a menu whose value has no choice.
            (
                "  u 0x0098f911 (u8)     : min=0 max=9 step=1 default=5 value=7",
                Control("u", 0x0098F911, "u8", 0, 9, 1, 5, 7),
            ),
            (
                "  m 0x0098f912 (menu)   : min=0 max=2 default=0 value=9",
                Control("m", 0x0098F912, "menu", 0, 2, None, 0, 9),
            ),
        ):
            self.assertEqual(control(line), expected, line)

    def test_layout(self) -> None:
        """A name of 31 characters has no blank before it, and one of vivid's has more than most."""
        name = "n" * 31
        self.assertEqual(control(f"{name} 0x00980900 (int)    : min=0 max=1 step=1 default=0 value=1").name, name)
        self.assertIn("percentage_of_dropped_buffers", self.vivid)

    def test_nonsense_ranges(self) -> None:
        """Ranges that make no sense are what the driver said, and are kept."""
        found = control("focus 0x009a090a (int)    : min=5 max=-5 step=0 default=9999 value=70000 flags=inactive")
        self.assertEqual((found.min, found.max, found.step, found.default, found.value), (5, -5, 0, 9999, 70000))

    def test_menu_texts_are_cleaned(self) -> None:
        """The name of a choice may hold words that look like settings, and loses its control characters."""
        line = "m 0x0098f904 (menu)   : min=0 max=1 default=0 value=1 (a flags=b value=2)\n"
        found = control(line + "\t\t\t\t1: a\x1b flags=b value=2\n")
        self.assertEqual((found.value, found.flags, found.menu), (1, (), (MenuItem(1, "a flags=b value=2"),)))

    def test_failed_controls(self) -> None:
        """A control that the driver fails on is left out, and the others are there."""
        text = "error 110 getting ext_ctrl Focus, Absolute\n" + capture("uvc-controls")
        self.assertEqual(len(v4l2.parse_controls(text)), 15)
