"""Check that a file may be opened as a video, by its first bytes, before any demuxer reads it.

FFmpeg follows the references in a text file: a playlist named `.mp4` would open other files and addresses. So only
containers that hold their own frames are accepted, and both backends restrict the formats a second time.
"""

from pathlib import Path

from maskgen.errors import InputError
from maskgen.images.formats import HEAD_BYTES, is_html, picture_format
from maskgen.reading import open_regular_file

# FFmpeg's names of the accepted demuxers; none of them follows a reference to another file.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg"
SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".flv", ".wmv",
            ".asf", ".ogv", ".3gp", ".3g2", ".mj2", ".vob")  # fmt: skip
BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"moof", b"styp", b"sidx", b"uuid")
STARTS = (
    b"\x1aE\xdf\xa3",
    b"RIFF",
    b"\x00\x00\x01\xba",
    b"\x00\x00\x01\xb3",
    b"FLV\x01",
    b"\x30\x26\xb2\x75",
    b"OggS",
)
PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"v=0", b"[Reference]", b"<asx", b"<ASX", b"file ", b"<?xml",
             b"<MPD", b"RTSPtext", b"<smil")  # fmt: skip


def is_video_name(name: str) -> bool:
    """Tells whether a file name has a video suffix; `check_container` checks the content."""
    return name.lower().endswith(SUFFIXES) and not name.startswith("._")


def check_container(path: Path) -> None:
    """Refuses a file that is not a video container.

    Raises:
        InputError: the file cannot be read, or is something else: a playlist, an image, a web page.
    """
    try:
        with open_regular_file(path) as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}. Check the path") from error
    if not is_container(head):
        raise InputError(f"{path}: {_what_instead(head)}. Give a video file: mp4, mov, mkv, webm, avi, ts")


def is_container(head: bytes) -> bool:
    """Tells whether a file's first bytes start a known container."""
    if head[4:8] in BOXES:
        return True
    if head[:1] == b"G" and head[188:189] in (b"G", b""):
        return True
    if head[4:5] == b"G" and head[196:197] == b"G":  # M2TS: a time stamp of four bytes before each packet
        return True
    return head.startswith(STARTS) and head[8:12] not in (b"WEBP", b"WAVE")


def _what_instead(head: bytes) -> str:
    if not head:
        return "the file is empty"
    if is_html(head):
        return "a web page, probably a download page that was saved instead of the video"
    if kind := picture_format(head):
        return f"an image ({kind}), not a video"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(PLAYLISTS):
        return "a playlist, which would open other files, not a video"
    return f"not a known video container, the file starts with {head[:8]!r}"
