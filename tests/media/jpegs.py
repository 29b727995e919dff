"""JPEGs for the tests of media: real ones that ffmpeg made, and the smallest that pass for whole."""

from __future__ import annotations

import subprocess
from functools import cache

#: SOI, SOF0 with a size, DHT, SOS and nothing that could be decoded.
_SOF = b"\xff\xc0\x00\x0b\x08%b%b\x01\x01\x11\x00"
_DHT = b"\xff\xc4\x00\x03\x00"
_SOS = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"


def small(width: int = 64, height: int = 48, *, size: int = 200, tables: bool = True) -> bytes:
    """Give what passes for a whole JPEG of ``size`` bytes."""
    head = b"\xff\xd8" + _SOF % (height.to_bytes(2, "big"), width.to_bytes(2, "big"))
    head += (_DHT if tables else b"") + _SOS
    return head + b"\x55" * (size - len(head) - 2) + b"\xff\xd9"


def part(jpeg: bytes) -> bytes:
    """Give a JPEG as ``-f mpjpeg`` prints it."""
    return b"--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: %d\r\n\r\n%b\r\n" % (len(jpeg), jpeg)


@cache
def drawn(size: str = "160x120", *options: str) -> bytes:
    """Give a real picture with the standard Huffman tables."""
    command = ["-f", "lavfi", "-i", f"testsrc2=size={size}", "-frames:v", "1", "-pix_fmt", "yuvj420p"]
    command += ["-c:v", "mjpeg", "-huffman", "default", *options, "-f", "image2pipe", "pipe:1"]
    return ffmpeg(*command)


def decoded(jpeg: bytes) -> bytes:
    """Give the pixels, or nothing where ffmpeg cannot decode it or has something to say."""
    return ffmpeg("-f", "mjpeg", "-i", "pipe:0", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1", given=jpeg)


def ffmpeg(*arguments: str, given: bytes = b"") -> bytes:
    """Give what ffmpeg prints; nothing where it failed or had something to say."""
    command = ["ffmpeg", "-hide_banner", "-loglevel", "warning", *arguments]
    run = subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)
    said = [line for line in run.stderr.splitlines() if b"deprecated pixel format" not in line]
    return b"" if said or run.returncode else run.stdout


def segments(jpeg: bytes) -> list[tuple[int, int, int]]:
    """Give marker, offset and length of each segment of the head, those of its marker included."""
    found = []
    at = 2
    while True:
        marker, length = jpeg[at + 1], 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        found.append((marker, at, length))
        if marker == 0xDA:
            return found
        at += length


def without_tables(jpeg: bytes) -> bytes:
    """Take the Huffman tables away, as many webcams do."""
    for marker, at, length in reversed(segments(jpeg)):
        if marker == 0xC4:
            jpeg = jpeg[:at] + jpeg[at + length :]
    return jpeg
