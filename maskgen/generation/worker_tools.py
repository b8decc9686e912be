"""The tools of one process, and the versions of all that decides a sample's bytes beside the settings."""

import platform
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import PIL

from maskgen import __version__
from maskgen.assets import asset
from maskgen.errors import Skip
from maskgen.files import folder_digest
from maskgen.settings import GenSettings
from maskgen.sources import Source
from maskgen.types import Photo, Triplet


@dataclass(frozen=True)
class Kit:
    """What making samples takes, loaded once a process.

    Attributes:
        source: where photos are read.
        mask: triplets of a photo by key, for its key's base; or why there are none.
        versions: name -> version of all that decides bytes beside the settings.
    """

    source: Source
    mask: Callable[[Photo, str], list[tuple[str, Triplet]] | Skip]
    versions: Mapping[str, str]


KitBuilder = Callable[[GenSettings, Source], Kit]


def build_kit(settings: GenSettings, source: Source) -> Kit:
    """Builds the tools that the settings name.

    Raises:
        InputError: a SPEC, WEAR or template is off.
        MissingError: a model or package is not there.
    """
    from maskgen.rendering.triplet import (
        build_tools,
        make_triplets,
    )  # with the detector's runtime: only where it is used

    tools = build_tools(settings)
    return Kit(
        source,
        mask=lambda photo, base: make_triplets(photo, tools, base),
        versions=versions(tools.detector.name, tools.wardrobe.library.digest),
    )


def versions(landmarks: str, templates: str) -> dict[str, str]:
    """Returns the versions that must be the same to resume a data set, or its shards would not fit together.

    Args:
        landmarks: name of the detector, with its runtime and models.
        templates: digest of the library of masks.
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
        "head": folder_digest(asset("models")),
    }
