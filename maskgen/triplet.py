"""One photo to its triplets: find the face, crop, read pose and light, then wear K masks."""

from dataclasses import dataclass

import numpy as np

from maskgen.align import choose_faces, crop, crop_matrix
from maskgen.blend import blend
from maskgen.dress import pick_dress, pick_mask
from maskgen.errors import Skip
from maskgen.head import Head, canonical_head
from maskgen.landmarks import build_detector
from maskgen.landmarks.cache import CachedDetector, cache_folder
from maskgen.layer import draw_layer
from maskgen.light import Light, estimate_light, skin_triangles
from maskgen.pose import head_pose
from maskgen.seeds import hash64
from maskgen.settings import GenSettings
from maskgen.sources import sample_key
from maskgen.templates import MaskChoice, load_mask, parse_spec, parse_wear, shell_of
from maskgen.types import Face, MaskedFace, Photo, Picture, Plane, Pose, Triplet
from maskgen.warp import Fit, Looseness, fit_head

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
    choices: list[MaskChoice]
    wears: dict[str, float]


@dataclass(frozen=True)
class Stage:
    """A cropped face, and all that does not depend on the mask it will wear."""

    picture: Picture
    inside: Plane
    face: Face
    pose: Pose
    fit: Fit
    light: Light
    softness: float


def build_tools(settings: GenSettings) -> Tools:
    """Everything that `make_triplets` needs.

    Raises:
        InputError: a SPEC, WEAR or template is off.
        MissingError: a model or package is not there.
    """
    head = canonical_head()
    return Tools(
        settings,
        CachedDetector(build_detector(settings.faces), cache_folder(settings.faces.cache)),
        head,
        skin_triangles(head),
        parse_spec(settings.masks.masks),
        parse_wear(settings.masks.wear),
    )


def make_triplets(photo: Photo, tools: Tools, base_key: str) -> list[tuple[str, Triplet]] | Skip:
    """All triplets of a photo, with their keys: K masks for each chosen face.

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
    for nth_face, face in enumerate(chosen):
        stage = set_stage(photo.pixels, face, tools)
        for nth_mask in range(tools.settings.masks.per_face):
            key = sample_key(base_key, nth_face, nth_mask)
            triplet = wear_mask(stage, tools, hash64(tools.settings.seed, key) >> 1)  # readers know 63 bits
            if isinstance(triplet, Triplet):
                samples.append((key, triplet))
    return samples or Skip("off_frame")


def set_stage(pixels: Picture, face: Face, tools: Tools) -> Stage:
    """Crop a face and read off its pose, its place and the light on it."""
    settings = tools.settings.crop
    matrix = crop_matrix(face, settings.size)
    picture, inside = crop(pixels, matrix, settings.size, settings.border)
    face = face.moved(matrix)
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    return Stage(
        picture,
        inside,
        face,
        head_pose(face.mesh),
        fit_head(face.mesh, tools.head),
        estimate_light(picture, face.mesh, tools.skin),
        LENS_BLUR * max(scale, 0.9),
    )


def wear_mask(stage: Stage, tools: Tools, seed: int) -> Triplet | Skip:
    """The triplet of a face and one mask; everything random in it comes from `seed`."""
    rng = np.random.default_rng(seed)
    worn = pick_mask(tools.choices, tools.wears, rng)
    mask = load_mask(worn.family)
    loose = Looseness(
        down=float(rng.normal(0, LOOSE_DOWN)),
        tilt=float(rng.normal(0, LOOSE_TILT)),
        size=float(1 + rng.normal(0, LOOSE_SIZE)),
    )
    layer = draw_layer(
        mask, shell_of(worn.family, worn.wear), pick_dress(worn, mask.template.look, rng), stage.fit, stage.light,
        loose, stage.softness, rng, stage.picture,
    )  # fmt: skip
    if layer is None:
        return Skip("off_frame")
    masked, hole, parts = stage.picture.copy(), np.zeros_like(stage.inside), np.zeros_like(stage.inside)
    at = layer.box.slices
    masked[at], hole[at], parts[at] = blend(
        stage.picture[at], layer.colour, layer.strap, layer.shade, stage.inside[at]
    )
    if not (parts == 3).any():
        return Skip("off_frame")
    faces = (MaskedFace(stage.face, stage.pose, worn),)
    return Triplet(masked, stage.picture, hole, parts, faces, float(stage.inside.mean()), seed)
