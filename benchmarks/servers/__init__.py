"""The servers that are compared, each a program of its own. All answer a JSON-RPC 2.0 ``ping`` over WebSocket.

Each prints ``ws://127.0.0.1:PORT/`` when it listens, and publishes N events in one turn when a line ``publish N`` comes
on its standard input; it ends with that input. Those of others run in an environment without this project's
dependencies, and import nothing of it but :mod:`benchmarks.servers.job`.
"""
