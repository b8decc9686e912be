"""Division of a user's map among the faces of a photo: each part of it is restored through the window of one face.

A map that a person painted may be larger than the crop of its face, and it may lie where no face was found.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray

from maskgen.images.resample import carry
from maskgen.types import Affine, Plane, RGBImage
from unmasknet.restore.compositing import GROW, blend_weights, blended, grained, widened
from unmasknet.restore.face_window import FaceWindow, window_of
from unmasknet.restore.map_cleanup import FACE_AXES, FACE_CENTRE, ON_FACE
from unmasknet.restore.photo import FoundMask, mask_of, painted
from unmasknet.settings import REFERENCE_SIDE

# Centre, and width and height, of masks in training crops, in sides of the crop.
USUAL_PLACE, USUAL_SIZE = np.array((0.504, 0.688)), np.array((0.54, 0.46))
LEAST = 64  # pixels; smaller parts of a map that lie on no face are ignored as drawing errors
NEAR = 0.1  # sides of a crop beyond its edges within which a part still belongs to its face
GAP = 0.03  # sides of a crop; parts of a map with a narrower gap between them are one
EYES = np.array((0.5, 0.36))  # middle between the eyes in a crop; it keeps its place in an enlarged crop
SMALL = 0.5  # sides of a crop; a part whose own crop would be smaller may be a piece of another part
WIDEST = 1.6  # largest side of an enlarged crop, in sides of the face's own crop
# Sides of a crop between a part and the edge of an enlarged crop: the rim, and some of the photo around it.
MARGIN = GROW / REFERENCE_SIDE + 0.03
FACE_AREA = np.pi * FACE_AXES[0] * FACE_AXES[1]  # of the lower face, in squared sides of the crop
COARSE = 192  # longer side, in pixels, at which the far rest of a part is continued

Numbers = Int32[ndarray, "h w"]
Box = tuple[slice, slice]  # rows and columns of the photo


@dataclass(frozen=True)
class Rest:
    """Pixels of a map that lie too far from the face to which they belong, filled without the generator.

    Attributes:
        covered: 1 there, in the photo's pixels.
        map: 1 where the photo may change, with the rim.
        side: of the largest crop, in pixels.
    """

    covered: Plane
    map: Plane
    side: float


def divide(map: Plane, windows: Sequence[FaceWindow]) -> tuple[list[FoundMask], Rest | None]:
    """Divides a map among faces.

    A connected part belongs to a face if at least half of it lies in the face's crop or near it, or if it covers as
    much of the lower face as a mask does. Where it belongs to several faces, a pixel goes to the nearest of them. A
    small part beside a large one, such as a piece of a strap, belongs to the same face. All other parts are taken for
    masks of upright faces that were not found.

    Args:
        map: 1 where a mask is, in the photo's pixels.
        windows: of the faces that were found.

    Returns:
        One mask per face, empty on those to which nothing belongs, then one per part that belongs to no face; and the
        rest, if there is any.
    """
    numbers, boxes = _owners(map, windows)
    left = np.asarray((map > 0) & (numbers == 0), np.uint8)
    others = _number_others(left, numbers, windows, boxes) if left.any() else []
    places = [*(window.place for window in windows), *others]
    masks = [_mask(numbers, number, place, boxes[number - 1]) for number, place in enumerate(places, 1)]
    rest = (numbers > 0).astype(np.uint8)
    for mask in masks:
        mask.window.of(rest)[mask.covered > 0] = 0
    if not rest.any():
        return masks, None
    side = max(mask.window.side for mask in masks if mask.worn)
    return masks, Rest(rest, widened(rest, side), side)


def _owners(map: Plane, windows: Sequence[FaceWindow]) -> tuple[Numbers, list[Box]]:
    """Returns the number of each pixel's face, from 1 on, 0 if it belongs to none; and the box of each number."""
    labels, stats = _parts(map, min((window.side for window in windows), default=0.0))
    count = len(stats)
    areas = np.bincount(labels[map > 0], minlength=count)
    shares = np.array([_shares(labels, window, count) for window in windows]).reshape(-1, 2, count)
    theirs = (shares[:, 0] >= 0.5 * areas) | (shares[:, 1] >= ON_FACE)
    theirs[:, 0] = False
    numbers = (theirs * np.arange(1, len(windows) + 1)[:, None]).max(0, initial=0).astype(np.int32)[labels]
    for label in np.flatnonzero(theirs.sum(0) > 1):
        rows, columns = _box(stats[label])
        faces = np.flatnonzero(theirs[:, label])
        inside = labels[rows, columns] == label
        here = [replace(windows[int(face)], rows=rows, columns=columns) for face in faces]
        numbers[rows, columns][inside] = faces[_nearest(inside, here)][inside] + 1
    return numbers, [_around([_box(one) for one in stats[mine]]) for mine in theirs]


