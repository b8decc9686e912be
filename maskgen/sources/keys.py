"""Ids of photos inside their source, and keys of their samples in shards."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

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


def unique_ids(names: Sequence[str]) -> list[str]:
    """Converts the names of a store to ids, one for each: archives may hold a name twice, and cleaned names collide.

    The file that has the id as its very name keeps it; of several the last one, as unpacking would leave it. The others
    get `~1`, `~2` and so on before the suffix, in their order in the store.
    """
    ids = [clean_id(name) or "_" for name in names]
    owners: dict[str, int] = {}
    for place, (name, wanted) in enumerate(zip(names, ids, strict=True)):
        if wanted not in owners or name == wanted or names[owners[wanted]] != wanted:
            owners[wanted] = place
    if len(owners) == len(ids):
        return ids
    taken, counts = set(ids), Counter[str]()
    for place, wanted in enumerate(ids):
        path = PurePosixPath(wanted)
        while owners[wanted] != place and ids[place] in taken:
            counts[wanted] += 1
            ids[place] = str(path.with_name(f"{path.stem}~{counts[wanted]}{path.suffix}"))
        taken.add(ids[place])
    return ids


def person_name(text: str) -> str:
    """Returns a person's name in one spelling (Unicode's NFC): macOS and some archives write letters and accents apart.

    Two names that look the same are the same person; the names of files stay as they are.
    """
    return unicodedata.normalize("NFC", text)


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
