"""Makes a template from one photo of a mask that lies flat on a table: its outline, its colour, its folds.

The area between the upper and the lower edge of the outline becomes the mask's u, v rectangle. The shape on the face
and the straps are those of the built-in family with the most similar outline. The files can be corrected by hand.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32
from numpy import ndarray

from maskgen.authoring.proof_sheet import prove
from maskgen.command_settings import CheckSettings, DraftSettings
from maskgen.errors import InputError, Skip
from maskgen.faces.landmarks.blazeface import BlazeFace
from maskgen.faces.landmarks.crop_windows import whole_looks
from maskgen.files import write_atomic
from maskgen.images.codecs import decode
from maskgen.masks.library import Library, built_in
from maskgen.masks.shell import MARGIN
from maskgen.masks.templates import PICTURES, TEMPLATE
from maskgen.masks.validation import TemplateProblem, name_problems
from maskgen.reading import PHOTO_BYTES, read_regular_file
from maskgen.rendering.lighting import LUMA
from maskgen.settings import MAX_PHOTO_PIXELS
from maskgen.types import RGBImage

SIDE = 512  # side of a template's images in pixels
WORK = 900  # largest longer side of the photo in pixels; larger photos are reduced
FACE_SIDE, FACE_SCORE = 128, 0.6  # input side of the face detector in pixels; lowest score of a face
LOOP_WIDTH = 0.07  # fraction of the outline's height; thinner parts are ear loops and are cut off
TIP = 0.3  # fraction of the outline's largest height; columns at the ends below it are tips and are cut off
PROFILE = 21  # points along the width at which heights are compared
FOLD = 90.0  # pixels; longer waves are the sag of the cloth, not folds
ACROSS = 0.5  # how strongly changes of the relief across the mask are damped
LEAST_SHARE = 0.04  # smallest fraction of the photo that a mask must fill
# Distance in Lab between a colour and the cloth's: below the first it is cloth, above the second it is print.
PRINT_FROM, PRINT_TO = 14.0, 26.0
FOLD_SHARE = (
    0.6  # fraction of the photo's shading that stays in the albedo; the height adds the rest when lit
)
Plane32 = Float32[ndarray, "h w"]
Outline = Bool[ndarray, "h w"]


@dataclass(frozen=True)
class DraftReport:
    """Result of making a template from a photo.

    Attributes:
        folder: folder of the new template.
        to: folder of the user's templates, which contains it.
        like: family whose shell and straps it has.
        colour: colour of the cloth, `#rrggbb`.
        proof: path of the proof image; "" if templates in `to` have problems.
        problems: these problems.
    """

    folder: str
    to: str
    like: str
    colour: str
    proof: str
    problems: tuple[TemplateProblem, ...]


@dataclass(frozen=True)
class PhotographedMask:
    """Mask cut out of its photo, stretched to fill u and v.

    Attributes:
        colour: RGB, 0-1.
        opacity: 0-1.
        profile: height of the outline at `PROFILE` points from left to right, as a fraction of its width.
    """

    colour: Float32[ndarray, "h w 3"]
    opacity: Plane32
    profile: Float[ndarray, "p"]


def draft_template(settings: DraftSettings) -> DraftReport:
    """Makes a template from a photo, checks it, and draws it on a face.

    Raises:
        InputError: the name is invalid or in use, `settings.like` is unknown, or the photo shows a face or no mask.
    """
    to, library = Path(settings.to), built_in()
    folder = to / settings.name
    _refuse(settings, folder, library)
    photo = read_photo(Path(settings.photo))
    _refuse_portrait(photo, settings.photo)
    cloth = cut_out(photo)
    like = settings.like or most_alike(cloth, library)
    pictures, colour = paint(cloth)
    folder.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        (folder / name).unlink(missing_ok=True)
    for name, picture in pictures.items():
        order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}.get(picture.shape[-1])
        _, data = cv2.imencode(
            ".png", picture if picture.ndim == 2 or order is None else cv2.cvtColor(picture, order)
        )
        write_atomic(folder / name, data.tobytes())
    text = rewrite_template(
        (library.folders[like] / TEMPLATE).read_text("utf-8"), settings.name, like, colour
    )
    write_atomic(folder / TEMPLATE, text.encode())
    check = CheckSettings(templates=settings.to, out=str(folder / "proof.png"), seed=settings.seed)
    report = prove(check, only=settings.name)
    return DraftReport(str(folder), settings.to, like, colour, report.proof, report.problems)


def _refuse(settings: DraftSettings, folder: Path, library: Library) -> None:
    problems = name_problems(settings.name, replace=False)
    if (folder / TEMPLATE).exists() and not settings.overwrite:
        problems.append("already exists; choose another name, or replace it with --overwrite")
    if settings.like and settings.like not in library.families:
        problems.append(
            f"--like {settings.like}: there is no such family; there are {', '.join(library.families)}"
        )
    if problems:
        raise InputError(f"{folder}: " + "; ".join(problems))


def _refuse_portrait(photo: RGBImage, name: str) -> None:
    """Refuses a photo of a person who wears the mask: its outline would be the face's, and half of it is hidden.

    Raises:
        InputError: the face detector finds a face.
    """
    detector = BlazeFace()
    looks = whole_looks(photo.shape[0], photo.shape[1], FACE_SIDE)
    if any(detector.find(photo, look, FACE_SCORE) for look in looks):
        raise InputError(
            f"{name}: shows a face. A template needs the mask alone: lay it flat on a plain table of another colour "
            "and take it from straight above, see docs/masks.md"
        )


def read_photo(path: Path) -> RGBImage:
    """Reads the photo, rotated upright by its EXIF orientation and reduced to a longer side of at most `WORK` pixels.

    Raises:
        InputError: it is missing or cannot be read.
    """
    try:
        picture = decode(read_regular_file(path, PHOTO_BYTES), max_pixels=MAX_PHOTO_PIXELS, background=255)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    if isinstance(picture, Skip):
        raise InputError(f"{path}: {picture.reason}: {picture.detail}")
    scale = WORK / max(picture.shape[:2])
    return (
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    )


def cut_out(photo: RGBImage) -> PhotographedMask:
    """Cuts the mask out of a photo: upright, without ear loops, every column stretched from v = 0 to v = 1.

    The course of the edges on the table is lost on purpose: on a face the shell defines it.

    Raises:
        InputError: nothing in the photo stands out from the table.
    """
    outline = find_outline(photo)
    angle = _long_axis_angle(outline)
    photo = _rotated_back(photo, angle, cv2.BORDER_REPLICATE)
    outline = _rotated_back(outline, angle, cv2.BORDER_CONSTANT)
    left, top, bottom = _edges(outline)
    grid = np.linspace(-MARGIN, 1 + MARGIN, SIDE, dtype=np.float32)  # 0 to 1 over the mask, across and down
    column = grid * (len(top) - 1)
    first, last = (np.interp(column, np.arange(len(top)), edge).astype(np.float32) for edge in (top, bottom))
    x = np.broadcast_to(column + left, (SIDE, SIDE)).astype(np.float32)
    y = first + grid[:, None] * (last - first)
    colour = cv2.remap(_spread(photo, outline), x, y, cv2.INTER_AREA)
    profile = np.interp(np.linspace(0, 1, PROFILE), np.linspace(0, 1, len(top)), (bottom - top) / len(top))
    return PhotographedMask(colour.astype(np.float32) / 255, _inside(), profile)


def _long_axis_angle(outline: Outline) -> float:
    """Computes the clockwise rotation of the mask's long axis in degrees; 0 if it has no clear long axis."""
    moments = cv2.moments(outline.astype(np.uint8), binaryImage=True)
    across, down, both = moments["mu20"], moments["mu02"], moments["mu11"]
    if max(across, down) < 1.3 * min(across, down) and abs(both) < 0.1 * across:
        return 0.0
    return float(np.degrees(0.5 * np.arctan2(2 * both, across - down)))


