"""TensorBoard's log of numbers, written without TensorBoard: a few bytes of framing around a tiny message each.

A file of events is a row of records: length, its checksum, message, its checksum. The messages are protocol buffers of
which only a step, a time, a name and a number are used.
"""

import struct
import time
from collections.abc import Mapping
from pathlib import Path

_POLYNOMIAL = 0x82F63B78  # of CRC-32C, bits reversed
_VERSION = b"brain.Event:2"


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


class EventLog:
    """Appends numbers to a file of events in `folder`, a new file for each leg of a run."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = (
            folder / f"events.out.tfevents.{time.time_ns() // 10**9:010d}.{len(list(folder.iterdir()))}"
        )
        self._append(_field(3, _VERSION))

    def add(self, step: int, numbers: Mapping[str, float]) -> None:
        """Logs numbers under their names; a name's part before "/" is its group."""
        values = b"".join(
            _field(1, _field(1, name.encode()) + b"\x15" + struct.pack("<f", number))
            for name, number in numbers.items()
        )
        self._append(b"\x10" + _varint(step) + _field(5, values))

    def _append(self, message: bytes) -> None:
        message = b"\x09" + struct.pack("<d", time.time()) + message
        length = struct.pack("<Q", len(message))
        with self.path.open("ab") as file:
            file.write(length + _checksum(length) + message + _checksum(message))


def _field(number: int, data: bytes) -> bytes:
    """Encodes a field of bytes: its number and kind, its length, the bytes."""
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    """Encodes a whole number, seven bits per byte, the lowest first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _checksum(data: bytes) -> bytes:
    """Computes CRC-32C, rotated and shifted as TensorFlow's records have it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
