"""Head, templates and shells that the transforms of a process share, and that its forked workers share with it."""

from functools import lru_cache

import numpy as np

from maskgen.errors import Skip
from maskgen.faces.canonical_head import canonical_head
from maskgen.faces.landmarks.cache import CachedDetector
from maskgen.masks.patterns import PATTERNS, VARIANTS, pattern, wrinkles
from maskgen.masks.selection import Wardrobe, open_wardrobe
from maskgen.rendering.lighting import pick_grain, skin_triangles
from maskgen.rendering.triplet import LENS_BLUR, Tools
from maskgen.settings import GenSettings
from maskgen.types import BARE, Face, RGBImage


class NoDetector:
    """Detector that finds nothing: the faces of a transform come from its `FaceSource`."""

    name = "none"

    def detect(self, pixels: RGBImage) -> list[Face] | Skip:  # noqa: ARG002
        """Returns that there is no face. See `Detector`."""
        return Skip("no_face")


@lru_cache(maxsize=8)
def _tools(settings: str) -> Tools:
    given = GenSettings.model_validate_json(settings)
    head = canonical_head()
    wardrobe = open_wardrobe(given.masks)
    _load(wardrobe)
    _ = head.steady_centred, head.spread, head.modes_of_points
    _ = wrinkles(), pick_grain(np.random.default_rng(0), LENS_BLUR)
    return Tools(given, CachedDetector(NoDetector(), None), head, skin_triangles(head), wardrobe)


def shared_tools(settings: GenSettings) -> Tools:
    """Returns the tools for some settings; all that masks need is loaded on the first call.

    Raises:
        InputError: SPEC or WEAR cannot be used.
    """
    return _tools(settings.model_dump_json())


def _load(wardrobe: Wardrobe) -> None:
    """Loads all templates and shells, and draws all patterns, that may be chosen."""
    library = wardrobe.library
    textures: set[str] = set()
    for choice in wardrobe.choices:
        if choice.family == BARE.family or choice.weight <= 0:
            continue
        mask = library.mask(choice.family)
        textures.update([choice.texture] if choice.texture else mask.template.look.textures)
        for wear in {wear for wear in wardrobe.wears if wear in mask.template.wear} or {"correct"}:
            shell = library.shell(choice.family, wear)
            _ = shell.everything, shell.slack, shell.extent
    for texture in textures & set(PATTERNS):
        for variant in range(VARIANTS):
            pattern(texture, variant)
