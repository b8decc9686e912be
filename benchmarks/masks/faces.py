"""Faces to put masks on: those that `gen-data` would use of a source, in random order."""

from collections.abc import Iterator

import numpy as np

from maskgen.errors import Skip
from maskgen.faces.align import choose_faces
from maskgen.rendering.stage import Stage
from maskgen.rendering.triplet import Tools, set_stage
from maskgen.sources import Source, load
from maskgen.types import PhotoRef


def stages(source: Source, tools: Tools, rng: np.random.Generator) -> Iterator[tuple[int, PhotoRef, Stage]]:
    """Yields the largest face of each photo with a usable face: index of the photo, its reference, and the stage."""
    refs = source.refs()
    for i in rng.permutation(len(refs)):
        photo = load(source, refs[i], tools.settings.source)
        found = tools.detector.detect(photo) if not isinstance(photo, Skip) else photo
        chosen = choose_faces(found, tools.settings.faces) if not isinstance(found, Skip) else found
        if not (isinstance(chosen, Skip) or isinstance(photo, Skip)):
            yield int(i), refs[i], set_stage(photo.pixels, chosen[0], tools)
