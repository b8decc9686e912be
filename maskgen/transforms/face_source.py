"""Source of the faces of a transform: given landmarks, ArcFace's template, or a detector whose results are kept."""

from typing import Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from maskgen.errors import InputError, Skip
from maskgen.faces.align import choose_faces
from maskgen.faces.arcface import SIDE, TEMPLATE
from maskgen.faces.canonical_head import canonical_head
from maskgen.faces.landmarks.cache import CachedDetector, cache_folder
from maskgen.faces.landmarks.given_points import Points, are_finite, faces_of_points, in_order
from maskgen.rendering.projection import fit_head
from maskgen.settings import FaceSettings
from maskgen.transforms.lazy_detector import LazyDetector
from maskgen.transforms.scene import FittedFace
from maskgen.types import Face, Photo, PhotoRef, RGBImage

Landmarks = Literal["auto", "mesh", "dlib", "fan", "arcface", "keypoints"]
OWN_SOURCES = ("arcface", "keypoints")  # values of `landmarks` that are no backend
AT_POINTS = "celeba"  # the backend that predicts the mesh at five given points


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
        self._aligned: dict[int, list[FittedFace] | Skip] = {}  # width -> the face on the template, fitted
        backends = () if landmarks in OWN_SOURCES else (landmarks,)
        folder = cache_folder(settings.cache)
        self._detectors = {
            backend: CachedDetector(LazyDetector(settings.model_copy(update={"landmarks": backend})), folder)
            for backend in (*backends, *((AT_POINTS,) if refine else ()))
        }

    def find(self, pixels: RGBImage, digest: str, given: list[Points] | None) -> list[FittedFace] | Skip:
        """Finds the faces of an image that are to wear a mask.

        Args:
            pixels: the image.
            digest: its digest, the key of the landmark cache.
            given: landmarks that came with it, or None.

        Returns:
            At least one face; or the reason why there is none.

        Raises:
            InputError: landmarks are missing, or the image is no aligned crop though `landmarks` says so.
        """
        if given is not None:
            return self._fitted(self._at(pixels, digest, given))
        if self._landmarks == "keypoints":
            raise InputError(
                "landmarks: the sample has no key points; landmarks='keypoints' takes them from there"
            )
        if self._landmarks == "arcface":
            return self._on_template(pixels, digest)
        return self._fitted(self._detected(pixels, digest, self._landmarks, ()))

    def _fitted(self, found: list[Face] | Skip) -> list[FittedFace] | Skip:
        """Chooses faces, and fits the head to them."""
        chosen = found if isinstance(found, Skip) else choose_faces(found, self._settings)
        if isinstance(chosen, Skip):
            return chosen
        return [FittedFace(face, fit_head(face.mesh, canonical_head())) for face in chosen]

    def _at(self, pixels: RGBImage, digest: str, points: list[Points]) -> list[Face] | Skip:
        if not (self._refine and points and len(points[0]) == 5):
            return faces_of_points(points, *pixels.shape[:2])
        found = [self._refined(pixels, digest, in_order(each)) for each in points if are_finite(each)]
        faces = [face for each in found if not isinstance(each, Skip) for face in each[:1]]
        skips = [each for each in found if isinstance(each, Skip)]
        return faces or (skips[0] if skips else Skip("bad_landmarks", "non-finite points"))

    def _on_template(self, pixels: RGBImage, digest: str) -> list[FittedFace] | Skip:
        height, width = pixels.shape[:2]
        if height != width:
            raise InputError(
                f"image: got {width} x {height} pixels; landmarks='arcface' needs square crops that are aligned"
            )
        points = (TEMPLATE.astype(np.float64) + 0.5) * (width / SIDE) - 0.5
        if self._refine:
            return self._fitted(self._refined(pixels, digest, points))
        aligned = self._aligned  # another thread may replace it
        if width not in aligned:
            self._aligned = aligned = {width: self._fitted(faces_of_points([points], height, width))}
        return aligned[width]

    def _refined(self, pixels: RGBImage, digest: str, points: Float64[ndarray, "5 _"]) -> list[Face] | Skip:
        """Predicts the mesh of the face at five points."""
        places = tuple((round(float(x), 2), round(float(y), 2)) for x, y in points[:, :2])
        return self._detected(pixels, digest, AT_POINTS, places)

    def _detected(
        self, pixels: RGBImage, digest: str, backend: str, points: tuple[tuple[float, float], ...]
    ) -> list[Face] | Skip:
        """Detects faces, or takes them from the cache."""
        return self._detectors[backend].detect(Photo(PhotoRef("image", points=points), pixels, digest))
