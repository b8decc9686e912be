"""Choice of the faces that get a mask, and the square crop around a face."""

import math

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maskgen.errors import Skip
from maskgen.faces.arcface import arcface_matrix, five_points
from maskgen.faces.landmarks.topology import Point, eye_centres, mouth_centre
from maskgen.faces.pose import head_pose, rough_pose
from maskgen.images.resample import Border, Resized, inverse, scale_of, warp
from maskgen.settings import Align, FaceSettings
from maskgen.types import Affine, Face, RGBImage

Inside = UInt8[ndarray, "height width"]
UPSIDE_DOWN = 120.0  # degrees of roll; the crop rotates a head that lies on its side upright
ROUGHLY = 20.0  # degrees; error bound of `rough_pose`
EYE_SPANS, MOUTH_SPANS = 4.0, 3.6  # side of the crop in eye distances and in eye-to-mouth distances (FFHQ's)
BELOW_EYES = 0.3  # eye-to-mouth distances; FFHQ's .1 leaves too little room for a mask under the chin


def choose_faces(faces: list[Face], settings: FaceSettings) -> list[Face] | Skip:
    """Chooses the faces that wear a mask: the largest, or all that are usable.

    Args:
        faces: at least one, largest first.
        settings: which faces to choose, and the limits of size and head pose.

    Returns:
        At least one face, or why the largest face cannot be used.
    """
    assert faces, "a photo without a face is a Skip before this"
    if settings.choose == "largest":
        faces = faces[:1]
    verdicts = [_unfit(face, settings) for face in faces]
    fit = [face for face, verdict in zip(faces, verdicts, strict=True) if verdict is None]
    return fit or (verdicts[0] or Skip("no_face"))


def _unfit(face: Face, settings: FaceSettings) -> Skip | None:
    """Returns why a face cannot wear a mask, or None."""
    x0, y0, x1, y1 = face.box
    side = min(x1 - x0, y1 - y0)
    if side < settings.min_size:
        return Skip("tiny_face", f"{side:.0f} px, the limit is {settings.min_size:.0f}")
    yaw, roll = rough_pose(face.mesh)
    if abs(roll) < UPSIDE_DOWN - ROUGHLY and abs(yaw) < settings.max_yaw - ROUGHLY:
        return None
    pose = head_pose(face.mesh)
    if abs(pose.roll) > UPSIDE_DOWN:
        return Skip("upside_down", f"roll {pose.roll:.0f} degrees")
    if abs(pose.yaw) > settings.max_yaw:
        return Skip("profile", f"yaw {pose.yaw:.0f} degrees, the limit is {settings.max_yaw:.0f}")
    return None


def crop_matrix(face: Face, size: int, align: Align = "ffhq") -> Affine:
    """Computes the matrix photo -> crop.

    The frame `ffhq` is that of FFHQ, moved down a little: upright, the face in the centre, from above the hair to the
    neck. On a turned head the eyes come close together; there the eye-to-mouth distance decides the side of the crop.
    `arcface` moves five points onto a template, whose lower edge cuts the chin; see `maskgen.faces.arcface`. `none` is
    the square of `ffhq` in size and place, with sides parallel to those of the photo.

    Args:
        face: in pixels of the photo.
        size: side of the crop; 0 is the identity.
        align: the frame.
    """
    if size == 0:
        return np.eye(2, 3, dtype=np.float32)
    if align == "arcface":
        return arcface_matrix(five_points(face.mesh), size)
    right, left = eye_centres(face.mesh)
    matrix = frame_matrix(right, left, mouth_centre(face.mesh), size)
    return _unrotated(matrix, size) if align == "none" else matrix


def _unrotated(matrix: Affine, size: int) -> Affine:
    """Replaces the rotation of a similarity about the centre of its crop by none."""
    middle, scale = (size - 1) / 2, scale_of(matrix)
    (a, b, x), (c, d, y) = inverse(matrix).tolist()
    centre_x, centre_y = (a + b) * middle + x, (c + d) * middle + y
    return np.array(
        [[scale, 0, middle - scale * centre_x], [0, scale, middle - scale * centre_y]], np.float32
    )


def frame_matrix(right: Point, left: Point, mouth: Point, size: int) -> Affine:
    """Computes `crop_matrix` in the frame `ffhq` from the centres of the eyes and the mouth.

    Args:
        right, left: centres of the subject's eyes, in pixels of the photo.
        mouth: centre of the mouth.
        size: side of the crop, not 0.
    """
    (x0, y0), (x1, y1), (mouth_x, mouth_y) = (point.tolist() for point in (right, left, mouth))
    across_x, across_y, x, y = x1 - x0, y1 - y0, (x0 + x1) / 2, (y0 + y1) / 2
    down_x, down_y = mouth_x - x, mouth_y - y
    side = max(EYE_SPANS * math.hypot(across_x, across_y), MOUTH_SPANS * math.hypot(down_x, down_y))
    # Both lines show the tilt of the head. A turned head shortens one of them; the other then has more weight.
    axis_x, axis_y = across_x + down_y, across_y - down_x
    gain = size / side / math.hypot(axis_x, axis_y)
    cos, sin = axis_x * gain, axis_y * gain
    x, y = x + BELOW_EYES * down_x, y + BELOW_EYES * down_y
    middle = (size - 1) / 2
    return np.array(
        [[cos, sin, middle - cos * x - sin * y], [-sin, cos, middle + sin * x - cos * y]], np.float32
    )


def crop(pixels: RGBImage, matrix: Affine, size: int, border: Border) -> tuple[Resized, Inside]:
    """Cuts a crop out of a photo.

    Args:
        pixels: the photo.
        matrix: photo -> crop, from `crop_matrix`.
        size: side of the crop; 0 returns the photo itself, without a copy.
        border: how to fill the crop outside the photo.

    Returns:
        The crop, and `inside`: 1 where the centre of the crop's pixel lies in the photo.
    """
    if size == 0:
        return pixels, np.ones(pixels.shape[:2], np.uint8)
    inside = _inside(pixels.shape[0], pixels.shape[1], matrix, size)
    if border == "reflect":
        return warp(pixels, matrix, size, "reflect", fine=True), inside
    # Warp with a replicated border and blacken the outside afterwards; otherwise the edge pixels mix with black.
    image = warp(pixels, matrix, size, "replicate", fine=True)
    return cv2.bitwise_and(image, image, mask=inside), inside


def _inside(height: int, width: int, matrix: Affine, size: int) -> Inside:
    """Returns 1 where a pixel of the crop comes from inside the photo."""
    back = inverse(matrix).tolist()
    last = size - 1
    if all(
        start + last * (min(0, across) + min(0, down)) >= -0.5
        and start + last * (max(0, across) + max(0, down)) <= side - 0.5
        for (across, down, start), side in zip(back, (width, height), strict=True)
    ):
        return np.ones((size, size), np.uint8)
    steps = np.arange(size)
    x, y = (row[0] * steps[None] + row[1] * steps[:, None] + row[2] for row in back)
    return ((x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)).astype(np.uint8)
