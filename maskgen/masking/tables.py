"""Tables of a finished run: the faces with their masks, and the photos in which no face is masked."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from maskgen.csv_text import TableWriter
from maskgen.files import disk_errors, whole
from maskgen.masking.batch import FACE_COLUMNS
from maskgen.masking.journal import PhotoResult

FACES, SKIPPED = ".unmask-faces.csv", ".unmask-skipped.csv"


@dataclass
class Counts:
    """Counts over all photos.

    Attributes:
        photos: number of photos.
        masked: photos of which a face is masked.
        bare: photos that are written without a mask because none was drawn for them, see `masks.share`.
        copied: photos that are written without a mask because no face can be masked.
        files: files in the target folder.
        faces: masked faces, in the first masked photo of each photo.
        skipped: reason -> number of photos in which no face can be masked.
    """

    photos: int = 0
    masked: int = 0
    bare: int = 0
    copied: int = 0
    files: int = 0
    faces: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def add(self, result: PhotoResult) -> None:
        """Counts one photo."""
        self.photos += 1
        self.files += len(result.files)
        self.faces += result.masked
        self.masked += result.masked > 0
        if result.reason:
            self.skipped[result.reason] += 1
            self.copied += bool(result.files)
        else:
            self.bare += result.masked == 0


def write_tables(out: Path, results: Iterable[PhotoResult]) -> Counts:
    """Writes both tables into the target folder and counts; holds one result at a time.

    Args:
        out: the target folder.
        results: those of all photos, in the order of the tables.

    Returns:
        The counts.
    """
    counts = Counts()
    with (
        disk_errors(out, "the tables of faces and skipped photos"),
        whole(out / FACES) as faces_path,
        whole(out / SKIPPED) as skipped_path,
        faces_path.open("w", encoding="utf-8", newline="") as faces_file,
        skipped_path.open("w", encoding="utf-8", newline="") as skipped_file,
    ):
        faces = TableWriter(faces_file, ["photo", *FACE_COLUMNS])
        skipped = TableWriter(skipped_file, ["photo", "reason", "detail"])
        for result in results:
            counts.add(result)
            for row in result.faces:
                faces.write([result.photo, *(row.get(column, "") for column in FACE_COLUMNS)])
            if result.reason:
                skipped.write([result.photo, result.reason, result.detail])
    return counts
