"""Lists of photo pairs for face verification: reading, writing, and matching with the photos of a data set.

A file of pairs has one of two forms, with tabs, commas or blanks between the fields.

`lfw`, as LFW's view 2: the first line holds the number of folds and the number n of pairs. Each fold has n lines
`Name 1 4` of one person, then n lines `Name 1 Other 2` of two; photo 4 of Name is `Name/Name_0004.jpg`. A first line
with one number means one fold, as in LFW's files for development.

`list`: each line holds two photos, and 1 for one person or 0 for two; the number of the fold may follow.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from maskgen.errors import InputError
from maskgen.images.formats import photo_suffix
from maskgen.reading import read_regular_file, reason_of

Form = Literal["lfw", "list"]
MAX_BYTES = 1 << 28  # of a file of pairs
PICKLE = b"\x80"  # first byte; no text in UTF-8 starts with it
COMMENTS = ("#", "\ufeff")  # a line that begins so, or a file that begins so, is not read as it stands
FOLDS = 10  # folds of a list that names none, as LFW's protocol has
SAME = {"1": True, "0": False, "-1": False, "true": True, "false": False}
LFW_PHOTO = re.compile(r"(?:.*/)?(?P<person>[^/]+)/(?P=person)_(?P<number>\d{4})\.[a-z]+", re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """Pair of photos.

    Attributes:
        first, second: ids of the photos: paths relative to their source, such as `Name/Name_0001.jpg`.
        same: whether they show the same person.
        fold: number of the fold, from 0.
    """

    first: str
    second: str
    same: bool
    fold: int = 0


def read_pairs(path: str | Path, folds: int = FOLDS) -> list[Pair]:
    """Reads a file of pairs in either form.

    Args:
        path: the file.
        folds: number of folds of a list that names none: consecutive parts of equal length, as scikit-learn's `KFold`
            cuts them without shuffling.

    Returns:
        The pairs in the order of the file.

    Raises:
        InputError: the file cannot be read, or a line has neither form; the message names it.
    """
    path = Path(path)
    try:
        data = read_regular_file(path, MAX_BYTES)
        if data.startswith(PICKLE):
            raise InputError(
                f"{path}: a pickle, as InsightFace's .bin files are; it could run any program, so it is not read. "
                "Give a list of pairs, such as LFW's pairs.txt"
            )
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as pairs of photos ({reason_of(error)})") from error
    lines = [(number, line.strip()) for number, line in enumerate(re.split("\r\n|[\r\n]", text), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if not lines:
        raise InputError(f"{path}: holds no pair")
    head = _fields(lines[0][1])
    if len(head) <= 2 and all(re.fullmatch(r"[0-9]{1,9}", field) for field in head):
        return _read_lfw(path, lines, head)
    return _read_list(path, lines, folds)


def _fields(line: str) -> list[str]:
    """Splits a line at tabs, else at commas, else at blanks; names may contain what does not separate them."""
    for separator in ("\t", ",", None):
        if separator is None or separator in line:
            return [field.strip() for field in line.split(separator)]
    raise AssertionError


def _read_lfw(path: Path, lines: Sequence[tuple[int, str]], head: Sequence[str]) -> list[Pair]:
    folds, each = (1, int(head[0])) if len(head) == 1 else (int(head[0]), int(head[1]))
    if len(lines) - 1 != 2 * folds * each or not each:
        raise InputError(
            f"{path}: its first line promises {folds} x 2 x {each} pairs, but {len(lines) - 1} follow; is it cut?"
        )
    pairs = []
    for place, (number, line) in enumerate(lines[1:]):
        fold, within = divmod(place, 2 * each)
        same, fields = within < each, _fields(line)
        places = (1, 2) if same else (1, 3)
        if len(fields) != 4 - same or any(not re.fullmatch("[0-9]{1,9}", fields[i]) for i in places):
            expected = "Name 1 2" if same else "Name 1 Other 2"
            raise InputError(f"{path}: line {number}: expected {expected}, got {line!r}")
        other = fields[0] if same else fields[2]
        pairs.append(
            Pair(lfw_photo(fields[0], int(fields[1])), lfw_photo(other, int(fields[-1])), same, fold)
        )
    return pairs


def lfw_photo(person: str, number: int) -> str:
    """Returns the path of a person's photo in LFW's tree: `Name/Name_0001.jpg`."""
    return f"{person}/{person}_{number:04d}.jpg"


def _read_list(path: Path, lines: Sequence[tuple[int, str]], folds: int) -> list[Pair]:
    pairs: list[Pair] = []
    columns = len(_fields(lines[0][1]))
    for place, (number, line) in enumerate(lines):
        fields = _fields(line)
        good = len(fields) == columns and columns in (3, 4) and fields[2].lower() in SAME
        if not good or (columns == 4 and not re.fullmatch("[0-9]{1,9}", fields[3])):
            raise InputError(
                f"{path}: line {number}: expected two photos and 1 (one person) or 0 (two), such as "
                f"a.jpg<TAB>b.jpg<TAB>1; got {line[:200]!r}"
            )
        fold = int(fields[3]) if columns == 4 else place * folds // len(lines)
        pairs.append(Pair(fields[0], fields[1], SAME[fields[2].lower()], fold))
    return pairs


def pairs_text(pairs: Sequence[Pair], form: Form) -> str:
    """Formats pairs as a file, the inverse of `read_pairs`.

    Args:
        pairs: at least one; for `lfw`, as many of one person as of two in each fold.
        form: "lfw" or "list"; a list is ordered by fold, with three columns, which is what other programs read.

    Raises:
        InputError: a photo is not named as LFW's are, or a name holds a tab or a line end, or begins as a comment does.
    """
    ordered = sorted(pairs, key=lambda pair: (pair.fold, not pair.same))
    if bad := next((name for pair in pairs for name in (pair.first, pair.second) if _breaks(name)), None):
        raise InputError(f"{bad!r}: a name with a tab or a line end has no place in a list of pairs")
    if form == "list":
        return _joined(f"{pair.first}\t{pair.second}\t{int(pair.same)}\n" for pair in ordered)
    counts = Counter((pair.fold, pair.same) for pair in pairs)
    folds = sorted({pair.fold for pair in pairs})
    each = counts[folds[0], True]
    if any(counts[fold, same] != each for fold in folds for same in (True, False)):
        raise InputError("pairs.txt has as many pairs of one person as of two, in each fold; use --form list")
    return f"{len(folds)}\t{each}\n" + _joined(_lfw_line(pair) for pair in ordered)


def _joined(lines: Iterable[str]) -> str:
    """Joins lines, none of which a reader may pass over as a comment."""
    lines = list(lines)
    if bad := next((line for line in lines if line[:1] in COMMENTS), None):
        name = bad.partition("\t")[0]
        raise InputError(f"{name!r}: begins as a comment does, so it has no place in a list of pairs")
    return "".join(lines)


def _breaks(name: str) -> bool:
    return any(mark in name for mark in "\t\n\r") or name != name.strip()


def _lfw_line(pair: Pair) -> str:
    (person, one), (other, two) = (_lfw_name(name) for name in (pair.first, pair.second))
    return f"{person}\t{one}\t{two}\n" if pair.same else f"{person}\t{one}\t{other}\t{two}\n"


def is_lfw_name(name: str) -> bool:
    """Tells whether a photo is named as LFW's are: `Name/Name_0001.jpg`, in any folder."""
    return LFW_PHOTO.fullmatch(name) is not None


