"""Job of `unmask mask`: source, photos, masks, names, folder."""

from dataclasses import dataclass
from pathlib import Path

from maskgen.dataset.plan import Plan, data_settings
from maskgen.errors import UsageError
from maskgen.masking.folder import MaskFolder
from maskgen.masking.masks import Outfits, choose_outfits
from maskgen.masking.names import Naming
from maskgen.masking.settings import MaskFolderSettings
from maskgen.masks.selection import open_wardrobe
from maskgen.seeds import hash64
from maskgen.sources import OnePhotoSource, Source, build_source, is_one_photo, list_photos
from maskgen.sources.resolve import ARCHIVE_SUFFIXES
from maskgen.types import PhotoRef


@dataclass(frozen=True)
class MaskJob:
    """Job of a run: source, photos, masks, names, folder."""

    settings: MaskFolderSettings
    source: Source
    refs: list[PhotoRef]
    outfits: Outfits
    naming: Naming
    folder: MaskFolder

    def plan(self, versions: dict[str, str]) -> Plan:
        """Returns everything that the bytes of the files depend on."""
        files = self.settings.files.model_dump(mode="json", exclude={"out", "maps"})
        naming = self.naming
        files |= {"maps": naming.maps, "each": bool(naming.labels), "also_original": naming.original}
        return Plan(self.source.name, "", {**data_settings(self.outfits.whole), "files": files}, versions)


def prepare_job(settings: MaskFolderSettings) -> MaskJob:
    """Opens the source and checks folders and masks; writes nothing."""
    if not settings.source:
        raise UsageError("name the photos: unmask mask SRC, a photo, a folder, a zip or tar, or celeba")
    outfits = choose_outfits(settings)
    open_wardrobe(outfits.whole.masks)  # refuses an invalid SPEC before anything is read
    path = Path(settings.source).expanduser()
    source: Source = OnePhotoSource(path) if is_one_photo(path) else build_source(outfits.whole.source)
    refs = _choose(list_photos(source), settings)
    files = settings.files
    is_celeba = settings.source == "celeba"
    folder = MaskFolder(
        Path(files.out).expanduser() if files.out else _default_out(path),
        Path(files.maps).expanduser() if files.maps else None,
        Path(settings.root).expanduser() if is_celeba else path,
    )
    naming = Naming(
        files.format,
        len(outfits.labels) or settings.masks.per_face,
        outfits.labels,
        files.also_original or settings.mask_the_face.write_original_image,
        bool(files.maps),
    )
    return MaskJob(settings, source, refs, outfits, naming.without_collisions(ref.id for ref in refs), folder)


def _choose(refs: list[PhotoRef], settings: MaskFolderSettings) -> list[PhotoRef]:
    """Chooses `n` photos in a seeded order, and returns them in the order of the source."""
    if settings.n is None or settings.n >= len(refs):
        return refs
    chosen = sorted(refs, key=lambda ref: (hash64(settings.seed, ref.id), ref.id))[: settings.n]
    return sorted(chosen, key=lambda ref: ref.id)


def _default_out(src: Path) -> Path:
    """Returns SRC with `_masked`, as MaskTheFace names its folder: without the suffix of a file."""
    absolute = src.resolve()
    name = absolute.name
    if not absolute.is_dir():
        suffix = next((end for end in ARCHIVE_SUFFIXES if name.lower().endswith(end)), absolute.suffix)
        name = name.removesuffix(suffix) if suffix else name
    return src.parent / f"{name}_masked" if src.name else absolute.parent / f"{name}_masked"