def _parts(map: Plane, side: float) -> tuple[Numbers, Int32[ndarray, "n 5"]]:
    """Labels the parts of a map, whose pieces may be connected over a narrow gap.

    Args:
        map: 1 inside.
        side: of a face's crop, in pixels, from which the width of the gap follows.

    Returns:
        The label of each pixel, 0 outside; and OpenCV's statistics of each label, whose boxes contain the part.
    """
    radius = max(1, round(GAP * side / 2))
    closed = cv2.dilate(map, np.ones((2 * radius + 1,) * 2, np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8, ltype=cv2.CV_32S)
    labels *= map
    return labels, stats


def _shares(labels: Numbers, window: FaceWindow, count: int) -> tuple[ndarray, ndarray]:
    """Measures each label at a face: pixels in the crop and near it, and the fraction covered of the lower face."""
    near = _window(_enlarged(window.place, np.array((0.5, 0.5)), 1 + 2 * NEAR), labels)
    distance = _from_face(replace(near, place=window.place))
    here = near.of(labels)
    inside = np.abs(_positions(near) - 0.5).max(0) <= 0.5
    on_face = np.bincount(here[distance <= 1], minlength=count) / (FACE_AREA * window.side**2)
    return np.bincount(here[inside], minlength=count), on_face


def _nearest(inside: ndarray, windows: Sequence[FaceWindow]) -> Int32[ndarray, "tall wide"]:
    """Returns the nearest of some faces at each pixel of a part, without faces of which the part covers too little."""
    away = np.stack([_from_face(window) for window in windows])
    first = away.argmin(0)
    covered = np.array(
        [
            np.count_nonzero(inside & (first == at) & (away[at] <= 1)) / (FACE_AREA * window.side**2)
            for at, window in enumerate(windows)
        ]
    )
    kept = np.flatnonzero((covered >= ON_FACE) | (covered == covered.max()))
    return kept[away[kept].argmin(0)].astype(np.int32)


def _number_others(
    left: Plane, numbers: Numbers, windows: Sequence[FaceWindow], boxes: list[Box]
) -> list[Affine]:
    """Numbers the parts of a map that lie on no face, and infers the crops of faces that were not found.

    Args:
        left: 1 in these parts.
        numbers: gets their numbers: of the face of which a part is a piece, or further ones.
        windows: of the faces that were found.
        boxes: of the pixels of each number; they are enlarged, and further ones added.
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats(left, connectivity=8)
    sides = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]] / USUAL_SIZE
    labels, stats = _parts(left, float(sides.max(initial=0)))
    frames = [
        _frame(numbers, number, window.place, boxes[number - 1]) for number, window in enumerate(windows, 1)
    ]
    places: list[Affine] = []
    areas = np.bincount(labels[left > 0], minlength=len(stats))
    for label in np.flatnonzero(areas >= LEAST):
        rows, columns = box = _box(stats[label])
        inside = labels[box] == label
        points = _points(inside, columns.start, rows.start)
        side = float(((np.ptp(points, axis=0) + 1) / USUAL_SIZE).max())
        owner = _owner_of_piece(points, side, windows, frames)
        if owner:
            boxes[owner - 1] = _around([boxes[owner - 1], box])
        else:
            offset = USUAL_PLACE - points.mean(0) / side
            places.append(np.array([[1 / side, 0, offset[0]], [0, 1 / side, offset[1]]], np.float32))
            boxes.append(box)
            owner = len(boxes)
        numbers[box][inside] = owner
    return places


def _owner_of_piece(
    points: Float32[ndarray, "n 2"],
    side: float,
    windows: Sequence[FaceWindow],
    frames: Sequence[tuple[Affine, float]],
) -> int:
    """Returns the number of the face to whose enlarged crop a small part belongs; 0 if there is none."""
    for number, (window, (place, factor)) in enumerate(zip(windows, frames, strict=True), 1):
        if factor > 1 and side <= SMALL * window.side:
            away = np.abs(carry(place, points) - 0.5).max(1)
            if np.mean(away <= 0.5 + NEAR) >= 0.5:
                return number
    return 0


def _frame(numbers: Numbers, number: int, place: Affine, box: Box) -> tuple[Affine, float]:
    """Enlarges the crop of a face, so that it contains the face's part of a map and its rim.

    Returns:
        The crop, enlarged by at most `WIDEST`, and the factor that would be needed; 1 if the crop stays.
    """
    points = carry(place, _points(numbers[box] == number, box[1].start, box[0].start))
    if len(points) == 0:
        return place, 1.0
    low, high = (EYES - points.min(0)) / (EYES - MARGIN), (points.max(0) - EYES) / (1 - MARGIN - EYES)
    factor = float(max(low.max(), high.max(), 1))
    return (_enlarged(place, EYES, min(factor, WIDEST)) if factor > 1 else place), factor


def _mask(numbers: Numbers, number: int, place: Affine, box: Box) -> FoundMask:
    """Builds the mask of a face from its pixels; leaves out what the enlarged crop does not contain."""
    place, factor = _frame(numbers, number, place, box)
    window = _window(place, numbers)
    covered = (window.of(numbers) == number).astype(np.uint8)
    if factor > WIDEST:
        covered[window.off_centre() > 0.5 - MARGIN] = 0
    return mask_of(window, covered)


def continued(photo: RGBImage, masks: Sequence[FoundMask], rest: Rest) -> RGBImage:
    """Fills the rest of a map: continues smoothly what surrounds the whole map. Other pixels stay."""
    height, width = photo.shape[:2]
    hidden = np.maximum(painted((height, width), masks, lambda mask: mask.map), rest.map)
    scale = min(1.0, COARSE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    unknown = cv2.resize(hidden * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 0
    known = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    filled = cv2.inpaint(known, unknown.astype(np.uint8), 5, cv2.INPAINT_TELEA)
    smooth = cv2.GaussianBlur(filled, (0, 0), 1.5).astype(np.float32)
    x, y, wide, tall = cv2.boundingRect(rest.map)
    around = round(rest.side / 8)  # pixels, from which the grain is measured
    left, top, right, bottom = max(x - around, 0), max(y - around, 0), x + wide + around, y + tall + around
    part, hole = (np.ascontiguousarray(plane[top:bottom, left:right]) for plane in (photo, rest.map))
    ratio = np.array(size) / (width, height)
    offset = (np.array((left, top)) + 0.5) * ratio - 0.5
    to_small = np.array([[ratio[0], 0, offset[0]], [0, ratio[1], offset[1]]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    result = cv2.warpAffine(smooth, to_small, part.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    laid = photo.copy()
    laid[top:bottom, left:right] = blended(
        part, grained(result, part, hole, rest.side), blend_weights(hole, rest.side)
    )
    return laid


def _window(place: Affine, plane: ndarray) -> FaceWindow:
    window = window_of(place, plane.shape[0], plane.shape[1])
    assert window is not None, "a crop contains eyes or a mask, which lie in the photo"
    return window


def _enlarged(place: Affine, about: ndarray, factor: float) -> Affine:
    """Enlarges a crop about a point of it, which keeps its place."""
    linear, offset = place[:, :2] / factor, about + (place[:, 2] - about) / factor
    return np.column_stack([linear, offset]).astype(np.float32)


def _positions(window: FaceWindow) -> Float32[ndarray, "2 tall wide"]:
    """Computes the place of each pixel of a window in its crop, in sides of the crop."""
    x = np.arange(window.columns.start, window.columns.stop, dtype=np.float32)
    y = np.arange(window.rows.start, window.rows.stop, dtype=np.float32)[:, None]
    return np.stack([row[0] * x + row[1] * y + row[2] for row in window.place])


def _from_face(window: FaceWindow) -> Float32[ndarray, "tall wide"]:
    """Measures the distance of each pixel from the centre of the lower face; 1 at the edge of the lower face."""
    across, down = _positions(window)
    return np.hypot((across - FACE_CENTRE[0]) / FACE_AXES[0], (down - FACE_CENTRE[1]) / FACE_AXES[1])


def _points(inside: ndarray, left: int, top: int) -> Float32[ndarray, "n 2"]:
    """Returns x and y of the pixels inside, for an array that begins at `left`, `top` of the photo."""
    ys, xs = np.nonzero(inside)
    return np.column_stack([xs + left, ys + top]).astype(np.float32)


def _box(stats: ndarray) -> Box:
    """Returns the box of a label from OpenCV's statistics."""
    x, y, width, height = (
        int(stats[at]) for at in (cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT)
    )
    return slice(y, y + height), slice(x, x + width)


def _around(boxes: Sequence[Box]) -> Box:
    """Returns the smallest box around some boxes, without empty ones."""
    full = [box for box in boxes if box[0].stop > box[0].start]
    if not full:
        return slice(0, 0), slice(0, 0)
    rows, columns = (
        slice(min(box[axis].start for box in full), max(box[axis].stop for box in full)) for axis in (0, 1)
    )
    return rows, columns
