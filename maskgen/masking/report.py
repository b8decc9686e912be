"""Results of `unmask mask`, and the check for too many failed photos."""

from dataclasses import dataclass

from maskgen.generation.failures import refuse_failures
from maskgen.masking.settings import MaskFolderSettings


@dataclass(frozen=True)
class MaskReport:
    """Result of a run, together with the runs before it into the same folder.

    Attributes:
        out: folder of the masked photos.
        photos: photos of the source.
        masked: photos of which at least one face is masked.
        faces: masked faces.
        bare: photos that are written without a mask because none was drawn for their faces: `--share`, `bare`.
        copied: photos that are written without a mask because no face can be masked: `--unmasked copy`.
        files: files in `out`, beside the hidden ones.
        skipped: reason -> number of photos in which no face can be masked.
        seconds: wall time of this run.
        made: photos processed in this run; the others were processed by earlier runs.
        maps: folder of the maps; "" for none.
        landmarks: the landmark backend, with its models.
        faces_table: CSV file with a row for each face.
        skipped_table: CSV file with a row for each photo in which no face can be masked.
        warnings: one line each.
    """

    out: str
    photos: int
    masked: int
    faces: int
    bare: int
    copied: int
    files: int
    skipped: dict[str, int]
    seconds: float
    made: int
    maps: str = ""
    landmarks: str = ""
    faces_table: str = ""
    skipped_table: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class MaskRehearsal:
    """Result of `--dry-run`.

    Attributes:
        out: folder of the masked photos.
        photos: photos of the source.
        missing: photos still to process.
        renamed: files that get another name, because the photo's own name is another file's.
        masks: SPEC, also where options of MaskTheFace were given.
    """

    out: str
    photos: int
    missing: int
    renamed: int
    masks: str


def check_mask_failures(report: MaskReport, settings: MaskFolderSettings) -> None:
    """Refuses a result with too many failed photos, as `check_failures` does for a data set.

    Raises:
        TooManyFailures: more than `run.max_failures` failed, or a photo crashed its worker.
    """
    refuse_failures(
        report.out,
        report.photos,
        report.skipped,
        settings.run.max_failures,
        f"see {report.skipped_table}, allow it with --max-failures, try them again with --retry-failed",
    )
