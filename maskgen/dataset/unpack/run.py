"""Writes the samples of a data set in a layout, and the tables beside them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maskgen.csv_text import csv_bytes
from maskgen.dataset.missing import Design, find_strangers, read_design, warn_of_absent, who_by_path
from maskgen.dataset.reader import DataSet, Encoded, open_data_set
from maskgen.dataset.shard_record import SPLITS
from maskgen.dataset.shards import KEY
from maskgen.dataset.unpack.base import (
    Contents,
    FileLayout,
    LayoutFacts,
    LayoutOptions,
    StreamLayout,
    UnpackLayout,
)
from maskgen.dataset.unpack.image_folder import Classes
from maskgen.dataset.unpack.layouts import build_layout
from maskgen.dataset.unpack.tables import (
    COLUMNS,
    MISSING,
    MISSING_COLUMNS,
    TABLE,
    missing_rows,
    sample_row,
)
from maskgen.dataset.unpack.target import TargetFolder
from maskgen.errors import InputError
from maskgen.progress import OnProgress, Progress, no_progress


@dataclass(frozen=True)
class UnpackReport:
    """Result of unpacking.

    Attributes:
        to: the target folder.
        samples: number of samples written.
        files: number of files that hold them; tables and indexes beside them are not counted.
        people: number of people, in layouts by person.
        skipped: number of photos without a sample, by reason.
        left_out: number of crops of strangers that a tree leaves out.
        boxes: number of labelled faces of each class, in layouts for detectors and classifiers.
        faces_left_out: number of faces there without a label: too small, or mostly outside of the image.
        warnings: one line each.
    """

    to: Path
    samples: int
    files: int
    skipped: dict[str, int]
    left_out: int = 0
    boxes: Mapping[str, int] = field(default_factory=dict)
    faces_left_out: int = 0
    people: int = 0
    warnings: tuple[str, ...] = ()


def unpack(
    folder: str | Path,
    to: str | Path,
    *,
    layout: str = "folders",
    names: str = "",
    classes: str = "",
    class_by: str = "state",
    segments: str = "",
    also_original: bool = False,
    min_face: float = LayoutOptions.min_face,
    split: str = "",
    overwrite: bool = False,
    on_progress: OnProgress = no_progress,
) -> UnpackReport:
    """Writes the samples of a data set in files that other software reads, `samples.csv` and `skipped.csv`.

    Args:
        folder: folder of the data set.
        to: the target folder; new or empty unless `overwrite`.
        layout: "folders", "strip", "tree"; "yolo", "coco", "voc", "classes"; "identities", "rec"; "parquet", "mds" or
            "tfrecord".
        names: folders of masked image, original and map, separated by commas. "" means "inputs,outputs,binary_mask"
            for `folders`, and for `tree` a single tree of masked images.
        classes: names of the classes of faces, separated by commas, in the order that `class_by` states; "" for the
            usual names.
        class_by: "state": worn correctly, bare, worn otherwise; "wear": `correct`, `nose`, `chin`, `below-mouth`,
            `bare`.
        segments: outlines of masks: "polygon", "rle" or "none"; "" means polygons for `coco`, else none.
        also_original: also write the images without masks, in which every face is bare; in layouts by person beside the
            masked ones, once for each face.
        min_face: least shorter side in pixels of a face that gets a box.
        split: only this split; "" for all.
        overwrite: write into a folder that holds files; files of the same name are replaced.
        on_progress: called for each sample.

    Returns:
        Numbers of samples, files and skipped photos.

    Raises:
        UsageError: the target is not empty, or an option is invalid.
        InputError: the data set cannot be read, or names a path outside the target.
        MissingError: the disk is full.
        UnmaskError: the target cannot be written to.
    """
    options = LayoutOptions(names, classes, class_by, segments, also_original, min_face)
    folder, to = Path(folder), Path(to)
    data = open_data_set(folder)
    writer = build_layout(layout, options)
    target = TargetFolder(to, folder, overwrite)
    design = read_design(data)
    strangers = _strangers(data, writer, design, split)
    try:
        rows, files = _write_samples(data, split, writer, target, strangers, on_progress)
        for name, content in writer.closing():
            target.write(name, content)
    finally:
        if isinstance(writer, StreamLayout):
            writer.abandon()
    who = who_by_path(((str(row[2]), str(row[3])) for row in rows), design.people)
    missing = missing_rows(data, split, who)
    target.write(TABLE, csv_bytes(COLUMNS, rows))
    target.write(MISSING, csv_bytes(MISSING_COLUMNS, missing))
    reasons = Counter(str(reason) for *_, reason, _ in missing)
    facts = writer.facts()
    warnings = (*warn_of_absent(data, design, split), *_warnings(data, design, writer, facts))
    return UnpackReport(
        to,
        len(rows),
        facts.files or files,
        dict(sorted(reasons.items())),
        len(strangers),
        facts.boxes,
        facts.faces_left_out,
        facts.people,
        warnings,
    )


def _write_samples(
    data: DataSet,
    split: str,
    writer: UnpackLayout,
    target: TargetFolder,
    strangers: set[str],
    on_progress: OnProgress,
) -> tuple[list[list[object]], int]:
    """Writes the samples; returns the rows of `samples.csv`, and the number of files."""
    if isinstance(writer, StreamLayout):
        kept = (sample for sample in data.samples(split=split) if sample.key not in strangers)
        shards = tuple(record.name for record in data.records if record.count and split in ("", record.split))
        writer.prepare(target.folder, Contents(data.about, shards, kept))
    rows: list[list[object]] = []
    files, total = 0, sum(record.count for record in data.records if split in ("", record.split))
    for done, sample in enumerate(data.samples(split=split), 1):
        _check_names(sample, data.folder)
        written = _write(sample, writer, target) if sample.key not in strangers else []
        if written:
            rows.append(sample_row(written[0], sample))
            files += len(written)
        on_progress(Progress(done, total))
    return rows, files


def _check_names(sample: Encoded, folder: Path) -> None:
    """Checks the parts of a sample's paths that come from its shard."""
    if not KEY.fullmatch(sample.key):
        raise InputError(f"{folder}: '{sample.key}' is no key of a sample; do not trust this data set")
    split = sample.labels["split"]
    if split not in SPLITS:
        raise InputError(f"{folder}: '{split}' is no split, in {sample.key}; do not trust this data set")


