"""Input files of `unmask run`, and the unique names of their results."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from maskgen.errors import InputError
from maskgen.images.formats import HEAD_BYTES, photo_suffix
from maskgen.reading import open_regular_file
from maskgen.sources.layouts import is_photo_file
from maskgen.sources.leavings import is_left
from maskgen.video import SUFFIXES as VIDEOS
from maskgen.video import is_video_name

RESULT_ENDING = re.compile(r"-(\d+|map|strip|disagreement|unmasked)$")  # of the files written beside a result


@dataclass(frozen=True)
class Input:
    """Input file.

    Attributes:
        path: the file.
        name: POSIX path of its results in the output folder, without suffix; unique in any letter case.
    """

    path: Path
    name: str

    @property
    def is_video(self) -> bool:
        """Whether its suffix is that of a video."""
        return self.path.suffix.lower() in VIDEOS

    @property
    def suffix(self) -> str:
        """Suffix of the file name, such as `.jpg` or `.jpg_large`; "" if it ends in no suffix of a photo or video."""
        return suffix_of(self.path)


def suffix_of(path: Path) -> str:
    """Returns the suffix of a photo or video; "" for a name such as `john.smith`, or if it leaves only dots."""
    suffix = path.suffix if path.suffix.lower() in VIDEOS else photo_suffix(path.name)
    return suffix if path.name.removesuffix(suffix).strip(".") else ""


def without_suffix(path: Path) -> Path:
    """Returns a path without the suffix of a photo or video."""
    return path.with_name(path.name.removesuffix(suffix_of(path)))


def find_inputs(given: Sequence[str], aside: Path) -> list[Input]:
    """Lists the given files, and all photos and videos in the given folders.

    Args:
        given: files and folders.
        aside: the output folder; files in it are not inputs, or a second run would restore results.

    Raises:
        InputError: a path does not exist, or a folder holds no photo or video.
    """
    found: list[tuple[Path, Path]] = []  # the file, and its path relative to the given folder
    for name in given:
        path = Path(name)
        if path.is_dir():
            inside = [*_inside(path, aside.resolve())]
            if not inside:
                raise InputError(f"{path}: holds no photo or video; name another folder, or the files")
            found += [(file, file.relative_to(path)) for file in inside]
        elif path.exists():
            found.append((path, Path(path.name)))
        else:
            raise InputError(f"{path}: there is no such file or folder; check the path")
    # `Path.resolve` fails for links that form a circle; here they are inputs that cannot be read.
    unique = {os.path.realpath(path): (path, below) for path, below in reversed(found)}
    return _named([unique[path] for path in dict.fromkeys(os.path.realpath(file) for file, _ in found)])


def _inside(folder: Path, aside: Path) -> Iterable[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if (Path(parent) / name).resolve() != aside)
        for name in sorted(files):
            path = Path(parent) / name
            below = path.relative_to(folder).as_posix()
            if is_left(below):
                continue
            if is_video_name(name) or is_photo_file(below, partial(_head, path)):
                yield path


def _head(path: Path) -> bytes:
    """Reads the first bytes of a file; b"" if it cannot be read."""
    try:
        with open_regular_file(path) as file:
            return file.read(HEAD_BYTES) or b""
    except OSError:
        return b""


def _named(files: Sequence[tuple[Path, Path]]) -> list[Input]:
    """Names each file by its stem, plus its suffix and a number where names of two inputs or results could collide."""
    stems = Counter(without_suffix(below).as_posix().lower() for _, below in files)
    taken: set[str] = set()
    named = []
    for path, below in files:
        name, kind = without_suffix(below).as_posix(), re.match(r"\.(\w+)", suffix_of(below))
        whole = RESULT_ENDING.sub("", name.lower())
        if (stems[name.lower()] > 1 or (whole != name.lower() and whole in stems)) and kind:
            name = f"{name}-{kind[1].lower()}"
        free, count = name, 2
        while free.lower() in taken:
            free, count = f"{name}_{count}", count + 1
        taken.add(free.lower())
        named.append(Input(path, free))
    return named