def _rotated_back(picture: ndarray, angle: float, border: int) -> ndarray:
    """Rotates the image counterclockwise by `angle` degrees about its centre, with room for its corners."""
    height, width = picture.shape[:2]
    side = int(np.ceil(np.hypot(height, width)))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    matrix[:, 2] += ((side - width) / 2, (side - height) / 2)
    flags = cv2.INTER_LINEAR if picture.ndim == 3 else cv2.INTER_NEAREST
    rotated = cv2.warpAffine(picture.astype(np.uint8), matrix, (side, side), flags=flags, borderMode=border)
    return rotated.astype(picture.dtype)


def _edges(outline: Outline) -> tuple[int, Float32[ndarray, "n"], Float32[ndarray, "n"]]:
    """Finds the mask's first column, and its upper and lower edge in each column, without the tips at the loops."""
    tall = outline.sum(0)
    columns = np.flatnonzero(tall > TIP * tall.max())
    left, right = int(columns[0]), int(columns[-1])
    cut = outline[:, left : right + 1]
    top = cut.argmax(0).astype(np.float32)
    bottom = (len(cut) - 1 - cut[::-1].argmax(0)).astype(np.float32)
    smooth = max(3, len(top) // 60) | 1
    top, bottom = (cv2.medianBlur(edge.reshape(1, -1), 5).reshape(-1) for edge in (top, bottom))
    return (
        left,
        cv2.blur(top.reshape(1, -1), (smooth, 1)).reshape(-1),
        cv2.blur(bottom.reshape(1, -1), (smooth, 1)).reshape(-1),
    )


def find_outline(photo: RGBImage) -> Outline:
    """Finds the mask: the largest region whose colours differ from the photo's border, without its ear loops.

    Raises:
        InputError: the region is smaller than `LEAST_SHARE` of the photo.
    """
    height, width = photo.shape[:2]
    sure = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    rim = max(4, round(0.02 * min(height, width)))
    unlike = _unlike_border(photo, rim)
    sure[unlike] = cv2.GC_PR_FGD
    sure[:rim], sure[-rim:], sure[:, :rim], sure[:, -rim:] = (cv2.GC_BGD,) * 4
    if unlike.any():
        cv2.setRNGSeed(0)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(photo, sure, None, *models, 4, cv2.GC_INIT_WITH_MASK)
    found = np.isin(sure, (cv2.GC_FGD, cv2.GC_PR_FGD))
    tall = np.sqrt(found.sum() / 2)  # a mask is about twice as wide as tall
    thin = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(LOOP_WIDTH * tall) | 1,) * 2)
    found = _largest(cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, thin) > 0)
    if found.mean() < LEAST_SHARE:
        raise InputError(
            "the photo shows no mask that stands out from the table: let the mask fill half of the image, on a plain "
            "background of another colour, in even light"
        )
    return found


