"""Reads from a map whether a mask is worn, and whether it leaves nose, mouth or chin bare.

The frame is defined by eyes and mouth alone, which a detector also finds on masked faces: `down` goes from the middle
of the eyes to the middle of the mouth, `across` from eye to eye. Regions are given in units of these two lengths.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from unmasknet.metrics.identity import Points

# name -> (down from, down to, half width in eye distances). On the canonical head the tip of the nose lies at .54, its
# base at .66, the lips between .88 and 1.12, the chin at 1.70.
PLACES: Mapping[str, tuple[float, float, float]] = {
    "nose": (0.52, 0.68, 0.16),
    "mouth": (0.92, 1.08, 0.25),
    "chin": (1.44, 1.60, 0.22),
    "face": (0.40, 1.60, 0.60),
}
STEPS = 9  # sampling points per side of a region
COVERED = 0.5  # fraction from which a region counts as covered
MASKED = 0.12  # fraction of the lower face from which a mask is present
STATES = ("correct", "nose", "chin", "below-mouth")


@dataclass(frozen=True)
class Wearing:
    """Hidden fractions of nose, mouth, chin and of the whole lower face, each in [0, 1]."""

    nose: float
    mouth: float
    chin: float
    face: float

    @property
    def state(self) -> str:
        """Wear state: `unmasked`, `correct`, or the bare region: `nose`, `chin`, `below-mouth` (nose and mouth)."""
        if self.face < MASKED:
            return "unmasked"
        if self.mouth < COVERED:
            return "below-mouth"
        if self.nose < COVERED:
            return "nose"
        return "chin" if self.chin < COVERED else "correct"

    @property
    def wrong(self) -> float:
        """Bare fraction of the least covered region, in [0, 1]; a score of incorrect wear."""
        return 1 - min(self.nose, self.mouth, self.chin)


def wearing(map: Float[ndarray, "h w"], points: Points) -> Wearing:
    """Samples a map, or probabilities, in the regions of a face.

    Args:
        map: values in [0, 1].
        points: eyes and corners of the mouth, in pixels of `map`.
    """
    return Wearing(**{name: _fraction(map, points, *place) for name, place in PLACES.items()})


def _fraction(map: Float[ndarray, "h w"], points: Points, start: float, end: float, half: float) -> float:
    """Computes the mean of the map over a region, without points outside the image."""
    eyes, mouth = points[:2].mean(0), points[2:].mean(0)
    down, across = mouth - eyes, points[1] - points[0]
    along, aside = np.meshgrid(np.linspace(start, end, STEPS), np.linspace(-half, half, STEPS))
    x, y = (eyes + along[..., None] * down + aside[..., None] * across).reshape(-1, 2).round().astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < map.shape[1]) & (y < map.shape[0])
    return float(map[y[inside], x[inside]].mean()) if inside.any() else 0.0
