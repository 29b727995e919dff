"""Tests of webcam_rpc.web, in memory: a StringTransport for each socket, a Clock for the time."""
