"""Masks on one photo, in memory: `mask_photo`, for notebooks and programs of one's own."""

from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from maskgen.errors import InputError, Skip, UsageError
from maskgen.images.codecs import decode
from maskgen.rendering.triplet import Tools, build_tools, make_triplets
from maskgen.settings import CropSettings, FaceSettings, GenSettings, MaskSettings, SourceSettings
from maskgen.types import Photo, PhotoRef, RGBImage, Triplet

if TYPE_CHECKING:
    from PIL.Image import Image

    Given = np.ndarray | Image | str | PathLike[str] | bytes
else:
    Given = Any


_ARGUMENTS = {"choose": "faces"}  # settings that are called otherwise here


def mask_photo(
    image: Given,
    masks: str = "surgical",
    *,
    wear: str = "correct",
    faces: str = "largest",
    size: int = 0,
    seed: int = 0,
    landmarks: str = "auto",
) -> Triplet | Skip:
    """Put masks on the faces of a photo.

    Args:
        image: RGB or grey `uint8`, `h w 3` or `h w`; or a Pillow image, the path of a file, or its bytes.
        masks: SPEC, as `--masks` takes it; of several one is drawn by `seed`.
        wear: WEAR, as `--wear` takes it.
        faces: "largest", or "all" that are found and fit for a mask.
        size: side of the square crop around the largest face, 64 to 1024; 0 keeps the photo as it is.
        seed: what is random is drawn from it.
        landmarks: backend, as `--landmarks` takes it.

    Returns:
        `masked`, `gt`, `map`, `parts`, `faces` and more; or a `Skip` that says why the photo has no triplet.

    Raises:
        UsageError, InputError: an argument is off, or the image is none.
        MissingError: the backend is not there.
    """
    pixels = _pixels(image)
    if isinstance(pixels, Skip):
        return pixels
    made = make_triplets(
        Photo(PhotoRef("photo"), pixels, ""), _tools(masks, wear, faces, size, seed, landmarks), "photo"
    )
    return made if isinstance(made, Skip) else made[0][1]


@lru_cache(maxsize=8)
def _tools(masks: str, wear: str, faces: str, size: int, seed: int, landmarks: str) -> Tools:
    """Detector and templates, loaded once for each choice of arguments."""
    try:
        settings = GenSettings(
            faces=FaceSettings.model_validate({"landmarks": landmarks, "choose": faces, "cache": "off"}),
            crop=CropSettings(size=size),
            masks=MaskSettings(masks=masks, wear=wear),
            seed=seed,
        )
    except ValidationError as errors:
        places = [(str(error["loc"][0]), error["msg"]) for error in errors.errors()]
        said = (f"{_ARGUMENTS.get(name, name)}: {message}" for name, message in places)
        raise UsageError(f"mask_photo: {'; '.join(said)}") from errors
    return build_tools(settings)


def _pixels(image: Given) -> RGBImage | Skip:
    """RGB of whatever was given."""
    if isinstance(image, (str, PathLike)):
        return _decoded(_read(Path(image)))
    if isinstance(image, bytes):
        return _decoded(image)
    if hasattr(image, "convert"):  # Pillow's
        image = np.asarray(image.convert("RGB"))
    array = np.asarray(image)
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or min(array.shape) < 1:
        raise InputError(
            f"mask_photo: got an array of {array.dtype}, shape {array.shape}; give RGB uint8, height x width x 3"
        )
    return np.ascontiguousarray(array)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}. Give the path of a photo") from error


def _decoded(data: bytes) -> RGBImage | Skip:
    limits = SourceSettings()
    return decode(data, max_pixels=limits.max_pixels, background=limits.background)
