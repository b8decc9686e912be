"""What the names inside a store mean: which are photos, who is seen, under whose terms.

    LFW        <Person>/<Person>_0001.jpg, at any depth         identity: the person
    UTKFace    age_sex_group_date.jpg                           each photo its own
    CelebA     see `celeba`
    shards     KEY.gt.jpg beside KEY.json                       identity and split from the json
    video      frames.csv, of `unmask frames-from-video`        its rows: identity is the person of the clip
    any other  every picture                                    each photo its own, or by its folder if told so

More pictures than 1 in 10 that do not fit a layout make it any other. LFW's way of naming is anybody's: it tells who is
seen, but whose photos these are, and so their terms, only what they lie in, or LFW's own people.
"""

import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from maskgen.errors import InputError, Skip
from maskgen.images.codecs import is_html, picture_format
from maskgen.sources.store import Store
from maskgen.types import PhotoRef

People = Literal["auto", "folders"]

MOST = 0.9  # share of the photos whose names must fit a layout; real copies hold a few strays
LOOKED_AT = 200  # photos whose first bytes are read to tell a folder of web pages from one of photos

PICTURE = re.compile(
    r".*\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|bmp|dib|avif|ppm|pgm)", re.IGNORECASE | re.DOTALL
)
LFW = re.compile(r"(?:.*/)?(?P<person>[^/]+)/(?P=person)_\d{4}\.jpg", re.IGNORECASE)
# What lies in lfw-deepfunneled, lfw_funneled, lfw; a source of such a name.
LFW_NAMES = re.compile(r"(?:.*/)?lfw(?:[-_.][^/]*)?/(?:.*/)?[^/]+/[^/]+", re.IGNORECASE)
LFW_SLUG = re.compile(r"lfw(?:[-_].*)?")
# Of its most photographed people; in an album of one's own they do not stand together.
LFW_PEOPLE = {
    "Alejandro_Toledo", "Ari_Fleischer", "Atal_Bihari_Vajpayee", "Gloria_Macapagal_Arroyo", "Guillermo_Coria",
    "Jacques_Rogge", "Jeremy_Greenstock", "Juan_Carlos_Ferrero", "Lleyton_Hewitt", "Megawati_Sukarnoputri",
    "Nestor_Kirchner", "Trent_Lott",
}  # fmt: skip
LFW_KNOWN = 6  # so many of them, and it is LFW, whatever it lies in
UTKFACE = re.compile(r"(?:.*/)?\d{1,3}_[01]_(?:[0-4]_)?\d{14,}\.jpg(?:\.chip\.jpg)?", re.IGNORECASE)
CELEBA_TERMS = "CelebA: non-commercial research, no redistribution"
FOOTAGE = "frames.csv"
FOOTAGE_COLUMNS = {"photo", "identity", "kept"}
GT = re.compile(r"(?P<face>(?:.*/)?[a-z0-9_-]+-f\d+)-m(?P<mask>\d+)\.gt\.(?:jpg|png|webp)")


@dataclass(frozen=True)
class Layout:
    """A store's photos, ordered by id, and what is known of them all."""

    name: str
    terms: str
    photos: tuple[PhotoRef, ...]


def read_layout(store: Store, name: str, people: People = "auto") -> Layout:
    """Recognises a store's layout. InputError where it holds no photos, or web pages in their place.

    Args:
        store: where the files are.
        name: what a source without a name of its own is called.
        people: `folders`: in a layout that has no list of people, each folder is one.
    """
    names = store.names()
    if any(map(GT.fullmatch, names)):
        return _shards(store, names, name)
    if footage := [file for file in names if file.rpartition("/")[2] == FOOTAGE and _is_footage(store, file)]:
        return _footage(store, footage, name)
    ids = [file for file in names if _may_be_photo(store, file)]
    if not ids:
        raise InputError(f"{store.path}: no photos among its {len(names)} files. Check --src")
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
    """Tells whether a file's suffix is one of images. Only its bytes say what it is."""
    file = PurePosixPath(name)
    of_macos = "__MACOSX" in file.parts or file.name.startswith("._")  # metadata under the photos' own names
    return bool(PICTURE.fullmatch(file.name)) and not of_macos


def _may_be_photo(store: Store, name: str) -> bool:
    if name.endswith("/") or is_photo_name(name):
        return True
    return not PurePosixPath(name).suffix and bool(picture_format(store.head(name)))


def refuse_web_pages(store: Store, ids: list[str]) -> None:
    """Pass if most of the photos are none. InputError: over half of those looked at are web pages."""
    sample = ids[:: -(-len(ids) // LOOKED_AT)]
    pages = sum(is_html(store.head(photo)) for photo in sample)
    if 2 * pages > len(sample):
        raise InputError(
            f"{store.path}: {pages} of {len(sample)} files that were looked at are web pages under a photo's name: "
            "this looks like a download page saved in the photos' place. Open one, then download again"
        )


def _most_fit(pattern: re.Pattern[str], ids: list[str]) -> bool:
    return sum(bool(pattern.fullmatch(photo)) for photo in ids) >= MOST * len(ids)


def person(photo: str, people: People) -> str:
    """Infers who is seen from the folder, or from LFW's way of naming, also where the photos lie among others."""
    if people == "folders":
        return PurePosixPath(photo).parent.name
    match = LFW.fullmatch(photo)
    return match["person"] if match else ""


def _shards(store: Store, names: list[str], name: str) -> Layout:
    """Lists the photos of a data set of unmask: the `gt` of the first of each photo's masks."""
    matches = [match for match in map(GT.fullmatch, names) if match]
    first = {match["face"]: match for match in sorted(matches, key=lambda match: -int(match["mask"]))}
    labels = {face: _label(store, f"{face}-m{match['mask']}.json") for face, match in first.items()}
    photos = (
        PhotoRef(match.group(), str(labels[face].get("identity", "")), str(labels[face].get("split", "")))
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
    """Lists the kept photos of folders that `frames-from-video` made; a clip's person is one identity, in one split."""
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
                photos[photo] = PhotoRef(photo, identity)
    if not photos:
        raise InputError(
            f"{store.path}: {files[0]} lists no kept photo. Its column `why` says what became of them"
        )
    return Layout(name, "", tuple(photos[photo] for photo in sorted(photos)))


def _label(store: Store, name: str) -> dict[str, object]:
    data = store.read(name)
    try:
        label = json.loads(b"" if isinstance(data, Skip) else data)
    except ValueError as error:
        raise InputError(f"{store.path}: {name} is missing or broken. Run `unmask verify` on it") from error
    if not isinstance(label, dict):
        raise InputError(f"{store.path}: {name} holds no JSON object. Run `unmask verify` on it")
    return label
