"""The log: one line for each event, to the console, a file or the journal.

Owns what a line looks like (:mod:`.lines`), what it must not show (:mod:`.masking`), how much is written
(:mod:`.observer`), where to (:mod:`.output`), and how Twisted's, twistd's and Python's own logging come together in one
(:mod:`.service`, :mod:`.bridge`).
"""

from webcam_rpc.logs.lines import escape
from webcam_rpc.logs.masking import mask
from webcam_rpc.logs.observer import TRAFFIC, Observer
from webcam_rpc.logs.service import LoggedService, logged_service, open_log

__all__ = ["TRAFFIC", "LoggedService", "Observer", "escape", "logged_service", "mask", "open_log"]
