"""The network side: who is connected, what they may do, and how text goes in and out.

One port serves everything: :mod:`.site` reads the head of each request, :mod:`.access` says which role it has,
:mod:`.resources` answers it or hands its socket over to :mod:`.protocol`, the WebSocket. What a client asks for is
performed by :mod:`.calls`, a few calls a turn (:mod:`.callqueue`); :mod:`.clients` knows who is connected and tells
them what happened. Nothing here knows a camera: methods come in a table, events as text.
"""

from webcam_rpc.web import lean

# Before any module here imports Autobahn or Twisted's sockets: whoever is first decides what comes along.
lean.load()
