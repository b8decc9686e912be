"""What is wrong with a folder of templates: every problem of every one of them, before any is worn."""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from maskgen.masks.library import built_in
from maskgen.masks.spec import ALIASES, ANY
from maskgen.masks.templates import PICTURES, TEMPLATE, Template, parse_template

KINDS = {"albedo.png": "LA or RGBA", "height.png": "L or RGB", "overlay.png": "RGBA"}
MODES = {"albedo.png": ("LA", "RGBA"), "height.png": ("L", "LA", "RGB", "RGBA"), "overlay.png": ("RGBA",)}
LEAST, MOST = 128, 4096  # pixels a side
CLEAR = 8  # opacity, 0-255, that a picture's border may have at most
GREY = 12  # levels by which the channels of an albedo may differ
Pixels = UInt8[ndarray, "h w *c"]


@dataclass(frozen=True)
class TemplateProblem:
    """What is wrong with a file or folder."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True)
class CheckReport:
    """The templates of a folder that can be worn, and all that is wrong with the others."""

    sound: tuple[Path, ...]
    problems: tuple[TemplateProblem, ...]

    @property
    def ok(self) -> bool:
        """Whether all can be worn."""
        return not self.problems


def check_templates(folder: Path, *, replace: bool = False) -> CheckReport:
    """Looks at every template of a folder; a folder in it without a template's files is left alone.

    Args:
        folder: holds a folder for each family.
        replace: whether a family may bear a built-in one's name.
    """
    if not folder.is_dir():
        return _refused(folder, "is no folder")
    if (folder / TEMPLATE).exists():
        return _refused(folder, "is one template; give the folder that holds it")
    own = [
        path
        for path in sorted(folder.iterdir())
        if any((path / name).exists() for name in (TEMPLATE, *PICTURES))
    ]
    if not own:
        return _refused(folder, f"holds no template, such as {folder / 'NAME' / TEMPLATE}")
    found = {path: _problems(path, replace) for path in own}
    problems = tuple(problem for problems in found.values() for problem in problems)
    return CheckReport(tuple(path for path in own if not found[path]), problems)


def _refused(folder: Path, what: str) -> CheckReport:
    return CheckReport((), (TemplateProblem(str(folder), what),))


def _problems(folder: Path, replace: bool) -> list[TemplateProblem]:
    template = parse_template(folder)
    problems = [TemplateProblem(str(folder), what) for what in name_problems(folder.name, replace=replace)]
    if isinstance(template, list):
        problems += [TemplateProblem(str(folder / TEMPLATE), what) for what in template]
        return problems + _picture_problems(folder, None)
    return problems + _picture_problems(folder, template)


def name_problems(name: str, *, replace: bool) -> list[str]:
    """Describes what is wrong with a family's name."""
    if not re.fullmatch("[a-z0-9]+", name):
        return ["the folder's name is the family's: small letters and digits alone"]
    if name in ALIASES or name in ANY:
        return [f"the name means something else in SPEC; it may not be any of {', '.join((*ALIASES, *ANY))}"]
    if name in built_in().families and not replace:
        return ["is a built-in family; choose another name, or take its place with masks.replace"]
    return []


def _picture_problems(folder: Path, template: Template | None) -> list[TemplateProblem]:
    problems: list[TemplateProblem] = []
    pictures: dict[str, Pixels] = {}
    for name in PICTURES:
        if name == "overlay.png" and not (folder / name).exists():
            continue
        picture = _read(folder / name)
        if isinstance(picture, str):
            problems.append(TemplateProblem(str(folder / name), picture))
        else:
            pictures[name] = picture
    sizes = {name: f"{pixels.shape[1]} x {pixels.shape[0]}" for name, pixels in pictures.items()}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} {size}" for name, size in sizes.items())
        problems.append(TemplateProblem(str(folder), f"all pictures must be of one size; got {told}"))
    if "albedo.png" in pictures:
        found = _albedo_problems(pictures["albedo.png"], template)
        problems += [TemplateProblem(str(folder / "albedo.png"), what) for what in found]
    return problems


def _read(path: Path) -> Pixels | str:
    """Reads a template's image, or says what is wrong with it; checks the header before allocating memory."""
    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")
            if image.format != "PNG" or image.mode not in MODES[path.name]:
                got = f"{image.format} {image.mode}"
                return f"must be a PNG of 8 bits a channel, {KINDS[path.name]}; got {got}"
            if not all(LEAST <= side <= MOST for side in image.size):
                return f"must have {LEAST} to {MOST} pixels a side; got {image.size[0]} x {image.size[1]}"
            image.load()
            return np.asarray(image)
    except FileNotFoundError:
        return "is missing"
    except Exception as error:  # noqa: BLE001 (a parser fed with hostile bytes raises anything)
        return f"cannot be read: {error}"


def _albedo_problems(albedo: Pixels, template: Template | None) -> list[str]:
    colour, opacity = albedo[..., :-1].astype(int), albedo[..., -1]
    problems = []
    border = max(int(line.max()) for line in (opacity[0], opacity[-1], opacity[:, 0], opacity[:, -1]))
    if border > CLEAR:
        problems.append("must be clear at its border, where the mask ends; leave 3 % of each side without it")
    if (opacity >= 128).mean() < 0.02:
        problems.append("is clear all over: its opacity (alpha) says where the mask is")
    seen = colour[opacity >= 128]
    if seen.size and (np.ptp(seen, axis=-1) > GREY).mean() > 0.01:
        problems.append(
            "must be grey, for the palette to colour; parts with their own colours belong in overlay.png"
        )
    if template and not template.look.flat and seen.size and np.median(seen) < 60:
        problems.append("is dark: it multiplies the palette's colours, so cloth is near white in it")
    return problems
