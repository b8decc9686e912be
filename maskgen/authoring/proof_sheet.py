"""Proof sheets: every family in three poses and three textures, on faces of a source or on the built-in photo."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from maskgen.command_settings import CheckSettings, SheetSettings
from maskgen.demo.photo import LOOKS, sample_photo
from maskgen.errors import InputError, Skip
from maskgen.faces.align import choose_faces
from maskgen.files import write_atomic
from maskgen.images.codecs import encode_lossless
from maskgen.images.contact_sheet import Block, Tile, draw_sheet
from maskgen.masks.library import Library
from maskgen.masks.selection import Wardrobe, open_library
from maskgen.masks.spec import MaskChoice
from maskgen.masks.validation import TemplateProblem, check_templates
from maskgen.rendering.stage import Stage
from maskgen.rendering.triplet import Tools, build_tools, set_stage, wear_mask
from maskgen.seeds import hash64
from maskgen.settings import CropSettings, FaceSettings, GenSettings, SourceSettings
from maskgen.sources import build_source, load
from maskgen.types import Photo, PhotoRef, RGBImage

CROP = 256
FRONTAL_YAW = 10.0  # largest absolute yaw, in degrees, of a frontal face
TURNED_YAW = 16.0, 50.0  # absolute yaw, in degrees, of a turned face: from, to
LOOKS_SHOWN = ("as-taken", "turned-left", "turned-right")  # variants of the built-in photo
TEXTURES_SHOWN = 3
POSES = ("frontal", "turned left", "turned right")
Faces = dict[str, list[Stage]]


@dataclass(frozen=True)
class ProofReport:
    """Result of `masks check`; `proof` is the path of the proof image, or "" if there are problems."""

    ok: bool
    families: tuple[str, ...]
    problems: tuple[TemplateProblem, ...]
    proof: str


@dataclass(frozen=True)
class LibrarySheet:
    """Result of `masks sheet`: the path of the sheet, and the numbers of families and faces on it."""

    sheet: str
    families: int
    faces: int


def prove(settings: CheckSettings, *, only: str = "") -> ProofReport:
    """Checks a folder of templates and, if there are no problems, draws them on the built-in photo.

    Args:
        settings: the folder, the proof image, the seed.
        only: the one family to draw; "" draws all.
    """
    folder = Path(settings.templates)
    report = check_templates(folder, replace=settings.replace)
    families = tuple(path.name for path in report.sound if only in ("", path.name))
    if report.problems:
        return ProofReport(False, families, report.problems, "")
    proof = Path(settings.out) if settings.out else folder / "proof.png"
    library = open_library(settings.templates, replace=settings.replace)
    sheet = draw_families(
        "Masks of your own", library, families, built_in_faces(), seed=settings.seed, side=CROP
    )
    write_atomic(proof, encode_lossless(sheet, "png"))
    return ProofReport(True, families, (), str(proof))


def draw_library(settings: SheetSettings) -> LibrarySheet:
    """Draws every family on faces in three poses.

    Raises:
        InputError: a template has problems, or the source has no face in one of the poses.
    """
    library = open_library(settings.templates, replace=settings.replace)
    faces = source_faces(settings) if settings.src else built_in_faces()
    sheet = draw_families(
        "The library of masks", library, library.families, faces, seed=settings.seed, side=settings.size
    )
    write_atomic(Path(settings.out), encode_lossless(sheet, "png"))
    return LibrarySheet(settings.out, len(library.families), sum(len(stages) for stages in faces.values()))


def draw_families(
    title: str, library: Library, families: Sequence[str], faces: Faces, *, seed: int, side: int
) -> RGBImage:
    """Draws a block per family: each of its textures on a face in every pose, on different faces where possible."""
    tools = _tools()
    blocks = []
    for nth, family in enumerate(families):
        tiles = []
        for row, choice in enumerate(choices_of(library, family)):
            worn = replace(tools, wardrobe=Wardrobe(library, [choice], {"correct": 1.0}))
            for pose, stages in faces.items():
                stage = stages[(nth * TEXTURES_SHOWN + row) % len(stages)]
                triplet = wear_mask(stage, worn, hash64(seed, f"{family} {row}"))
                shown = stage.image if isinstance(triplet, Skip) else triplet.masked
                tiles.append(
                    Tile((shown,), (f"{choice.texture} {choice.colour}", f"{pose}, {stage.pose.yaw:.0f}"))
                )
        blocks.append(Block(f"{family}: {library.template(family).title}", tuple(tiles), side))
    return draw_sheet(title, f"{len(families)} families, yaw in degrees", blocks, width=_width(side))


def choices_of(library: Library, family: str) -> Iterator[MaskChoice]:
    """Lists the textures to show: plain, then the most frequent ones; if too few, the first one in further colours."""
    look = library.template(family).look
    colours = sorted(look.colours, key=lambda colour: -look.colours[colour])
    textures = sorted(look.textures, key=lambda name: (name != "plain", -look.textures[name]))
    textures += textures[:1] * TEXTURES_SHOWN
    for nth in range(min(TEXTURES_SHOWN, len(look.textures) + len(colours) - 1)):
        yield MaskChoice(family, textures[nth], colours[nth % len(colours)])


def built_in_faces() -> Faces:
    """Returns the face of the built-in photo in the three poses."""
    pixels, tools = sample_photo(), _tools()
    faces: Faces = {}
    for pose, look in zip(POSES, LOOKS_SHOWN, strict=True):
        stage = _stage(Photo(PhotoRef(look), LOOKS[look](pixels), ""), tools)
        assert stage is not None, look
        faces[pose] = [stage]
    return faces


def source_faces(settings: SheetSettings) -> Faces:
    """Finds faces in each of the three poses among photos of a source, in a seeded hash order.

    Raises:
        InputError: the searched photos show no face in one of the poses.
    """
    source = build_source(SourceSettings(src=settings.src))
    refs = sorted(source.refs(), key=lambda ref: hash64(settings.seed, ref.id))[: settings.photos]
    tools = _tools()
    faces: Faces = {pose: [] for pose in POSES}
    for ref in refs:
        photo = load(source, ref, tools.settings.source)
        stage = None if isinstance(photo, Skip) else _stage(photo, tools)
        pose = _pose(stage.pose.yaw) if stage else ""
        if stage and pose:
            faces[pose].append(stage)
    missing = [pose for pose, stages in faces.items() if not stages]
    if missing:
        raise InputError(
            f"{settings.src}: searched {len(refs)} photos, none with a face {' or '.join(missing)}; "
            "give another source, or search more photos with --set photos=N"
        )
    return faces


def _pose(yaw: float) -> str:
    if abs(yaw) <= FRONTAL_YAW:
        return POSES[0]
    if TURNED_YAW[0] <= abs(yaw) <= TURNED_YAW[1]:
        return POSES[1] if yaw < 0 else POSES[2]
    return ""


def _stage(photo: Photo, tools: Tools) -> Stage | None:
    found = tools.detector.detect(photo)
    chosen = found if isinstance(found, Skip) else choose_faces(found, tools.settings.faces)
    return None if isinstance(chosen, Skip) else set_stage(photo.pixels, chosen[0], tools)


def _tools() -> Tools:
    return build_tools(GenSettings(faces=FaceSettings(cache="off"), crop=CropSettings(size=CROP)))


def _width(side: int) -> int:
    """Computes the width of a sheet with nine images per row, or three if the images are large."""
    across = TEXTURES_SHOWN * len(POSES) if side <= CROP // 2 + 64 else len(POSES)
    return int(np.ceil(56 + across * (side + 14)))
