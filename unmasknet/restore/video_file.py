"""Videos of `unmask run`: checked, restored, and written with their audio."""

import shutil
from importlib.util import find_spec

from maskgen.errors import InputError, MissingError, UnmaskError, UsageError
from maskgen.extras import install_line
from maskgen.files import disk_errors, make_folder
from maskgen.progress import OnProgress
from maskgen.video import check_container
from unmasknet.restore.inputs import Input
from unmasknet.restore.run_job import Result, RunJob, needs_both, target_of


class UnusableVideo(UnmaskError):
    """Error of a video that cannot be restored for want of a package or a network; photos can be."""

    def __init__(self, error: UnmaskError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code


def restore_video(one: Input, job: RunJob, on_seconds: OnProgress) -> Result:
    """Restores a clip; copies the file if no frame shows a mask.

    Raises:
        UnusableVideo: a package or a network is missing.
        InputError: it cannot be used.
        MissingError, UnmaskError: results cannot be written.
    """
    _check_video(one, job)
    from maskgen.video.writer import suffix_for
    from unmasknet.restore.video import restore_clip

    settings, unmasker, person = job.settings, job.unmasker, job.person
    target = target_of(one, job.out)
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


def _check_video(one: Input, job: RunJob) -> None:
    """Checks that a video can be restored with these packages, networks and options.

    Raises:
        UnusableVideo: it cannot.
        InputError: `--map` is given, or the file is not a video.
    """
    try:
        if find_spec("av") is None:
            raise MissingError(f"{one.path}: videos need PyAV: {install_line('video')}")
        needs_both(str(one.path), job.unmasker)
    except (MissingError, UsageError) as error:
        raise UnusableVideo(error) from error
    if job.settings.map:
        raise InputError(
            f"{one.path}: --map is for photos only; leave it out, and the segmenter finds the masks"
        )
    check_container(one.path)
