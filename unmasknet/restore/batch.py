"""`unmask run`: restores each input, writes its results to the output folder and reports on it.

OUT/NAME.jpg                  the restored photo; a copy of the input file if nothing was changed
OUT/NAME-map.png              with `save_map`
OUT/NAME-strip.png            with `strip`
OUT/NAME-1.jpg ..             with several samples: all of them, and OUT/NAME-disagreement.png
"""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from maskgen.errors import InputError, MissingError, Skip, TooManyFailures, UnmaskError, UsageError
from maskgen.extras import install_line
from maskgen.files import disk_errors, make_folder, write_atomic
from maskgen.images import codecs
from maskgen.images.formats import SUFFIXES
from maskgen.images.map_reader import read_map
from maskgen.progress import OnProgress, Progress
from maskgen.reading import PHOTO_BYTES, read_regular_file, reason_of
from maskgen.settings import MAX_PHOTO_PIXELS
from maskgen.types import Plane, RGBImage
from maskgen.video import check_container
from unmasknet.restore.camera import open_camera, watch
from unmasknet.restore.camera_view import open_screen
from unmasknet.restore.inputs import RESULT_ENDING, Input, find_inputs, without_suffix
from unmasknet.restore.photo_colours import PhotoColours, read_colours
from unmasknet.restore.provenance import encode_result, note_of, result_suffix
from unmasknet.restore.reference.references import References, photos_of
from unmasknet.restore.settings import RestoreSettings
from unmasknet.restore.strip import draw_strip
from unmasknet.restore.unmasker import Restored, Unmasker


@dataclass(frozen=True)
class Result:
    """Result of one input.

    Attributes:
        output: path of the result; "" if the input could not be used.
        map: path of the map; "" without `save_map`.
        faces: number of faces found, masked or not; for a video the largest number in one frame.
        boxes: their bounding boxes, x0, y0, x1, y1 in pixels of the upright photo; empty for a video.
        worn: for each box, whether a mask was found there.
        masked: number of faces with a mask.
        said: what was done, or why nothing was done.
        error: why the input could not be used; "" if it could.
    """

    input: str
    output: str = ""
    map: str = ""
    faces: int = 0
    boxes: list[list[float]] = field(default_factory=list)
    worn: list[bool] = field(default_factory=list)
    masked: int = 0
    seconds: float = 0.0
    said: str = ""
    error: str = ""


@dataclass(frozen=True)
class RunReport:
    """Report on all inputs of a run. `failed`: number of inputs that could not be used."""

    out: str
    results: list[Result]
    failed: int
    seconds: float


def run(settings: RestoreSettings, unmasker: Unmasker, on_progress: OnProgress) -> RunReport:
    """Restores all inputs. An input that cannot be used is counted, and the run continues.

    Raises:
        UsageError: a result would replace an input.
        InputError: an input does not exist, or none can be used.
        MissingError, UsageError: there are only videos, and a package or a network for them is missing.
        MissingError, UnmaskError: results cannot be written.
    """
    began, out = time.perf_counter(), Path(settings.out)
    inputs = find_inputs(settings.inputs, out)
    _check_folders(settings)
    person = person_of(settings, unmasker)
    _check_target(settings, inputs)
    make_folder(out)
    results, codes = [], set[int]()
    for count, one in enumerate(inputs):
        result, code = _restored(
            one, unmasker, person, settings, out, _input_progress(on_progress, one, count, len(inputs))
        )
        results.append(result)
        codes.add(code)
        on_progress(Progress(count + 1, len(inputs), f"{one.path.name}: {result.error or result.said}"))
    failed = sum(bool(result.error) for result in results)
    if failed == len(results):
        raise _all_failed(results, codes)
    return RunReport(str(out), results, failed, time.perf_counter() - began)


def _all_failed(results: Sequence[Result], codes: set[int]) -> UnmaskError:
    """Builds the error of a run without a result; its exit code is that of the inputs if they agree."""
    text = "\n  ".join(result.error for result in results)
    kind = next((kind for kind in (MissingError, UsageError) if codes == {kind.exit_code}), InputError)
    return kind(text)


