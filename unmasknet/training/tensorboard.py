"""Writer of TensorBoard event files that does not need TensorBoard.

An event file holds records as a TFRecord file does. Their content are protocol buffers (`Event` and `Summary` of
TensorFlow), of which only time, step, name, number and image are used.
"""

import struct
import time
from collections.abc import Mapping
from pathlib import Path

from maskgen.tfrecords import frame

_VERSION = b"brain.Event:2"
_RGB = 3  # colour space of an image


class EventLog:
    """Event file of numbers and images in `folder`; each process of a run starts a new file."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = (
            folder / f"events.out.tfevents.{time.time_ns() // 10**9:010d}.{len(list(folder.iterdir()))}"
        )
        self._append(_field(3, _VERSION))

    def add(self, step: int, numbers: Mapping[str, float]) -> None:
        """Logs numbers by name; the part of a name before "/" is its group."""
        values = b"".join(
            _field(1, _field(1, name.encode()) + b"\x15" + struct.pack("<f", number))
            for name, number in numbers.items()
        )
        self._append(b"\x10" + _varint(step) + _field(5, values))

    def add_image(self, step: int, name: str, data: bytes, width: int, height: int) -> None:
        """Logs an image by name.

        Args:
            step: step of the training.
            name: as for numbers.
            data: the image, encoded as PNG.
            width, height: in pixels.
        """
        size = b"\x08" + _varint(height) + b"\x10" + _varint(width) + b"\x18" + _varint(_RGB)
        value = _field(1, name.encode()) + _field(4, size + _field(4, data))
        self._append(b"\x10" + _varint(step) + _field(5, _field(1, value)))

    def _append(self, message: bytes) -> None:
        message = b"\x09" + struct.pack("<d", time.time()) + message
        with self.path.open("ab") as file:
            file.write(frame(message))


def _field(number: int, data: bytes) -> bytes:
    """Encodes a length-delimited field: field number and wire type, length, bytes."""
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    """Encodes a non-negative integer with seven bits per byte, lowest bits first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
