"""Names the service to twistd: ``twistd webcam``.

Every twistd on this machine imports this file, whatever it is asked to run, so it imports nothing else: no reactor may
be chosen by it. There is no ``__init__.py`` in this folder or the one above: they would hide Twisted's own.
"""

from twisted.application.service import ServiceMaker

webcam = ServiceMaker(
    "webcam_rpc",
    "webcam_rpc.tap",
    "Knows which webcams are there, tells every client: JSON-RPC 2.0 over WebSocket.",
    "webcam",
)
