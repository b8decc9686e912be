"""Formats of photos: recognised by a file's first bytes, never by its name; and which names may be those of photos."""

import io
import re
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import PurePosixPath

from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from maskgen.extras import install_line

HEAD_BYTES = 512  # enough to recognise every format, and web pages, by the start of a file
HTML = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(!doctype\s+html|html|head|body)",
    re.I | re.DOTALL,
)

# A HEIF file names its coding in its brand, or, where that is `mif1` or `msf1`, among the compatible brands behind it.
_AVIF = re.compile(rb"....ftyp(avi[fs]|(mif1|msf1|miaf).{4}(.{4}){0,15}?avi[fs])", re.DOTALL)
_HEIC = re.compile(rb"....ftyp(hei[cxms]|hev[cxms]|mif[12]|msf1|miaf|heif)", re.DOTALL)


def _open_heic(file: io.BytesIO) -> ImageFile:
    """Opens a HEIC file. To be called only if `unreadable_kind` does not say that the package is missing."""
    from pillow_heif import HeifImageFile

    opened: ImageFile = HeifImageFile(file)  # type: ignore[no-untyped-call]
    return opened


# Pillow's plugins instead of Image.open: a closed list of formats (no PostScript, no playlists of other files), and the
# limit of pixels is an argument instead of Pillow's global variable.
OPENERS: dict[str, tuple[re.Pattern[bytes], Callable[[io.BytesIO], ImageFile]]] = {
    "jpeg": (re.compile(rb"\xff\xd8\xff"), JpegImageFile),
    "png": (re.compile(rb"\x89PNG\r\n\x1a\n"), PngImageFile),
    "webp": (re.compile(rb"RIFF....WEBP", re.DOTALL), WebPImageFile),
    "gif": (re.compile(rb"GIF8[79]a"), GifImageFile),
    "tiff": (re.compile(rb"(II[*+]\0|MM\0[*+])(?!.{4}CR)", re.DOTALL), TiffImageFile),
    "bmp": (re.compile(rb"BM"), BmpImageFile),
    "avif": (_AVIF, AvifImageFile),
    "heic": (_HEIC, _open_heic),
    "ppm": (re.compile(rb"P[4-6]\s"), PpmImageFile),
}

# Images that are not read, and what to do about it. They count as photos: a folder of them is not an empty folder.
_CONVERT = "convert it to JPEG or PNG first"
_RAW = f"a camera's raw file: {_CONVERT}"
_UNREAD_PHOTOS = {
    re.compile(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"): f"JPEG XL, which is not read: {_CONVERT} (djxl)",
    re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"): f"JPEG 2000, which is not read: {_CONVERT}",
    re.compile(rb"8BPS\0[\1\2]"): f"a Photoshop document: {_CONVERT}",
    re.compile(rb"....ftypcrx |FUJIFILMCCD-RAW|II(RO|U\0|\*\0.{4}CR)|FOVb", re.DOTALL): _RAW,
    re.compile(rb"P[1-3]\s"): f"a PPM written as text, which is not read: {_CONVERT}",
    re.compile(rb"P[7fF]\n"): f"a PAM or PFM file, which is not read: {_CONVERT}",
    re.compile(rb"v/1\x01|#\?RADIANCE|#\?RGBE"): f"an HDR image without an agreed white: {_CONVERT}",
}
# Documents: an image of this content is refused by name, but such a file is not looked for among photos.
_DOCUMENTS = {
    re.compile(rb"%PDF-"): f"a PDF document: {_CONVERT}",
    re.compile(rb"%!PS|\xc5\xd0\xd3\xc6"): f"a PostScript document: {_CONVERT}",
    re.compile(
        rb"(\xef\xbb\xbf)?\s*(<\?xml.{0,400}?)?<svg[\s>]", re.DOTALL | re.I
    ): f"an SVG drawing: {_CONVERT}",
    re.compile(rb"....ftyp(qt  |isom|iso[2-9]|mp4[12]|avc1|M4V |3gp.)|\x1aE\xdf\xa3", re.DOTALL): "a video",
}

HEIC_SUFFIXES = (".heic", ".heif", ".hif")
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".dib", ".avif",
            *HEIC_SUFFIXES, ".ppm", ".pgm", ".pbm", ".pnm")  # fmt: skip
