"""Masks of a run: SPEC or the options of MaskTheFace, as one set of settings for each masked photo of a photo."""

import re
from dataclasses import dataclass

from maskgen.errors import UsageError
from maskgen.masking.mask_the_face import translate
from maskgen.masking.settings import MaskFolderSettings
from maskgen.masks.selection import open_library
from maskgen.settings import GenSettings, MaskSettings


@dataclass(frozen=True)
class Outfits:
    """Masks of a run.

    Attributes:
        settings: one for each entry of SPEC with `files.each`, else one.
        labels: parts of the file names that tell the entries apart; empty without `files.each`.
        whole: settings with all masks, to which a journal is compared.
    """

    settings: tuple[GenSettings, ...]
    labels: tuple[str, ...]
    whole: GenSettings


def choose_outfits(settings: MaskFolderSettings) -> Outfits:
    """Resolves which masks are put on.

    Raises:
        UsageError: the options of MaskTheFace hold an unknown type or colour; with `files.each`, SPEC names no mask.
        InputError: a texture is unknown.
    """
    masks: MaskSettings = settings.masks
    entries = [part.strip() for part in masks.masks.split(",") if part.strip()]
    labels = _labels(entries)
    each = settings.files.each
    if settings.mask_the_face.chooses_masks:
        library = open_library(masks.templates, replace=masks.replace)
        theirs = translate(settings.mask_the_face, library)
        entries, labels, each = list(theirs.entries), theirs.labels, each or theirs.each
        masks = masks.model_copy(
            update={"masks": ",".join(entries), "pictures": {**masks.pictures, **theirs.pictures}}
        )
    whole = settings.triplet_settings(masks)
    if not each:
        return Outfits((whole,), (), whole)
    if not entries:
        raise UsageError("--each: SPEC names no mask")
    parts = (masks.model_copy(update={"masks": entry}) for entry in entries)
    return Outfits(tuple(map(settings.triplet_settings, parts)), _distinct(labels), whole)


def _labels(entries: list[str]) -> tuple[str, ...]:
    """Returns the entries of SPEC as parts of file names: without strength, weight and signs."""
    return tuple(re.sub(r"[^A-Za-z0-9_-]+", "", re.split("[@:]", entry)[0]) for entry in entries)


def _distinct(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Numbers labels that occur several times."""
    return tuple(
        label if labels.count(label) == 1 else f"{label}{1 + labels[:place].count(label)}"
        for place, label in enumerate(labels)
    )
