"""`unmask gen-data --video`: makes triplets of the frames of videos, and writes the videos with masks.

OUT/            the data set, as for any source
OUT/video/      each video with a mask on each person, with its own times and audio
OUT-frames/     the extracted photos, one per second, as written by `frames-from-video`
"""

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path

from maskgen.errors import MissingError
from maskgen.extras import install_line
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
    """Videos (a file or a folder), and the settings that make a data set of their photos."""

    source: str
    settings: GenSettings


def take_photos(settings: GenSettings, on_progress: OnProgress) -> Reel:
    """Extracts photos from the videos that `settings.source.src` names, a file or a folder.

    Raises:
        MissingError: PyAV is not installed.
        InputError: no video can be used.
        UsageError: the photos exist already with other settings, or the photos' folder holds other files.
    """
    if importlib.util.find_spec("av") is None:
        raise MissingError(f"--video needs PyAV: {install_line('video')}")
    out, taking = _places(settings)
    frames_from_video(taking, on_progress)
    run = settings.run.model_copy(update={"out": str(out)})
    source = settings.source.model_copy(update={"src": taking.out})
    return Reel(settings.source.src, settings.model_copy(update={"run": run, "source": source}))


def rehearse_reel(settings: GenSettings) -> FramesPlan:
    """Opens the videos and writes nothing.

    Raises:
        InputError, UsageError: as in `take_photos`.
    """
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


def mask_films(reel: Reel, on_progress: OnProgress) -> list[str]:
    """Writes the videos with masks; existing ones are kept, unless `run.overwrite` is set.

    Raises:
        InputError: a video's audio cannot be copied.
    """
    from maskgen.video.writer import suffix_for

    folder = Path(reel.settings.run.out) / FOLDER
    make_folder(folder, "the videos")
    tools, films = build_tools(reel.settings), []
    for file in find_files((reel.source,)):
        target = folder / f"{file.clip}{suffix_for(file.path)}"
        films.append(str(target))

        def report(clip: Progress, name: str = file.name) -> None:
            on_progress(replace(clip, note=name))

        if reel.settings.run.overwrite or not target.exists():
            mask_film(file.path, target, tools, file.clip, report)
    return films
