"""Data sets that the readers open: `unmask gen-data` on variants of the built-in photo, images in three formats."""

import shutil
from pathlib import Path

from PIL import Image

from compat.expected import Expected, read_expected
from maskgen.dataset.unpack.run import unpack
from maskgen.demo.photo import LOOKS, sample_photo
from maskgen.generation.pipeline import generate
from maskgen.settings import (
    CropSettings,
    FaceSettings,
    GenSettings,
    MaskSettings,
    RunSettings,
    ShardSettings,
    SourceSettings,
)

SUFFIXES = ("jpg", "png", "webp")
SIDE = 256  # pixels
A_PERSON = 4  # photos per person; each look of the built-in photo plays two persons
# Layouts of `unmask unpack`, with their options; what follows a hyphen tells several of one layout apart.
EXPORTS = {
    "parquet": {},
    "mds": {},
    "tfrecord": {},
    "folders": {},
    "classes": {},
    "identities": {},
    "coco": {},
    "coco-rle": {"segments": "rle"},
    "yolo": {},
    "voc": {},
}
AS_FILES = 6  # samples whose members also lie as plain files


def make_data_sets(root: Path) -> dict[str, Expected]:
    """Makes the data sets anew, and the plain files of their first samples.

    Args:
        root: folder; what it holds is deleted.

    Returns:
        The samples by the suffix of the images.
    """
    shutil.rmtree(root, ignore_errors=True)
    _write_photos(root / "photos")
    for suffix in SUFFIXES:
        generate(_settings(root, suffix))
    made = read_data_sets(root)
    for suffix, expected in made.items():
        write_files(expected, root / f"{suffix}-files", suffix)
    for layout, options in EXPORTS.items():
        unpack(root / "jpg", root / "exports" / layout, layout=layout.split("-")[0], **options)
    return made


def read_data_sets(root: Path) -> dict[str, Expected]:
    """Returns the samples of the data sets that are there, by the suffix of the images."""
    return {suffix: read_expected(root / suffix) for suffix in SUFFIXES}


def _write_photos(folder: Path) -> None:
    """Writes the variants of the photo as people's folders, so that all splits have samples."""
    for name, look in LOOKS.items():
        for side in ("left", "right"):
            person = folder / f"{name.replace(' ', '-')}-{side}"
            person.mkdir(parents=True)
            photo = Image.fromarray(look(sample_photo()))
            if side == "right":
                photo = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            for number in range(A_PERSON):
                cropped = photo.crop((number, number, photo.width, photo.height))
                cropped.save(person / f"{person.name}_{number:04d}.jpg", quality=95)


def _settings(root: Path, suffix: str) -> GenSettings:
    return GenSettings(
        source=SourceSettings(src=str(root / "photos"), people="folders", val=0.2, test=0.2),
        faces=FaceSettings(cache="off"),
        crop=CropSettings(size=SIDE),
        masks=MaskSettings(share=0.9),
        shards=ShardSettings(format=suffix),
        run=RunSettings(out=str(root / suffix)),
    )


def write_files(expected: Expected, folder: Path, suffix: str) -> None:
    """Writes the members of the first samples, and of one without a mask, as files."""
    folder.mkdir()
    keys = list(expected.samples)
    bare = next(key for key in keys if expected.labels(key)["hole"] == 0)
    names = {"masked": suffix, "gt": suffix, "map": "png", "parts": "png", "json": "json"}
    for key in {*keys[:AS_FILES], bare}:
        for member, data in expected.samples[key].items():
            (folder / f"{key}.{member}.{names[member]}".replace(".json.json", ".json")).write_bytes(data)