def _write(sample: Encoded, writer: UnpackLayout, target: TargetFolder) -> list[str]:
    """Writes a sample, and returns the names of its files, or where it is in a large one; none if it is left out."""
    if isinstance(writer, StreamLayout):
        return writer.append(sample)
    assert isinstance(writer, FileLayout)
    made = writer.files(sample)
    return target.write_sample(sample.key, made) if made else []


def _warnings(data: DataSet, design: Design, writer: UnpackLayout, facts: LayoutFacts) -> tuple[str, ...]:
    """Warns of images whose faces are not all known; and adds the layout's own warnings."""
    warnings = facts.warnings
    if "classes" in writer.accepts and data.about.get("format") == 1:
        warnings += (
            f"{data.folder}: was made before bare faces were listed, so faces without a mask may have no box; "
            "make it again with unmask gen-data",
        )
    if isinstance(writer, Classes) and design.settings.get("crop", {}).get("size") == 0:
        warnings += (
            "the images are whole photos, and the class is that of the first face; a classifier of faces wants crops: "
            "make the data set with gen-data --size 224",
        )
    if facts.unlabelled:
        warnings += (
            f"{facts.unlabelled:,} samples left out: their faces are unknown, as in what unmask pack makes",
        )
    return warnings


def _strangers(data: DataSet, writer: UnpackLayout, design: Design, split: str) -> set[str]:
    """Returns the keys of the crops that a layout leaves out."""
    if writer.strangers or not design.strangers:
        return set()
    return find_strangers(data.samples(split=split), design)
