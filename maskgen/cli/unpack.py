"""`unmask unpack`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from maskgen.cli.options import Output, count_of, reason_lines
from maskgen.command_settings import UnpackSettings

if TYPE_CHECKING:
    from maskgen.dataset.unpack import UnpackReport


def unpack(settings: UnpackSettings) -> Output:
    """Write the samples of a data set as plain files, for tools that read folders.

    Layouts: folders (a folder each for masked photos, originals and maps), strip (the three images side by side), tree
    (masked photos under their original names and folders, as face-recognition training reads them; with --names a tree
    of each image). For mask detectors: yolo (with data.yaml), coco and voc, with a box of every face; for classifiers:
    classes (a folder per class); see docs/detection-data.md. For face recognisers: identities (a folder per person) and
    rec (.rec and .idx as InsightFace reads them); see docs/recognition-data.md. For other loaders, all images and
    labels in few large files: parquet (Hugging Face, pandas, Polars, DuckDB), mds (MosaicML Streaming) and tfrecord
    (TensorFlow); see docs/exports.md. samples.csv holds the labels, skipped.csv the photos that gave no sample, with
    reasons.

    Example: [bold]unmask unpack data/shards/mine --layout folders --to plain/[/bold]

    Example: [bold]unmask unpack data/shards/mine --layout yolo --to masks-yolo/[/bold]

    Example: [bold]unmask unpack data/shards/mine --layout parquet --to masks-parquet/[/bold]
    """
    from maskgen.cli.progress_bar import Meter
    from maskgen.dataset.unpack import unpack as write

    with Meter("samples", sys.stderr) as meter:
        report = write(
            Path(settings.dir),
            Path(settings.to),
            layout=settings.layout,
            names=settings.names,
            classes=settings.classes,
            class_by=settings.class_by,
            segments=settings.segments,
            also_original=settings.also_original,
            min_face=settings.min_face,
            split=settings.split,
            overwrite=settings.overwrite,
            on_progress=meter,
        )
    return Output(report, report_text(report), report.warnings)


def report_text(report: "UnpackReport") -> str:
    """Summarises what was written, and which photos of the source are missing."""
    who = f" of {count_people(report.people)}" if report.people else ""
    tables = f"{count_of(report.files, 'file')} and {'its' if report.files == 1 else 'their'} tables"
    lines = [f"{count_of(report.samples, 'sample')}{who} in {report.to}: {tables}"]
    if report.boxes:
        counts = ", ".join(f"{name} {count:,}" for name, count in report.boxes.items())
        lines.append(f"faces: {counts}")
    if report.faces_left_out:
        faces = count_of(report.faces_left_out, "face")
        lines.append(f"{faces} without a label: too small, or mostly outside of the image")
    if report.skipped:
        photos = count_of(sum(report.skipped.values()), "photo")
        lines.append(f"{photos} of the source gave no sample, see skipped.csv there:")
        lines += reason_lines(report.skipped)
    if report.left_out:
        crops = count_of(report.left_out, "crop")
        lines.append(f"{crops} left out: faces other than the main one, on photos of a known person")
    return "\n".join(lines)


def count_people(number: int) -> str:
    """Counts people: "1 person", "2 people"."""
    return f"{number:,} {'person' if number == 1 else 'people'}"
