"""Photo files of `unmask run`: read with their map, restored, and written with everything that is asked for."""

from pathlib import Path

import cv2
import numpy as np

from maskgen.errors import InputError, Skip
from maskgen.files import make_folder, write_atomic
from maskgen.images import codecs
from maskgen.images.formats import SUFFIXES
from maskgen.images.map_reader import read_map
from maskgen.reading import PHOTO_BYTES, read_regular_file
from maskgen.settings import MAX_PHOTO_PIXELS
from maskgen.types import Plane, RGBImage
from unmasknet.restore.inputs import Input
from unmasknet.restore.photo_colours import PhotoColours, read_colours
from unmasknet.restore.provenance import encode_result, note_of, result_suffix
from unmasknet.restore.run_job import Result, RunJob, target_of
from unmasknet.restore.settings import RestoreSettings
from unmasknet.restore.strip import draw_strip
from unmasknet.restore.unmasker import Restored


def restore_photo(one: Input, job: RunJob) -> Result:
    """Restores a photo and writes its results.

    Raises:
        InputError: it cannot be used.
        MissingError, UnmaskError: results cannot be written.
    """
    settings = job.settings
    data = read_regular_file(one.path, PHOTO_BYTES)
    colours = read_colours(data, str(one.path))
    photo = colours.shown
    given = _given_map(one, settings, photo) if settings.map else None
    restored = _named(one, job, photo, given)
    note = note_of(restored.by_reference)
    target = target_of(one, job.out)
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


def _named(one: Input, job: RunJob, photo: RGBImage, map: Plane | None) -> Restored:
    """Restores a photo; an error of its references names the photo."""
    try:
        return job.unmasker(
            photo,
            map=map,
            samples=job.settings.samples,
            seed=job.settings.seed,
            references=job.person or (),
            expression=job.settings.expression,
            force=job.settings.force,
        )
    except InputError as error:
        raise InputError(f"{one.path}: {error}") from error


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
