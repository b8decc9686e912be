"""Colour tags in sequence parameter sets of H.264 (ITU-T H.264, 7.3.2.1, E.1.1) and HEVC (H.265, 7.3.2.2, E.2.1).

OpenCV hands out a stream's parameter sets but not its tags.
"""

from collections.abc import Iterator

from maskgen.video.colours import UNTAGGED, Colours

H264, HEVC = 7, 33  # types of the units that hold a sequence parameter set
WITH_CHROMA = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)  # profiles of H.264
ANY_RATIO = 255  # aspect_ratio_idc: width and height follow


def colours_in(extradata: bytes, kind: int) -> Colours | None:
    """Reads the colour tags in the parameter sets of a stream.

    Args:
        extradata: parameter sets, with start codes or as in MP4.
        kind: `H264` or `HEVC`.

    Returns:
        The tags; None if no parameter set is found or it cannot be read.
    """
    for unit in _units(extradata, kind):
        try:
            bits = _Bits(unit)
            return _h264(bits) if kind == H264 else _hevc(bits)
        except EOFError:
            continue
    return None


def _units(data: bytes, kind: int) -> Iterator[bytes]:
    """Yields the sequence parameter sets, without the units' headers and escape bytes."""
    packed = _of_avcc(data) if kind == H264 else _of_hvcc(data)
    for unit in packed if data[:1] == b"\1" else data.split(b"\0\0\1"):
        named = (unit[0] & 31 if kind == H264 else unit[0] >> 1 & 63) if unit else 0
        if named == kind:
            yield unit[1 if kind == H264 else 2 :].replace(b"\0\0\3", b"\0\0")


def _of_avcc(data: bytes) -> Iterator[bytes]:
    """Yields the units of an AVCDecoderConfigurationRecord up to the last sequence parameter set."""
    at = 6
    for _ in range(data[5] & 31 if len(data) > 5 else 0):
        size = int.from_bytes(data[at : at + 2], "big")
        yield data[at + 2 : at + 2 + size]
        at += 2 + size


def _of_hvcc(data: bytes) -> Iterator[bytes]:
    """Yields the units of an HEVCDecoderConfigurationRecord."""
    at = 23
    for _ in range(data[22] if len(data) > 22 else 0):
        count = int.from_bytes(data[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(data[at : at + 2], "big")
            yield data[at + 2 : at + 2 + size]
            at += 2 + size


class _Bits:
    """Reader of bits and Exp-Golomb codes. Raises EOFError at the end."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        """Reads an unsigned number of `count` bits."""
        self._left -= count
        if self._left < 0:
            raise EOFError
        return self._value >> self._left & ((1 << count) - 1)

    def code(self) -> int:
        """Reads an unsigned Exp-Golomb code."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def codes(self, count: int) -> None:
        """Skips Exp-Golomb codes, signed or unsigned."""
        for _ in range(count):
            self.code()

    def signed(self) -> int:
        """Reads a signed Exp-Golomb code."""
        code = self.code()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def _h264(bits: _Bits) -> Colours:
    profile = bits.take(8)
    bits.take(16)
    bits.code()
    if profile in WITH_CHROMA:
        chroma = bits.code()
        bits.take(chroma == 3)
        bits.codes(2)
        bits.take(1)
        if bits.take(1):
            for n in range(12 if chroma == 3 else 8):
                if bits.take(1):
                    _skip_scaling_list(bits, 16 if n < 6 else 64)
    bits.code()
    order = bits.code()
    if order == 0:
        bits.code()
    elif order == 1:
        bits.take(1)
        bits.codes(2)
        bits.codes(bits.code())
    bits.code()
    bits.take(1)
    bits.codes(2)
    if not bits.take(1):
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        bits.codes(4)
    return _vui(bits)


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _hevc(bits: _Bits) -> Colours:
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + 88 + 8)
    _skip_layers(bits, layers)
    bits.code()
    if bits.code() == 3:
        bits.take(1)
    bits.codes(2)
    if bits.take(1):
        bits.codes(4)
    bits.codes(2)
    order = bits.code() + 4
    bits.codes(3 * (layers + 1 if bits.take(1) else 1))
    bits.codes(6)
    if bits.take(1) and bits.take(1):
        _skip_scaling_lists(bits)
    bits.take(2)
    if bits.take(1):
        bits.take(8)
        bits.codes(2)
        bits.take(1)
    _skip_picture_sets(bits, bits.code())
    if bits.take(1):
        bits.take((order + 1) * bits.code())
    bits.take(2)
    return _vui(bits)


def _skip_layers(bits: _Bits, layers: int) -> None:
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    for profile, level in present:
        bits.take(88 * profile + 8 * level)


def _skip_scaling_lists(bits: _Bits) -> None:
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not bits.take(1):
                bits.code()
                continue
            if size > 1:
                bits.code()
            bits.codes(min(64, 1 << (4 + 2 * size)))


def _skip_picture_sets(bits: _Bits, count: int) -> None:
    """Skips the short-term reference picture sets (7.3.7)."""
    pictures = 0
    for index in range(count):
        if index and bits.take(1):
            bits.take(1)
            bits.code()
            kept = 0
            for _ in range(pictures + 1):
                kept += bits.take(1) or bits.take(1)
            pictures = kept
        else:
            pictures = bits.code() + bits.code()
            for _ in range(pictures):
                bits.code()
                bits.take(1)


def _vui(bits: _Bits) -> Colours:
    """Reads the start of the video usability information, which is the same in both standards."""
    if not bits.take(1):
        return UNTAGGED
    if bits.take(1) and bits.take(8) == ANY_RATIO:
        bits.take(32)
    if bits.take(1):
        bits.take(1)
    if bits.take(1):
        bits.take(4)
        if bits.take(1):
            primaries, transfer, matrix = bits.take(8), bits.take(8), bits.take(8)
            return Colours(matrix, transfer, primaries)
    return UNTAGGED
