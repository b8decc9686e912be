"""Options and codes of the program MaskTheFace, translated to SPEC.

MaskTheFace (github.com/aqeelanwar/MaskTheFace) lays a texture and a colour over the image of a mask: a mask of the
colour `m` becomes `(1 - w) m + w c` with the weight `w` of the colour `c`. Its images have the colours `OWN_COLOURS`;
a translated mask has the mixed colour in full.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maskgen.errors import InputError, UsageError
from maskgen.masking.settings import MaskTheFaceSettings
from maskgen.masks.library import Library
from maskgen.masks.spec import parse_spec
from maskgen.masks.templates import TEXTURES
from maskgen.settings import PictureSettings

# Type of MaskTheFace -> family, and the mean colour of the opaque pixels of the image of its mask.
OWN_COLOURS = {
    "surgical": ("surgical", "#b9b9b9"),
    "surgical_blue": ("surgical", "#73bee1"),
    "surgical_green": ("surgical", "#74a9aa"),
    "N95": ("n95", "#bab7ad"),
    "KN95": ("kn95", "#eaeaea"),
    "cloth": ("cloth", "#262423"),
    "gas": ("respirator", "#87919d"),
}
BLOCKS = ("inpaint", "empty")  # MaskTheFace fills the place of the mask; here a grey block covers it
DEFAULT_TYPE, DEFAULT_COLOR, DEFAULT_WEIGHT = "surgical", "#0473e2", 0.5  # of its command line


@dataclass(frozen=True)
class Translated:
    """Masks that options of MaskTheFace name.

    Attributes:
        entries: entries of SPEC.
        labels: names of the types, as many as entries.
        pictures: images used as textures, by the names that the entries give them.
        each: whether there is to be one masked photo for each entry.
    """

    entries: tuple[str, ...]
    labels: tuple[str, ...]
    pictures: dict[str, PictureSettings]
    each: bool = False


def translate(options: MaskTheFaceSettings, library: Library) -> Translated:
    """Translates options of MaskTheFace to SPEC.

    Args:
        options: at least one that chooses masks.
        library: the families and their textures.

    Raises:
        UsageError: a code, a type or a colour is unknown; the message lists all of them.
        InputError: a texture is neither one of MaskTheFace's nor a file.
    """
    colour_weight = DEFAULT_WEIGHT if options.color_weight is None else options.color_weight
    pattern_weight = DEFAULT_WEIGHT if options.pattern_weight is None else options.pattern_weight
    pictures: dict[str, PictureSettings] = {}
    problems: list[str] = []
    entries = []
    masks = _code_masks(options.code, problems) if options.code else _typed_masks(options)
    for kind, texture, colour in masks:
        base = _mixed(kind, colour, colour_weight, problems)
        if base and kind not in BLOCKS:
            entries.append(_entry(kind, texture, base, pattern_weight, library, pictures))
        elif base:
            entries.append("none")
    if problems:
        raise UsageError("\n  ".join(problems))
    kinds = tuple(kind for kind, _, _ in masks)
    return Translated(tuple(entries), kinds, pictures, each=not options.code and options.mask_type == "all")


def _typed_masks(options: MaskTheFaceSettings) -> list[tuple[str, str, str]]:
    """Returns (type, texture, colour) of `--mask_type`, `--pattern` and `--color`."""
    kind = options.mask_type or DEFAULT_TYPE
    kinds: Sequence[str] = tuple(OWN_COLOURS) if kind in ("random", "all") else (kind,)
    colour = DEFAULT_COLOR if options.color is None else options.color
    return [(kind, options.pattern, colour) for kind in kinds]


def _code_masks(code: str, problems: list[str]) -> list[tuple[str, str, str]]:
    """Returns (type, texture, colour) of each part of a code; blanks mean nothing, as in MaskTheFace."""
    found = []
    for part in filter(None, "".join(code.split()).split(",")):
        kind, _, more = part.partition("-")
        if kind not in OWN_COLOURS and kind not in BLOCKS:
            problems.append(f"--code: unknown type '{kind}'; there are {', '.join((*OWN_COLOURS, *BLOCKS))}")
        else:
            found.append((kind, "", more) if "#" in more else (kind, more, ""))
    if not found and not problems:
        problems.append("--code: names no mask, such as cloth-#e54294")
    return found


def _mixed(kind: str, colour: str, weight: float, problems: list[str]) -> str:
    """Mixes the own colour of a type with another one; "" if that is none."""
    own = OWN_COLOURS.get(kind, ("", "#7f7f7f"))[1]
    if not colour:
        return own
    from PIL import ImageColor  # MaskTheFace reads colours with it, names among them

    try:
        wanted = ImageColor.getrgb(colour)[:3]
    except ValueError:
        problems.append(f"'{colour}' is no colour; write it as #rrggbb")
        return ""
    mixed = (
        round((1 - weight) * low + weight * high)
        for low, high in zip(ImageColor.getrgb(own), wanted, strict=True)
    )
    return "#" + "".join(f"{level:02x}" for level in mixed)


def _entry(
    kind: str,
    texture: str,
    colour: str,
    weight: float,
    library: Library,
    pictures: dict[str, PictureSettings],
) -> str:
    """Builds the entry of SPEC; a texture that is not one of MaskTheFace's is added to `pictures` if it is a file.

    Raises:
        InputError: it is neither.
    """
    family = OWN_COLOURS[kind][0]
    if not texture:
        return f"{family}-plain-{colour}"
    name = "" if _is_own_image(texture) else _known_texture(family, texture, library)
    if not name:
        name = _picture_name(texture, pictures)
        pictures[name] = PictureSettings(path=texture)
    return f"{family}-{name}-{colour}@{weight:g}"


def _is_own_image(path: str) -> bool:
    """Tells whether a path is that of a file outside MaskTheFace's folder of textures, whatever its name is."""
    return Path(path).is_file() and "masks/textures/" not in Path(path).resolve().as_posix()


def _known_texture(family: str, texture: str, library: Library) -> str:
    """Finds the texture of a path of MaskTheFace, or of a name; "" if it is a file of a texture that is unknown here.

    Raises:
        InputError: there is neither such a texture nor such a file.
    """
    try:
        choices = parse_spec(f"{family}-{texture}", library)
    except InputError as error:
        if not Path(texture).is_file():
            raise InputError(f"--pattern or --code: {error}; and there is no file {texture}") from error
        return ""
    if len(choices) > 1 or not choices[0].texture:
        raise InputError(
            f"--pattern or --code: '{texture}' is no texture; give a file such as masks/textures/check/check_4.jpg, "
            "and a colour as --color or as #rrggbb"
        )
    return choices[0].texture


def _picture_name(path: str, pictures: dict[str, PictureSettings]) -> str:
    """Returns a name for an image: that of its file if SPEC can hold it and it is free."""
    stem = re.sub(r"[^a-z0-9]", "", Path(path).stem.lower()) or "pattern"
    name, number = stem, 1
    while name in TEXTURES or (name in pictures and pictures[name].path != path):
        number += 1
        name = f"{stem}x{number}"
    return name
