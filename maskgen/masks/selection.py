"""Selection of masks by the settings: the library, the choices of SPEC, and the states of WEAR."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from maskgen.errors import InputError
from maskgen.masks.library import Library, built_in
from maskgen.masks.spec import MaskChoice, parse_spec, parse_wear, with_share
from maskgen.masks.templates import TEXTURES
from maskgen.masks.user_textures import Artwork, load_artwork
from maskgen.masks.validation import check_templates
from maskgen.settings import MaskSettings, PictureSettings


@dataclass(frozen=True)
class Wardrobe:
    """Library, choices among its families with their weights, `bare` among them, and the probability of each wear."""

    library: Library
    choices: list[MaskChoice]
    wears: dict[str, float]

    @cached_property
    def sums(self) -> list[float]:
        """Running sums of the choices' weights."""
        return list(accumulate(choice.weight for choice in self.choices))


def open_wardrobe(settings: MaskSettings) -> Wardrobe:
    """Opens the library, SPEC and WEAR of the mask settings.

    Raises:
        InputError: templates, images, SPEC or WEAR have problems; the message lists all of them.
    """
    problems: list[str] = []
    library = _gather(settings, problems)
    choices: list[MaskChoice] = []
    wears: dict[str, float] = {}
    try:
        choices = with_share(parse_spec(settings.masks, library), settings.share)
    except InputError as error:
        problems.append(str(error))
    try:
        wears = parse_wear(settings.wear)
    except InputError as error:
        problems.append(str(error))
    if problems:
        raise InputError(
            "\n  ".join(problems if len(problems) == 1 else [f"{len(problems)} problems:", *problems])
        )
    return Wardrobe(library, choices, wears)


def open_library(templates: str, *, replace: bool) -> Library:
    """Opens the built-in families and those of the user's folder, if one is given.

    Raises:
        InputError: templates in the folder have problems; the message lists all of them.
    """
    problems: list[str] = []
    library = _gather(MaskSettings(templates=templates, replace=replace), problems)
    if problems:
        raise InputError("\n  ".join(problems))
    return library


def _gather(settings: MaskSettings, problems: list[str]) -> Library:
    """Collects the built-in families, the user's families and the user's images; appends problems to `problems`."""
    folders = dict(built_in().folders)
    if settings.templates:
        report = check_templates(Path(settings.templates), replace=settings.replace)
        problems += [str(problem) for problem in report.problems]
        folders |= {path.name: path for path in report.sound}
    return Library(folders, _pictures(settings.pictures, problems))


def _pictures(given: Mapping[str, PictureSettings], problems: list[str]) -> dict[str, Artwork]:
    pictures: dict[str, Artwork] = {}
    for name, picture in given.items():
        if name in TEXTURES:
            problems.append(f"masks.pictures.{name}: is the name of a built-in texture; choose another name")
            continue
        try:
            pictures[name] = load_artwork(Path(picture.path), picture.tile)
        except InputError as error:
            problems.append(f"masks.pictures.{name}: {error}")
    return pictures
