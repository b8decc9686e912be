"""The mask library: families on disk, and the SPEC and WEAR texts that choose among them.

A family is a folder `assets/masks/<family>/` with `template.toml` and its pictures, all addressed by u, v:
`albedo.png` (grey and opacity: what a colour multiplies), `height.png` (grey, 128 is the shell itself) and, where it
has one, `overlay.png` (RGBA: wires, valves, print: parts that no colour multiplies).
"""

import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray
from pydantic import Field, ValidationError

from maskgen.assets import asset
from maskgen.errors import InputError
from maskgen.head import canonical_head
from maskgen.settings import Section
from maskgen.shell import Curve, Shell, ShellShape, Strap, build_shell

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WEARS = ("correct", "nose", "chin", "below-mouth")
FAMILY = re.compile(r"[a-z0-9]+")
CHOICE = re.compile(
    r"(?P<family>[a-z0-9]+)(?:-(?:(?P<colour>#[0-9a-fA-F]{6})|(?P<texture>[a-z0-9]+)))?"
    r"(?:@(?P<strength>\d*\.?\d+))?(?::(?P<weight>\d*\.?\d+))?"
)
ALIASES = {"gas": "respirator"}
TO_RGBA = {1: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}


class Look(Section):
    """What the mask is made of."""

    colours: dict[str, float]
    """Palette: `#rrggbb` and how often it is drawn."""
    textures: dict[str, float] = {"plain": 1.0}
    """Patterns it comes with, `plain` or of `maskgen.patterns`, and how often each is drawn."""
    wrinkles: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Depth of creases that differ with each wearing."""
    flat: bool = False
    """Painted on as it is: no light, shadow, softness or grain."""
    relief: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    """Head units between the lowest and the highest of `height.png`."""
    gloss: Annotated[float, Field(ge=0, le=1)] = 0.05
    """How far dark colours are lifted by light that glances off."""
    strap_colours: list[str] = ["mask"]
    """One is drawn for each wearing: `#rrggbb`, or `mask` for the mask's own colour."""


class Template(Section):
    """`template.toml` of a family."""

    title: str
    """What people call it."""
    shell: ShellShape
    """The surface it makes."""
    look: Look
    """What it is made of."""
    straps: list[Strap] = []
    """How it is held."""
    wear: list[Literal["correct", "nose", "chin", "below-mouth"]] = ["correct", "nose", "chin", "below-mouth"]
    """Ways it can be worn."""


@dataclass(frozen=True)
class Mask:
    """A family ready to be worn.

    Attributes:
        name: the family.
        template: its settings.
        surface: grey that a colour multiplies, 0-255, times the opacity and what the overlay leaves of it; opacity,
            0-1; derivatives of the height along u / 2 and v, head units of height a whole texture. All four in one
            picture, which is looked up as fast as any of them. From full size down, each level half the one before.
        overlay: RGB that no colour multiplies, times its opacity, and an empty channel, as `surface`; or nothing.
    """

    name: str
    template: Template
    surface: tuple[Float32[ndarray, "_ _ 4"], ...]
    overlay: tuple[UInt8[ndarray, "_ _ 4"], ...]


@dataclass(frozen=True)
class MaskChoice:
    """One entry of a SPEC; empty `texture` or `colour` is drawn from the family's own."""

    family: str
    texture: str = ""
    colour: str = ""
    strength: float = 1.0
    weight: float = 1.0


def parse_spec(text: str) -> list[MaskChoice]:
    """`family[-texture | -#rrggbb][@strength][:weight], ...` as choices.

    Raises:
        InputError: every problem of the text in one message.
    """
    families = family_names()
    choices, problems = [], []
    for part in _parts(text):
        match = CHOICE.fullmatch(part)
        if not match:
            problems.append(f"'{part}' is not family[-texture|-#rrggbb][@strength][:weight]")
            continue
        family = ALIASES.get(match["family"], match["family"])
        strength = float(match["strength"] or 1)
        if family not in families:
            problems.append(f"unknown family '{family}'; there are {', '.join(families)}")
        elif match["texture"] and match["texture"] not in load_mask(family).template.look.textures:
            known = ", ".join(load_mask(family).template.look.textures)
            problems.append(f"'{family}' has no texture '{match['texture']}'; it has {known}")
        elif not 0 <= strength <= 1:
            problems.append(f"strength {strength:g} in '{part}' is not between 0 and 1")
        else:
            weight = float(match["weight"] or 1)
            colour = (match["colour"] or "").lower()
            choices.append(MaskChoice(family, match["texture"] or "", colour, strength, weight))
    if not problems and sum(choice.weight for choice in choices) <= 0:
        problems.append("no mask with a weight above 0")
    if problems:
        raise InputError(f"--masks '{text}': " + "; ".join(problems))
    return choices


def parse_wear(text: str) -> dict[str, float]:
    """`state:weight, ...` as shares that sum to 1.

    Raises:
        InputError: every problem of the text in one message.
    """
    shares: dict[str, float] = {}
    problems = []
    for part in _parts(text):
        state, _, weight = part.partition(":")
        if state not in WEARS:
            problems.append(f"unknown wear '{state}'; there are {', '.join(WEARS)}")
        elif not re.fullmatch(r"\d*\.?\d+", weight or "1"):
            problems.append(f"weight '{weight}' of '{state}' is no number")
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


