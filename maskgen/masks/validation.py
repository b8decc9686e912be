"""Check of a folder of templates: finds all problems of all templates before any of them is used."""

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
from maskgen.reading import PHOTO_BYTES, check_regular_file
from maskgen.types import BARE

KINDS = {"albedo.png": "LA or RGBA", "height.png": "L or RGB", "overlay.png": "RGBA"}
MODES = {"albedo.png": ("LA", "RGBA"), "height.png": ("L", "LA", "RGB", "RGBA"), "overlay.png": ("RGBA",)}
LEAST, MOST = 128, 4096  # bounds of an image's side in pixels
CLEAR = 8  # largest opacity, 0-255, at the border of an albedo
GREY = 12  # largest difference, in levels, between the colour channels of an albedo
Pixels = UInt8[ndarray, "h w *c"]


@dataclass(frozen=True)
class TemplateProblem:
    """Problem of a file or folder."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True)
class CheckReport:
    """Templates of a folder that can be used, and all problems of the others."""

    sound: tuple[Path, ...]
    problems: tuple[TemplateProblem, ...]

    @property
    def ok(self) -> bool:
        """Whether all templates can be used."""
        return not self.problems


def check_templates(folder: Path, *, replace: bool = False) -> CheckReport:
    """Checks every template of a folder; subfolders without any file of a template are ignored.

    Args:
        folder: folder that holds one folder per family.
        replace: whether a family may have the name of a built-in one.
    """
    if not folder.is_dir():
        return _refused(folder, "is not a folder")
    if (folder / TEMPLATE).exists():
        return _refused(folder, "is one template; give the folder that holds it")
    own = [
        path
        for path in sorted(folder.iterdir())
        if any((path / name).exists() for name in (TEMPLATE, *PICTURES))
    ]
    if not own:
        return _refused(folder, f"holds no template; expected, for example, {folder / 'NAME' / TEMPLATE}")
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
    """Lists the problems of a family's name."""
    if not re.fullmatch("[a-z0-9]+", name):
        return ["the folder's name is the name of the family: only lowercase letters and digits are allowed"]
    if name in (taken := (*ALIASES, *ANY, BARE.family)):
        return [f"the name means something else in SPEC; it may not be any of {', '.join(taken)}"]
    if name in built_in().families and not replace:
        return ["is a built-in family; choose another name, or replace it with masks.replace=true"]
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
        found_sizes = ", ".join(f"{name} {size}" for name, size in sizes.items())
        problems.append(
            TemplateProblem(str(folder), f"all images must have the same size; got {found_sizes}")
        )
    if "albedo.png" in pictures:
        found = _albedo_problems(pictures["albedo.png"], template)
        problems += [TemplateProblem(str(folder / "albedo.png"), what) for what in found]
    return problems


def _read(path: Path) -> Pixels | str:
    """Reads a template's image, or returns its problem; checks the header before memory is allocated."""
    try:
        check_regular_file(path, PHOTO_BYTES)
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")
            if image.format != "PNG" or image.mode not in MODES[path.name]:
                got = f"{image.format} {image.mode}"
                return f"must be a PNG with 8 bits per channel, {KINDS[path.name]}; got {got}"
            if not all(LEAST <= side <= MOST for side in image.size):
                return f"must have {LEAST} to {MOST} pixels a side; got {image.size[0]} x {image.size[1]}"
            image.load()
            return np.asarray(image)
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    except Exception as error:  # noqa: BLE001 (a parser may raise anything on hostile bytes)
        return f"cannot be read: {error}"


def _albedo_problems(albedo: Pixels, template: Template | None) -> list[str]:
    colour, opacity = albedo[..., :-1].astype(int), albedo[..., -1]
    problems = []
    border = max(int(line.max()) for line in (opacity[0], opacity[-1], opacity[:, 0], opacity[:, -1]))
    if border > CLEAR:
        problems.append("must be transparent at its border; leave a transparent margin of 3 % on each side")
    if (opacity >= 128).mean() < 0.02:
        problems.append("is transparent everywhere; its opacity (alpha) must show where the mask is")
    opaque = colour[opacity >= 128]
    if opaque.size and (np.ptp(opaque, axis=-1) > GREY).mean() > 0.01:
        problems.append(
            "must be grey, because the palette colours it; parts with their own colours belong in overlay.png"
        )
    if template and not template.look.flat and opaque.size and np.median(opaque) < 60:
        problems.append(
            "is too dark: it is multiplied by the palette's colours; make plain cloth nearly white"
        )
    return problems
