"""`unmask frames-from-video`: extracts photos from videos into a folder that `unmask gen-data --src` reads.

    OUT/frames.csv            one row per sampled frame, or per face in it: kept or not, and why
    OUT/sheet.png             contact sheet of the kept photos
    OUT/CLIP/clip.json        written last: a clip's folder without it is ignored
    OUT/CLIP/p0/*.jpg         photos of one person; whole frames are in CLIP itself
    OUT/CLIP/audio.*          the audio, from the first kept frame on

A clip is written to `OUT/.CLIP` and renamed when it is complete, so an interrupted run continues with the next clip.
"""

import importlib.util
import io
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from maskgen.errors import InputError, MissingError, UsageError
from maskgen.extras import install_line
from maskgen.faces.landmarks import Detector, build_detector
from maskgen.files import disk_errors, write_atomic
from maskgen.frames_settings import FramesSettings
from maskgen.progress import OnProgress, Progress
from maskgen.reading import JSON_BYTES, open_regular_file, parse_json, read_regular_file, reason_of
from maskgen.settings import FaceSettings
from maskgen.sources.keys import slug
from maskgen.sources.leavings import is_left
from maskgen.video import Clip, is_video_name, open_clip
from maskgen.video.frames.extract import Taken, take_frames
from maskgen.video.frames.index import SHEET, TABLE, write_catalogue

PLACE = Path("data/frames")
ASIDE = ("files", "out", "overwrite", "threads", "seed")  # settings that do not change the bytes of a clip
HASHED = 1 << 20  # bytes at a file's start and end that are hashed with its length, to identify it


@dataclass(frozen=True)
class FileReport:
    """Result of one file. `frames`: sampled frames; `kept`: those with a photo; `faces`: kept frames with a face.

    `cut`: whether the clip ends too early or is damaged; `dropped`: number of rows without a photo, per reason;
    `error`: why the file was refused, "" if it was not; `tone_mapped`: "PQ" or "HLG" for a clip in HDR, else "".
    """

    file: str
    clip: str = ""
    frames: int = 0
    kept: int = 0
    faces: int = 0
    photos: int = 0
    persons: int = 0
    seconds_covered: float = 0.0
    duration: float = 0.0
    cut: bool = False
    audio: str = ""
    backend: str = ""
    error: str = ""
    dropped: dict[str, int] = field(default_factory=dict)
    tone_mapped: str = ""


@dataclass(frozen=True)
class FramesReport:
    """Result of a run of `frames-from-video`."""

    out: str
    files: list[FileReport]
    photos: int
    seconds: float
    sheet: str
    warnings: list[str]


@dataclass(frozen=True)
class FramesPlan:
    """Files that a run would read, and the folder it would write."""

    out: str
    files: list[FileReport]


@dataclass(frozen=True)
class VideoFile:
    """Video file that was named, or found in a named folder."""

    path: Path
    name: str
    clip: str


def frames_from_video(settings: FramesSettings, on_progress: OnProgress) -> FramesReport:
    """Extracts the photos of all files.

    Raises:
        UsageError: a clip exists already with other settings, or the target folder holds other files.
        InputError: no file can be used.
        MissingError: audio is requested and PyAV is not installed.
    """
    began = time.perf_counter()
    sources = find_files(settings.files)
    if (settings.audio or settings.audio_rate) and importlib.util.find_spec("av") is None:
        raise MissingError(f"--audio needs PyAV: {install_line('video')}")
    out = target_of(settings)
    _refuse_foreign(out)
    done = {source.clip: _record(out, source, settings) for source in sources}
    faces = FaceSettings(choose="largest" if settings.faces == "largest" else "all")
    detector = build_detector(faces, small_faces=False)
    reports = [done[source.clip] or _take(source, detector, settings, out, on_progress) for source in sources]
    if all(report.error for report in reports):
        raise InputError("\n  ".join(report.error for report in reports))
    sheet = write_catalogue(out)
    seconds = time.perf_counter() - began
    photos = sum(report.photos for report in reports)
    return FramesReport(str(out), reports, photos, seconds, sheet, [*_warnings(reports)])


def rehearse_frames(settings: FramesSettings) -> FramesPlan:
    """Opens all files and writes nothing; the plan holds the errors of single files.

    Raises:
        UsageError, InputError: as in `frames_from_video`.
    """
    sources, out = find_files(settings.files), target_of(settings)
    _refuse_foreign(out)
    reports = []
    for source in sources:
        _record(out, source, settings)
        try:
            clip = open_clip(source.path, settings.threads)
        except InputError as error:
            reports.append(FileReport(source.name, source.clip, error=str(error)))
        else:
            reports.append(FileReport(source.name, source.clip, duration=clip.duration, backend=clip.backend))
            clip.close()
    return FramesPlan(str(out), reports)


def _warnings(reports: list[FileReport]) -> Iterator[str]:
    for report in reports:
        if report.error:
            yield report.error
        elif report.cut:
            yield (
                f"{report.file}: cut or damaged: {report.seconds_covered:.2f} s of {report.duration:.2f} s could be "
                "read; frames up to there were taken. Copy or record it again to have the rest"
            )
        elif not report.frames:
            yield (
                f"{report.file}: no frame lies between --start and --end; the clip lasts {report.duration:.2f} s"
            )
        elif not report.photos:
            yield f"{report.file}: no photo was kept of {report.frames:,} frames; frames.csv says why"
        if report.tone_mapped:
            yield f"{report.file}: HDR ({report.tone_mapped}) was tone-mapped to BT.709"


