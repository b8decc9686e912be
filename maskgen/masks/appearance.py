"""What one wearing looks like: family, texture, colours and way of wearing, drawn from SPEC and WEAR."""

import colorsys
import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from maskgen.masks.patterns import ONCE, STRETCHED, VARIANTS
from maskgen.masks.selection import Wardrobe
from maskgen.masks.templates import TemplateLook, tint_of
from maskgen.masks.user_textures import Artwork
from maskgen.seeds import between
from maskgen.types import WornMask

Tint = tuple[float, float, float]
TURNS = (0.0, 0.08, 0.5, 0.33)  # of hue, from a colour to what goes with it


@dataclass(frozen=True)
class Dress:
    """Colours and pattern of one wearing.

    Attributes:
        tints: R, G, B, 0-1, that the grey of the template is multiplied by: the first colour, the pattern's others.
        strap: R, G, B, 0-1, of the straps.
        pattern: `plain`, of `maskgen.masks.patterns`, or a picture's name.
        variant: which drawing of the pattern.
        repeats: of the pattern's tile over the mask's width and height.
        shift: of the tile, 0-1 across and down.
        artwork: the user's picture in place of a pattern, if it is one.
        strength: 0-1, how far the picture covers the mask's own colour.
    """

    tints: tuple[Tint, Tint, Tint]
    strap: Tint
    pattern: str
    variant: int
    repeats: tuple[float, float]
    shift: tuple[float, float]
    artwork: Artwork | None = None
    strength: float = 1.0


def pick_mask(wardrobe: Wardrobe, rng: np.random.Generator) -> WornMask:
    """Draws a family, its texture and first colour, and the way it is worn."""
    choice = wardrobe.choices[_draw({i: choice.weight for i, choice in enumerate(wardrobe.choices)}, rng)]
    template = wardrobe.library.template(choice.family)
    texture = choice.texture or _draw(template.look.textures, rng)
    colour = choice.colour or _draw(template.look.colours, rng)
    possible = {wear: share for wear, share in wardrobe.wears.items() if wear in template.wear}
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
    """Draws what the labels leave open: the pattern's other colours, where it lies, the straps' colour.

    Args:
        worn: the labels.
        look: of the family.
        rng: what is drawn from.
        aspect: width over height of the mask, along the cloth.
        artwork: the user's picture that `worn.texture` names, if it is one.
    """
    first = tint_of(worn.colour, worn.strength)
    second, third = _companions(first, rng)
    strap = look.strap_colours[int(rng.integers(len(look.strap_colours)))]
    across, down = rng.random(), rng.random()
    count = between(rng, 1.2, 2.6)
    shape = artwork.aspect / aspect if artwork else 1 / aspect  # of the tile, to the mask's
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
    """Repeats and shift of a picture that fills the mask once, its middle on the mask's; what juts out is cut.

    Args:
        shape: the picture's width over height, over the mask's.
    """
    across, down = min(1.0, 1 / shape), min(1.0, shape)
    return (across, down), ((1 - across) / 2, (1 - down) / 2)


def _draw(weights: dict, rng: np.random.Generator):  # type: ignore[no-untyped-def, type-arg]
    """Draws a key by its weight."""
    sums = list(accumulate(weights.values()))
    return list(weights)[min(bisect_right(sums, rng.random() * sums[-1]), len(sums) - 1)]


def _companions(first: Tint, rng: np.random.Generator) -> tuple[Tint, Tint]:
    """Chooses two colours that contrast with the first: much lighter or darker, of a near or a far hue."""
    hue, lightness, _ = colorsys.rgb_to_hls(*first)
    tints: list[Tint] = []
    for step in (0.45, 0.3):
        away = -1 if lightness > 0.5 else 1
        level = min(max(lightness + away * (step + between(rng, -0.1, 0.15)), 0.06), 0.95)
        turned = (hue + TURNS[int(rng.integers(len(TURNS)))] + rng.normal(0, 0.03)) % 1
        tints.append(colorsys.hls_to_rgb(turned, level, between(rng, 0.05, 0.65)))
    return tints[0], tints[1]


def _glossed(tint: Tint, gloss: float) -> Tint:
    """Lightens a tint by the light that glances off: no cloth is black."""
    red, green, blue = (channel * (1 - gloss) + gloss for channel in tint)
    return red, green, blue
