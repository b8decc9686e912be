"""Window of a face: the rectangle of the photo that its crop covers, so that no other pixels are processed."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Shaped
from numpy import ndarray

from maskgen.images.resample import carry, inverse, scale_of
from maskgen.types import Affine


@dataclass(frozen=True)
class FaceWindow:
    """Rectangle of a photo that the crop of one face covers.

    Attributes:
        rows, columns: of the photo.
        place: matrix photo -> the face's crop at a side of 1: [0, 1] from edge to edge.
        side: side of the crop, in pixels of the photo.
    """

    rows: slice
    columns: slice
    place: Affine
    side: float

    def of(self, plane: Shaped[ndarray, "..."]) -> Shaped[ndarray, "..."]:
        """Returns the window's part of an array in the photo's frame, as a view."""
        return plane[self.rows, self.columns]

    def matrix(self, size: int) -> Affine:
        """Computes the matrix pixels of the photo -> pixels of the crop at `size`."""
        return at_size(self.place, size)

    def to_crop(self, size: int) -> Affine:
        """Computes the matrix pixels of the window -> pixels of the crop at `size`."""
        whole = self.place.astype(np.float64) * size
        offset = whole[:, 2] - 0.5 + whole[:, :2] @ (self.columns.start, self.rows.start)
        return np.column_stack([whole[:, :2], offset]).astype(np.float32)

    def laid_back(self, crop: Float32[ndarray, "size size *c"]) -> Float32[ndarray, "tall wide *c"]:
        """Resamples the crop to the window's pixels; cubic, because the crop is usually enlarged."""
        shape = (self.columns.stop - self.columns.start, self.rows.stop - self.rows.start)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(
            crop, self.to_crop(len(crop)), shape, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )

    def meeting(self, other: "FaceWindow") -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
        """Returns the overlap of two windows: rows and columns in this one and in the other; None if there is none."""
        rows = slice(max(self.rows.start, other.rows.start), min(self.rows.stop, other.rows.stop))
        columns = slice(
            max(self.columns.start, other.columns.start), min(self.columns.stop, other.columns.stop)
        )
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return None
        return self._within(rows, columns), other._within(rows, columns)

    def _within(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        top, left = self.rows.start, self.columns.start
        return slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)

    def off_centre(self) -> Float32[ndarray, "tall wide"]:
        """Measures the distance of each pixel from the crop's centre, in sides of the crop."""
        x = np.arange(self.columns.start, self.columns.stop, dtype=np.float32)
        y = np.arange(self.rows.start, self.rows.stop, dtype=np.float32)[:, None]
        across, down = (row[0] * x + row[1] * y + row[2] - 0.5 for row in self.place)
        return np.hypot(across, down).astype(np.float32)


def window_of(place: Affine, height: int, width: int) -> FaceWindow | None:
    """Computes the window of a crop in a photo; None if the crop lies outside the photo.

    Args:
        place: matrix photo -> the crop at a side of 1, as in `FaceWindow`.
        height, width: of the photo.
    """
    corners = carry(inverse(place), np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32))
    (x0, y0), (x1, y1) = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int) + 1
    rows, columns = slice(max(y0, 0), min(y1, height)), slice(max(x0, 0), min(x1, width))
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return None
    return FaceWindow(rows, columns, place, 1 / scale_of(place))


def windows_of(places: Mapping[int, Affine], height: int, width: int) -> dict[int, FaceWindow]:
    """Computes the windows of numbered crops, without crops that lie outside the photo."""
    windows = {number: window_of(place, height, width) for number, place in places.items()}
    return {number: window for number, window in windows.items() if window is not None}


def unit_place(matrix: Affine, size: int) -> Affine:
    """Converts a crop's matrix at `size` pixels to a place: the same crop at a side of 1."""
    linear, offset = matrix[:, :2] / size, (matrix[:, 2] + 0.5) / size
    return np.column_stack([linear, offset]).astype(np.float32)


def at_size(place: Affine, size: int) -> Affine:
    """Computes the matrix photo -> the pixels of a place's crop at `size`."""
    matrix = place * np.float32(size)
    matrix[:, 2] -= np.float32(0.5)
    return matrix
