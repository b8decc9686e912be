"""Layouts of stores: which files are photos, the identity of each, and the terms of use.

    LFW        <Person>/<Person>_0001.jpg, at any depth         identity: the person
    UTKFace    age_sex_group_date.jpg                           identity: unknown
    CelebA     see `celeba`
    shards     KEY.gt.jpg beside KEY.json                       identity and split from the JSON
    video      frames.csv from `unmask frames-from-video`       identity: the person of the clip, from its rows
    any other  every image                                      identity: unknown, or the folder (`people="folders"`)

If more than 1 in 10 photos do not fit a layout, it is "any other". Other data sets use LFW's naming too: it gives the
identity, but the photos count as LFW, with its terms, only by the name of their folder or by well-known people of LFW.
"""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from maskgen.errors import InputError, NoPhotosError, Skip
from maskgen.images.formats import has_photo_suffix, is_html, may_be_photo
from maskgen.reading import parse_json
from maskgen.sources.keys import person_name
from maskgen.sources.leavings import is_left
from maskgen.sources.store import Store
from maskgen.types import PhotoRef

People = Literal["auto", "folders"]

MOST = 0.9  # fraction of the photos whose names must fit a layout; real copies hold a few other files
LOOKED_AT = 200  # photos whose first bytes are read to detect a folder of web pages

LFW = re.compile(r"(?:.*/)?(?P<person>[^/]+)/(?P=person)_\d{4}\.jpg", re.IGNORECASE)
# Photos in a folder lfw-deepfunneled, lfw_funneled or lfw; a source with such a name.
LFW_NAMES = re.compile(r"(?:.*/)?lfw(?:[-_.][^/]*)?/(?:.*/)?[^/]+/[^/]+", re.IGNORECASE)
LFW_SLUG = re.compile(r"lfw(?:[-_].*)?")
# Some of the most photographed people of LFW; a private album does not contain many of them.
LFW_PEOPLE = {
    "Alejandro_Toledo", "Ari_Fleischer", "Atal_Bihari_Vajpayee", "Gloria_Macapagal_Arroyo", "Guillermo_Coria",
    "Jacques_Rogge", "Jeremy_Greenstock", "Juan_Carlos_Ferrero", "Lleyton_Hewitt", "Megawati_Sukarnoputri",
    "Nestor_Kirchner", "Trent_Lott",
}  # fmt: skip
LFW_KNOWN = 6  # so many of them identify LFW, whatever the name of its folder
UTKFACE = re.compile(r"(?:.*/)?\d{1,3}_[01]_(?:[0-4]_)?\d{14,}\.jpg(?:\.chip\.jpg)?", re.IGNORECASE)
CELEBA_TERMS = "CelebA: non-commercial research, no redistribution"
FOOTAGE = "frames.csv"
FOOTAGE_COLUMNS = {"photo", "identity", "kept"}
GT = re.compile(r"(?P<face>(?:.*/)?[a-z0-9_-]+-f\d+)-m(?P<mask>\d+)\.gt\.(?:jpg|png|webp)")


@dataclass(frozen=True)
class Layout:
    """Photos of a store, ordered by id, with the source's name and terms of use."""

    name: str
    terms: str
    photos: tuple[PhotoRef, ...]


def read_layout(store: Store, name: str, people: People = "auto") -> Layout:
    """Recognises a store's layout.

    Args:
        store: the files.
        name: name of the source if the layout does not give one.
        people: "folders": in a layout without identities, each folder is one person.

    Raises:
        InputError: the store holds no photos, or web pages instead of photos.
    """
    names = store.names()
    if any(map(GT.fullmatch, names)):
        return _shards(store, names, name)
    if footage := [file for file in names if file.rpartition("/")[2] == FOOTAGE and _is_footage(store, file)]:
        return _footage(store, footage, name)
    ids = [file for file in names if _may_be_photo(store, file)]
    if not ids:
        raise NoPhotosError(f"{store.path}: no photos among its {len(names)} files")
    refuse_web_pages(store, ids)
    photos = tuple(PhotoRef(photo, person(photo, people)) for photo in ids)
    if _is_lfw(ids, name):
        return Layout("lfw", "LFW: research", photos)
    if _most_fit(UTKFACE, ids):
        return Layout("utkface", "UTKFace: non-commercial research", photos)
    return Layout(name, "", photos)


