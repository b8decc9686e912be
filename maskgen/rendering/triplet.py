"""Triplets of one photo: detects faces, crops, estimates pose and light, then draws K masks."""

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
from maskgen.masks.balance import Deck
from maskgen.masks.selection import Wardrobe, open_wardrobe
from maskgen.rendering.blend import blend
from maskgen.rendering.layer import DressedMask, draw_layer
from maskgen.rendering.lighting import estimate_light, skin_triangles
from maskgen.rendering.projection import Looseness, fit_head
from maskgen.rendering.seeding import generator
from maskgen.rendering.stage import Stage
from maskgen.seeds import sample_seed
from maskgen.settings import GenSettings
from maskgen.sources import sample_key
from maskgen.types import BARE, Affine, Face, MaskedFace, Photo, Plane, RGBImage, Triplet, WornMask

LOOSE_DOWN, LOOSE_TILT, LOOSE_SIZE = (
    0.035,
    1.8,
    0.025,
)  # sigma of a mask's seat: head units, degrees, fraction
LENS_BLUR = 0.50  # sigma, pixels of the photo: the blur that edges of a sharp photo have


@dataclass(frozen=True)
class Tools:
    """Detector, head model and masks that `make_triplets` needs; built once per process by `build_tools`.

    With a deck, which belongs to one shard, entries of SPEC and states of WEAR are dealt from it instead of drawn.
    """

    settings: GenSettings
    detector: CachedDetector
    head: Head
    skin: np.ndarray
    wardrobe: Wardrobe
    deck: Deck | None = None


def build_tools(settings: GenSettings) -> Tools:
    """Builds everything that `make_triplets` needs.

    Raises:
        InputError: a SPEC, WEAR, template or image is invalid; one message lists all of them.
        MissingError: a model or package is missing.
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

    In every image all visible chosen faces wear a mask, or none if SPEC or the settings draw `bare`. A face wears the
    same mask in the K-th image of every crop.

    Args:
        photo: decoded photo.
        tools: result of `build_tools`.
        base_key: prefix of the samples' keys. The seed and this key determine everything random.

    Returns:
        (key, triplet) pairs, or the reason why the photo gives none.
    """
    found = tools.detector.detect(photo)
    if isinstance(found, Skip):
        return found
    chosen = choose_faces(found, tools.settings.faces)
    if isinstance(chosen, Skip):
        return chosen
    rest = [face for face in found if all(face is not one for one in chosen)]
    samples: list[tuple[str, Triplet]] = []
    for nth_face in range(1 if tools.settings.crop.size == 0 else len(chosen)):
        stages = set_stages(photo.pixels, chosen, nth_face, tools)
        bystanders = _bystanders(rest, chosen[nth_face], stages[nth_face].image, tools)
        main = tools.settings.crop.size == 0 or chosen[nth_face] is found[0]
        for nth_mask in range(tools.settings.masks.per_face):
            keys = [sample_key(base_key, nth, nth_mask) for nth in stages]
            seeds = [sample_seed(tools.settings.seed, key) for key in keys]
            triplet = wear_masks(list(stages.values()), tools, seeds, bystanders)
            if isinstance(triplet, Triplet):
                samples.append((keys[0], replace(triplet, main=main)))
    return samples or Skip("off_frame")


def set_stages(pixels: RGBImage, faces: list[Face], own: int, tools: Tools) -> dict[int, Stage]:
    """Crops one face and prepares all faces that are visible in the crop.

    Args:
        pixels: the photo.
        faces: chosen faces, in pixels of the photo.
        own: index of the face that the crop is cut for.
        tools: result of `build_tools`.

    Returns:
        index of a face -> its stage; the crop's own face first.
    """
    settings = tools.settings.crop
    matrix = _crop_matrix(faces[own], tools)
    image, inside = crop(pixels, matrix, settings.size, settings.border)
    height, width = image.shape[:2]
    moved = {nth: face.moved(matrix) for nth, face in enumerate(faces)}
    visible = [nth for nth, face in moved.items() if nth != own and _overlaps(face, height, width)]
    softness = LENS_BLUR * max(scale_of(matrix), 0.9)
    return {nth: _stage(image, inside, moved[nth], softness, tools) for nth in (own, *visible)}


