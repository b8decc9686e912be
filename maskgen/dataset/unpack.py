"""Unpacking shards into plain files, for tools that read folders.

There are three layouts. `folders`: masked image, original and map in one folder each. `strip`: one image of all three
side by side. `tree`: masked photos or crops under their original names and folders, as the training of face
recognition needs them; it leaves out crops of strangers, which are faces other than the main face of a known person's
photo. `skipped.csv` lists the photos without a sample, with the reason. Names and paths from shards are not trusted:
nothing is written outside the target.
"""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from PIL import Image

from maskgen.dataset.missing import find_strangers, read_design, warn_of_absent, who_by_path
from maskgen.dataset.reader import DataSet, Encoded, open_data_set, posed, worn
from maskgen.dataset.shards import KEY
from maskgen.errors import InputError, UsageError
from maskgen.files import disk_errors, size_text
from maskgen.images import codecs
from maskgen.images.formats import photo_suffix
from maskgen.progress import OnProgress, Progress, no_progress
from maskgen.types import Plane

Layout = Literal["folders", "strip", "tree"]
NAMES = "inputs,outputs,binary_mask"
TABLE, MISSING = "samples.csv", "skipped.csv"
COLUMNS = ["file", "key", "source", "identity", "split", "family", "texture", "colour", "strength", "wear"]
COLUMNS += ["yaw", "pitch", "roll", "hole", "valid"]
MISSING_COLUMNS = ["source", "identity", "split", "reason", "detail"]
SAME_SUFFIXES = {"jpg": {".jpg", ".jpeg"}, "png": {".png"}, "webp": {".webp"}}
FACE_MASK = re.compile(r"-f\d+-m\d+$")
QUALITY = 95  # JPEG quality of strips
NAME_BYTES = 255  # longest file name of common file systems

File = tuple[str, bytes]  # path below the target, content


@dataclass(frozen=True)
class UnpackReport:
    """Result of unpacking.

    Attributes:
        to: the target folder.
        samples: number of samples written.
        files: number of files that they make up.
        skipped: number of photos without a sample, by reason.
        left_out: number of crops of strangers that a tree leaves out.
        warnings: one line each.
    """

    to: Path
    samples: int
    files: int
    skipped: dict[str, int]
    left_out: int = 0
    warnings: tuple[str, ...] = ()


def unpack(
    folder: str | Path,
    to: str | Path,
    *,
    layout: Layout = "folders",
    names: str = "",
    split: str = "",
    overwrite: bool = False,
    on_progress: OnProgress = no_progress,
) -> UnpackReport:
    """Writes the samples of a data set as plain files, `samples.csv` with a row of labels for each, and `skipped.csv`.

    Args:
        folder: folder of the data set.
        to: the target folder; new or empty unless `overwrite`.
        layout: "folders", "strip" or "tree", see the module.
        names: folders of masked image, original and map, separated by commas. "" means `NAMES` for `folders`, and for
            `tree` a single tree of masked images.
        split: only this split; "" for all.
        overwrite: write into a folder that holds files; files of the same name are replaced.
        on_progress: called for each sample.

    Returns:
        Numbers of samples, files and skipped photos.

    Raises:
        UsageError: the target is not empty, or the names are invalid.
        InputError: the data set cannot be read, or names a path outside the target.
        MissingError: the disk is full.
        UnmaskError: the target cannot be written to.
    """
    folder, to = Path(folder), Path(to)
    data = open_data_set(folder)
    write = _writer(layout, names)
    _check_target(to, folder, overwrite)
    design = read_design(data)
    strangers: set[str] = set()
    if layout == "tree" and design.strangers:
        strangers = find_strangers(data.samples(split=split), design)
    taken: set[str] = set()
    rows: list[list[object]] = []
    files, total = 0, sum(record.count for record in data.records if split in ("", record.split))
    for done, sample in enumerate(data.samples(split=split), 1):
        if not KEY.fullmatch(sample.key):
            raise InputError(f"{folder}: '{sample.key}' is no key of a sample; do not trust this data set")
        if sample.key not in strangers:
            written = _write(to, sample.key, write(sample), taken)
            rows.append(_row(written[0], sample))
            files += len(written)
        on_progress(Progress(done, total))
    who = who_by_path(((str(row[2]), str(row[3])) for row in rows), design.people)
    missing = _missing(data, split, who)
    _put(to, TABLE, _table(COLUMNS, rows))
    _put(to, MISSING, _table(MISSING_COLUMNS, missing))
    reasons = Counter(str(reason) for *_, reason, _ in missing)
    warnings = warn_of_absent(data, design, split)
    return UnpackReport(to, len(rows), files, dict(sorted(reasons.items())), len(strangers), warnings)


def _writer(layout: Layout, names: str) -> Callable[[Encoded], list[File]]:
    folders = [name.strip() for name in (names or NAMES).split(",")]
    if len(set(folders)) != 3 or any(not re.fullmatch(r"[\w-][\w.-]*", name) for name in folders):
        raise UsageError(f"--names {names}: give three different plain names, such as {NAMES}")
    if layout == "strip" and names:
        raise UsageError("--names: strips lie in no folders; leave it out, or give --layout folders or tree")
    writers: dict[Layout, Callable[[Encoded], list[File]]] = {
        "folders": lambda sample: folder_files(sample, folders),
        "strip": strip_files,
        "tree": lambda sample: tree_files(sample, folders if names else []),
    }
    return writers[layout]


