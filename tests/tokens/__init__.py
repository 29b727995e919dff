"""Tests of webcam_rpc.tokens."""
