"""From a map to a state: no mask, a mask worn right, or one that leaves nose, mouth or chin bare.

The face's frame is that of eyes and mouth alone, which a detector gives for masked faces too: `down` goes from the
middle of the eyes to the middle of the mouth, `across` from eye to eye. Places are in lengths of the two.
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
STEPS = 9  # points a side at which a place is looked at
COVERED = 0.5  # share from which a place is covered
MASKED = 0.12  # share of the lower face from which there is a mask
STATES = ("correct", "nose", "chin", "below-mouth")


@dataclass(frozen=True)
class Wearing:
    """What shares of nose, mouth, chin and of the whole lower face are hidden, each in [0, 1]."""

    nose: float
    mouth: float
    chin: float
    face: float

    @property
    def state(self) -> str:
        """`unmasked`, `correct`, or what is bare: `nose`, `chin`, `below-mouth` (nose and mouth)."""
        if self.face < MASKED:
            return "unmasked"
        if self.mouth < COVERED:
            return "below-mouth"
        if self.nose < COVERED:
            return "nose"
        return "chin" if self.chin < COVERED else "correct"

    @property
    def wrong(self) -> float:
        """How much of the place that is covered least is bare, in [0, 1]: a score of "worn wrong"."""
        return 1 - min(self.nose, self.mouth, self.chin)


def wearing(map: Float[ndarray, "h w"], points: Points) -> Wearing:
    """Look up a map, or probabilities, at the places of a face.

    Args:
        map: 0 to 1.
        points: eyes and corners of the mouth, in its pixels.
    """
    return Wearing(**{name: _fraction(map, points, *place) for name, place in PLACES.items()})


def _fraction(map: Float[ndarray, "h w"], points: Points, start: float, end: float, half: float) -> float:
    """Mean of the map over a place; what lies beyond the picture does not count."""
    eyes, mouth = points[:2].mean(0), points[2:].mean(0)
    down, across = mouth - eyes, points[1] - points[0]
    along, aside = np.meshgrid(np.linspace(start, end, STEPS), np.linspace(-half, half, STEPS))
    x, y = (eyes + along[..., None] * down + aside[..., None] * across).reshape(-1, 2).round().astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < map.shape[1]) & (y < map.shape[0])
    return float(map[y[inside], x[inside]].mean()) if inside.any() else 0.0
