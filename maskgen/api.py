"""Masks on one photo, in memory: `mask_photo`, for notebooks and programs of one's own."""

from dataclasses import replace
from functools import lru_cache

from pydantic import ValidationError

from maskgen.errors import Skip, UsageError
from maskgen.images.photo_loader import PhotoInput, load_photo
from maskgen.rendering.triplet import Tools, build_tools, make_triplets
from maskgen.settings import CropSettings, FaceSettings, GenSettings, MaskSettings, SourceSettings
from maskgen.types import Photo, PhotoRef, Triplet

_ARGUMENTS = {"choose": "faces"}  # settings that are called otherwise here


def mask_photo(
    image: PhotoInput,
    masks: str = "surgical",
    *,
    wear: str = "correct",
    faces: str = "largest",
    size: int = 0,
    seed: int = 0,
    landmarks: str = "auto",
) -> Triplet | Skip:
    """Puts masks on the faces of a photo.

    Args:
        image: a file's path or bytes, a Pillow image, or an array: `uint8`, `uint16` or `bool`, `h w`, `h w 1`,
            RGB `h w 3` or RGBA `h w 4`. EXIF orientation is applied; transparent pixels lie on grey.
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
    limits = SourceSettings()
    pixels = load_photo(image, max_pixels=limits.max_pixels, background=limits.background)
    if isinstance(pixels, Skip):
        return pixels
    settings = _settings(masks, wear, faces, size, landmarks, seed)
    tools = replace(_tools(masks, wear, faces, size, landmarks), settings=settings)
    made = make_triplets(Photo(PhotoRef("photo"), pixels, ""), tools, "photo")
    return made if isinstance(made, Skip) else made[0][1]


@lru_cache(maxsize=8)
def _tools(masks: str, wear: str, faces: str, size: int, landmarks: str) -> Tools:
    """Loads detector and templates once for each choice of arguments; the seed is set per call."""
    return build_tools(_settings(masks, wear, faces, size, landmarks, seed=0))


def _settings(masks: str, wear: str, faces: str, size: int, landmarks: str, seed: int) -> GenSettings:
    try:
        return GenSettings(
            faces=FaceSettings.model_validate({"landmarks": landmarks, "choose": faces, "cache": "off"}),
            crop=CropSettings(size=size),
            masks=MaskSettings(masks=masks, wear=wear),
            seed=seed,
        )
    except ValidationError as errors:
        places = [(str(error["loc"][0]), error["msg"]) for error in errors.errors()]
        said = (f"{_ARGUMENTS.get(name, name)}: {message}" for name, message in places)
        raise UsageError(f"mask_photo: {'; '.join(said)}") from errors