def _unlike_border(photo: RGBImage, rim: int) -> Outline:
    """Finds pixels whose colour is far from the median colour of the border in Lab; Otsu's method sets the limit."""
    lab = cv2.cvtColor(cv2.GaussianBlur(photo, (0, 0), 2), cv2.COLOR_RGB2LAB).astype(np.float32)
    border = np.concatenate([lab[:rim].reshape(-1, 3), lab[-rim:].reshape(-1, 3),
                             lab[:, :rim].reshape(-1, 3), lab[:, -rim:].reshape(-1, 3)])  # fmt: skip
    distance = np.linalg.norm(lab - np.median(border, axis=0), axis=2)
    level, _ = cv2.threshold(np.clip(distance, 0, 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    return distance > max(level, 8.0)


def _largest(mask: Outline) -> Outline:
    """Returns the largest connected component, its holes filled."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    result = np.zeros(mask.shape, np.uint8)
    if contours:
        cv2.drawContours(result, [max(contours, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    return result > 0


def _spread(photo: RGBImage, outline: Outline) -> RGBImage:
    """Extends the mask's colours beyond its outline."""
    inner = cv2.erode(outline.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32)
    result = photo.astype(np.float32)
    for sigma in (3, 12, 48):
        weight = cv2.GaussianBlur(inner, (0, 0), sigma)[..., None]
        drawn = cv2.GaussianBlur(result * inner[..., None], (0, 0), sigma) / np.maximum(weight, 1e-6)
        fill = (inner == 0) & (weight[..., 0] > 1e-3)
        result[fill], inner[fill] = drawn[fill], 1
    return np.clip(result, 0, 255).astype(np.uint8)


def _inside() -> Plane32:
    """Computes the opacity of the u, v rectangle on the grid of the images: 1 inside, 0 in the margin around it."""
    side = np.clip((0.5 - np.abs(np.linspace(-0.5 - MARGIN, 0.5 + MARGIN, SIDE))) * SIDE / 1.5, 0, 1)
    return (side[:, None] * side).astype(np.float32)


def most_alike(cloth: PhotographedMask, library: Library) -> str:
    """Finds the family with ear loops whose height profile along its width is the most similar.

    The overall height counts less: pleats are folded on the table and open on the face.
    """
    inner = slice(1, -1)  # the ends are round or cut off

    def unlike(name: str) -> float:
        columns = np.linalg.norm(np.diff(library.shell(name, "correct").points, axis=0), axis=2).sum(0)
        theirs = np.interp(np.linspace(0, 1, PROFILE), np.linspace(0, 1, len(columns)), columns)
        width = np.median(columns) * library.shell(name, "correct").aspect
        ratio = np.log(np.maximum(cloth.profile, 1e-3) * width / theirs)[inner]
        return float(ratio.std() + 0.3 * abs(ratio.mean()))

    loops = [name for name in library.families if any(strap.loop for strap in library.template(name).straps)]
    return min(loops, key=unlike)


def paint(cloth: PhotographedMask) -> tuple[dict[str, ndarray], str]:
    """Computes a template's images and the colour of the cloth.

    The slow fall-off of the light over the table is divided out. Parts in the cloth's own colour become grey in the
    albedo, other parts (print, stitching, a valve) go to the overlay, and fine shading becomes height.
    """
    opaque = cloth.opacity > 0.5
    even = cloth.colour / _lamp(cloth)[..., None]
    own = np.median(even[opaque], axis=0)
    cover = _print(even, own) * cloth.opacity
    grey = np.clip(even @ LUMA, 1e-3, None)
    shade = grey / np.median(grey[opaque & (cover < 0.5)])
    albedo = 0.96 * np.clip(1 + FOLD_SHARE * (shade - 1), 0.3, 1.04) * (1 - cover) + 0.96 * cover
    pictures = {
        "albedo.png": _bytes(np.dstack([albedo, albedo, albedo, cloth.opacity])),
        "height.png": _bytes(_height(np.where(cover > 0.1, 1.0, shade), cloth.opacity)),
    }
    if (cover > 0.5).sum() > 0.004 * opaque.sum():
        pictures["overlay.png"] = _bytes(np.dstack([even, cover]))
    red, green, blue = (round(float(np.clip(c, 0, 1)) * 255) for c in own)
    return pictures, f"#{red:02x}{green:02x}{blue:02x}"


def _lamp(cloth: PhotographedMask) -> Plane32:
    """Fits a plane to the brightness, the fall-off of the light over the table; its median over the mask is 1."""
    brightness = cloth.colour.max(-1)
    y, x = np.indices(brightness.shape, np.float32) / SIDE - 0.5
    opaque = cloth.opacity > 0.5
    terms = np.stack([np.ones_like(x), x, y], axis=-1)
    weight = np.ones(int(opaque.sum()), np.float32)
    for _ in range(5):  # refit with lower weights for outliers: print, deep folds
        fitted = np.linalg.lstsq(terms[opaque] * weight[:, None], brightness[opaque] * weight, rcond=None)[0]
        residual = np.abs(brightness[opaque] - terms[opaque] @ fitted)
        weight = np.exp(-((residual / (2 * np.median(residual) + 1e-3)) ** 2)).astype(np.float32)
    plane = terms @ fitted
    return np.clip(plane / max(float(np.median(plane[opaque])), 1e-3), 0.5, 2.0).astype(np.float32)


def _print(even: Float32[ndarray, "h w 3"], own: Float32[ndarray, "3"]) -> Plane32:
    """Computes how print-like each pixel is, 0-1, from its colour distance to the cloth.

    Lightness counts a third only, because shading is not print.
    """
    lab = cv2.cvtColor(np.clip(cv2.GaussianBlur(even, (0, 0), 1), 0, 1).astype(np.float32), cv2.COLOR_RGB2LAB)
    cloth = cv2.cvtColor(own.reshape(1, 1, 3).astype(np.float32), cv2.COLOR_RGB2LAB)[0, 0]
    off = (lab - cloth) * np.array([0.35, 1, 1], np.float32)
    t = np.clip((np.linalg.norm(off, axis=2) - PRINT_FROM) / (PRINT_TO - PRINT_FROM), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _height(shade: Plane32, opacity: Plane32) -> Plane32:
    """Computes relief, 0-1 around 0.5, from shading by a light above the mask: bright slopes face up.

    The vertical slope is integrated in the frequency domain. Changes across the mask are damped, because folds run
    across.
    """
    inner = cv2.GaussianBlur(cv2.erode(opacity, np.ones((25, 25), np.uint8)), (0, 0), 4)
    slope = np.log(np.clip(shade, 0.3, 2.0)) * inner
    down, across = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None]
    gain = -1j * down / (down**2 + ACROSS * across**2 + (1 / FOLD) ** 2)
    height = np.fft.irfft2(np.fft.rfft2(slope) * gain, s=(SIDE, SIDE))
    spread = float(np.percentile(np.abs(height[opacity > 0.5]), 98)) + 1e-6
    return (0.5 + 0.3 * np.clip(height / spread, -1, 1) * opacity).astype(np.float32)


def _bytes(picture: ndarray) -> ndarray:
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def rewrite_template(text: str, name: str, like: str, colour: str) -> str:
    """Rewrites the text of a family's `template.toml` with another title, one colour and no patterns."""
    lines = {"title": f'title = "{name}"', "colours": f'colours = {{ "{colour}" = 1 }}',
             "textures": "textures = { plain = 1 }"}  # fmt: skip
    for key, line in lines.items():
        text = re.sub(rf"(?m)^{key}\s*=.*$", line, text)
    return re.sub(r"\A#.*\n", f"# Made from a photo; shell and straps are those of {like}.\n", text)