def _is_lfw(ids: list[str], name: str) -> bool:
    if not _most_fit(LFW, ids):
        return False
    if LFW_SLUG.fullmatch(name) or _most_fit(LFW_NAMES, ids):
        return True
    return len(LFW_PEOPLE & {person(photo, "auto") for photo in ids}) >= LFW_KNOWN


def is_photo_name(name: str) -> bool:
    """Tells whether a file has the suffix of an image. Its bytes decide the actual format."""
    return has_photo_suffix(name) and not is_left(name)


def is_photo_file(name: str, head: Callable[[], bytes]) -> bool:
    """Tells whether a file counts as a photo: by its suffix, or by its content if the suffix says nothing.

    Args:
        name: its path, relative to the source.
        head: reads its first bytes; called only if the name does not decide.
    """
    return not is_left(name) and may_be_photo(name, head)


def _may_be_photo(store: Store, name: str) -> bool:
    return name.endswith("/") or is_photo_file(name, lambda: store.head(name))


def refuse_web_pages(store: Store, ids: list[str]) -> None:
    """Raises InputError if more than half of a sample of the files are web pages."""
    sample = ids[:: -(-len(ids) // LOOKED_AT)]
    pages = sum(is_html(store.head(photo)) for photo in sample)
    if 2 * pages > len(sample):
        raise InputError(
            f"{store.path}: {pages} of {len(sample)} files checked are web pages with a photo's name: this "
            "looks like a download page saved in place of the photos. Open one, then download again"
        )


def _most_fit(pattern: re.Pattern[str], ids: list[str]) -> bool:
    return sum(bool(pattern.fullmatch(photo)) for photo in ids) >= MOST * len(ids)


def person(photo: str, people: People) -> str:
    """Infers the identity from the folder, or from a name in LFW's pattern, even among other photos; "" if unknown."""
    photo = person_name(photo)
    if people == "folders":
        return PurePosixPath(photo).parent.name
    match = LFW.fullmatch(photo)
    return match["person"] if match else ""


def _shards(store: Store, names: list[str], name: str) -> Layout:
    """Lists the photos of a data set made by unmask: for each face the `gt` of its first mask."""
    matches = [match for match in map(GT.fullmatch, names) if match]
    first = {match["face"]: match for match in sorted(matches, key=lambda match: -int(match["mask"]))}
    labels = {face: _label(store, f"{face}-m{match['mask']}.json") for face, match in first.items()}
    photos = (
        PhotoRef(
            match.group(),
            person_name(str(labels[face].get("identity", ""))),
            str(labels[face].get("split", "")),
        )
        for face, match in first.items()
    )
    terms = sorted({str(label.get("terms", "")) for label in labels.values()} - {""})
    return Layout(name, "; ".join(terms), tuple(sorted(photos, key=lambda photo: photo.id)))


def _is_footage(store: Store, file: str) -> bool:
    return (
        set(store.head(file).decode("utf-8-sig", "replace").partition("\n")[0].strip().split(","))
        >= FOOTAGE_COLUMNS
    )


def _footage(store: Store, files: list[str], name: str) -> Layout:
    """Lists the kept photos in folders made by `frames-from-video`; each person of a clip is one identity."""
    photos: dict[str, PhotoRef] = {}
    for file in files:
        data = store.read(file)
        if isinstance(data, Skip):
            raise InputError(f"{store.path}: {file} cannot be read: {data.reason}. Check its permissions")
        folder = file.rpartition("/")[0]
        for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig", "replace"), newline="")):
            if row["kept"] == "1" and row["photo"]:
                photo, identity = (
                    f"{folder}/{part}" if folder else part for part in (row["photo"], row["identity"])
                )
                photos[photo] = PhotoRef(photo, person_name(identity))
    if not photos:
        raise InputError(f"{store.path}: {files[0]} lists no kept photo. Its column `why` gives the reasons")
    return Layout(name, "", tuple(photos[photo] for photo in sorted(photos)))


def _label(store: Store, name: str) -> dict[str, object]:
    data = store.read(name)
    try:
        label = parse_json(b"" if isinstance(data, Skip) else data)
    except ValueError as error:
        raise InputError(f"{store.path}: {name} is missing or broken. Run `unmask verify` on it") from error
    if not isinstance(label, dict):
        raise InputError(f"{store.path}: {name} holds no JSON object. Run `unmask verify` on it")
    return label
