"""Scores of the segmenter on photos that others have labelled: folders of photos with a folder `labels`.

    FOLDER/images/NAME.jpg  FOLDER/labels/NAME.png      or      FOLDER/NAME.jpg  FOLDER/labels/NAME.png

A coloured label shows the mask in green; a grey one has 255 = mask, 128 = ignored, 0 = rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, UInt8
from numpy import ndarray

from maskgen.errors import InputError, Skip
from maskgen.images import codecs
from maskgen.images.formats import has_photo_suffix
from maskgen.images.map_reader import other_shape, read_levels, why_unusable
from maskgen.images.resample import warp
from maskgen.reading import PHOTO_BYTES, read_regular_file
from maskgen.types import Affine, Plane, RGBImage
from unmasknet.data.decode import MAX_PIXELS
from unmasknet.evaluation.samples import to_tensor
from unmasknet.evaluation.scorer import FindFaces
from unmasknet.evaluation.scores import Summary
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.metrics import image as image_metrics
from unmasknet.metrics import statistics
from unmasknet.metrics.statistics import rounded
from unmasknet.models.two_stage import Restorer

Label = UInt8[ndarray, "{height} {width}"]
UNSURE = (64, 192)  # grey levels between which a pixel is ignored
GREEN = 24  # grey levels by which green must exceed red and blue
SCORES = ("dice", "iou", "boundary_f")


@dataclass(frozen=True)
class LabelledFolder:
    """Photos with labels: name of the folder, and pairs of files sorted by name."""

    name: str
    pairs: tuple[tuple[Path, Path], ...]


def open_labelled(folders: Sequence[str]) -> list[LabelledFolder]:
    """Pairs photos and labels by their names.

    Raises:
        InputError: a folder has no pair.
    """
    found = []
    for name in folders:
        folder = Path(name)
        labels = {
            path.stem: path for path in sorted((folder / "labels").glob("*")) if has_photo_suffix(path.name)
        }
        images = folder / "images" if (folder / "images").is_dir() else folder
        photos = {path.stem: path for path in sorted(images.glob("*")) if has_photo_suffix(path.name)}
        pairs = tuple((photos[stem], labels[stem]) for stem in sorted(labels.keys() & photos.keys()))
        if not pairs:
            raise InputError(
                f"--labelled {folder}: found {len(photos)} photos and {len(labels)} labels, but no pair with "
                "the same name; it needs FOLDER/labels/NAME.png beside FOLDER/images/NAME.jpg or FOLDER/NAME.jpg"
            )
        found.append(LabelledFolder(folder.resolve().name, pairs))
    return found


def score_labelled(
    folder: LabelledFolder,
    restorer: Restorer,
    find_faces: FindFaces | None,
    device: torch.device,
    settings: EvalSettings,
) -> Summary:
    """Computes Dice, IoU and boundary F over the photos of a folder, in total and by name prefix (`CWM-`).

    Each face that is found is cropped as for training; a photo without a found face is segmented as a whole.

    Raises:
        InputError: a file cannot be decoded as an image.
    """
    scores: dict[str, list[float]] = {name: [] for name in SCORES}
    found, side = 0, segmenter_side(restorer)
    for photo_file, label_file in folder.pairs:
        photo = _read(photo_file)
        truth, counted = read_label_file(label_file, photo.shape[0], photo.shape[1])
        faces = find_faces(photo, side) if find_faces else ()
        found += bool(faces)
        map = paint(photo, faces or [whole(photo, side)], side, restorer, device)
        for name, value in _scores(map, truth, counted).items():
            scores[name].append(value)
    groups = [pair[0].stem.rpartition("-")[0] for pair in folder.pairs]
    return {
        "n": len(folder.pairs),
        "faces_found": rounded(found / len(folder.pairs)) if find_faces else None,
        **_means(scores, slice(None)),
        "ci95": _intervals(scores, settings),
        "by_name": {
            group: {
                "n": groups.count(group),
                **_means(scores, np.array([other == group for other in groups])),
            }
            for group in sorted(set(groups) - {""})
        },
    }


def read_label_file(path: Path, height: int, width: int) -> tuple[Label, Label]:
    """Reads the label of a photo of `height` x `width` pixels: the mask and the scored pixels, each 0 or 1.

    Raises:
        InputError: it cannot be decoded, has another shape, or covers nothing or nearly everything.
    """
    levels = read_levels(_bytes(path), max_pixels=MAX_PIXELS)
    if isinstance(levels, Skip):
        raise _unusable(
            path, f"is not an image ({levels.reason})" if levels.reason != "bad_map" else levels.detail
        )
    mask, counted = read_label(levels, height, width)
    if problem := other_shape(levels.shape[:2], height, width) or why_unusable(mask):
        raise _unusable(path, problem)
    return mask, counted


def read_label(label: RGBImage, height: int, width: int) -> tuple[Label, Label]:
    """Decodes a label into the mask and the scored pixels, each 0 or 1, at the photo's size."""
    if label.shape[:2] != (height, width):
        label = cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST)
    red, green, blue = (label[..., channel].astype(np.int16) for channel in range(3))
    if np.abs(red - green).max() > GREEN:
        return (green - np.maximum(red, blue) > GREEN).astype(np.uint8), np.ones((height, width), np.uint8)
    unsure = (green >= UNSURE[0]) & (green < UNSURE[1])
    return (green >= UNSURE[1]).astype(np.uint8), (~unsure).astype(np.uint8)