def find_files(names: tuple[str, ...]) -> list[VideoFile]:
    """Lists the named video files, and those in named folders; files of equal content once."""
    found: dict[str, VideoFile] = {}
    for name in names:
        path = Path(name).expanduser()
        inner = sorted(
            file
            for file in path.rglob("*")
            if file.is_file() and is_video_name(file.name) and not is_left(file.relative_to(path).as_posix())
        )
        if path.is_dir() and not inner:
            raise InputError(
                f"{path}: no video in this folder, by the suffixes of {len(list(path.iterdir()))} files"
            )
        for file in inner if path.is_dir() else [path]:
            label = file.relative_to(path).as_posix() if path.is_dir() else file.name
            clip = f"{slug(file.stem, 32)}-{_mark(file)}"
            found.setdefault(clip, VideoFile(file, label, clip))
    return list(found.values())


def _mark(path: Path) -> str:
    """Computes eight hex digits from a file's content, to distinguish files of the same name."""
    try:
        with open_regular_file(path) as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            head = file.read(HASHED)
            file.seek(max(size - HASHED, 0))
            return sha256(str(size).encode() + head + file.read(HASHED)).hexdigest()[:8]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}. Check the path") from error


def target_of(settings: FramesSettings) -> Path:
    """Returns the folder for the photos."""
    if settings.out:
        return Path(settings.out).expanduser()
    first = Path(settings.files[0])
    return PLACE / (slug(first.stem) if len(settings.files) == 1 else "frames")


def _refuse_foreign(out: Path) -> None:
    """Refuses a folder that holds a table or sheet, but no clip: they belong to something else."""
    found = [name for name in (TABLE, SHEET) if (out / name).exists()]
    if found and not any(out.glob("*/clip.json")):
        raise UsageError(
            f"{out}: holds {', '.join(found)}, but no extracted clip; choose another folder, or move it away"
        )


def _fixed(settings: FramesSettings) -> dict[str, Any]:
    """Returns the settings that determine the output of a clip."""
    return settings.model_dump(mode="json", exclude=set(ASIDE))


def _record(out: Path, source: VideoFile, settings: FramesSettings) -> FileReport | None:
    """Reads the report of a finished clip; None if the clip must be extracted."""
    if settings.overwrite:
        return None
    path = out / source.clip / "clip.json"
    try:
        record = parse_json(read_regular_file(path, JSON_BYTES))
        before, report = record["settings"].get, FileReport(**record["report"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: is not what this program writes ({reason_of(error)}); delete {path.parent} and give the same "
            "command again"
        ) from error
    differences = [
        f"{name} was {before(name)!r}, is {value!r}"
        for name, value in _fixed(settings).items()
        if before(name) != value
    ]
    if differences:
        raise UsageError(
            f"{out / source.clip}: made with other settings: {'; '.join(differences)}. "
            "Give --overwrite, or another --out"
        )
    return report


def _take(
    source: VideoFile, detector: Detector, settings: FramesSettings, out: Path, on_progress: OnProgress
) -> FileReport:
    """Extracts one file into its folder, atomically, and returns its report; refused files have an `error`."""
    try:
        return _taken(source, detector, settings, out, on_progress)
    except InputError as error:
        return FileReport(source.name, error=str(error))


def _taken(
    source: VideoFile, detector: Detector, settings: FramesSettings, out: Path, on_progress: OnProgress
) -> FileReport:
    """Extracts one file; if it raises InputError, nothing of the file is left in the target folder."""
    part, final = out / f".{source.clip}", out / source.clip
    clip = open_clip(source.path, settings.threads)
    try:
        with disk_errors(out, f"the folder {part.name}"):
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)

        def report_frame(clip: Progress) -> None:
            on_progress(replace(clip, note=f"{source.name}: {clip.figures['photos']:,} photos"))

        taken = take_frames(clip, detector, settings, part, report_frame)
        audio = _sound(source, settings, part, clip.begin, taken)
        report = _report(source, taken, clip, audio)
        record = {
            "settings": _fixed(settings),
            "report": asdict(report),
            "rows": [asdict(r) for r in taken.rows],
        }
        write_atomic(part / "clip.json", json.dumps(record, ensure_ascii=False, indent=1).encode())
        shutil.rmtree(final, ignore_errors=True)
        part.rename(final)
    finally:
        clip.close()
        shutil.rmtree(part, ignore_errors=True)
    return report


def _sound(source: VideoFile, settings: FramesSettings, folder: Path, begin: float, taken: Taken) -> str:
    if not (settings.audio or settings.audio_rate):
        return ""
    first = next((row.time for row in taken.rows if row.photo), None)
    if first is None:
        return ""
    from maskgen.video.audio import write_audio

    end = None if settings.end is None else begin + settings.end
    return write_audio(source.path, folder, first, end, settings.audio_rate)


def _report(source: VideoFile, taken: Taken, clip: Clip, audio: str) -> FileReport:
    kept = {row.index for row in taken.rows if row.photo}
    with_face = {row.index for row in taken.rows if row.photo and row.boxes}
    return FileReport(
        file=source.name,
        clip=source.clip,
        frames=len({row.index for row in taken.rows}),
        kept=len(kept),
        faces=len(with_face),
        photos=sum(bool(row.photo) for row in taken.rows),
        persons=len({row.person for row in taken.rows if row.photo and row.person >= 0}),
        seconds_covered=round(taken.covered, 6),
        duration=round(clip.duration, 6),
        cut=not taken.whole,
        audio=f"{source.clip}/{audio}" if audio else "",
        backend=clip.backend,
        tone_mapped=clip.tone_mapped,
        dropped=dict(sorted(Counter(row.why for row in taken.rows if row.why).items())),
    )
