"""Templates of mask families on disk: settings, images, and the shell built from them.

A template is a folder with `template.toml` and images addressed by u, v: `albedo.png` (opacity, and the grey that is
multiplied by the mask's colour), `height.png` (grey; 128 is the surface of the shell) and optionally `overlay.png`
(RGBA: wires, valves and print, which keep their own colours). `maskgen.masks.validation` checks templates.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray
from pydantic import AfterValidator, Field, ValidationError

from maskgen.errors import InputError
from maskgen.faces.canonical_head import canonical_head
from maskgen.masks.patterns import PATTERNS
from maskgen.masks.shell import Curve, Shell, ShellShape, Strap, build_shell
from maskgen.reading import PHOTO_BYTES, TEXT_BYTES, parse_toml, read_regular_file
from maskgen.section import Section

TEMPLATE = "template.toml"
PICTURES = ("albedo.png", "height.png", "overlay.png")  # the last is optional
PLAIN = "plain"
TEXTURES = (PLAIN, *PATTERNS)
TO_RGBA = {1: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}


def _shares(value: dict[str, float]) -> dict[str, float]:
    if sum(value.values()) <= 0:
        raise ValueError("must have an entry with a weight above 0")
    return value


def _texture(value: str) -> str:
    if value not in TEXTURES:
        raise ValueError(f"must be one of {', '.join(TEXTURES)}")
    return value


Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Texture = Annotated[str, AfterValidator(_texture)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class TemplateLook(Section):
    """`[look]` of a template: colours, textures and material."""

    colours: Annotated[dict[Colour, Weight], AfterValidator(_shares)]
    """Palette: `#rrggbb` and its weight in the draw."""
    textures: Annotated[dict[Texture, Weight], AfterValidator(_shares)] = {PLAIN: 1.0}
    """Textures of the family, `plain` or patterns of `maskgen.masks.patterns`, and their weights in the draw."""
    wrinkles: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Depth of creases, which differ each time the mask is worn."""
    flat: bool = False
    """Painted on unchanged: no light, shadow, softness or grain."""
    relief: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    """Height in head units between black and white of `height.png`."""
    gloss: Annotated[float, Field(ge=0, le=1)] = 0.05
    """How far glancing light lifts dark colours."""
    strap_colours: Annotated[
        list[Annotated[str, Field(pattern=r"^(#[0-9a-fA-F]{6}|mask)$")]], Field(min_length=1)
    ] = ["mask"]
    """Colours of the straps, of which one is drawn per mask: `#rrggbb`, or `mask` for the mask's own colour."""


class Template(Section):
    """`template.toml` of a family."""

    title: str
    """Common name."""
    shell: ShellShape
    """Shape of the surface."""
    look: TemplateLook
    """Colours, textures and material."""
    straps: list[Strap] = []
    """Straps on the viewer's right."""
    wear: Annotated[list[Literal["correct", "nose", "chin", "below-mouth"]], Field(min_length=1)] = [
        "correct", "nose", "chin", "below-mouth",
    ]  # fmt: skip
    """States in which it can be worn."""


@dataclass(frozen=True, eq=False)
class Mask:
    """Family with its images, ready to be drawn.

    Attributes:
        name: name of the family.
        template: its settings.
        surface: pyramid from full size down, each level half the size of the previous one. Channels: grey, 0-255, that
            is multiplied by the mask's colour, already multiplied by the opacity and by 1 - the overlay's opacity;
            opacity, 0-1; derivatives of the height along u / 2 and v, in head units per texture width and height.
            All four are in one image because one lookup takes as long for four channels as for one.
        overlay: pyramid of the same sizes: RGB that keeps its own colours, multiplied by its opacity, and an empty
            channel; an empty tuple if the family has no overlay.
    """

    name: str
    template: Template
    surface: tuple[Float32[ndarray, "_ _ 4"], ...]
    overlay: tuple[UInt8[ndarray, "_ _ 4"], ...]


@cache
def load_mask(folder: Path) -> Mask:
    """Loads a family's template and images, once per process.

    Raises:
        InputError: a file is missing or cannot be used; the message names it.
    """
    template = read_template(folder)
    albedo = _picture(folder / "albedo.png")
    height = _picture(folder / "height.png")[..., 0]
    opacity = albedo[..., 3] / np.float32(255)
    cover = np.zeros_like(opacity)
    overlay: tuple[ndarray, ...] = ()
    if (folder / "overlay.png").exists():
        over = _picture(folder / "overlay.png")
        cover = over[..., 3] / np.float32(255)
        share = cover * opacity
        shares = cv2.merge([share, share, share, np.zeros_like(share)])
        overlay = _pyramid(cv2.multiply(over, shares, dtype=cv2.CV_8U))
    grey = albedo[..., 0] * (1 - cover) * opacity
    surface = cv2.merge([grey, opacity, *_slopes(height, template.look.relief)])
    return Mask(folder.name, template, _pyramid(surface), overlay)


