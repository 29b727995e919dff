"""Tests of webcam_rpc.cli."""