SAME_SUFFIXES = {"jpg": (".jpg", ".jpeg", ".jpe", ".jfif"), "png": (".png",), "webp": (".webp",)}
"""Suffixes that a photo may keep when it is written in a format."""
_UNREAD_SUFFIXES = (".jxl", ".jp2")
# A suffix as people have it: `.jpg`, but also `.jpg_large`, `.jpg?w=640`, `.jpg:large`, `.jpg!d`, `.jpg%3Fw=1`.
PHOTO_SUFFIX = re.compile(
    rf"({'|'.join(map(re.escape, SUFFIXES + _UNREAD_SUFFIXES))})([^A-Za-z0-9.][^/]*)?", re.I | re.DOTALL
)
# Files that lie beside photos and are none: their bytes are not looked at. Videos among them.
# fmt: off
_OTHER_SUFFIXES = {
    ".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".xmp", ".yaml", ".yml", ".toml", ".ini", ".md", ".rst",
    ".log", ".html", ".htm", ".css", ".js", ".py", ".ipynb", ".sh", ".bat", ".c", ".h", ".db", ".sqlite",
    ".lock", ".pdf", ".svg", ".eps", ".ps", ".ai", ".doc", ".docx", ".xls", ".xlsx", ".npy", ".npz", ".mat",
    ".pkl", ".pt", ".pth", ".h5", ".hdf5", ".parquet", ".arrow", ".onnx", ".safetensors", ".bin", ".dat",
    ".pts", ".lm", ".part", ".record", ".tmp", ".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".7z",
    ".rar", ".exe", ".dll", ".so", ".url", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts",
    ".m2ts", ".mpg", ".mpeg", ".flv", ".wmv", ".asf", ".ogv", ".3gp", ".3g2", ".mj2", ".vob", ".mp3", ".wav",
    ".ogg", ".m4a", ".aac", ".flac", ".srt", ".vtt", ".aae",
}
# fmt: on


def picture_format(head: bytes) -> str:
    """Returns the format of a file by its first bytes: a key of `OPENERS`, or "" if it is unknown."""
    return next((name for name, (magic, _) in OPENERS.items() if magic.match(head)), "")


def is_html(head: bytes) -> bool:
    """Tells whether a file's first bytes start a web page."""
    return HTML.match(head) is not None


def unreadable_kind(head: bytes) -> str:
    """Says what a file is that cannot be decoded, and what to do; "" for a format of `OPENERS` that can.

    Args:
        head: its first `HEAD_BYTES`, or all of it.
    """
    kind = picture_format(head)
    if kind == "heic" and not heic_is_installed():
        return f"HEIC needs the package pillow-heif: {install_line('heif')}"
    if kind:
        return ""
    if not head:
        return "the file is empty"
    if is_html(head):
        return "a web page"
    known = {**_UNREAD_PHOTOS, **_DOCUMENTS}
    return next((said for magic, said in known.items() if magic.match(head)), "not a known image format")


def heic_is_installed() -> bool:
    """Tells whether HEIC files can be decoded."""
    try:
        import pillow_heif  # noqa: F401
    except ImportError:
        return False
    return True


def heic_versions(names: Iterable[str]) -> dict[str, str]:
    """Returns name and version of the package that decides what HEIC photos become.

    Args:
        names: names of photos.

    Returns:
        Empty if none of them has a suffix of HEIC.
    """
    if not any(name.lower().endswith(HEIC_SUFFIXES) for name in names):
        return {}
    return {"pillow-heif": metadata.version("pillow-heif") if heic_is_installed() else "not installed"}


def photo_suffix(name: str) -> str:
    """Returns the suffix of a photo's file name, such as `.jpg`, also where more follows it: `.jpg_large`.

    Returns:
        The part of the name that starts with the suffix of an image; "" if there is none, as in `john.smith`.
    """
    file = name.rpartition("/")[2]
    dots = [match.start() for match in re.finditer(r"\.", file) if match.start()]
    # the last dot first: the suffix of `a.png_b.jpg` is `.jpg`
    starts = (dot for dot in dots[-1:] + dots if PHOTO_SUFFIX.fullmatch(file, dot))
    return next((file[start:] for start in starts), "")


def has_photo_suffix(name: str) -> bool:
    """Tells whether a file has the suffix of an image. Its bytes decide the actual format."""
    return bool(photo_suffix(name))


def may_be_photo(name: str, head: Callable[[], bytes]) -> bool:
    """Tells whether a file is to be taken as a photo: by its suffix, or by its content if the suffix says nothing.

    Args:
        name: path or name of the file.
        head: reads the first `HEAD_BYTES` of the file; called only if the name does not decide.
    """
    if has_photo_suffix(name):
        return True
    if PurePosixPath(name).suffix.lower() in _OTHER_SUFFIXES:
        return False
    start = head()
    return bool(picture_format(start)) or any(magic.match(start) for magic in _UNREAD_PHOTOS)
