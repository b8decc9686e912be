"""Parsers of SPEC and WEAR: which masks are drawn how often, and how they are worn.

SPEC is a comma list of `family[-texture][-colour][@strength][:weight]`; `bare[:weight]` is a face without a mask.
The codes of MaskTheFace, a widely used generator, are accepted too: `N95`, `surgical_blue`,
`cloth-masks/textures/check/check_4.jpg`, `random`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import PurePosixPath

from PIL import ImageColor

from maskgen.errors import InputError
from maskgen.masks.library import Library
from maskgen.masks.templates import TEXTURES
from maskgen.types import BARE

WEARS = ("correct", "nose", "chin", "below-mouth")
NUMBER = r"[0-9]{0,9}\.?[0-9]{1,9}"  # not \d, which has the digits of all scripts
ENTRY = re.compile(
    r"(?P<family>[A-Za-z0-9_]+)(?:-(?P<dress>[^@:\s]+))?"
    rf"(?:@(?P<strength>{NUMBER}))?(?::(?P<weight>{NUMBER}))?"
)
# Other names of a family, and the colour that the name implies, if any.
ALIASES = {
    "gas": ("respirator", ""),
    "surgical_blue": ("surgical", "#a9cfe4"),
    "surgical_green": ("surgical", "#b5dccb"),
    "inpaint": ("none", ""),
    "empty": ("none", ""),
}
FORM = "family[-texture][-colour][@strength][:weight]"
COLOURS: dict[str, str] = {
    name: str(value) for name, value in ImageColor.colormap.items() if str(value)[0] == "#"
}
ANY = ("random", "all")  # every family except the flat blocks, equally often
# Textures of MaskTheFace (names of files or folders) that have another name here.
TEXTURE_NAMES = {"polka": "dots", "heart": "print", "fruits": "print", "others": "print"}


@dataclass(frozen=True)
class MaskChoice:
    """Entry of a SPEC. An empty `texture` or `colour` is drawn from those of the family; `bare` has none."""

    family: str
    texture: str = ""
    colour: str = ""
    strength: float = 1.0
    weight: float = 1.0


def parse_spec(text: str, library: Library) -> list[MaskChoice]:
    """Parses a SPEC into choices among the families of a library.

    Raises:
        InputError: the text has problems; the message lists all of them.
    """
    choices: list[MaskChoice] = []
    problems: list[str] = []
    for part in _parts(text):
        found = _read_entry(part, library)
        if isinstance(found, str):
            problems.append(found)
        else:
            choices += found
    if not problems and sum(choice.weight for choice in choices) <= 0:
        problems.append("no mask with a weight above 0")
    if problems:
        raise InputError(f"--masks '{text}': " + "; ".join(problems))
    return choices


def with_share(choices: list[MaskChoice], share: float) -> list[MaskChoice]:
    """Returns choices of which a fraction `share` are those given, in proportion to their weights, the others bare.

    Args:
        choices: at least one, with a weight above 0.
        share: 0 to 1; 1 returns the choices as they are.
    """
    if share == 1:
        return choices
    total = sum(choice.weight for choice in choices)
    given = [replace(choice, weight=share * choice.weight / total) for choice in choices]
    return [*given, MaskChoice(BARE.family, strength=0.0, weight=1 - share)]


def _read_entry(part: str, library: Library) -> list[MaskChoice] | str:
    """Parses one entry into choices, or returns a text that says what is wrong with it."""
    match = ENTRY.fullmatch(part)
    if not match:
        return f"'{part}' is not {FORM}"
    strength, weight, dress = float(match["strength"] or 1), float(match["weight"] or 1), match["dress"] or ""
    if not 0 <= strength <= 1:
        return f"strength {strength:g} in '{part}' is not between 0 and 1"
    named = match["family"].lower()
    if named == BARE.family:
        if dress or match["strength"]:
            return f"'{part}': a bare face has no texture, colour or strength; write {BARE.family}:{weight:g}"
        return [MaskChoice(BARE.family, strength=0.0, weight=weight)]
    if named in ANY:
        return _any_mask(dress, strength, weight, library)
    family, colour = ALIASES.get(named, (named, ""))
    if family not in library.families:
        return f"unknown family '{match['family']}'; there are {', '.join((*library.families, BARE.family))}"
    found = _read_dress(dress, _nameable(family, library))
    if isinstance(found, str):
        return f"'{family}' {found}"
    return [MaskChoice(family, found[0], found[1] or colour, strength, weight)]


def _nameable(family: str, library: Library) -> tuple[str, ...]:
    """Lists the textures that an entry may name: first those that are drawn for the family, then, unless it is a flat
    block, all others.
    """
    drawn = library.textures(family)
    if library.template(family).look.flat:
        return drawn
    return tuple(dict.fromkeys((*drawn, *TEXTURES)))


def _any_mask(dress: str, strength: float, weight: float, library: Library) -> list[MaskChoice] | str:
    """Lists all families except the flat blocks; if a texture is named, only those that have it."""
    worn = [name for name in library.families if not library.template(name).look.flat]
    found = {name: _read_dress(dress, library.textures(name)) for name in worn}
    fitting = {name: chosen for name, chosen in found.items() if not isinstance(chosen, str)}
    if not fitting:
        every = tuple(dict.fromkeys(name for family in worn for name in library.textures(family)))
        return f"no family {_read_dress(dress, every)}"
    share = weight / len(fitting)
    return [MaskChoice(name, texture, colour, strength, share) for name, (texture, colour) in fitting.items()]


def _read_dress(dress: str, textures: tuple[str, ...]) -> tuple[str, str] | str:
    """Parses `texture`, `colour` or `texture-colour`; a name that is both a texture and a colour is the texture.

    Returns:
        Texture and colour, each "" where it is left open; or a text that says what is wrong.
    """
    first, _, second = dress.rpartition("-")
    texture, colour = _texture(first, textures), colour_of(second)
    if texture and colour:
        return texture, colour
    whole = _texture(dress, textures)
    if not dress or whole or colour_of(dress):
        return whole, "" if whole else colour_of(dress)
    if colour_of(first) and _texture(second, textures):
        return f"has '{dress}', which has to be '{second}-{first}': the texture comes before the colour"
    wrong = second if texture else (first if colour else dress)
    if wrong.startswith("#") or texture:
        return (
            f"has no colour '{wrong}'{_meant(wrong, COLOURS)}: write #rrggbb, or a name of CSS, such as navy"
        )
    return (
        f"has no texture '{wrong}', and no colour has this name{_meant(wrong, (*textures, *COLOURS))}; textures are "
        f"{', '.join(textures)}; a colour is #rrggbb, or its name in CSS, such as navy"
    )


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name.lower(), known, 1)
    return f" (did you mean {close[0]}?)" if close else ""


def colour_of(text: str) -> str:
    """Returns a colour as `#rrggbb` in lower case; "" if the text is neither `#rrggbb` nor one of CSS's 148 names."""
    text = text.lower()
    return text if re.fullmatch("#[0-9a-f]{6}", text) else COLOURS.get(text, "")


