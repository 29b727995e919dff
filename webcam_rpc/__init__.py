"""A camera daemon for Linux machines with USB webcams."""

__version__ = "0.1.0"