def whole(photo: RGBImage, side: int) -> Affine:
    """Computes the matrix photo -> square of `side` pixels that fits the whole photo, centred."""
    height, width = photo.shape[:2]
    scale = side / max(height, width)
    offset = (side - 1) / 2 - scale * np.array([(width - 1) / 2, (height - 1) / 2])
    return np.array([[scale, 0, offset[0]], [0, scale, offset[1]]], np.float32)


def segmenter_side(restorer: Restorer) -> int:
    """Returns the side in pixels that the segmenter was trained at."""
    assert restorer.segmenter is not None
    return restorer.segmenter.settings.data.size


def paint(
    photo: RGBImage, views: Sequence[Affine], side: int, restorer: Restorer, device: torch.device
) -> Plane:
    """Computes the segmenter's map of a photo, 0 or 1, from views of `side` pixels."""
    size = (photo.shape[1], photo.shape[0])
    total = np.zeros(photo.shape[:2], np.float32)
    for view in views:
        image = warp(photo, view, side, "reflect", fine=True)
        found = restorer.predicted(to_tensor([image], device))[0][0, 0].float().cpu().numpy()
        back = cv2.warpAffine(found, view, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        total = np.maximum(total, back)
    return (total >= 0.5).astype(np.uint8)


def _bytes(path: Path) -> bytes:
    try:
        return read_regular_file(path, PHOTO_BYTES)
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}") from error


def _read(path: Path) -> RGBImage:
    image = codecs.decode(_bytes(path), max_pixels=MAX_PIXELS, background=0)
    if isinstance(image, Skip):
        raise _unusable(path, f"is not an image ({image.reason})")
    return image


def _unusable(path: Path, problem: str) -> InputError:
    return InputError(f"{path}: {problem}; make it again, or take it out of the folder")


def _scores(map: Plane, truth: Plane, counted: Plane) -> dict[str, float]:
    found, real, where = (torch.from_numpy(plane)[None, None].float() for plane in (map, truth, counted))
    dice, iou = image_metrics.overlap(found, real, where)
    return {
        "dice": float(dice),
        "iou": float(iou),
        "boundary_f": float(image_metrics.boundary_f(found, real, where)),
    }


def _means(scores: dict[str, list[float]], rows: slice | Bool[ndarray, " n"]) -> Summary:
    return {name: rounded(statistics.mean(np.array(values)[rows])) for name, values in scores.items()}


def _intervals(scores: dict[str, list[float]], settings: EvalSettings) -> Summary:
    if not settings.bootstrap:
        return {}
    count = len(scores["dice"])
    draws = statistics.draws([str(number) for number in range(count)], settings.bootstrap, settings.seed)
    return {name: statistics.interval(np.array(values), draws) for name, values in scores.items()}
