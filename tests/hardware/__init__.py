"""The whole service on real V4L2: real drivers, udev, systemd, v4l2-ctl and ffmpeg, and a client on a real socket.

Each test skips, with its reason, where there is neither the test machine's ``camera`` command (which plugs emulated USB
webcams into the kernel) nor, for the tests that need no more, root and the kernel's own ``vivid`` driver. With
``WEBCAM_HARDWARE_REQUIRED=1`` in the environment a test that would skip fails instead.

The machine may be emulated and many times slower than a real one: deadlines are generous, and what is asserted of time
are ratios of what one run measured.
"""
