"""`unmask run`: restores each input, writes its results to the output folder and reports on it.

OUT/NAME.jpg                  the restored photo; a copy of the input file if nothing was changed
OUT/NAME-map.png              with `save_map`
OUT/NAME-strip.png            with `strip`
OUT/NAME-1.jpg ..             with several samples: all of them, and OUT/NAME-disagreement.png
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from maskgen.errors import InputError, MissingError, TooManyFailures, UnmaskError, UsageError
from maskgen.files import make_folder
from maskgen.progress import OnProgress, Progress
from maskgen.reading import reason_of
from unmasknet.restore.camera import open_camera, watch
from unmasknet.restore.camera_view import open_screen
from unmasknet.restore.inputs import RESULT_ENDING, Input, find_inputs, without_suffix
from unmasknet.restore.photo_file import restore_photo
from unmasknet.restore.reference.references import References, photos_of
from unmasknet.restore.run_job import Result, RunJob, needs_both, target_of
from unmasknet.restore.settings import RestoreSettings
from unmasknet.restore.unmasker import Unmasker
from unmasknet.restore.video_file import UnusableVideo, restore_video


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
    job = RunJob(settings, unmasker, person_of(settings, unmasker), out)
    _check_target(settings, inputs)
    make_folder(out)
    results, codes = [], set[int]()
    for count, one in enumerate(inputs):
        result, code = _restored(one, job, _input_progress(on_progress, one, count, len(inputs)))
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
    needs_both(settings.inputs[0], unmasker)
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


def _restored(one: Input, job: RunJob, on_seconds: OnProgress) -> tuple[Result, int]:
    """Restores one input; whatever is wrong with it becomes the `error` of its result.

    Returns:
        The result, and the exit code of its error; 0 without one.

    Raises:
        MissingError, UnmaskError: results cannot be written, which would be so for the other inputs too.
    """
    began, code = time.perf_counter(), 0
    try:
        result = restore_video(one, job, on_seconds) if one.is_video else restore_photo(one, job)
    except (InputError, UnusableVideo) as error:
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
    targets = {os.path.realpath(target_of(one, out)) for one in inputs}
    for one in inputs:
        stem = str(without_suffix(Path(os.path.realpath(one.path))))  # `resolve` fails for links in a circle
        if {stem, RESULT_ENDING.sub("", stem)} & targets:
            raise UsageError(
                f"--out {settings.out}: a result would replace {one.path}, which is an input; choose a folder "
                "outside of the inputs (results of an earlier run that lie among the photos are inputs too)"
            )