@cache
def read_template(folder: Path) -> Template:
    """Loads a family's `template.toml`, once per process.

    Raises:
        InputError: it is missing or has problems; the message lists all of them.
    """
    template = parse_template(folder)
    if isinstance(template, list):
        raise InputError(f"{folder / TEMPLATE}: {'; '.join(template)}")
    return template


def parse_template(folder: Path) -> Template | list[str]:
    """Parses a family's `template.toml`, or lists all its problems."""
    try:
        return Template.model_validate(parse_toml(read_regular_file(folder / TEMPLATE, TEXT_BYTES)))
    except OSError as error:
        return [f"cannot be read: {error.strerror}"]
    except ValidationError as errors:
        return [_problem(error["loc"], error["msg"]) for error in errors.errors()]
    except ValueError as error:
        return [f"is not TOML: {error}"]


def _problem(place: tuple[int | str, ...], message: str) -> str:
    path = ".".join(str(part) for part in place if part != "[key]")
    what = message.removeprefix("Value error, ").replace(
        "Extra inputs are not permitted", "there is no such setting"
    )
    return f"{path}: {what}"


@cache
def shell_of(folder: Path, wear: str) -> Shell:
    """Builds the shell of a family in one state of wear, once per process."""
    template = read_template(folder)
    return build_shell(worn_shape(template.shell, wear), template.straps, canonical_head())


def worn_shape(shape: ShellShape, wear: str) -> ShellShape:
    """Moves the edges of the shape according to `wear`; heights are those of the canonical face."""
    if wear == "nose":  # the upper edge lies under the nose
        return replace_edges(shape, _lowered(shape.top, 0.80, 0.30), _lowered(shape.bottom, None, 0.08))
    if wear == "chin":  # the lower edge has slid up, the chin is bare
        return replace_edges(shape, _lowered(shape.top, None, -0.06), _lowered(shape.bottom, 1.42, -0.22))
    if wear == "below-mouth":  # pulled down: mouth and nose are bare
        return replace_edges(shape, _lowered(shape.top, 1.34, 0.55), _lowered(shape.bottom, None, 0.14))
    return shape


def replace_edges(shape: ShellShape, top: Curve, bottom: Curve) -> ShellShape:
    """Returns the shape with other edges."""
    return shape.model_copy(update={"top": top, "bottom": bottom})


def _lowered(curve: Curve, middle: float | None, side: float) -> Curve:
    """Moves the curve's middle to a height, its side by a distance, and the points between in proportion.

    Args:
        curve: an edge.
        middle: height of its middle; None moves the middle by `side` too.
        side: distance, positive downwards.
    """
    shift = side if middle is None else middle - curve[0][2]
    return [(u, azimuth, height + shift * (1 - u) + side * u) for u, azimuth, height in curve]


def tint_of(colour: str, strength: float) -> tuple[float, float, float]:
    """Converts `#rrggbb` to the RGB factor on the albedo, 0-1; at strength 0 the template keeps its own colour."""
    red, green, blue = (1 - strength * (1 - int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return red, green, blue


def _picture(path: Path) -> UInt8[ndarray, "h w 4"]:
    """Reads a template's image as RGBA.

    Raises:
        InputError: it is missing or cannot be read.
    """
    try:
        data = read_regular_file(path, PHOTO_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if picture is None or picture.dtype != np.uint8:
        raise InputError(f"{path}: not an image with 8 bits per channel; save it as PNG")
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    return cv2.cvtColor(picture, TO_RGBA[channels])


def _slopes(height: UInt8[ndarray, "h w"], relief: float) -> list[Float32[ndarray, "h w"]]:
    """Computes the derivatives along u / 2 and v of a height image whose full range is `relief`."""
    down, across = np.gradient(height * np.float32(relief / 255))
    return [across * height.shape[1], down * height.shape[0]]


def _pyramid(picture: ndarray, smallest: int = 32) -> tuple[ndarray, ...]:
    levels = [picture]
    while min(levels[-1].shape[:2]) >= 2 * smallest:
        rows, columns = levels[-1].shape[:2]
        levels.append(cv2.resize(levels[-1], (columns // 2, rows // 2), interpolation=cv2.INTER_AREA))
    return tuple(levels)
