"""Writes the samples of a data set in a layout, and the tables beside them."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from maskgen.dataset.missing import Design, find_strangers, read_design, warn_of_absent, who_by_path
from maskgen.dataset.reader import DataSet, open_data_set
from maskgen.dataset.shards import KEY
from maskgen.dataset.unpack.base import FileLayout, LayoutOptions
from maskgen.dataset.unpack.layouts import LAYOUTS
from maskgen.dataset.unpack.tables import (
    COLUMNS,
    MISSING,
    MISSING_COLUMNS,
    TABLE,
    missing_rows,
    sample_row,
    table,
)
from maskgen.dataset.unpack.target import TargetFolder
from maskgen.errors import InputError, UsageError
from maskgen.progress import OnProgress, Progress, no_progress


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
    layout: str = "folders",
    names: str = "",
    split: str = "",
    overwrite: bool = False,
    on_progress: OnProgress = no_progress,
) -> UnpackReport:
    """Writes the samples of a data set as plain files, `samples.csv` with a row of labels for each, and `skipped.csv`.

    Args:
        folder: folder of the data set.
        to: the target folder; new or empty unless `overwrite`.
        layout: a name in `LAYOUTS`.
        names: folders of masked image, original and map, separated by commas. "" means `folders.NAMES` for `folders`,
            and for `tree` a single tree of masked images.
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
    if layout not in LAYOUTS:
        raise UsageError(f"--layout {layout}: unknown; choose one of {', '.join(LAYOUTS)}")
    folder, to = Path(folder), Path(to)
    data = open_data_set(folder)
    writer = LAYOUTS[layout](LayoutOptions(names))
    target = TargetFolder(to, folder, overwrite)
    design = read_design(data)
    strangers = _strangers(data, writer, design, split)
    rows: list[list[object]] = []
    files, total = 0, sum(record.count for record in data.records if split in ("", record.split))
    for done, sample in enumerate(data.samples(split=split), 1):
        if not KEY.fullmatch(sample.key):
            raise InputError(f"{folder}: '{sample.key}' is no key of a sample; do not trust this data set")
        if sample.key not in strangers:
            written = target.write_sample(sample.key, writer.files(sample))
            rows.append(sample_row(written[0], sample))
            files += len(written)
        on_progress(Progress(done, total))
    for name, content in writer.closing():
        target.write(name, content)
    who = who_by_path(((str(row[2]), str(row[3])) for row in rows), design.people)
    missing = missing_rows(data, split, who)
    target.write(TABLE, table(COLUMNS, rows))
    target.write(MISSING, table(MISSING_COLUMNS, missing))
    reasons = Counter(str(reason) for *_, reason, _ in missing)
    warnings = warn_of_absent(data, design, split)
    return UnpackReport(to, len(rows), files, dict(sorted(reasons.items())), len(strangers), warnings)


def _strangers(data: DataSet, writer: FileLayout, design: Design, split: str) -> set[str]:
    """Returns the keys of the crops that a layout leaves out."""
    if writer.strangers or not design.strangers:
        return set()
    return find_strangers(data.samples(split=split), design)
