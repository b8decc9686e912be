"""Writer of TensorBoard event files that does not need TensorBoard.

An event file holds records as a TFRecord file does. Their content are protocol buffers (`Event` and `Summary` of
TensorFlow), of which only time, step, name, number and image are used.
"""

import struct
import time
from collections.abc import Mapping
from pathlib import Path

from maskgen.tfrecords import field, frame, varint

_VERSION = b"brain.Event:2"
_RGB = 3  # colour space of an image


class EventLog:
    """Event file of numbers and images in `folder`; each process of a run starts a new file."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = (
            folder / f"events.out.tfevents.{time.time_ns() // 10**9:010d}.{len(list(folder.iterdir()))}"
        )
        self._append(field(3, _VERSION))

    def add(self, step: int, numbers: Mapping[str, float]) -> None:
        """Logs numbers by name; the part of a name before "/" is its group."""
        values = b"".join(
            field(1, field(1, name.encode()) + b"\x15" + struct.pack("<f", number))
            for name, number in numbers.items()
        )
        self._append(b"\x10" + varint(step) + field(5, values))

    def add_image(self, step: int, name: str, data: bytes, width: int, height: int) -> None:
        """Logs an image by name.

        Args:
            step: step of the training.
            name: as for numbers.
            data: the image, encoded as PNG.
            width, height: in pixels.
        """
        size = b"\x08" + varint(height) + b"\x10" + varint(width) + b"\x18" + varint(_RGB)
        value = field(1, name.encode()) + field(4, size + field(4, data))
        self._append(b"\x10" + varint(step) + field(5, field(1, value)))

    def _append(self, message: bytes) -> None:
        message = b"\x09" + struct.pack("<d", time.time()) + message
        with self.path.open("ab") as file:
            file.write(frame(message))