def _bystanders(faces: Sequence[Face], own: Face, image: RGBImage, tools: Tools) -> tuple[MaskedFace, ...]:
    """Returns the faces that were not chosen but are visible in the crop of the face `own`, bare, in its pixels."""
    if not faces:
        return ()
    matrix = _crop_matrix(own, tools)
    moved = (face.moved(matrix) for face in faces)
    return tuple(
        MaskedFace(face, head_pose(face.mesh), BARE) for face in moved if _overlaps(face, *image.shape[:2])
    )


def _crop_matrix(own: Face, tools: Tools) -> Affine:
    settings = tools.settings.crop
    return crop_matrix(own, settings.size, settings.align)


def _overlaps(face: Face, height: int, width: int) -> bool:
    x0, y0, x1, y1 = face.box
    return x0 < width and y0 < height and x1 > 0 and y1 > 0


def set_stage(pixels: RGBImage, face: Face, tools: Tools) -> Stage:
    """Crops a face, estimates its pose and light, and fits the canonical head."""
    return set_stages(pixels, [face], 0, tools)[0]


def _stage(image: RGBImage, inside: Plane, face: Face, softness: float, tools: Tools) -> Stage:
    """Estimates the pose and the light of a face in a crop, and fits the canonical head."""
    fit, light = fit_head(face.mesh, tools.head), estimate_light(image, face.mesh, tools.skin)
    pose = head_pose(face.mesh, (fit.scale, fit.turn, fit.offset))
    return Stage(image, inside, face, pose, fit, light, softness)


def wear_mask(stage: Stage, tools: Tools, seed: int) -> Triplet | Skip:
    """Makes the triplet of one face and one mask; `seed` determines everything random in it."""
    return wear_masks([stage], tools, [seed])


def wear_masks(
    stages: Sequence[Stage], tools: Tools, seeds: Sequence[int], bystanders: Sequence[MaskedFace] = ()
) -> Triplet | Skip:
    """Makes the triplet of a crop in which every face wears a mask, unless `bare` is drawn for it.

    Args:
        stages: faces of one crop; first the face that it was cut for.
        tools: result of `build_tools`.
        seeds: one per face; each determines everything random of that face's mask.
        bystanders: further faces in the crop, which stay bare; only the labels show them.

    Returns:
        the triplet, or the reason `off_frame` if no mask is visible though the first face was to wear one.
    """
    first = stages[0]
    masked = first.image.copy()
    map, parts = np.zeros(first.inside.shape, np.uint8), np.zeros(first.inside.shape, np.uint8)
    worn: dict[int, WornMask | None] = {}
    for nth in sorted(range(len(stages)), key=lambda nth: stages[nth].fit.scale):  # near faces over far ones
        worn[nth] = _put_on(stages[nth], tools, seeds[nth], masked, map, parts)
    if worn[0] is None and all(mask is None or mask.is_bare for mask in worn.values()):
        return Skip("off_frame")
    if tools.deck:
        for nth in (nth for nth, mask in worn.items() if mask is not None):
            tools.deck.note_shown(seeds[nth])
    faces = [MaskedFace(stage.face, stage.pose, worn[nth] or BARE) for nth, stage in enumerate(stages)]
    valid = np.count_nonzero(first.inside) / first.inside.size
    return Triplet(masked, first.image, map, parts, (*faces, *bystanders), valid, seeds[0])


def _put_on(
    stage: Stage, tools: Tools, seed: int, masked: RGBImage, map: Plane, parts: Plane
) -> WornMask | None:
    """Draws a mask into `masked`, `map` and `parts`, and returns its labels; None if it is not visible."""
    rng = generator(seed)
    worn = pick_mask(tools.wardrobe, rng, tools.deck.deal(seed) if tools.deck else None)
    if worn.is_bare:
        return worn
    library = tools.wardrobe.library
    mask, shell = library.mask(worn.family), library.shell(worn.family, worn.wear)
    loose = Looseness(
        down=float(rng.normal(0, LOOSE_DOWN)),
        tilt=float(rng.normal(0, LOOSE_TILT)),
        size=float(1 + rng.normal(0, LOOSE_SIZE)),
    )
    artwork = library.pictures.get(worn.texture)
    dress = pick_dress(worn, mask.template.look, rng, aspect=shell.aspect, artwork=artwork)
    layer = draw_layer(stage, DressedMask(mask, shell, dress, loose), rng)
    if layer is None:
        return None
    corner = layer.box.x0, layer.box.y0
    visible = blend(layer.colour, layer.strap, layer.shade, stage.inside, corner, masked, map, parts)
    return worn if visible else None
