"""Ids of photos inside their source, and keys of their samples in shards."""

import re

from maskgen.seeds import hash64
from maskgen.types import PhotoRef

MAX_STEM = 40  # characters of the photo's name in a key; the whole member name has 100 in a tar header


def clean_id(name: str) -> str:
    r"""Converts a name from a disk or an archive to an id: a relative POSIX path in valid Unicode, without `..`.

    Bytes that are not UTF-8 become `\xNN`, as JSON readers refuse them; `..` becomes `__`, as ids become paths again
    when a data set is unpacked; a leading `/` becomes `_/`.
    """
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    rooted = "_/" + text.lstrip("/") if text.startswith("/") else text
    return "/".join("__" if part == ".." else part for part in rooted.split("/") if part not in ("", "."))


def slug(text: str, longest: int = MAX_STEM) -> str:
    """Converts `text` to `[a-z0-9_-]`, at most `longest` characters, never empty."""
    return re.sub(r"[^a-z0-9_]+", "-", text.lower())[:longest].strip("-") or "photo"


def key_base(ref: PhotoRef) -> str:
    """Builds the part of a key that names the photo: a slug of its file name and 8 hex digits of the id's hash."""
    name = ref.id.rstrip("/").rsplit("/", 1)[-1]
    stem = name.rpartition(".")[0] or name
    return f"{slug(stem)}-{hash64(ref.id) & 0xFFFFFFFF:08x}"


def sample_key(base: str, face: int, mask: int) -> str:
    """Builds the key of a sample: the photo's base, the index of the face, and the index of the mask on that face."""
    return f"{base}-f{face}-m{mask}"
