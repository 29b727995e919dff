"""Tests of webcam_rpc.metrics."""
