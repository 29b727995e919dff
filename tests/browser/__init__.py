"""The dashboard in a real Chromium: what a person with a mouse, a keyboard or a phone sees and does.

``scripts/test --browser`` runs them, once; with the other parts they skip themselves, since the browser is the same
under either runner and under every Python.
"""
