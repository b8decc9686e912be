"""`unmask gen-data --video`: makes triplets of the frames of videos, and writes the videos with masks.

OUT/            the data set, as for any source
OUT/video/      each video with a mask on each person, with its own times and audio
OUT-frames/     the extracted photos, one per second, as written by `frames-from-video`
"""

from dataclasses import dataclass, replace
from pathlib import Path

from maskgen.errors import InputError
from maskgen.extras import require
from maskgen.files import make_folder
from maskgen.frames_settings import FramesSettings
from maskgen.generation.pipeline import DEFAULT_OUT
from maskgen.progress import OnProgress, Progress
from maskgen.rendering.triplet import build_tools
from maskgen.settings import GenSettings
from maskgen.sources.keys import slug
from maskgen.video.frames.run import FramesPlan, find_files, frames_from_video, rehearse_frames
from maskgen.video.masked_clip import mask_film

FOLDER = "video"
LEAST_CROP = 512  # pixels; smaller triplets are cut from crops of this size


@dataclass(frozen=True)
class Reel:
    """Videos (a file or a folder), and the settings that make a data set of their photos.

    Attributes:
        source: the file or folder.
        settings: those of `gen-data`, with the photos as source.
        refused: names of the videos that cannot be used.
        warnings: one line each.
    """

    source: str
    settings: GenSettings
    refused: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Films:
    """Videos with masks. `problems`: one line for each video that could not be made."""

    videos: tuple[str, ...]
    problems: tuple[str, ...]


def take_photos(settings: GenSettings, on_progress: OnProgress) -> Reel:
    """Extracts photos from the videos that `settings.source.src` names, a file or a folder.

    Raises:
        MissingError: PyAV is not installed.
        InputError: no video can be used.
        UsageError: the photos exist already with other settings, or the photos' folder holds other files.
    """
    require("--video", "video", "av")
    out, taking = _places(settings)
    report = frames_from_video(taking, on_progress)
    refused = tuple(file.file for file in report.files if file.error)
    run = settings.run.model_copy(update={"out": str(out)})
    source = settings.source.model_copy(update={"src": taking.out})
    made = settings.model_copy(update={"run": run, "source": source})
    return Reel(settings.source.src, made, refused, tuple(report.warnings))


def rehearse_reel(settings: GenSettings) -> FramesPlan:
    """Opens the videos and writes nothing.

    Raises:
        MissingError, InputError, UsageError: as in `take_photos`.
    """
    require("--video", "video", "av")
    return rehearse_frames(_places(settings)[1])


def _places(settings: GenSettings) -> tuple[Path, FramesSettings]:
    """Returns the data set's folder, and the settings by which photos are extracted for it."""
    src, run = settings.source.src, settings.run
    out = Path(run.out).expanduser() if run.out else DEFAULT_OUT / slug(Path(src).stem)
    return out, FramesSettings(
        files=(src,),
        out=str(out.with_name(f"{out.name}-frames")),
        faces=settings.faces.choose,
        size=max(LEAST_CROP, settings.crop.size),
        overwrite=run.overwrite,
    )


def mask_films(reel: Reel, on_progress: OnProgress) -> Films:
    """Writes the videos with masks; existing ones are kept, unless `run.overwrite` is set.

    A video that cannot be made, because its audio or a frame cannot be used, does not stop the others.
    """
    from maskgen.video.writer import suffix_for

    folder = Path(reel.settings.run.out) / FOLDER
    make_folder(folder, "the videos")
    tools, films, problems = build_tools(reel.settings), [], []
    for file in find_files((reel.source,)):
        if file.name in reel.refused:
            continue

        def report(clip: Progress, name: str = file.name) -> None:
            on_progress(replace(clip, note=name))

        try:
            target = folder / f"{file.clip}{suffix_for(file.path)}"
            if reel.settings.run.overwrite or not target.exists():
                mask_film(file.path, target, tools, file.clip, report)
            films.append(str(target))
        except InputError as error:
            problems.append(str(error))
    return Films(tuple(films), tuple(problems))
