"""The client library: typed calls and notifications, over one connection that is taken up again when it is lost.

:mod:`~webcam_rpc.client.on_asyncio` and :mod:`~webcam_rpc.client.on_twisted` have each a ``Client``; what they share
does no I/O and imports neither.
"""
