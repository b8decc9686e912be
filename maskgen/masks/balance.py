"""Exact shares: draws in which each entry of SPEC and each state of WEAR keeps its share at any time, not on average.

After n draws with shares w, each entry was drawn floor(n w) or ceil(n w) times, in random order. So the shares are also
exact at the end of a shard, though nobody knows before how many masks it will hold. The j-th draw of an entry may come
from the first n on with n w > j - 1, and has to come by the last with n w < j + 1: unit jobs with release times and
deadlines on one machine. A draw is allowed while every interval from now on has room for the jobs that end in it, which
is Hall's condition.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maskgen.masks.selection import Wardrobe
from maskgen.masks.spec import WEARS, MaskChoice
from maskgen.types import BARE

HORIZON = 4096  # draws; deadlines beyond it are of entries so rare that others leave room for them
TINY = 1e-9  # shares are binary fractions: 100 * .29 is 28.999999999999996


@dataclass(frozen=True)
class Dealt:
    """Draw of one face: entry of SPEC, and state of WEAR, "" for `bare`."""

    choice: MaskChoice
    wear: str


class EvenDraw:
    """Random draw of numbered entries whose counts stay next to their shares.

    Attributes:
        shares: fraction of each entry; they sum to 1.
        counts: how often each entry was drawn.
    """

    def __init__(self, weights: Sequence[float]) -> None:
        self.shares: Float[ndarray, " k"] = np.array(weights, np.float64) / sum(weights)
        self.counts = np.zeros(len(weights), np.int64)

    def draw(self, rng: np.random.Generator, liking: Float[ndarray, " k"] | None = None) -> int:
        """Draws an entry.

        Args:
            rng: random generator.
            liking: relative probabilities among the entries that may be drawn now, 0 for one that cannot be drawn;
                None takes the shares. If no entry that can be drawn keeps all shares, the one furthest behind is taken.

        Returns:
            its number.
        """
        liking = self.shares if liking is None else liking
        odds = np.where(self._allowed(), liking, 0.0)
        if odds.sum() > 0:
            drawn = int(rng.choice(len(odds), p=odds / odds.sum()))
        else:
            behind = (self.counts.sum() + 1) * self.shares - self.counts
            drawn = int(np.argmax(np.where(liking > 0, behind, -np.inf)))
        self.counts[drawn] += 1
        return drawn

    def take_back(self, entry: int) -> None:
        """Undoes a draw of this entry."""
        self.counts[entry] -= 1

    def _allowed(self) -> ndarray:
        """Tells for each entry whether its count would stay next to its share now, and all could later."""
        now = int(self.counts.sum()) + 1
        used = self.shares > 0
        released = used & (self.counts < now * self.shares - TINY)
        last = int(min(((self.counts[used] + 1) / self.shares[used]).max() + 1, now + HORIZON))
        times = np.arange(now, max(last, now) + 1)
        due = np.floor(times[:, None] * self.shares + TINY).astype(np.int64) - self.counts
        room = times - now - np.maximum(due, 0).sum(1)
        full = np.flatnonzero(room < 0)  # by then all draws from this one on are of entries that are due
        return released & (due[full[0]] > 0) if len(full) else released


@dataclass
class Deck:
    """Deal of masks in one shard: a face gets the next draw, and one without a visible mask gives it back.

    Attributes:
        wardrobe: the entries of SPEC and the states of WEAR.
        rng: random generator of the order.
    """

    wardrobe: Wardrobe
    rng: np.random.Generator
    _open: dict[int, tuple[int, int]] = field(
        default_factory=dict
    )  # seed of a face's mask -> its entry and wear
    _shown: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        wears = [self.wardrobe.wears.get(wear, 0.0) for wear in WEARS]
        self._entries = EvenDraw([choice.weight for choice in self.wardrobe.choices])
        self._wears = EvenDraw(wears)
        self._together = np.zeros((len(self.wardrobe.choices), len(wears)))

    def deal(self, seed: int) -> Dealt:
        """Returns the draw of a face; the same one for the same seed until `settle`, as a face is in several crops."""
        if seed not in self._open:
            entry = self._entries.draw(self.rng)
            self._open[seed] = entry, self._draw_wear(entry)
        entry, wear = self._open[seed]
        return Dealt(self.wardrobe.choices[entry], WEARS[wear] if wear >= 0 else "")

    def note_shown(self, seed: int) -> None:
        """Notes that the face of a seed is in a sample as it was dealt."""
        self._shown.add(seed)

    def settle(self, *, made: bool) -> None:
        """Ends a photo: draws that no sample shows are given back; all of them if the photo was not `made`."""
        for seed, (entry, wear) in self._open.items():
            if not made or seed not in self._shown:
                self._entries.take_back(entry)
                if wear >= 0:
                    self._wears.take_back(wear)
                    self._together[entry, wear] -= 1
        self._open.clear()
        self._shown.clear()

    def _draw_wear(self, entry: int) -> int:
        """Draws a state of wear that the entry's family has; -1 if it has none of WEAR's.

        States that this entry has too rarely are preferred, so that entries and states do not go together.
        """
        family = self.wardrobe.choices[entry].family
        has = () if family == BARE.family else self.wardrobe.library.template(family).wear
        possible = np.array([wear in has for wear in WEARS]) & (self._wears.shares > 0)
        if not possible.any():
            return -1
        mine = self._together[entry]
        behind = np.maximum((mine.sum() + 1) * self._wears.shares - mine, 0.01 * self._wears.shares)
        wear = self._wears.draw(self.rng, np.where(possible, behind, 0.0))
        mine[wear] += 1
        return wear
