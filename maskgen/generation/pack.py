"""Packing triplets in folders, of any origin, into shards: the inverse of `unpack --layout folders`.

    DIR/inputs/a/1.jpg    DIR/outputs/a/1.jpg    DIR/binary_mask/a/1.png    masked, original, map: one name, any suffix

The data set is made as by `gen-data`, with the same plan and records and with resuming, but no masks are drawn.
Straps and shadows cannot be distinguished from the mask, so `parts` is 3 wherever the map is 1. Outside the map, the
masked image gets the pixels of the original, as the format demands; in images unpacked from JPEGs they differ slightly.
"""

import csv
import io
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy import ndarray

from maskgen.command_settings import PackSettings
from maskgen.dataset.shard_record import SPLITS
from maskgen.errors import InputError, Skip, UsageError
from maskgen.generation.pipeline import GenReport, generate
from maskgen.generation.worker_tools import Kit, versions
from maskgen.images.codecs import decode
from maskgen.images.map_reader import read_plane, why_unusable
from maskgen.progress import OnProgress, no_progress
from maskgen.rendering.blend import MASK
from maskgen.seeds import sample_seed
from maskgen.settings import CropSettings, GenSettings, RunSettings, ShardSettings, SourceSettings
from maskgen.sources import Source, Store, is_photo_name, open_store, person_name, sample_key, slug
from maskgen.types import Photo, PhotoRef, Plane, RGBImage, Triplet

TABLE = "samples.csv"  # written by `unpack` beside the folders
ROLES = ("masked", "gt", "map")


class TripletSource:
    """Source of the originals in a folder of triplets; `read_role` reads the masked images and maps."""

    def __init__(self, folder: Path, names: str, terms: str) -> None:
        """Lists the files.

        Args:
            folder: the folder of the three folders, or an archive of it.
            names: the folders of masked images, originals and maps, separated by commas.
            terms: terms of use.

        Raises:
            UsageError: the names are not three different folders.
            InputError: a folder is missing or holds no image.
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
        incomplete = sum(len(found) < len(ROLES) for found in self._files.values())
        self.notes = (
            (f"{incomplete} of {len(self._files)} triplets lack an image: skipped",) if incomplete else ()
        )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_files"}

    @cached_property
    def _files(self) -> dict[str, dict[str, str]]:
        return _files(self._store.names(), self._folders)

    def refs(self) -> list[PhotoRef]:
        """Lists the triplets by the common name of their images, sorted."""
        rows = self._table()
        refs = []
        for stem in sorted(self._files):
            row = rows.get(stem, {})
            split = row.get("split", "")
            refs.append(
                PhotoRef(stem, person_name(row.get("identity") or ""), split if split in SPLITS else "")
            )
        return refs

    def read(self, ref: PhotoRef) -> bytes | Skip:
        """Reads the bytes of an original."""
        return self.read_role(ref, "gt")

    def place(self, ref: PhotoRef) -> tuple[Store, str] | None:
        """Returns the store that holds a triplet's original, and its id there; None if there is none."""
        name = self._files.get(ref.id, {}).get("gt")
        return (self._store, name) if name else None

    def read_role(self, ref: PhotoRef, role: str) -> bytes | Skip:
        """Reads the bytes of one image of a triplet; `role` is "masked", "gt" or "map"."""
        name = self._files.get(ref.id, {}).get(role)
        if name is None:
            return Skip("incomplete", f"nothing of that name in {self._folders[role]}/")
        return self._store.read(name)

    def _table(self) -> dict[str, dict[str, str]]:
        """Reads the labels that `unpack` wrote, by the common name of the images."""
        data = self._store.read(TABLE) if TABLE in self._store.names() else b""
        if isinstance(data, Skip):
            return {}
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""))
        return {row["key"]: row for row in rows if row.get("key")}


def _files(names: list[str], folders: dict[str, str]) -> dict[str, dict[str, str]]:
    """Groups file names: path below the role's folder, without suffix -> role -> file name."""
    found: dict[str, dict[str, str]] = {}
    for name in filter(is_photo_name, names):
        for role, folder in folders.items():
            if name.startswith(f"{folder}/"):
                stem = str(PurePosixPath(name[len(folder) + 1 :]).with_suffix(""))
                found.setdefault(stem, {})[role] = name
    return found


