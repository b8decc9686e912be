"""One photo to its triplets: find the face, crop, read pose and light, then wear K masks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from maskgen.errors import Skip
from maskgen.faces.align import choose_faces, crop, crop_matrix
from maskgen.faces.canonical_head import Head, canonical_head
from maskgen.faces.landmarks import build_detector
from maskgen.faces.landmarks.cache import CachedDetector, cache_folder
from maskgen.faces.pose import head_pose
from maskgen.images.resample import scale_of
from maskgen.masks.appearance import pick_dress, pick_mask
from maskgen.masks.selection import Wardrobe, open_wardrobe
from maskgen.rendering.blend import blend
from maskgen.rendering.layer import draw_layer
from maskgen.rendering.lighting import Light, estimate_light, skin_triangles
from maskgen.rendering.projection import Fit, Looseness, fit_head
from maskgen.seeds import hash64
from maskgen.settings import GenSettings
from maskgen.sources import sample_key
from maskgen.types import Face, MaskedFace, Photo, Plane, Pose, RGBImage, Triplet, WornMask

LOOSE_DOWN, LOOSE_TILT, LOOSE_SIZE = (
    0.035,
    1.8,
    0.025,
)  # deviations of how masks sit: head units, degrees, share
LENS_BLUR = 0.50  # pixels of the photo; what a sharp photo's own edges have


@dataclass(frozen=True)
class Tools:
    """What making triplets takes, built once a process: `build_tools`."""

    settings: GenSettings
    detector: CachedDetector
    head: Head
    skin: np.ndarray
    wardrobe: Wardrobe


@dataclass(frozen=True)
class Stage:
    """A cropped face, and all that does not depend on the mask it will wear."""

    picture: RGBImage
    inside: Plane
    face: Face
    pose: Pose
    fit: Fit
    light: Light
    softness: float


def build_tools(settings: GenSettings) -> Tools:
    """Builds everything that `make_triplets` needs.

    Raises:
        InputError: a SPEC, WEAR, template or picture is off; all of them in one message.
        MissingError: a model or package is not there.
    """
    wardrobe = open_wardrobe(settings.masks)
    head = canonical_head()
    return Tools(
        settings,
        CachedDetector(build_detector(settings.faces), cache_folder(settings.faces.cache)),
        head,
        skin_triangles(head),
        wardrobe,
    )


def make_triplets(photo: Photo, tools: Tools, base_key: str) -> list[tuple[str, Triplet]] | Skip:
    """Makes all triplets of a photo, with their keys: K per chosen face, or K of the whole photo with size 0.

    In each picture every chosen face that is seen wears a mask; in the K-th of all of them the same one.

    Args:
        photo: decoded.
        tools: of `build_tools`.
        base_key: what the samples' keys begin with; with the seed it decides all that is random.
    """
    found = tools.detector.detect(photo)
    if isinstance(found, Skip):
        return found
    chosen = choose_faces(found, tools.settings.faces)
    if isinstance(chosen, Skip):
        return chosen
    samples: list[tuple[str, Triplet]] = []
    for nth_face in range(1 if tools.settings.crop.size == 0 else len(chosen)):
        stages = set_stages(photo.pixels, chosen, nth_face, tools)
        main = tools.settings.crop.size == 0 or chosen[nth_face] is found[0]
        for nth_mask in range(tools.settings.masks.per_face):
            keys = [sample_key(base_key, nth, nth_mask) for nth in stages]
            seeds = [hash64(tools.settings.seed, key) >> 1 for key in keys]  # readers know 63 bits
            triplet = wear_masks(list(stages.values()), tools, seeds)
            if isinstance(triplet, Triplet):
                samples.append((keys[0], replace(triplet, main=main)))
    return samples or Skip("off_frame")


def set_stages(pixels: RGBImage, faces: list[Face], own: int, tools: Tools) -> dict[int, Stage]:
    """Prepares the crop of one face, and all faces seen in it by number; its own comes first."""
    settings = tools.settings.crop
    matrix = crop_matrix(faces[own], settings.size)
    picture, inside = crop(pixels, matrix, settings.size, settings.border)
    height, width = picture.shape[:2]
    moved = {nth: face.moved(matrix) for nth, face in enumerate(faces)}
    seen = [nth for nth, face in moved.items() if nth != own and _overlaps(face, height, width)]
    softness = LENS_BLUR * max(scale_of(matrix), 0.9)
    return {nth: _stage(picture, inside, moved[nth], softness, tools) for nth in (own, *seen)}


def _overlaps(face: Face, height: int, width: int) -> bool:
    x0, y0, x1, y1 = face.box
    return x0 < width and y0 < height and x1 > 0 and y1 > 0


def set_stage(pixels: RGBImage, face: Face, tools: Tools) -> Stage:
    """Crops a face and estimates its pose, its place and the light on it."""
    return set_stages(pixels, [face], 0, tools)[0]


def _stage(picture: RGBImage, inside: Plane, face: Face, softness: float, tools: Tools) -> Stage:
    """Reads off the pose, the place and the light of a face in a crop."""
    fit, light = fit_head(face.mesh, tools.head), estimate_light(picture, face.mesh, tools.skin)
    pose = head_pose(face.mesh, (fit.scale, fit.turn, fit.offset))
    return Stage(picture, inside, face, pose, fit, light, softness)


def wear_mask(stage: Stage, tools: Tools, seed: int) -> Triplet | Skip:
    """Makes the triplet of a face and one mask; `seed` decides everything random in it."""
    return wear_masks([stage], tools, [seed])


def wear_masks(stages: Sequence[Stage], tools: Tools, seeds: Sequence[int]) -> Triplet | Skip:
    """Makes the triplet of a crop whose faces all wear masks; None if no mask would be seen.

    Args:
        stages: of one crop, first the face that it was cut for.
        tools: of `build_tools`.
        seeds: a face's; everything random of its mask comes from it.
    """
    first = stages[0]
    masked = first.picture.copy()
    hole, parts = np.zeros(first.inside.shape, np.uint8), np.zeros(first.inside.shape, np.uint8)
    worn: dict[int, WornMask] = {}
    for nth in sorted(range(len(stages)), key=lambda nth: stages[nth].fit.scale):  # near faces over far ones
        mask = _put_on(stages[nth], tools, seeds[nth], masked, hole, parts)
        if mask is not None:
            worn[nth] = mask
    if not worn:
        return Skip("off_frame")
    faces = tuple(MaskedFace(stages[nth].face, stages[nth].pose, worn[nth]) for nth in sorted(worn))
    valid = np.count_nonzero(first.inside) / first.inside.size
    return Triplet(masked, first.picture, hole, parts, faces, valid, seeds[0])


def _put_on(
    stage: Stage, tools: Tools, seed: int, masked: RGBImage, hole: Plane, parts: Plane
) -> WornMask | None:
    """Draws a mask on a face of `masked`, and where it is into `hole` and `parts`; None where none of it is seen."""
    rng = np.random.default_rng(seed)
    worn = pick_mask(tools.wardrobe, rng)
    library = tools.wardrobe.library
    mask, shell = library.mask(worn.family), library.shell(worn.family, worn.wear)
    loose = Looseness(
        down=float(rng.normal(0, LOOSE_DOWN)),
        tilt=float(rng.normal(0, LOOSE_TILT)),
        size=float(1 + rng.normal(0, LOOSE_SIZE)),
    )
    artwork = library.pictures.get(worn.texture)
    dress = pick_dress(worn, mask.template.look, rng, aspect=shell.aspect, artwork=artwork)
    layer = draw_layer(
        mask, shell, dress, stage.fit, stage.face.mesh, stage.light, loose, stage.softness, rng, stage.picture,
    )  # fmt: skip
    if layer is None:
        return None
    corner = layer.box.x0, layer.box.y0
    seen = blend(layer.colour, layer.strap, layer.shade, stage.inside, corner, masked, hole, parts)
    return worn if seen else None
