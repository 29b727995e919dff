"""JSON-RPC 2.0 without I/O: errors, messages, the session of one text, the method table and its OpenRPC document.

Nothing here imports Twisted or any other part of the package. Text goes in, calls come out; results go in, text comes
out.
"""
