"""Face detector BlazeFace, short range: bounding boxes, eyes and mouths of faces.

The network takes 128 x 128 pixels in [-1, 1] and predicts for 896 anchors: 2 in each cell of a 16 x 16 grid, 6 in
each of an 8 x 8 grid.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray

from maskgen.assets import model_file
from maskgen.faces.landmarks.network_input import Source
from maskgen.faces.landmarks.runtime import Model, load_network
from maskgen.images.resample import carry, inverse, scale_of
from maskgen.types import Affine

Pairs = list[float]  # x, y of a prediction's centre, size, right eye, left eye, mouth

SIDE = 128
OUTPUTS = (0, 1, 2, 3, 5)  # pairs of an anchor: centre and size of the box, right eye, left eye, mouth
SAME_FACE = 0.3  # intersection over union above which two boxes belong to one face


@dataclass(frozen=True)
class Detection:
    """Detected face, in pixels of the photo.

    Attributes:
        box: centre x, centre y, width, height; from brow to chin, about square.
        eyes: the subject's right eye, which is on the left of an upright image, and left eye.
        mouth: centre of the mouth; under a mask the network guesses it.
        score: 0-1.
    """

    box: Float32[ndarray, "4"]
    eyes: Float32[ndarray, "2 2"]
    mouth: Float32[ndarray, "2"]
    score: float


class BlazeFace:
    """Face detector network. Not to be shared between threads."""

    def __init__(self, runtime: str = "auto") -> None:
        file = model_file("face_detection_short_range")
        model = Model(file.path, ("regressors", "classificators"), SIDE, "constant", 1 / 127.5, -1.0)
        self._network = load_network(model, runtime)
        self._anchors = _anchors()
        self.name = f"blazeface-{file.digest[:8]}"

    def find(self, photo: Source, view: Affine, threshold: float) -> list[Detection]:
        """Finds faces in one view of the photo, highest score first.

        Args:
            photo: the photo.
            view: matrix photo -> the view of 128 x 128 pixels that is the network's input.
            threshold: least score, 0-1.
        """
        back = inverse(view)
        found = _merged(*self._answers(photo, view, threshold))
        return [_in_photo(pairs, score, back) for pairs, score in found]

    def answers(
        self, photo: Source, view: Affine, threshold: float
    ) -> tuple[Float32[ndarray, "n 2"], Float32[ndarray, "n"], Float64[ndarray, "n"]]:
        """Predicts centres and longer sides in pixels of the photo, and scores, per anchor: not merged to faces."""
        raw, scores = self._answers(photo, view, threshold)
        back = inverse(view)
        sides = raw[:, 1].max(1, initial=0) * np.float32(SIDE * scale_of(back))
        return carry(back, raw[:, 0] * SIDE - 0.5).astype(np.float32), sides, scores

    def _answers(
        self, photo: Source, view: Affine, threshold: float
    ) -> tuple[Float32[ndarray, "n 5 2"], Float64[ndarray, "n"]]:
        """Decodes the anchors with at least this score, and their scores; [0, 1] is from edge to edge of the view."""
        regressors, logits = self._network(photo, view)
        chosen = np.flatnonzero(logits > math.log(threshold / (1 - threshold)))
        raw = regressors.reshape(-1, 8, 2)[chosen][:, OUTPUTS] * np.float32(1 / SIDE)
        raw[:, 0] += self._anchors[chosen]
        raw[:, 2:] += self._anchors[chosen, None]
        return raw, 1 / (1 + np.exp(-logits[chosen].astype(np.float64)))


def _anchors() -> Float32[ndarray, "896 2"]:
    """Computes the centres of the anchors in [0, 1], in the network's order."""
    grids = []
    for cells, each in ((16, 2), (8, 6)):
        y, x = np.mgrid[:cells, :cells]
        centres = (np.stack([x, y], -1).reshape(-1, 2) + 0.5) / cells
        grids.append(np.repeat(centres, each, axis=0))
    return np.concatenate(grids).astype(np.float32)


def _merged(raw: Float32[ndarray, "n 5 2"], scores: Float64[ndarray, "n"]) -> list[tuple[Pairs, float]]:
    """Merges overlapping predictions: their mean weighted by score varies less than the best one alone."""
    found = []
    answers = zip(scores.tolist(), raw.reshape(-1, 10).tolist(), strict=True)
    left = sorted(answers, key=lambda answer: -answer[0])
    while left:
        (best, box), *others = left
        group, left = left[:1], []
        for other in others:
            (group if _overlap(box, other[1]) > SAME_FACE else left).append(other)
        whole = sum(score for score, _ in group)
        found.append(([sum(score * at[i] for score, at in group) / whole for i in range(10)], best))
    return found


def _overlap(one: Pairs, other: Pairs) -> float:
    """Computes the intersection over union of boxes given as centre and size."""
    (x, y, width, height), (u, v, wide, tall) = one[:4], other[:4]
    across = min(x + width / 2, u + wide / 2) - max(x - width / 2, u - wide / 2)
    down = min(y + height / 2, v + tall / 2) - max(y - height / 2, v - tall / 2)
    common = max(across, 0.0) * max(down, 0.0)
    return common / max(width * height + wide * tall - common, 1e-9)


def _in_photo(pairs: Pairs, score: float, back: Affine) -> Detection:
    """Transforms from [0, 1] (0 and 1 are the edges of the view) to pixels of the photo (integers are centres)."""
    (a, b, x), (c, d, y) = back.tolist()
    scale = SIDE * math.hypot(a, c)
    across, down = ([SIDE * at - 0.5 for at in pairs[first::2]] for first in (0, 1))
    centre, _, *points = (
        (a * right + b * below + x, c * right + d * below + y)
        for right, below in zip(across, down, strict=True)
    )
    box = np.array([*centre, pairs[2] * scale, pairs[3] * scale], np.float32)
    seen = np.array(points, np.float32)
    return Detection(box, seen[:2], seen[2], score)
