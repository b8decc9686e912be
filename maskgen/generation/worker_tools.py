"""Tools of a worker process, and the versions that the bytes of a sample depend on."""

import platform
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import PIL

from maskgen import __version__
from maskgen.assets import asset
from maskgen.errors import Skip
from maskgen.files import folder_digest
from maskgen.seeds import rng_for
from maskgen.settings import GenSettings
from maskgen.sources import Source
from maskgen.types import Photo, Triplet

if TYPE_CHECKING:
    from maskgen.rendering.triplet import Tools

SEARCH_SECONDS = 0.5e-6  # per pixel; four times what an idle core takes, as others may be at work


@dataclass(frozen=True)
class Kit:
    """Tools for making samples, loaded once per process.

    Attributes:
        source: the source of the photos.
        mask: makes (key, triplet) pairs from a photo and the base of its keys, or returns why there are none.
        versions: name -> version of everything beside the settings that affects bytes.
        search_seconds: longest time that the search for small faces in the largest photo may take.
        deal: makes the tools of one shard from its name, if samples depend on their shard: with `masks.balance`.
        settle: called after each photo of a shard, with whether it gave samples.
    """

    source: Source
    mask: Callable[[Photo, str], list[tuple[str, Triplet]] | Skip]
    versions: Mapping[str, str]
    search_seconds: float = 0.0
    deal: Callable[[str], "Kit"] | None = None
    settle: Callable[[bool], object] | None = None

    def of_shard(self, name: str) -> "Kit":
        """Returns the tools for a shard: a new deck of masks, or these tools."""
        return self.deal(name) if self.deal else self


KitBuilder = Callable[[GenSettings, Source], Kit]


def build_kit(settings: GenSettings, source: Source) -> Kit:
    """Builds the tools that the settings name.

    Raises:
        InputError: a SPEC, WEAR or template is invalid.
        MissingError: a model or package is missing.
    """
    from maskgen.rendering.triplet import (
        build_tools,
    )  # imported here, because it loads the runtime of the detector

    return kit_of(build_tools(settings), source)


def kit_of(tools: "Tools", source: Source) -> Kit:
    """Returns the tools for making samples, from masks and detector; with `masks.balance` a deck for each shard."""
    from maskgen.faces.landmarks import SMALLEST
    from maskgen.masks.balance import Deck
    from maskgen.rendering.triplet import make_triplets

    settings = tools.settings
    finer = SMALLEST / min(settings.faces.min_size, SMALLEST)  # tiles along each side of the photo, relative
    kit = Kit(
        source,
        mask=lambda photo, base: make_triplets(photo, tools, base),
        versions=versions(tools.detector.name, tools.wardrobe.library.digest),
        search_seconds=SEARCH_SECONDS * settings.source.max_pixels * finer**2,
    )

    def deal(name: str) -> Kit:
        deck = Deck(tools.wardrobe, rng_for(settings.seed, f"balance {name}"))
        dealing = replace(tools, deck=deck)
        return replace(
            kit,
            mask=lambda photo, base: make_triplets(photo, dealing, base),
            settle=lambda made: deck.settle(made=made),
        )

    return replace(kit, deal=deal) if settings.masks.balance else kit


def versions(landmarks: str, templates: str) -> dict[str, str]:
    """Returns the versions that must not change when a data set is resumed, so that its shards fit together.

    Args:
        landmarks: name of the detector, with its runtime and models.
        templates: digest of the mask templates.
    """
    return {
        "unmask": __version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "pillow": PIL.__version__,
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "machine": platform.machine(),
        "landmarks": landmarks,
        "templates": templates,
        # of every file there, its texts too: a change of any of them makes older data sets impossible to resume
        "head": folder_digest(asset("models")),
    }
