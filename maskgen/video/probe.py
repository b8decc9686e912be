"""What may be opened as a video: told by a file's first bytes, before any demuxer sees it.

FFmpeg opens whatever a text tells it to open: a playlist named `.mp4` would fetch other files and addresses. So only
containers that hold their own pictures are let through, and both backends are told the same once more.
"""

from pathlib import Path

from maskgen.errors import InputError
from maskgen.images.codecs import HEAD_BYTES, is_html, picture_format

# FFmpeg's names of the demuxers that are let through; none of them follows a reference to another file.
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
    """Tells whether a file's suffix is one of videos. Only its bytes say what it is."""
    return name.lower().endswith(SUFFIXES) and not name.startswith("._")


def check_container(path: Path) -> None:
    """Refuses what is no container of pictures.

    Raises:
        InputError: it cannot be read, or it is something else: a playlist, a picture, a web page.
    """
    try:
        with path.open("rb") as file:
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
    if head[4:5] == b"G" and head[196:197] == b"G":  # M2TS: four bytes of time before each packet
        return True
    return head.startswith(STARTS) and head[8:12] not in (b"WEBP", b"WAVE")


def _what_instead(head: bytes) -> str:
    if not head:
        return "the file is empty"
    if is_html(head):
        return "a web page, looks like a download page saved in its place"
    if kind := picture_format(head):
        return f"a picture ({kind}), not a video"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(PLAYLISTS):
        return "a playlist, which would open other files, not a video"
    return f"not a video container that is known, it starts with {head[:8]!r}"
