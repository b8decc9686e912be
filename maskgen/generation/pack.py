"""Triplets that lie in folders, from here or elsewhere, as shards: the way back of `unpack --layout folders`.

    DIR/inputs/a/1.jpg    DIR/outputs/a/1.jpg    DIR/binary_mask/a/1.png    masked, original, map: one name, any suffix

A data set is made as by `gen-data`, but for the masks, which are worn already: same plan, same records, it resumes.
Nothing tells strap or shadow from mask, so `parts` is 3 wherever the map is 1. Outside the map the masked picture is
made the original's: a shard promises so, and what is unpacked from JPEGs keeps it nearly.
"""

import csv
import io
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from maskgen.dataset.shard_record import SPLITS
from maskgen.errors import InputError, Skip, UsageError
from maskgen.generation.pipeline import GenReport, generate
from maskgen.generation.worker_tools import Kit, versions
from maskgen.images.codecs import decode
from maskgen.progress import OnProgress, no_progress
from maskgen.rendering.blend import MASK
from maskgen.seeds import hash64
from maskgen.settings import (
    CropSettings,
    GenSettings,
    PackSettings,
    RunSettings,
    ShardSettings,
    SourceSettings,
)
from maskgen.sources import Source, is_photo_name, open_store, sample_key, slug
from maskgen.types import Photo, PhotoRef, RGBImage, Triplet

TABLE = "samples.csv"  # what `unpack` lays beside the folders
ROLES = ("masked", "gt", "map")


class TripletSource:
    """The originals of a folder of triplets as a source; the other two of each go by role."""

    def __init__(self, folder: Path, names: str, terms: str) -> None:
        """`names`: folders of masked, original and map, with commas between them.

        Raises:
            UsageError: the names are no three. InputError: a folder is missing or holds no picture.
        """
        parts = [name.strip().strip("/") for name in names.split(",")]
        if len(set(parts)) != len(ROLES) or not all(parts):
            raise UsageError(f"--names {names}: give three different folders: masked, original, map")
        self._folders = dict(zip(ROLES, parts, strict=True))
        self._store = open_store(folder)
        self.name, self.terms = slug(folder.resolve().name), terms
        for role, name in self._folders.items():
            if not any(role in found for found in self._files.values()):
                raise InputError(
                    f"{folder}: no pictures in {name}/ ({role}); name the three folders with --names"
                )
        alone = sum(len(found) < len(ROLES) for found in self._files.values())
        self.notes = (f"{alone} of {len(self._files)} triplets lack an image: skipped",) if alone else ()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_files"}

    @cached_property
    def _files(self) -> dict[str, dict[str, str]]:
        return _files(self._store.names(), self._folders)

    def refs(self) -> list[PhotoRef]:
        """Lists every triplet by the name of its images, sorted."""
        rows = self._table()
        refs = []
        for stem in sorted(self._files):
            row = rows.get(stem, {})
            split = row.get("split", "")
            refs.append(PhotoRef(stem, row.get("identity", ""), split if split in SPLITS else ""))
        return refs

    def read(self, ref: PhotoRef) -> bytes | Skip:
        """Reads the bytes of the original."""
        return self.read_role(ref, "gt")

    def read_role(self, ref: PhotoRef, role: str) -> bytes | Skip:
        """Reads the bytes of one of a triplet's images."""
        name = self._files.get(ref.id, {}).get(role)
        if name is None:
            return Skip("incomplete", f"nothing of that name in {self._folders[role]}/")
        return self._store.read(name)

    def _table(self) -> dict[str, dict[str, str]]:
        """Reads the labels that `unpack` wrote, by the name of the images."""
        data = self._store.read(TABLE) if TABLE in self._store.names() else b""
        if isinstance(data, Skip):
            return {}
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""))
        return {row["key"]: row for row in rows if row.get("key")}


def _files(names: list[str], folders: dict[str, str]) -> dict[str, dict[str, str]]:
    """Finds the files: stem below its folder -> role -> file."""
    found: dict[str, dict[str, str]] = {}
    for name in filter(is_photo_name, names):
        for role, folder in folders.items():
            if name.startswith(f"{folder}/"):
                stem = str(PurePosixPath(name[len(folder) + 1 :]).with_suffix(""))
                found.setdefault(stem, {})[role] = name
    return found


def pack(settings: PackSettings, on_progress: OnProgress = no_progress) -> GenReport:
    """Makes a data set of triplets in folders.

    Args:
        settings: the folders, the target and its format.
        on_progress: called a few times a second, as by `generate`.

    Returns:
        What was made and what was skipped.

    Raises:
        UsageError: the target is another data set, or the names are off.
        InputError: the folders are missing or empty. MissingError: no room on the disk.
    """
    source = TripletSource(Path(settings.dir).expanduser(), settings.names, settings.terms)
    gen = GenSettings(
        source=SourceSettings(src=settings.dir, val=settings.val, test=settings.test),
        crop=CropSettings(size=0),
        shards=ShardSettings(shard_size=settings.shard_size, format=settings.format),
        run=RunSettings(out=settings.to, jobs=settings.jobs, overwrite=settings.overwrite),
        seed=settings.seed,
    )
    return generate(gen, on_progress, build=build_pack_kit, source=source)


def build_pack_kit(settings: GenSettings, source: Source) -> Kit:
    """Builds the tools of a run of `pack`, which detects no faces and draws no masks."""
    assert isinstance(source, TripletSource), source
    return Kit(source, mask=partial(join, source=source, settings=settings), versions=versions("", ""))


def join(
    photo: Photo, base: str, *, source: TripletSource, settings: GenSettings
) -> list[tuple[str, Triplet]] | Skip:
    """Joins an original and the two images of its name into a triplet; or says what is wrong with them."""
    others: list[RGBImage] = []
    for role in ("masked", "map"):
        data = source.read_role(photo.ref, role)
        limit = settings.source.max_pixels
        picture = data if isinstance(data, Skip) else decode(data, max_pixels=limit, background=0)
        if isinstance(picture, Skip):
            return Skip(picture.reason, f"{role}: {picture.detail}".rstrip(": "))
        if picture.shape != photo.pixels.shape:
            sizes = " and ".join(f"{shape[1]}x{shape[0]}" for shape in (picture.shape, photo.pixels.shape))
            return Skip("incomplete", f"{role} and original have sizes {sizes}")
        others.append(picture)
    key = sample_key(base, 0, 0)
    lossless = settings.shards.format != "jpg"
    return [
        (key, join_pictures(others[0], photo.pixels, others[1], lossless, hash64(settings.seed, key) >> 1))
    ]


def join_pictures(masked: RGBImage, gt: RGBImage, drawn: RGBImage, lossless: bool, seed: int) -> Triplet:
    """Builds a triplet that keeps a shard's promises.

    Args:
        masked: the photo with the mask.
        gt: without it.
        drawn: the map as a picture; light, from 128 on, is mask.
        lossless: the map leaves out what is the same in both pictures.
        seed: the sample's.
    """
    map = (drawn.max(-1) >= 128).astype(np.uint8)
    if lossless:
        map &= (masked != gt).any(-1)
    masked = np.where(map[..., None] > 0, masked, gt)
    return Triplet(masked, gt, map, map * np.uint8(MASK), (), 1.0, seed)
