"""Structure of a JPEG: its segments and scans, read before a decoder sees the file.

A decoder shows every scan of a progressive JPEG in turn and fills what is missing with grey or with blur. So a file is
checked here: it must be within the limits of `MAX_SCANS` and `MAX_SEGMENTS`, and its scans must make a whole image.
"""

import io
import re
import struct
from dataclasses import dataclass, field

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from maskgen.errors import Skip
from maskgen.types import RGBImage

MAX_SCANS = (
    100  # encoders write 1 to 20; the standard sets no limit, so a small file can take hours to decode
)
MAX_SEGMENTS = (
    1_000  # before the end of the image; a colour profile has at most 255, a depth map some hundreds
)
MAX_EXIF_BYTES = 2**20  # one segment holds 64 kB, and cameras write one
MAX_SCANNED_PIXELS = 2_000_000_000  # pixels times scans: 20 scans at 100 megapixels
GREY = [128, 128, 128]  # with which decoders fill what is missing
CLOSED_EARLY = Skip("truncated", "jpeg: closed before its image ends")

# Frame headers that decoders know: sequential, progressive; with arithmetic coding. Others are lossless or unused.
_SEQUENTIAL, _PROGRESSIVE, _ARITHMETIC = (0xC0, 0xC1, 0xC9), (0xC2, 0xCA), (0xC9, 0xCA)
_SCAN, _END, _RESTART_INTERVAL, _RESTART = 0xDA, 0xD9, 0xDD, 0xD0
_ALONE = {0x01, 0xD8, *range(0xD0, 0xD8)}  # markers without a length
_ANY_MARKER = re.compile(rb"\xff[^\0\xff]")
_MARKER = re.compile(rb"\xff[^\0\xff\xd0-\xd7]")  # 0xFF, and no stuffing, fill or number of a restart
# Segments of a JPEG without metadata: frame header, tables, restart interval, JFIF mark, comment.
_PLAIN_SEGMENTS = {bytes((0xFF, kind)) for kind in (0xC0, 0xC1, 0xC4, 0xDB, 0xDD, 0xE0, 0xFE)}
_LENGTH, _FRAME = struct.Struct(">H"), struct.Struct(">BHHB")  # of a segment; bits, height, width, channels
_COEFFICIENTS = 64
# What a decoder reads in place of the end marker: codes of all kinds, no marker. A complete scan does not look at it.
_PADDING = bytes(number * 89 % 251 for number in range(512))
_INTERVALS = 64  # restart intervals that are filled with it


@dataclass(frozen=True)
class Scan:
    """Header of a scan: its components; first and last coefficient; bits still to come before and after it.

    `before` is 0 for the first scan of a coefficient.
    """

    components: tuple[int, ...]
    first: int
    last: int
    before: int
    to_come: int


@dataclass
class Structure:
    """Markers of a JPEG up to its end marker.

    Attributes:
        frame: kind of the frame header, such as 0xC2; 0 if there is none.
        size: width and height; (0, 0) without a frame header.
        components: their numbers.
        scans: headers of all scans.
        exif: EXIF data of all segments, one after the other.
        restarts: whether there are restart markers among the pixels.
        last_scan: position of the last scan's header.
        end: position of the end marker; the length of the file if there is none, or if there is a single scan.
    """

    frame: int = 0
    size: tuple[int, int] = (0, 0)
    components: tuple[int, ...] = ()
    scans: list[Scan] = field(default_factory=list)
    exif: bytearray = field(default_factory=bytearray)
    restarts: bool = False
    last_scan: int = 0
    end: int = 0

    @property
    def is_single(self) -> bool:
        """Tells whether it is sequential with all colours in one scan, as most photos; decoders end behind it."""
        return self.frame in _SEQUENTIAL and any(
            scan.components == self.components for scan in self.scans[:1]
        )


