"""Masking of one batch of photos in a worker: photos in, files out, with what became of each photo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from maskgen.dataset.labels import number
from maskgen.dataset.plan import ShardPlan
from maskgen.errors import FACE_REASONS, Skip, UnmaskError
from maskgen.generation.make_shard import short_error
from maskgen.generation.worker import OnStep, Outcome
from maskgen.generation.worker_tools import Kit, KitBuilder
from maskgen.images.codecs import encode_map
from maskgen.masking.encode import choose_encoding, encode
from maskgen.masking.journal import PhotoResult, sample_of
from maskgen.masking.names import Naming, PhotoFiles
from maskgen.masking.settings import FileSettings
from maskgen.masking.target import AtomicFolder
from maskgen.settings import GenSettings
from maskgen.sources import Source, decode_photo, key_base
from maskgen.types import MaskedFace, Photo, PhotoRef, RGBImage, Triplet

Made = dict[int, Triplet] | Skip  # number of the mask -> the masked photo; or why there is none
FACE_COLUMNS = ["file", "x0", "y0", "x1", "y1", "yaw", "pitch", "roll"]
FACE_COLUMNS += ["family", "texture", "colour", "strength", "wear"]


@dataclass(frozen=True)
class BatchReport:
    """Report of a finished batch. See `JobReport`."""

    name: str
    photos: int
    count: int
    skipped: Mapping[str, int]
    results: tuple[PhotoResult, ...] = ()


@dataclass(frozen=True)
class MaskBatch:
    """Task of the workers: masks the photos of a batch.

    Attributes:
        settings: one for each entry of SPEC with `files.each`, else one; they differ in their masks only.
        files: what is written.
        source: the photos.
        out: folder of the masked photos.
        maps: folder of the maps; None for none.
        naming: names of the files.
        build: builds the tools; must be a function of a module, so that workers can import it.
    """

    settings: tuple[GenSettings, ...]
    files: FileSettings
    source: Source
    out: Path
    maps: Path | None
    naming: Naming
    build: KitBuilder

    @cached_property
    def kits(self) -> list[Kit]:
        """Tools of this process; they are not pickled, so each worker loads its own."""
        return [self.build(settings, self.source) for settings in self.settings]

    @cached_property
    def _target(self) -> AtomicFolder:
        return AtomicFolder(self.out)

    @cached_property
    def _map_target(self) -> AtomicFolder | None:
        return AtomicFolder(self.maps) if self.maps else None

    def prepare(self) -> None:
        """Loads the tools."""
        assert self.kits

    def make(self, plan: ShardPlan, on_step: OnStep) -> BatchReport:
        """Masks the photos of a batch."""
        results: list[PhotoResult] = []
        outcome: Outcome = None
        for index, ref in enumerate(plan.refs):
            on_step(index, outcome)
            result = self._mask(ref)
            results.append(result)
            outcome = result.reason or int(result.masked > 0)
        on_step(len(plan.refs), outcome)
        return report_of(plan.name, results)

    def probe(self, plan: ShardPlan, index: int) -> None:
        """Masks one photo and writes nothing."""
        ref = plan.refs[index]
        made = self._made(ref)
        if not isinstance(made, Skip):
            list(self._encoded(ref, *made))

    def _mask(self, ref: PhotoRef) -> PhotoResult:
        """Masks one photo. An unexpected exception of a library skips only this photo, as `poison`."""
        try:
            made = self._made(ref)
            if isinstance(made, Skip):
                return PhotoResult(ref.id, reason=made.reason, detail=made.detail)
            return self._write(ref, *made)
        except (UnmaskError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - the photo is counted as poison, with the name of the error
            return PhotoResult(ref.id, reason="poison", detail=short_error(error))

    def _made(self, ref: PhotoRef) -> tuple[bytes, Photo, Made] | Skip:
        """Reads, decodes and masks a photo.

        Returns:
            The bytes of its file, the photo, and the masked photos; or why there is no photo.
        """
        data = self.source.read(ref)
        if isinstance(data, Skip):
            return data
        photo = decode_photo(ref, data, self.settings[0].source)
        if isinstance(photo, Skip):
            return photo
        return data, photo, make_masked(photo, self.kits)

    def _encoded(
        self, ref: PhotoRef, data: bytes, photo: Photo, made: Made
    ) -> tuple[PhotoFiles, dict[str, bytes], dict[str, bytes]]:
        """Encodes what is to be written of a photo.

        Returns:
            Names of all files, the photos in the target folder by path, and the maps by path.
        """
        names, encoding = self.naming.files(ref.id), choose_encoding(data, self.files.format)

        def encoded(image: RGBImage) -> bytes:
            return encode(image, encoding, self.files.quality)

        photos: dict[str, bytes] = {}
        maps: dict[str, bytes] = {}
        if isinstance(made, Skip):
            return names, {names.masked[0]: encoded(photo.pixels)}, maps
        for index, triplet in made.items():
            photos[names.masked[index]] = encoded(triplet.masked)
            if self.maps:
                maps[names.maps[index]] = encode_map(triplet.map)
        if names.original:
            photos[names.original] = encoded(photo.pixels)
        return names, photos, maps

    def _write(self, ref: PhotoRef, data: bytes, photo: Photo, made: Made) -> PhotoResult:
        result = PhotoResult(ref.id, bytes=len(data), sample=sample_of(self.source, ref))
        if isinstance(made, Skip):
            result = replace(result, reason=made.reason, detail=made.detail)
            if self.files.unmasked == "drop" or made.reason not in FACE_REASONS:
                return result
        names, photos, maps = self._encoded(ref, data, photo, made)
        written_maps = {}
        if self._map_target:
            written_maps = {path: self._map_target.write(path, content) for path, content in maps.items()}
        files = {path: self._target.write(path, content) for path, content in photos.items()}
        if isinstance(made, Skip):
            return replace(result, files=files)
        first = next(iter(made.values()))
        return replace(
            result,
            files=files,
            maps=written_maps,
            masked=sum(not face.mask.is_bare for face in first.faces),
            faces=tuple(
                face_labels(names.masked[index], face)
                for index, triplet in made.items()
                for face in triplet.faces
            ),
        )


def make_masked(photo: Photo, kits: Sequence[Kit]) -> Made:
    """Masks a photo.

    Args:
        photo: the photo.
        kits: one for each entry of SPEC with `files.each`, which gives one masked photo each; else one, which gives
            all K.

    Returns:
        The masked photos by the number of their mask; or why there are none.
    """
    made: dict[int, Triplet] = {}
    base = key_base(photo.ref)
    for number_of_kit, kit in enumerate(kits):
        found = kit.mask(photo, base)
        if isinstance(found, Skip):
            return found
        for key, triplet in found:
            nth_mask = int(key.rpartition("-m")[2])
            made[number_of_kit if len(kits) > 1 else nth_mask] = triplet
    return made


def face_labels(file: str, face: MaskedFace) -> dict[str, Any]:
    """Returns the labels of one face of a masked photo: the columns of `FACE_COLUMNS`."""
    x0, y0, x1, y1 = (round(float(value), 2) for value in face.face.box)
    mask, pose = face.mask, face.pose
    return {
        "file": file,
        "x0": x0,
        "y0": y0,
        "x1": x1,
        "y1": y1,
        "yaw": number(pose.yaw),
        "pitch": number(pose.pitch),
        "roll": number(pose.roll),
        "family": mask.family,
        "texture": mask.texture,
        "colour": mask.colour,
        "strength": number(mask.strength),
        "wear": mask.wear,
    }


def report_of(name: str, results: Sequence[PhotoResult]) -> BatchReport:
    """Counts the results of a batch."""
    skipped: dict[str, int] = {}
    for result in results:
        if result.reason:
            skipped[result.reason] = skipped.get(result.reason, 0) + 1
    made = sum(result.masked > 0 for result in results)
    return BatchReport(name, len(results), made, skipped, tuple(results))