def fits_lfw(photos: Iterable[str]) -> bool:
    """Tells whether all photos are named as LFW's are, and no two have one name there, such as in two folders."""
    photos = list(photos)
    return all(map(is_lfw_name, photos)) and len(set(map(_lfw_name, photos))) == len(photos)


def _lfw_name(name: str) -> tuple[str, int]:
    match = LFW_PHOTO.fullmatch(name)
    if not match:
        raise InputError(f"{name}: is not named as LFW's photos are, Name/Name_0001.jpg; use --form list")
    return match["person"], int(match["number"])


@dataclass(frozen=True)
class MatchedPairs:
    """Pairs whose photos are in a data set.

    Attributes:
        pairs: the pairs, with the data set's own ids.
        missing: names of photos that the data set does not hold, sorted; their pairs are left out.
    """

    pairs: tuple[Pair, ...]
    missing: tuple[str, ...]


def match_pairs(pairs: Iterable[Pair], ids: Iterable[str]) -> MatchedPairs:
    """Finds the photos of pairs among the ids of a data set.

    A name matches the id that is equal; else the only id that ends in it at a folder's border, with any suffix: so
    `Name/Name_0001.jpg` matches `lfw-deepfunneled/Name/Name_0001.png`. A name that several ids match is missing.

    Args:
        pairs: as `read_pairs` returns them.
        ids: ids of the photos, the label `source` of their samples.
    """
    exact = set(ids)
    endings = _by_name(exact)
    matched: list[Pair] = []
    missing: set[str] = set()
    for pair in pairs:
        found = [_find(name, exact, endings) for name in (pair.first, pair.second)]
        missing |= {name for name, one in zip((pair.first, pair.second), found, strict=True) if one is None}
        if found[0] is not None and found[1] is not None:
            matched.append(replace(pair, first=found[0], second=found[1]))
    return MatchedPairs(tuple(matched), tuple(sorted(missing)))


def _by_name(ids: Iterable[str]) -> Mapping[str, list[str]]:
    """Groups ids by file name without suffix."""
    groups = defaultdict[str, list[str]](list)
    for one in ids:
        groups[_parts(one)[-1]].append(one)
    return groups


def _parts(name: str) -> tuple[str, ...]:
    """Returns folders and file name of an id, without the suffix of an image."""
    parts = PurePosixPath(name).parts or ("",)
    return (*parts[:-1], parts[-1].removesuffix(photo_suffix(parts[-1])))


def _find(name: str, exact: set[str], endings: Mapping[str, list[str]]) -> str | None:
    if name in exact:
        return name
    parts = _parts(name)
    found = [one for one in endings.get(parts[-1], ()) if _parts(one)[-len(parts) :] == parts]
    return found[0] if len(found) == 1 else None