def plain_size(data: bytes) -> tuple[int, int] | None:
    """Reads width and height of a JPEG without metadata: sequential, 8 bits, grey or with three channels in one scan.

    Returns None if it has other segments, such as EXIF or Adobe's colour transform, or odd ones: Pillow decodes these.
    Photos in data sets usually have no metadata; skipping Pillow's classes saves a tenth of their decoding time.
    """
    at, size, channels = 2, None, 0
    for _ in range(MAX_SEGMENTS):
        if data[at : at + 2] not in _PLAIN_SEGMENTS or at + 10 > len(data):
            break
        if data[at + 1] in _SEQUENTIAL:
            bits, height, width, channels = _FRAME.unpack_from(data, at + 4)
            usual = bits == 8 and channels in (1, 3) and height and width  # height 0: given after the pixels
            size = (width, height) if usual else None
        at += 2 + int(_LENGTH.unpack_from(data, at + 2)[0])
    return size if data[at : at + 2] == b"\xff\xda" and data[at + 4 : at + 5] == bytes((channels,)) else None


def luma_sampling(data: bytes) -> tuple[int, int]:
    """Reads how many samples of luma there are for one of chroma, across and down: (2, 2) for 4:2:0.

    Returns:
        (1, 1) for a grey JPEG, and for one without a readable frame header.
    """
    at = 2
    for _ in range(MAX_SEGMENTS):
        if at + 12 > len(data) or data[at] != 0xFF or data[at + 1] in (_SCAN, _END):
            break
        if data[at + 1] in (*_SEQUENTIAL, *_PROGRESSIVE):
            channels, factors = data[at + 9], data[at + 11]
            return (factors >> 4, factors & 15) if channels == 3 else (1, 1)
        at += 2 + int(_LENGTH.unpack_from(data, at + 2)[0])
    return 1, 1


def structure(data: bytes) -> Structure | Skip:
    """Reads the markers of a JPEG up to its end, or to the only scan of a sequential one.

    Returns:
        What it found, also of a file that is cut; or Skip, unreadable: more segments, scans or pixels to scan than
        allowed.
    """
    found, at = Structure(end=len(data)), 2
    for _ in range(MAX_SEGMENTS):
        if data[at : at + 1] != b"\xff" or data[at + 1 : at + 2] in (b"\0", b"\xff"):
            marker = _MARKER.search(data, at)
            at = marker.start() if marker else len(data)
        if at + 4 > len(data) or data[at + 1] == _END:
            found.end = min(at, len(data)) if data[at + 1 : at + 2] == bytes((_END,)) else len(data)
            return found
        kind = data[at + 1]
        if kind in _ALONE:
            at += 2
            continue
        length = int(_LENGTH.unpack_from(data, at + 2)[0])
        _note(found, kind, data[at + 4 : at + 2 + length])
        if refused := _too_much(found):
            return refused
        found.last_scan = at if kind == _SCAN else found.last_scan
        if found.is_single:
            return found
        at += 2 + length
    return Skip("unreadable", f"jpeg: more than {MAX_SEGMENTS} segments")


def _note(found: Structure, kind: int, body: bytes) -> None:
    """Adds what a segment says to `found`."""
    if kind in (*_SEQUENTIAL, *_PROGRESSIVE) and len(body) >= 6:
        _, height, width, channels = _FRAME.unpack_from(body)
        found.frame, found.size = kind, (width, height)
        found.components = tuple(body[6 : 6 + 3 * channels : 3])
    elif kind == _SCAN and body and len(body) >= 4 + 2 * body[0]:
        first, last, bits = body[1 + 2 * body[0] : 4 + 2 * body[0]]
        found.scans.append(Scan(tuple(body[1 : 1 + 2 * body[0] : 2]), first, last, bits >> 4, bits & 15))
    elif kind == _RESTART_INTERVAL:
        found.restarts = any(body)
    elif kind == 0xE1 and body.startswith(b"Exif\0\0"):
        found.exif += body[6:]


def _too_much(found: Structure) -> Skip | None:
    scans = len(found.scans)
    if scans > MAX_SCANS:
        return Skip("unreadable", f"jpeg: more than {MAX_SCANS} scans")
    if len(found.exif) > MAX_EXIF_BYTES:
        return Skip("unreadable", f"jpeg: more than {MAX_EXIF_BYTES} bytes of EXIF data")
    if scans > 1 and scans * found.size[0] * found.size[1] > MAX_SCANNED_PIXELS:
        return Skip("too_large", f"jpeg: {found.size[0]} x {found.size[1]} pixels in {scans} scans")
    return None


