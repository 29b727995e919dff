"""Tokens: what a client shows to be somebody, and how the service keeps what it needs to recognise them.

:class:`Tokens` is the running service's; :class:`TokenFiles` is what both it and ``webcamctl`` write.
"""

from webcam_rpc.tokens.files import TokenFiles
from webcam_rpc.tokens.records import Identity, Kind, TokenRecord, TokenRefused, TokensError
from webcam_rpc.tokens.tokens import Tokens

__all__ = ["Identity", "Kind", "TokenFiles", "TokenRecord", "TokenRefused", "Tokens", "TokensError"]