@cache
def family_names() -> tuple[str, ...]:
    """The families that are there, sorted."""
    return tuple(sorted(path.parent.name for path in asset("masks").glob("*/template.toml")))


def list_families() -> list[dict[str, object]]:
    """What `unmask masks list` tells of each family."""
    rows: list[dict[str, object]] = []
    for name in family_names():
        template = load_mask(name).template
        rows.append(
            {
                "name": name,
                "colours": list(template.look.colours),
                "textures": list(template.look.textures),
                "wear": list(template.wear),
            }
        )
    return rows


@cache
def load_mask(family: str) -> Mask:
    """A family's template and pictures, read once a process.

    Raises:
        InputError: a file is missing or cannot be used; the message names it.
    """
    folder = asset(f"masks/{family}")
    template = read_template(folder)
    albedo = _picture(folder / "albedo.png").astype(np.float32)
    height = _picture(folder / "height.png")[..., 0]
    grey, opacity = albedo[..., 0], albedo[..., 3] / 255
    overlay: tuple[ndarray, ...] = ()
    if (folder / "overlay.png").exists():
        over = _picture(folder / "overlay.png").astype(np.float32)
        cover = over[..., 3] / 255
        grey = grey * (1 - cover)
        over[..., :3] *= (cover * opacity)[..., None]
        over[..., 3] = 0
        overlay = _pyramid(np.rint(over).astype(np.uint8))
    tinted = np.dstack([grey * opacity, opacity, _slope(height, template.look.relief)])
    return Mask(family, template, _pyramid(tinted.astype(np.float32)), overlay)


def read_template(folder: Path) -> Template:
    """A family's `template.toml`.

    Raises:
        InputError: it is missing or has problems; all of them in one message.
    """
    path = folder / "template.toml"
    try:
        return Template.model_validate(tomllib.loads(path.read_text()))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"{path}: {problems}") from error


@cache
def shell_of(family: str, wear: str) -> Shell:
    """The shell of a family worn in one way, built once a process."""
    template = load_mask(family).template
    return build_shell(worn_shape(template.shell, wear), template.straps, canonical_head())


def worn_shape(shape: ShellShape, wear: str) -> ShellShape:
    """The shape with its edges where `wear` has them; heights are measured against the canonical face."""
    if wear == "nose":  # the upper edge lies under the nose
        return replace_edges(shape, _lowered(shape.top, 0.80, 0.30), _lowered(shape.bottom, None, 0.08))
    if wear == "chin":  # the lower edge rides up, the chin is bare
        return replace_edges(shape, _lowered(shape.top, None, -0.06), _lowered(shape.bottom, 1.42, -0.22))
    if wear == "below-mouth":  # pulled down: mouth and nose are bare
        return replace_edges(shape, _lowered(shape.top, 1.34, 0.55), _lowered(shape.bottom, None, 0.14))
    return shape


def replace_edges(shape: ShellShape, top: Curve, bottom: Curve) -> ShellShape:
    """The shape with other edges."""
    return shape.model_copy(update={"top": top, "bottom": bottom})


def _lowered(curve: Curve, middle: float | None, side: float) -> Curve:
    """The curve with its middle moved to a height and its side by a distance, what is between in proportion."""
    shift = side if middle is None else middle - curve[0][2]
    return [(u, azimuth, height + shift * (1 - u) + side * u) for u, azimuth, height in curve]


def tint_of(colour: str, strength: float) -> tuple[float, float, float]:
    """`#rrggbb` as what the albedo is multiplied by, 0-1; at strength 0 the template keeps its own colour."""
    red, green, blue = (1 - strength * (1 - int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return red, green, blue


def _picture(path: Path) -> UInt8[ndarray, "h w 4"]:
    """A template's picture as RGBA.

    Raises:
        InputError: it is missing or cannot be read.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype != np.uint8:
        raise InputError(f"{path}: missing, or no picture of 8 bits a channel; save it as PNG")
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    return cv2.cvtColor(picture, TO_RGBA[channels])


def _slope(height: UInt8[ndarray, "h w"], relief: float) -> Float32[ndarray, "h w 2"]:
    """Derivatives along u / 2 and v of a height picture whose full range is `relief`."""
    surface: ndarray = height.astype(np.float32) * np.float32(relief / 255)
    down, across = np.gradient(surface)
    return np.stack([across * surface.shape[1], down * surface.shape[0]], axis=-1).astype(np.float32)


def _pyramid(picture: ndarray, smallest: int = 32) -> tuple[ndarray, ...]:
    levels = [picture]
    while min(levels[-1].shape[:2]) >= 2 * smallest:
        rows, columns = levels[-1].shape[:2]
        levels.append(cv2.resize(levels[-1], (columns // 2, rows // 2), interpolation=cv2.INTER_AREA))
    return tuple(levels)