def watch_camera(settings: RestoreSettings, unmasker: Unmasker, announce: Callable[[str], None]) -> RunReport:
    """Shows a camera's images without masks. `announce` is called with the place where they are shown.

    Raises:
        UsageError: there are further inputs, or a network is missing.
        InputError, MissingError: the input does not name a camera, or there is no such camera.
    """
    if len(settings.inputs) > 1:
        raise UsageError("INPUT: a camera must be the only input; leave out the others")
    if settings.reference:
        raise UsageError("--reference: is for photos and videos, not for a camera; leave it out")
    _needs_both(settings.inputs[0], unmasker)
    capture = open_camera(settings.inputs[0])
    try:
        with open_screen(settings.port) as screen:
            announce(screen.where)
            watched = watch(capture, screen, unmasker.networks, unmasker.find_faces_in_frame)
    finally:
        capture.release()
    said = f"{watched.changed} of {watched.frames} frames restored"
    faces, seconds = watched.faces, watched.seconds
    result = Result(settings.inputs[0], faces=faces, masked=faces, seconds=seconds, said=said)
    return RunReport("", [result], 0, seconds)


def check_failures(report: RunReport, limit: float) -> None:
    """Raises TooManyFailures if more than the fraction `limit` of the inputs failed."""
    if report.failed > limit * len(report.results):
        raise TooManyFailures(
            f"{report.failed} of {len(report.results)} inputs could not be used, more than --max-failures {limit:g} "
            f"allows; the results of the others are in {report.out}"
        )


def _input_progress(on_progress: OnProgress, one: Input, count: int, total: int) -> OnProgress:
    """Builds the progress callback of a long input, which counts seconds of video."""

    def on_seconds(clip: Progress) -> None:
        done = f" {min(clip.done / clip.total, 1):.0%}" if clip.total > 0 else f" {clip.done:.0f} s"
        on_progress(Progress(count, total, one.path.name + done))

    return on_seconds


def _restored(
    one: Input,
    unmasker: Unmasker,
    person: References | None,
    settings: RestoreSettings,
    out: Path,
    on_seconds: OnProgress,
) -> tuple[Result, int]:
    """Restores one input; whatever is wrong with it becomes the `error` of its result.

    Returns:
        The result, and the exit code of its error; 0 without one.

    Raises:
        MissingError, UnmaskError: results cannot be written, which would be so for the other inputs too.
    """
    began, code = time.perf_counter(), 0
    try:
        if one.is_video:
            _check_video(one, unmasker, settings)
            result = _restore_video(one, unmasker, person, settings, out, on_seconds)
        else:
            result = _restore_photo(one, unmasker, person, settings, out)
    except (InputError, _UnusableVideo) as error:
        result, code = Result(str(one.path), error=str(error)), error.exit_code
    except UnmaskError:
        raise
    except OSError as error:
        result = Result(
            str(one.path), error=f"{one.path}: cannot be read: {reason_of(error)}. Check the path"
        )
    except Exception as error:  # noqa: BLE001 (a network, a decoder or memory may fail at one photo of thousands)
        first = str(error).partition("\n")[0]
        result = Result(
            str(one.path), error=f"{one.path}: failed: {type(error).__name__}{first and ': ' + first}"
        )
    code = code or (InputError.exit_code if result.error else 0)
    return replace(result, seconds=round(time.perf_counter() - began, 4)), code