def _check_target(to: Path, folder: Path, overwrite: bool) -> None:
    if to.resolve() == folder.resolve():
        raise UsageError(f"--to {to}: this is the data set itself; choose another folder")
    if to.exists() and not to.is_dir():
        raise UsageError(f"--to {to}: is a file; choose a folder")
    if to.is_dir() and any(to.iterdir()) and not overwrite:
        raise UsageError(f"--to {to}: the folder is not empty; choose another, or give --overwrite")


def folder_files(sample: Encoded, names: Sequence[str]) -> list[File]:
    """Returns masked image and original as stored in the shard, and the map as an 8-bit PNG of 0 and 255."""
    return [
        (f"{name}/{sample.key}.{end}", content)
        for name, (content, end) in zip(names, _contents(sample), strict=True)
    ]


def _contents(sample: Encoded) -> tuple[tuple[bytes, str], ...]:
    """Returns bytes and suffix of masked image, original and map."""
    map = _grey_png(sample.decode()["map"] * np.uint8(255))
    return sample.member("masked"), sample.member("gt"), (map, "png")


def strip_files(sample: Encoded) -> list[File]:
    """Returns original, masked image and map side by side, as JPEG, or as PNG if the data set is lossless."""
    pixels, suffix = sample.decode(), sample.member("masked")[1]
    strip = np.hstack([pixels["gt"], pixels["masked"], np.dstack([pixels["map"] * np.uint8(255)] * 3)])
    if suffix == "jpg":
        return [(f"{sample.key}.jpg", codecs.encode_jpeg(strip, QUALITY))]
    return [(f"{sample.key}.png", codecs.encode_lossless(strip, "png"))]


def tree_files(sample: Encoded, names: Sequence[str] = ()) -> list[File]:
    """Returns the masked image under the name of its photo; further faces and masks get a suffix such as `-f0-m1`.

    Args:
        sample: the sample.
        names: folders of the trees of masked images, originals and maps; empty for one tree of masked images.

    Raises:
        InputError: the path of the photo leads out of the target.
    """
    source = PurePosixPath(sample.labels["source"])
    # A backslash separates folders on Windows. Elsewhere it is part of a name, or escapes a byte that is not UTF-8.
    parts = re.split(r"[/\\]", str(source))
    if source.is_absolute() or not source.name or ".." in parts or "\0" in str(source):
        raise InputError(
            f"{sample.key}: its source '{source}' leads out of the target; do not trust this data set"
        )
    if os.sep == "\\":
        source = PurePosixPath(str(source).replace("\\", "_"))
    suffixes = FACE_MASK.search(sample.key)
    more = suffixes[0] if suffixes and suffixes[0] != "-f0-m0" else ""

    def path_with(suffix: str) -> str:
        own = photo_suffix(source.name)  # none in `john.smith`, whose name is kept whole
        end = own if own.lower() in SAME_SUFFIXES[suffix] else f".{suffix}"
        return str(source.with_name(_fitting(source.name.removesuffix(own), more + end)))

    if not names:
        content, suffix = sample.member("masked")
        return [(path_with(suffix), content)]
    return [
        (f"{name}/{path_with(suffix)}", content)
        for name, (content, suffix) in zip(names, _contents(sample), strict=True)
    ]


def _fitting(stem: str, end: str) -> str:
    """Shortens a file name to `NAME_BYTES` bytes by cutting its stem."""
    return stem.encode()[: NAME_BYTES - len(end.encode())].decode("utf-8", "ignore") + end


def _claim(name: str, key: str, taken: set[str]) -> str:
    """Reserves a name, or a name with the key if another sample has it; case is ignored."""
    path = PurePosixPath(name)
    if name.casefold() in taken:
        name = str(path.with_name(_fitting(path.stem, f"-{key}{path.suffix}")))
    assert name.casefold() not in taken, name
    taken.add(name.casefold())
    return name


def _write(to: Path, key: str, files: list[File], taken: set[str]) -> list[str]:
    """Writes the files of a sample and returns their final names."""
    names = [_claim(name, key, taken) for name, _ in files]
    for name, (_, content) in zip(names, files, strict=True):
        _put(to, name, content)
    return names


def _put(to: Path, name: str, content: bytes) -> None:
    path = to / name
    with disk_errors(
        to, f"{name} ({size_text(len(content))})", "and give the same command again with --overwrite"
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _row(name: str, sample: Encoded) -> list[object]:
    labels, mask = sample.labels, worn(sample.labels)
    texts = [name, sample.key, labels["source"], labels["identity"], labels["split"]]
    mask_texts = [mask["family"], mask["texture"], mask["colour"], mask["strength"], mask["wear"]]
    return [*texts, *mask_texts, *posed(labels), labels["hole"], labels["valid"]]


def _missing(data: DataSet, split: str, who: Callable[[str], str]) -> list[list[object]]:
    """Returns the rows of `skipped.csv`."""
    return [
        [skip.id, who(skip.id), skip.split, skip.reason, skip.detail]
        for skip in data.skips()
        if split in ("", skip.split)
    ]


def _table(columns: Sequence[str], rows: list[list[object]]) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows([columns, *rows])
    return stream.getvalue().encode("utf-8")


def _grey_png(plane: Plane) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(plane).save(stream, "PNG")
    return stream.getvalue()
