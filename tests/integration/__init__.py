"""Tests with real sockets and processes."""
