"""Source of the faces of a transform: given landmarks, ArcFace's template, or a detector whose results are kept."""

import hashlib
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from maskgen.errors import InputError, Skip
from maskgen.faces.align import choose_faces
from maskgen.faces.arcface import SIDE, TEMPLATE
from maskgen.faces.landmarks.cache import CachedDetector, cache_folder, fingerprint
from maskgen.faces.landmarks.given_points import are_finite, faces_of_points, in_order, read_points
from maskgen.settings import FaceSettings
from maskgen.transforms.lazy_detector import LazyDetector
from maskgen.transforms.process_lock import ProcessLock
from maskgen.types import Face, Photo, PhotoRef, RGBImage

Landmarks = Literal["auto", "mesh", "dlib", "fan", "arcface", "keypoints"]
OWN_SOURCES = ("arcface", "keypoints")  # values of `landmarks` that are no backend
AT_POINTS = "celeba"  # the backend that predicts the mesh at five given points
KEPT = 256  # images whose faces are kept in memory, about ten kilobytes each
HASHED = 8  # one row in eight is hashed


class FaceSource:
    """Source of the faces of an image; several threads may share one.

    Args:
        landmarks: where the landmarks come from, see `RandomFaceMask`.
        refine: predict the mesh by the network where only five points of a face are known.
        settings: choice of the faces, and the folder of the landmark cache.

    Raises:
        MissingError: the landmark backend is not installed.
    """

    def __init__(self, landmarks: Landmarks, refine: bool, settings: FaceSettings) -> None:
        self._landmarks, self._refine, self._settings = landmarks, refine, settings
        self._kept: dict[tuple[str, Any], list[Face] | Skip] = {}
        self._lock = ProcessLock()  # of what is kept
        self._aligned: dict[int, list[Face] | Skip] = {}
        backends = () if landmarks in OWN_SOURCES else (landmarks,)
        folder = cache_folder(settings.cache)
        self._detectors = {
            backend: CachedDetector(LazyDetector(settings.model_copy(update={"landmarks": backend})), folder)
            for backend in (*backends, *((AT_POINTS,) if refine else ()))
        }

    def find(self, pixels: RGBImage, given: Any) -> list[Face] | Skip:
        """Finds the faces of an image that are to wear a mask.

        Args:
            pixels: the image.
            given: landmarks that came with it, or None.

        Returns:
            At least one face; or the reason why there is none.

        Raises:
            InputError: the landmarks are none, or the image is no aligned crop though `landmarks` says so.
        """
        if given is not None:
            found = self._at(pixels, read_points(given))
        elif self._landmarks == "keypoints":
            raise InputError(
                "landmarks: the sample has no key points; landmarks='keypoints' takes them from there"
            )
        elif self._landmarks == "arcface":
            found = self._on_template(pixels)
        else:
            found = self._detected(pixels, self._landmarks, ())
        return found if isinstance(found, Skip) else choose_faces(found, self._settings)

    def _at(self, pixels: RGBImage, points: list[Float64[ndarray, "n d"]]) -> list[Face] | Skip:
        if not (self._refine and points and len(points[0]) == 5):
            return faces_of_points(points, *pixels.shape[:2])
        found = [self._refined(pixels, in_order(each)) for each in points if are_finite(each)]
        faces = [face for each in found if not isinstance(each, Skip) for face in each[:1]]
        skips = [each for each in found if isinstance(each, Skip)]
        return faces or (skips[0] if skips else Skip("bad_landmarks", "non-finite points"))

    def _on_template(self, pixels: RGBImage) -> list[Face] | Skip:
        height, width = pixels.shape[:2]
        if height != width:
            raise InputError(
                f"image: got {width} x {height} pixels; landmarks='arcface' needs square crops that are aligned"
            )
        points = (TEMPLATE.astype(np.float64) + 0.5) * (width / SIDE) - 0.5
        if self._refine:
            return self._refined(pixels, points)
        aligned = self._aligned  # another thread may replace it
        if width not in aligned:
            aligned = self._aligned = {width: faces_of_points([points], height, width)}
        return aligned[width]

    def _refined(self, pixels: RGBImage, points: Float64[ndarray, "5 _"]) -> list[Face] | Skip:
        """Predicts the mesh of the face at five points."""
        places = tuple((round(float(x), 2), round(float(y), 2)) for x, y in points[:, :2])
        return self._detected(pixels, AT_POINTS, places)

    def _detected(
        self, pixels: RGBImage, backend: str, points: tuple[tuple[float, float], ...]
    ) -> list[Face] | Skip:
        """Detects faces, or takes them from memory or from the cache."""
        key = _digest(pixels), points
        with self._lock:
            found = self._kept.pop(key, None)
        if found is None:
            photo = Photo(PhotoRef("image", points=points), pixels, key[0])
            found = self._detectors[backend].detect(photo)
        with self._lock:
            self._kept[key] = found  # last used, last
            while len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
        return found

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": {}}


def _digest(pixels: RGBImage) -> str:
    """Computes a hex digest of an image: of its size, the sum of all pixels, and every eighth row.

    All of a large photo takes as long to hash as its mask to draw. Photos that differ, differ in these rows or in the
    sum, unless they were made not to.
    """
    found = hashlib.sha256(fingerprint(pixels).encode())
    found.update(np.ascontiguousarray(pixels[::HASHED]).data)
    return found.hexdigest()
