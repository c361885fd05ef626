"""Pixel arrays as PNG files for inline use, compressed with zlib."""

import base64
import struct
import zlib

import numpy as np

from nnlite.errors import ShapeError

__all__ = ["png_bytes", "png_uri"]

COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> PNG's number of gray, gray and alpha, RGB, RGBA


def png_bytes(pixels: np.ndarray) -> bytes:
    """A PNG file.

    Args:
        pixels: uint8 in [0, 255], shape (height, width) or (height, width, channels) with 1 to 4 channels.

    Raises:
        ShapeError: another shape or type.

    Reference: PNG specification, W3C 2003; no line is filtered.
    """
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in COLOUR_TYPES or not pixels.size:
        raise ShapeError(f"an image has the shape (height, width, 1 to 4) and uint8, got {pixels.shape} {pixels.dtype}")
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0)
    lines = np.hstack([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)])
    parts = {b"IHDR": header, b"IDAT": zlib.compress(lines.tobytes(), 9), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts.items())


def png_uri(pixels: np.ndarray) -> str:
    """The file of `png_bytes` as the `src` of an `<img>`."""
    return f"data:image/png;base64,{base64.b64encode(png_bytes(pixels)).decode()}"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
