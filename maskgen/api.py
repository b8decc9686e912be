"""`mask_photo` puts masks on one photo in memory, for notebooks and other programs."""

from dataclasses import replace
from functools import lru_cache
from threading import Lock

import numpy as np
from pydantic import ValidationError

from maskgen.config import wrong_arguments
from maskgen.errors import Skip, UsageError
from maskgen.faces.landmarks.cache import CachedDetector
from maskgen.images.photo_loader import PhotoInput, load_photo
from maskgen.rendering.triplet import Tools, build_tools, make_triplets
from maskgen.settings import (
    MAX_PHOTO_PIXELS,
    PHOTO_BACKGROUND,
    CropSettings,
    FaceSettings,
    GenSettings,
    MaskSettings,
)
from maskgen.types import Face, Photo, PhotoRef, RGBImage, Triplet

KEPT_BYTES = 3 << 20  # of a photo of a million pixels; the faces of larger photos are not kept
_building = Lock()  # threads that ask for the same detector wait for the first one to load it


def mask_photo(
    image: PhotoInput,
    masks: str = "surgical",
    *,
    wear: str = "correct",
    faces: str = "largest",
    size: int = 0,
    align: str = "ffhq",
    seed: int = 0,
    landmarks: str = "auto",
) -> Triplet | Skip:
    """Puts masks on the faces of a photo.

    Several threads may call it at once; they share a detector, which works for one of them at a time. The faces of the
    last photo are kept: a call with the same photo and another seed does not search for them again.

    Args:
        image: the path of a file, its bytes, a file opened in binary mode, a Pillow image, or an array: `uint8`,
            `uint16` or `bool`, `h w`, `h w 1`, RGB `h w 3` or RGBA `h w 4`. EXIF orientation is applied; transparent
            pixels are laid on white.
        masks: SPEC, as `--masks` takes it; of several masks, `seed` chooses one. `bare` leaves a face without.
        wear: WEAR, as `--wear` takes it.
        faces: "largest", or "all" for all faces that are found and suit a mask.
        size: side of the square crop around the largest face, 64 to 1024; 0 keeps the photo as it is.
        align: frame of the crop, as `--align` takes it: "ffhq", "arcface" or "none".
        seed: seed of all random choices.
        landmarks: backend, as `--landmarks` takes it.

    Returns:
        `masked`, `gt`, `map`, `parts`, `faces` (all that were found, bare ones too) and more; or a `Skip` that says
        why the photo has no triplet.

    Raises:
        UsageError: an argument has a value that is not allowed.
        InputError: the image, SPEC or WEAR cannot be used.
        MissingError: the landmark backend is not installed.
    """
    pixels = load_photo(image, max_pixels=MAX_PHOTO_PIXELS, background=PHOTO_BACKGROUND)
    if isinstance(pixels, Skip):
        return pixels
    settings = _settings(masks, wear, faces, size, align, landmarks, seed)
    with _building:
        tools = _tools(masks, wear, faces, size, align, landmarks)
    made = make_triplets(Photo(PhotoRef("photo"), pixels, ""), replace(tools, settings=settings), "photo")
    if isinstance(made, Skip):
        return made
    triplet = made[0][1]
    if np.may_share_memory(triplet.gt, pixels):  # with size 0; the caller may write into its array afterwards
        triplet = replace(triplet, gt=triplet.gt.copy())
    return triplet


class _SharedDetector:
    """Detector for several threads that keeps the faces of its last photo, for calls that change only the seed."""

    def __init__(self, detector: CachedDetector) -> None:
        self.name = detector.name
        self._detector = detector
        self._lock = Lock()  # its networks serve one thread at a time
        self._last: tuple[tuple[int, ...], bytes, list[Face] | Skip] | None = None

    def detect(self, pixels: RGBImage) -> list[Face] | Skip:
        """Detects faces. See `Detector`."""
        with self._lock:
            if pixels.nbytes > KEPT_BYTES:
                return self._search(pixels)
            # a copy, which is also searched: the caller may write into its array at any time
            levels = pixels.tobytes()
            if self._last is None or self._last[:2] != (pixels.shape, levels):
                kept = np.frombuffer(levels, np.uint8).reshape(pixels.shape)
                self._last = pixels.shape, levels, self._search(kept)
            return self._last[2]

    def _search(self, pixels: RGBImage) -> list[Face] | Skip:
        return self._detector.detect(Photo(PhotoRef("photo"), pixels, ""))


@lru_cache(maxsize=8)
def _tools(masks: str, wear: str, faces: str, size: int, align: str, landmarks: str) -> Tools:
    """Loads detector and templates once for each choice of arguments; the seed is set per call."""
    tools = build_tools(_settings(masks, wear, faces, size, align, landmarks, seed=0))
    return replace(tools, detector=CachedDetector(_SharedDetector(tools.detector), None))


def _settings(
    masks: str, wear: str, faces: str, size: int, align: str, landmarks: str, seed: int
) -> GenSettings:
    try:
        settings = GenSettings(
            faces=FaceSettings.model_validate({"landmarks": landmarks, "choose": faces, "cache": "off"}),
            crop=CropSettings.model_validate({"size": size, "align": align}),
            masks=MaskSettings(masks=masks, wear=wear),
            seed=seed,
        )
    except ValidationError as errors:
        raise wrong_arguments("mask_photo", errors) from errors
    if problems := list(settings.conflicts()):
        raise UsageError(f"mask_photo: {'; '.join(problems)}")
    return settings
