"""Random draw of one mask's appearance: family, texture, colours and state of wear, from SPEC and WEAR."""

import colorsys
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import numpy as np

from maskgen.masks.balance import Dealt
from maskgen.masks.patterns import ONCE, STRETCHED, VARIANTS
from maskgen.masks.selection import Wardrobe
from maskgen.masks.templates import TemplateLook, tint_of
from maskgen.masks.user_textures import Artwork
from maskgen.seeds import between
from maskgen.types import BARE, WornMask

T = TypeVar("T")
Tint = tuple[float, float, float]
DARKEST = (
    0.1215  # of a channel, 0-1; just below the darkest one in the palettes of the built-in families, #1f
)
HUE_OFFSETS = (0.0, 0.08, 0.5, 0.33)  # fractions of the hue circle, from a colour to a matching one


@dataclass(frozen=True)
class Dress:
    """Colours and pattern of one drawn mask.

    Attributes:
        tints: three RGB colours, 0-1: the mask's first colour, which multiplies the template's grey, then the second
            and the third colour of the pattern.
        strap: RGB colour of the straps, 0-1.
        pattern: `plain`, a pattern of `maskgen.masks.patterns`, or the name of a user's image.
        variant: number of the pattern's variant.
        repeats: how often the tile is repeated over the mask's width and height.
        shift: offset of the tile across and down, 0-1.
        artwork: the user's image, if `pattern` names one.
        strength: 0-1, how far the user's image covers the mask's own colour.
    """

    tints: tuple[Tint, Tint, Tint]
    strap: Tint
    pattern: str
    variant: int
    repeats: tuple[float, float]
    shift: tuple[float, float]
    artwork: Artwork | None = None
    strength: float = 1.0


def pick_mask(wardrobe: Wardrobe, rng: np.random.Generator, dealt: Dealt | None = None) -> WornMask:
    """Draws a family, its texture and first colour, and the state in which it is worn; or `BARE`, no mask.

    Args:
        wardrobe: what is drawn from.
        rng: random generator.
        dealt: entry and state of wear, if a `Deck` has drawn them already.
    """
    choice = dealt.choice if dealt else _pick(wardrobe.choices, wardrobe.sums, rng)
    if choice.family == BARE.family:
        return BARE
    template = wardrobe.library.template(choice.family)
    texture = choice.texture or _draw(template.look.textures, rng)
    colour = choice.colour or _draw(template.look.colours, rng)
    if dealt:
        return WornMask(choice.family, texture, colour, float(choice.strength), dealt.wear or "correct")
    possible: dict[str, float] = {
        wear: share for wear, share in wardrobe.wears.items() if wear in template.wear
    }
    wear = _draw(possible or {"correct": 1.0}, rng)
    return WornMask(choice.family, texture, colour, float(choice.strength), wear)


def pick_dress(
    worn: WornMask,
    look: TemplateLook,
    rng: np.random.Generator,
    *,
    aspect: float = 1.0,
    artwork: Artwork | None = None,
) -> Dress:
    """Draws the details that the labels leave open: the pattern's other colours, its position, the straps' colour.

    Args:
        worn: the labels.
        look: look of the family.
        rng: random generator.
        aspect: width over height of the mask, along the cloth.
        artwork: the user's image, if `worn.texture` names one.
    """
    first = tint_of(worn.colour, 1.0 if artwork else worn.strength)
    if not look.flat:
        first = _dyed(first)
    second, third = _companions(first, rng)
    strap = look.strap_colours[int(rng.integers(len(look.strap_colours)))]
    across, down = rng.random(), rng.random()
    count = between(rng, 1.2, 2.6)
    shape = artwork.aspect / aspect if artwork else 1 / aspect  # aspect of the tile over that of the mask
    if worn.texture in STRETCHED:
        repeats, shift = (1.0, 1.0), (0.0, 0.0)
    elif worn.texture in ONCE or (artwork and not artwork.tile):
        repeats, shift = _covering(shape)
    else:
        stretch = math.sqrt(shape)
        repeats, shift = (count / stretch, count * stretch), (across, down)
    return Dress(
        tints=tuple(_glossed(tint, look.gloss) for tint in (first, second, third)),  # type: ignore[arg-type]
        strap=first if strap == "mask" else tint_of(strap, 1.0),
        pattern=worn.texture,
        variant=int(rng.integers(VARIANTS)),
        repeats=repeats,
        shift=shift,
        artwork=artwork,
        strength=worn.strength,
    )


def _covering(shape: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Computes repeats and shift of an image that fills the mask once, both centres aligned; the excess is cut off.

    Args:
        shape: aspect (width over height) of the image over that of the mask.
    """
    across, down = min(1.0, 1 / shape), min(1.0, shape)
    return (across, down), ((1 - across) / 2, (1 - down) / 2)


def _draw(weights: Mapping[T, float], rng: np.random.Generator) -> T:
    """Draws a key with a probability proportional to its weight."""
    return _pick(list(weights), list(accumulate(weights.values())), rng)


def _pick(items: Sequence[T], sums: Sequence[float], rng: np.random.Generator) -> T:
    """Draws an item with a probability proportional to its weight; `sums` are running sums of the weights."""
    return items[min(bisect_right(sums, rng.random() * sums[-1]), len(sums) - 1)]


def _companions(first: Tint, rng: np.random.Generator) -> tuple[Tint, Tint]:
    """Draws two colours that contrast with the first: much lighter or darker, with a near or a far hue."""
    hue, lightness, _ = colorsys.rgb_to_hls(*first)
    tints: list[Tint] = []
    for step in (0.45, 0.3):
        away = -1 if lightness > 0.5 else 1
        level = min(max(lightness + away * (step + between(rng, -0.1, 0.15)), 0.06), 0.95)
        shifted = (hue + HUE_OFFSETS[int(rng.integers(len(HUE_OFFSETS)))] + rng.normal(0, 0.03)) % 1
        tints.append(colorsys.hls_to_rgb(shifted, level, between(rng, 0.05, 0.65)))
    return tints[0], tints[1]


def _dyed(tint: Tint) -> Tint:
    """Returns the nearest colour of real cloth: without a channel near 0, which would show neither folds nor shade."""
    red, green, blue = (max(channel, DARKEST) for channel in tint)
    return red, green, blue


def _glossed(tint: Tint, gloss: float) -> Tint:
    """Lightens a tint by glancing light: no real cloth is black."""
    red, green, blue = (channel * (1 - gloss) + gloss for channel in tint)
    return red, green, blue
