"""Opens the source at the path given by `--src`."""

from functools import partial
from pathlib import Path

from maskgen.errors import InputError, NoPhotosError, UsageError
from maskgen.files import older_record_path, record_path
from maskgen.images.formats import HEAD_BYTES, is_html, picture_format
from maskgen.reading import open_regular_file
from maskgen.recordio import MAGIC_BYTES
from maskgen.settings import SourceSettings
from maskgen.sources.archive import PACKED_TAR, ArchiveSet, PackedTarStore, TarStore
from maskgen.sources.base import PhotoSource, Source
from maskgen.sources.celeba import ALIGNED, FOLDERS, CelebaSource, find_albums
from maskgen.sources.folder import FolderStore
from maskgen.sources.keys import slug
from maskgen.sources.layouts import MOST, is_photo_file, is_photo_name
from maskgen.sources.records import RecordSource, RecordStore
from maskgen.sources.store import Store
from maskgen.sources.zip_archive import ZipStore

ARCHIVE_SUFFIXES = (".tar", ".zip", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")


def build_source(settings: SourceSettings) -> Source:
    """Builds the source that `settings.src` names.

    Raises:
        UsageError: no source was named.
        InputError: the path does not exist, cannot be read, is not a source, or holds no photos.
    """
    if not settings.src:
        raise UsageError("--src is missing. Give a folder, a zip or tar, or `celeba`")
    if settings.src == "celeba":
        return _celeba(Path(settings.root).expanduser(), settings)
    path = Path(settings.src).expanduser()
    store = open_store(path)
    if isinstance(store, RecordStore):
        return RecordSource(store, _other_records(path, store.path) if path.is_dir() else ())
    for album in find_albums(store, _kind(path))[:1]:
        if album.count >= MOST * sum(map(is_photo_name, store.names())):
            return CelebaSource(album, [store], settings)
    return PhotoSource(store, _name(path), settings.people)


def _kind(path: Path) -> str:
    """Tells by its name which of CelebA's folders a path is; "" for none of them."""
    name = path.resolve().name.partition(".")[0].lower()
    return name if name in FOLDERS else ALIGNED if name == "celeba" else ""


def _celeba(root: Path, settings: SourceSettings) -> CelebaSource:
    """Opens CelebA: its photos below `root`, in a zip below `root`, or in the zip `root`."""
    if not root.exists():
        raise _no_celeba(root)
    store: Store = FolderStore(root) if root.is_dir() else open_store(root)
    albums, stores = find_albums(store, _kind(root) or ALIGNED), [store]
    if not albums and root.is_dir():
        archives = [name for name in store.names() if name.lower().endswith(ARCHIVE_SUFFIXES)]
        for name in sorted(archives, key=lambda name: (not Path(name).name.startswith(ALIGNED), name)):
            inner = _open_file(root / name)
            albums = find_albums(inner, ALIGNED)
            if albums:
                stores = [store, inner]
                break
    if not albums:
        raise _no_celeba(root)
    return CelebaSource(albums[0], stores, settings)


def _no_celeba(root: Path) -> InputError:
    return InputError(
        f"{root}: CelebA's photos are not there. From https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html download\n"
        "  Img/img_align_celeba.zip                the aligned photos, 1.4 GB; unpacked or as it is\n"
        "  Eval/list_eval_partition.txt            the official splits\n"
        "  Anno/identity_CelebA.txt                the identities\n"
        "  Anno/list_landmarks_align_celeba.txt    the positions of the faces\n"
        f"and put them into {root}. Kaggle's archive.zip and torchvision's download work as well; "
        "--root names another place"
    )


def _name(path: Path) -> str:
    """Derives the name of a source from its file or folder."""
    name = path.resolve().name
    return slug(
        next((name[: -len(suffix)] for suffix in ARCHIVE_SUFFIXES if name.lower().endswith(suffix)), name)
    )


def open_store(path: Path) -> Store:
    """Opens the store at `path`: a folder, an archive, or a folder of archives. InputError if it is something else."""
    try:
        return _open_folder(path) if path.is_dir() else _open_file(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file or folder; a relative path starts at {Path.cwd()}") from error
    except PermissionError as error:
        raise InputError(f"{path}: may not be read by this user. Check its permissions") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}. Check the path and the disk") from error


def _open_folder(path: Path) -> Store:
    files = sorted(file.name for file in path.iterdir() if not file.is_dir())
    archives = [path / name for name in files if name.lower().endswith(ARCHIVE_SUFFIXES)]
    shards = [archive for archive in archives if _has_record(archive)]
    folder = FolderStore(path)
    if "dataset.json" in files and shards:
        archives = shards  # images beside them are previews, and a shard without a record does not count
    elif not archives or _has_photos(folder):
        records = [path / name for name in files if name.lower().endswith(".rec")]
        return _one_record_file(path, records) if records and not _has_photos(folder) else folder
    return ArchiveSet(path, {archive.name: _open_file(archive) for archive in archives})


def _has_record(archive: Path) -> bool:
    """Tells whether an archive is a shard with a record, as `gen-data` and `pack` make it."""
    folder, name = archive.parent, archive.stem
    return record_path(folder, name).exists() or older_record_path(folder, name).exists()


def _one_record_file(folder: Path, records: list[Path]) -> Store:
    """Opens the `.rec` file of a folder as InsightFace passes them on; `train.rec` if there are several.

    Raises:
        InputError: there are several others.
    """
    train = [path for path in records if path.stem == "train"]
    if len(records) > 1 and not train:
        names = ", ".join(path.name for path in records[:3])
        raise InputError(f"{folder}: holds several .rec files; give one of them: {names}")
    return _open_file(train[0] if train else records[0])


def _other_records(folder: Path, read: Path) -> list[str]:
    """Lists the names of the `.rec` files in a folder, without the one that is read."""
    names = sorted(file.name for file in folder.iterdir() if file.name.lower().endswith(".rec"))
    return [name for name in names if name != read.name]


def _has_photos(folder: FolderStore) -> bool:
    """Tells whether a folder holds a photo, by the names of its files, or else by their content."""
    names = folder.names()
    return any(map(is_photo_name, names)) or any(
        is_photo_file(name, partial(folder.head, name)) for name in names
    )


def _open_file(path: Path) -> Store:
    with open_regular_file(path) as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(b"PK"):
        return ZipStore(path)
    if head.startswith(MAGIC_BYTES):
        return RecordStore(path)
    if head[257:262] == b"ustar":
        return TarStore(path)
    if head.startswith(tuple(PACKED_TAR)):
        return PackedTarStore(path)
    if is_html(head):
        raise InputError(
            f"{path}: a web page; looks like a download page saved in place of the file. Download it again"
        )
    if picture_format(head):
        raise InputError(f"{path}: a single photo. Give the folder it lies in")
    if path.suffix.lower() == ".rec":
        raise InputError(f"{path}: no RecordIO file, it starts with {head[:8]!r}. Copy it again")
    raise NoPhotosError(f"{path}: neither a folder nor a zip or tar, it starts with {head[:8]!r}")