def lacks_scans(found: Structure) -> bool:
    """Tells whether the scans do not make a whole image: a component, a coefficient or some of its bits are not there.

    A scan of further bits needs the scan before it: without the one that begins, only edges on grey are left.
    """
    if not found.scans or found.is_single:
        return False  # a decoder tells
    if found.frame in _SEQUENTIAL:
        return not {*found.components} <= {part for scan in found.scans for part in scan.components}
    to_come = {part: np.full(_COEFFICIENTS, -1) for part in found.components}
    for scan in found.scans:
        for part in scan.components:
            if part not in to_come:
                continue
            bits = to_come[part][scan.first : scan.last + 1]
            if scan.before and ((bits < 0) | (bits > scan.before)).any():
                return True
            bits[:] = scan.to_come
    return any(bits.any() for bits in to_come.values())


def last_scan_is_cut(data: bytes, found: Structure, pixels: RGBImage | None) -> bool:
    """Tells whether the last of several scans ends before its image does.

    A decoder fills the rest of a scan that was cut with zeros, and ignores what follows a complete scan. So bytes put
    before the end marker change the image if, and only if, the last scan is cut. Not for arithmetic coding, whose
    decoder reads ahead.
    """
    if found.frame in _ARITHMETIC:
        return False
    padded = JpegImageFile(io.BytesIO(data[: found.end] + _padding(data, found) + b"\xff\xd9"))
    if pixels is not None and np.array_equal(
        np.asarray(padded if padded.mode == "RGB" else padded.convert("RGB")), pixels
    ):
        return False
    return padded.tobytes() != JpegImageFile(io.BytesIO(data)).tobytes()


def _padding(data: bytes, found: Structure) -> bytes:
    """Builds what is put before the end marker; the numbers of restart markers follow those in the last scan."""
    if not found.restarts:
        return _PADDING
    markers = [bytes((0xFF, _RESTART + number)) for number in range(8)]
    places = [data.rfind(marker, found.last_scan, found.end) for marker in markers]
    following = places.index(max(places)) + 1 if max(places) >= 0 else 0
    return _PADDING + b"".join(markers[(following + i) % 8] + _PADDING for i in range(_INTERVALS))


def is_closed_early(data: bytes, found: Structure | None, pixels: RGBImage | None) -> bool:
    """Tells whether a JPEG was cut in its last scan and closed by an end marker; decoders silently fill such a file.

    Args:
        data: a file that decodes.
        found: its structure; None for a single scan.
        pixels: its decoded pixels, if they are RGB: with a single scan it is complete if the last one has another
            colour than `GREY`.
    """
    if found is None or found.is_single:
        return (pixels is None or pixels[-1, -1].tolist() == GREY) and _only_scan_is_cut(data)
    return bool(found.frame) and last_scan_is_cut(data, found, pixels)


def _only_scan_is_cut(data: bytes) -> bool:
    """Decodes again with the first marker behind the scan, at which decoders end it, replaced by some stuffed bytes.

    They are enough to finish a complete image, and too few for a missing part. What follows the marker, such as another
    image with its own end marker, is left out.
    """
    found = structure(data)
    if isinstance(found, Skip):
        return False  # refused before, where it matters
    pixels_at = found.last_scan + 2 + int(_LENGTH.unpack_from(data, found.last_scan + 2)[0])
    marker = (_MARKER if found.restarts else _ANY_MARKER).search(data, pixels_at)
    end = marker.start() if marker else len(data)
    try:
        JpegImageFile(io.BytesIO(data[:end] + b"\xff\x00" * 16)).load()
    except OSError:
        return True
    return False


def ends_early(data: bytes) -> bool:
    """Tells whether a JPEG that cannot be decoded lacks its end marker, or scans before it."""
    found = structure(data)
    if isinstance(found, Skip):
        return False
    if found.is_single:
        return data.find(b"\xff\xd9", found.last_scan) < 0
    return found.end == len(data) or lacks_scans(found)