def _texture(name: str, known: tuple[str, ...]) -> str:
    """Finds the texture of a name or a MaskTheFace path such as `masks/textures/check/check_4.jpg`; "" if unknown."""
    if name in known:
        return name
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.suffix:
        return ""
    stem = re.sub(r"[^a-z0-9]", "", path.stem.lower())
    names = (stem, stem.rstrip("0123456789"), path.parent.name.lower())
    return next((known_as for name in names if (known_as := TEXTURE_NAMES.get(name, name)) in known), "")


def parse_wear(text: str) -> dict[str, float]:
    """Parses `state:weight, ...` into fractions that sum to 1.

    Raises:
        InputError: the text has problems; the message lists all of them.
    """
    shares: dict[str, float] = {}
    problems = []
    for part in _parts(text):
        state, _, weight = part.partition(":")
        if state not in WEARS:
            problems.append(f"unknown wear '{state}'; there are {', '.join(WEARS)}")
        elif not re.fullmatch(NUMBER, weight or "1"):
            problems.append(f"weight '{weight}' of '{state}' must be a number, 0 or more")
        else:
            shares[state] = shares.get(state, 0.0) + float(weight or 1)
    total = sum(shares.values())
    if not problems and total <= 0:
        problems.append("no state with a weight above 0")
    if problems:
        raise InputError(f"--wear '{text}': " + "; ".join(problems))
    return {state: share / total for state, share in shares.items() if share > 0}


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