class _UnusableVideo(UnmaskError):
    """Error of a video that cannot be restored for want of a package or a network; photos can be."""

    def __init__(self, error: UnmaskError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code


def _check_video(one: Input, unmasker: Unmasker, settings: RestoreSettings) -> None:
    """Checks that a video can be restored with these packages, networks and options.

    Raises:
        _UnusableVideo: it cannot.
        InputError: `--map` is given, or the file is not a video.
    """
    try:
        if find_spec("av") is None:
            raise MissingError(f"{one.path}: videos need PyAV: {install_line('video')}")
        _needs_both(str(one.path), unmasker)
    except (MissingError, UsageError) as error:
        raise _UnusableVideo(error) from error
    if settings.map:
        raise InputError(
            f"{one.path}: --map is for photos only; leave it out, and the segmenter finds the masks"
        )
    check_container(one.path)


def _restore_photo(
    one: Input, unmasker: Unmasker, person: References | None, settings: RestoreSettings, out: Path
) -> Result:
    data = read_regular_file(one.path, PHOTO_BYTES)
    colours = read_colours(data, str(one.path))
    photo = colours.shown
    given = _given_map(one, settings, photo) if settings.map else None
    restored = _named(one, unmasker, photo, given, person, settings)
    note = note_of(restored.by_reference)
    target = _target(one, out)
    make_folder(target.parent)
    suffix = result_suffix(one.suffix, data) if restored.changed else one.suffix
    file = target.with_name(target.name + suffix)
    write_atomic(file, _encoded(restored.picture, suffix, colours, note) if restored.changed else data)
    map_file = target.with_name(f"{target.name}-map.png")
    if settings.save_map:
        write_atomic(map_file, encode_result(restored.map, ".png", note=note))
    if settings.strip:
        truth = _truth(one, settings, photo)
        strip = draw_strip(photo, restored.map, restored.picture, truth)
        write_atomic(target.with_name(f"{target.name}-strip.png"), encode_result(strip, ".png", note=note))
    if settings.samples > 1 and restored.changed:
        _write_samples(restored, target, suffix, colours, note)
    return Result(
        str(one.path),
        str(file),
        str(map_file) if settings.save_map else "",
        len(restored.faces),
        [[round(value, 2) for value in face.box] for face in restored.faces],
        [face.masked for face in restored.faces],
        sum(face.masked for face in restored.faces),
        said="; ".join([restored.said, *restored.warnings]),
    )


def _named(
    one: Input,
    unmasker: Unmasker,
    photo: RGBImage,
    map: Plane | None,
    person: References | None,
    settings: RestoreSettings,
) -> Restored:
    """Restores a photo; an error of its references names the photo."""
    try:
        return unmasker(
            photo,
            map=map,
            samples=settings.samples,
            seed=settings.seed,
            references=person or (),
            expression=settings.expression,
            force=settings.force,
        )
    except InputError as error:
        raise InputError(f"{one.path}: {error}") from error


def _restore_video(
    one: Input,
    unmasker: Unmasker,
    person: References | None,
    settings: RestoreSettings,
    out: Path,
    on_seconds: OnProgress,
) -> Result:
    """Restores a clip; copies the file if no frame shows a mask."""
    from maskgen.video.writer import suffix_for
    from unmasknet.restore.video import restore_clip

    target = _target(one, out)
    make_folder(target.parent)
    file = target.with_name(target.name + suffix_for(one.path))
    painter = unmasker.clip_painter(person, settings.expression, settings.force) if person else None
    clip = restore_clip(one.path, file, unmasker.networks, unmasker.find_faces_in_frame, on_seconds, painter)
    if not clip.changed:
        file = target.with_name(target.name + one.path.suffix)
        with disk_errors(file.parent, file.name):
            shutil.copyfile(one.path, file)
        return Result(str(one.path), str(file), faces=clip.faces, said="no mask seen, nothing changed")
    said = f"{clip.changed} of {clip.frames} frames restored" + (", by a reference" if painter else "")
    said += f"; HDR ({clip.tone_mapped}) was tone-mapped to BT.709" if clip.tone_mapped else ""
    asked = {"--samples": settings.samples > 1, "--strip": settings.strip, "--save-map": settings.save_map}
    unused = ", ".join(option for option, given in asked.items() if given)
    said += f"; not for videos: {unused}" if unused else ""
    said += (
        "".join(f"; {line}" for line in (*person.refused, *painter.warnings)) if person and painter else ""
    )
    return Result(str(one.path), str(file), faces=clip.faces, masked=clip.faces, said=said)


def person_of(settings: RestoreSettings, unmasker: Unmasker) -> References | None:
    """Loads the references; None without `--reference`.

    Raises:
        InputError: none of them can be used.
        UsageError: an option for references is given without one, or there is no generator.
    """
    if not settings.reference:
        if settings.force or settings.expression != "reference":
            raise UsageError(
                "--force and --expression are for --reference PHOTO; give one, or leave them out"
            )
        return None
    if unmasker.networks.generator_side is None:
        raise UsageError(
            "--reference: needs a generator for what the reference does not show; give one with --weights"
        )
    return unmasker.load_references(photos_of(settings.reference))


def _check_folders(settings: RestoreSettings) -> None:
    """Checks that the folders of maps and truths exist and are not the output folder.

    Raises:
        UsageError: one of them is the output folder, or `truth` is given without `strip`.
        InputError: there is no such folder.
    """
    if settings.truth and not settings.strip:
        raise UsageError("--truth: is only shown in the strip; give --strip as well")
    for option, folder in (("--map", settings.map), ("--truth", settings.truth)):
        if folder and not Path(folder).is_dir():
            raise InputError(f"{option} {folder}: there is no such folder; check the path")
        if folder and Path(folder).resolve() == Path(settings.out).resolve():
            raise UsageError(
                f"--out {settings.out}: is also the folder of {option}; results would replace its files"
            )


def _check_target(settings: RestoreSettings, inputs: Sequence[Input]) -> None:
    """Raises UsageError if a result could replace an input file."""
    out = Path(settings.out).resolve()
    targets = {os.path.realpath(_target(one, out)) for one in inputs}
    for one in inputs:
        stem = str(without_suffix(Path(os.path.realpath(one.path))))  # `resolve` fails for links in a circle
        if {stem, RESULT_ENDING.sub("", stem)} & targets:
            raise UsageError(
                f"--out {settings.out}: a result would replace {one.path}, which is an input; choose a folder "
                "outside of the inputs (results of an earlier run that lie among the photos are inputs too)"
            )


def _target(one: Input, out: Path) -> Path:
    """Builds the path of an input's result, without suffix.

    In the input's own folder the name gets `-unmasked`, whatever the suffix: the PNG made from a GIF, or a JPG on a
    case-insensitive file system, could otherwise replace another photo.
    """
    target = out / one.name
    same = target.parent.resolve() == one.path.parent.resolve()
    return target.with_name(f"{target.name}-unmasked") if same else target


def _needs_both(name: str, unmasker: Unmasker) -> None:
    if None in (unmasker.networks.segmenter_side, unmasker.networks.generator_side):
        raise UsageError(
            f"{name}: videos and cameras need a segmenter and a generator; give both with --weights"
        )


def _encoded(picture: RGBImage, suffix: str, colours: PhotoColours, note: str) -> bytes:
    return encode_result(colours.of_result(picture), suffix, colours.profile, note)


def _write_samples(restored: Restored, target: Path, suffix: str, colours: PhotoColours, note: str) -> None:
    for number, picture in enumerate(restored.alternatives, 1):
        file = target.with_name(f"{target.name}-{number}{suffix}")
        write_atomic(file, _encoded(picture, suffix, colours, note))
    brighter = cv2.convertScaleAbs(restored.disagreement, alpha=4.0)  # white from 64 grey levels on
    write_atomic(
        target.with_name(f"{target.name}-disagreement.png"), encode_result(brighter, ".png", note=note)
    )


def _given_map(one: Input, settings: RestoreSettings, photo: RGBImage) -> Plane:
    path = _same_name(Path(settings.map), one)
    if path is None:
        raise InputError(
            f"{one.path}: --map {settings.map} holds no {one.path.stem}.png; make one, or leave out --map"
        )
    data = read_regular_file(path, PHOTO_BYTES)
    map = read_map(data, max_pixels=MAX_PHOTO_PIXELS, height=photo.shape[0], width=photo.shape[1])
    if isinstance(map, Skip):
        raise InputError(
            f"{path}: {map.detail if map.reason == 'bad_map' else f'{map.reason}: {map.detail}'}"
        )
    return map


def _truth(one: Input, settings: RestoreSettings, photo: RGBImage) -> RGBImage | None:
    path = _same_name(Path(settings.truth), one) if settings.truth else None
    if path is None:
        return None
    truth = codecs.decode(read_regular_file(path, PHOTO_BYTES), max_pixels=photo.size * 16, background=255)
    return truth if isinstance(truth, np.ndarray) else None


def _same_name(folder: Path, one: Input) -> Path | None:
    """Finds the image of an input in another folder, by the input's relative path or by its file name alone."""
    for stem in dict.fromkeys((one.name, f"{one.name}-map", one.path.stem)):
        for suffix in dict.fromkeys((".png", one.suffix, *SUFFIXES)):
            if (path := folder / f"{stem}{suffix}").is_file():
                return path
    return None