def pack(settings: PackSettings, on_progress: OnProgress = no_progress) -> GenReport:
    """Makes a data set from triplets in folders.

    Args:
        settings: the folders, the target and its format.
        on_progress: called a few times per second, as by `generate`.

    Returns:
        Numbers of samples made and photos skipped.

    Raises:
        UsageError: the target holds another data set, or the names are invalid.
        InputError: the folders are missing or empty.
        MissingError: the disk is full.
    """
    source = TripletSource(Path(settings.dir).expanduser(), settings.names, settings.terms)
    return generate(gen_settings(settings), on_progress, build=build_pack_kit, source=source)


def gen_settings(settings: PackSettings) -> GenSettings:
    """Returns the settings of `gen-data` that make the same data set."""
    return GenSettings(
        source=SourceSettings(src=settings.dir, val=settings.val, test=settings.test),
        crop=CropSettings(size=0),
        shards=ShardSettings(
            shard_size=settings.shard_size, readers=settings.readers, format=settings.format
        ),
        run=RunSettings(
            out=settings.to,
            jobs=settings.jobs,
            overwrite=settings.overwrite,
            max_failures=settings.max_failures,
        ),
        seed=settings.seed,
    )


def build_pack_kit(settings: GenSettings, source: Source) -> Kit:
    """Builds the tools of `pack`, which detects no faces and draws no masks."""
    assert isinstance(source, TripletSource), source
    return Kit(source, mask=partial(join, source=source, settings=settings), versions=versions("", ""))


def join(
    photo: Photo, base: str, *, source: TripletSource, settings: GenSettings
) -> list[tuple[str, Triplet]] | Skip:
    """Builds a triplet from an original and the two images of the same name, or returns what is wrong."""
    limit = settings.source.max_pixels
    masked = _read_part(source, photo, "masked", partial(decode, max_pixels=limit, background=0))
    if isinstance(masked, Skip):
        return masked
    map = _read_part(source, photo, "map", partial(read_plane, max_pixels=limit))
    if isinstance(map, Skip):
        return map
    bare = np.array_equal(masked, photo.pixels)  # the face wears nothing, as some do in data sets
    if bare and map.any():
        return Skip("bad_map", "masked and original are equal, but the map is not empty")
    if not bare and (problem := why_unusable(map)):
        return Skip("bad_map", f"map: {problem}")
    key = sample_key(base, 0, 0)
    lossless = settings.shards.format != "jpg"
    return [(key, join_images(masked, photo.pixels, map, lossless, sample_seed(settings.seed, key)))]


def _read_part(
    source: TripletSource, photo: Photo, role: str, read: Callable[[bytes], ndarray | Skip]
) -> Any | Skip:
    """Reads one image of a triplet; returns what is wrong if it cannot be used or has another size than the photo."""
    data = source.read_role(photo.ref, role)
    image = data if isinstance(data, Skip) else read(data)
    if isinstance(image, Skip):
        return Skip(image.reason, f"{role}: {image.detail}".rstrip(": "))
    if image.shape[:2] != photo.pixels.shape[:2]:
        sizes = " and ".join(f"{shape[1]}x{shape[0]}" for shape in (image.shape, photo.pixels.shape))
        return Skip("incomplete", f"{role} and original have sizes {sizes}")
    return image


def join_images(masked: RGBImage, gt: RGBImage, map: Plane, lossless: bool, seed: int) -> Triplet:
    """Builds a triplet that satisfies the format of shards.

    Args:
        masked: the photo with the mask.
        gt: the photo without the mask.
        map: 1 inside, else 0.
        lossless: whether to remove pixels from the map that are equal in both images.
        seed: seed of the sample.

    Returns:
        The triplet, with equal images outside the map.
    """
    if lossless:
        map = map & (masked != gt).any(-1)
    masked = np.where(map[..., None] > 0, masked, gt)
    return Triplet(masked, gt, map, map * np.uint8(MASK), (), 1.0, seed)
