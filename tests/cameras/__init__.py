"""Tests of the cameras: on captures, fakes and a clock, and on small programs in the place of v4l2-ctl."""
