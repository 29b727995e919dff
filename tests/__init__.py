"""The tests: the tree mirrors the package, with real sockets and processes in integration, real V4L2 in hardware."""
