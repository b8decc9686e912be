"""Settings of `unmask gen-data`: defaults, bounds, units, descriptions. Frozen; only builders read them.

How a setting is declared: `maskgen/section.py`. The settings of the smaller commands: `maskgen/command_settings.py`.

The sections that decide the bytes of a data set (`source`, `faces`, `crop`, `masks`, `shards`, `seed`) are part of its
hash. The section `run` only decides how it is made.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from maskgen.section import COMMON, MASKS, OUTPUT, PHOTOS, RUN, Jobs, Option, Section, Seed, as_texts

MAX_PHOTO_PIXELS = 100_000_000  # a photo whose header promises more is refused before memory is allocated
PHOTO_BACKGROUND = 255  # grey level, 0-255, behind transparent photos


def _crop_side(value: int) -> int:
    if value != 0 and not 64 <= value <= 1024:
        raise ValueError("must be 0 (the source's own grid) or 64 to 1024")
    return value


def _slice(value: str) -> str:
    first, _, step = value.partition("::")
    if value and not int(first) < int(step):
        raise ValueError("must be i::k with 0 <= i < k")
    return value


def _texture(value: object) -> object:
    """Converts a bare path to the settings of an image that fills the mask once."""
    return {"path": value} if isinstance(value, str) else value


Name = Annotated[str, Field(pattern=r"^[a-z0-9]+$")]
CropSide = Annotated[int, AfterValidator(_crop_side)]
Readers = Annotated[int, Field(ge=1, le=1024)]
Backend = Literal["auto", "mesh", "dlib", "fan", "celeba"]
Align = Literal["ffhq", "arcface", "none"]


class SourceSettings(Section):
    """Source of the photos, and their splits."""

    src: Annotated[
        str, Option("SRC", PHOTOS, required="name the photos: --src FOLDER, --src photos.zip, --src celeba")
    ] = ""
    """Source of the photos: `celeba`, a folder, a zip or tar, an LFW tree, or a folder of shards."""
    root: Annotated[str, Option("DIR", PHOTOS)] = "data/celeba"
    """Folder in which `--src celeba` looks."""
    n: Annotated[Annotated[int, Field(ge=1)] | None, Option("N", PHOTOS, default="all")] = None
    """Number of photos to take, in a seeded hash order of their ids."""
    people: Annotated[Literal["auto", "folders"], Option("", PHOTOS)] = "auto"
    """How to infer identities when the source has no identity list. `folders`: each folder is one person. `auto`: the
    same where photos are named after their folder, as LFW's are; else identities are unknown."""
    split: Annotated[Literal["auto", "official", "hash"], Option("", PHOTOS)] = "auto"
    """Train, val and test. `official`: the source's own split. `hash`: by a hash of the identity. `auto`: official
    where there is one."""
    duplicates: Annotated[Literal["keep", "drop"], Option("", PHOTOS)] = "keep"
    """Photos with the same bytes. `keep`: all of them, in one split. `drop`: one of them; the others count as
    `duplicate`."""
    val: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Fraction of the identities that go to validation in a hash split."""
    test: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Fraction of the identities that go to the test split in a hash split."""
    max_pixels: Annotated[int, Field(ge=4096)] = MAX_PHOTO_PIXELS
    """Largest photo, in pixels; a photo whose header promises more is skipped before memory is allocated."""
    background: Annotated[int, Field(ge=0, le=255)] = PHOTO_BACKGROUND
    """Grey level, 0-255, behind transparent photos."""


class FaceSettings(Section):
    """Face detector, and choice of faces."""

    landmarks: Annotated[Backend, Option("", PHOTOS)] = "auto"
    """Landmark backend: finds faces and their points. `auto` takes the first of `mesh`, `dlib` and `fan` that works;
    `mesh` then takes the position of a face from the source's five points, if it has them."""
    dlib: Literal["hog", "cnn"] = "hog"
    """Face detector of the backend `dlib`: `hog` is fast; `cnn` finds more faces and takes 100 times as long."""
    models: str = ""
    """Folder of dlib's model files; empty: those of the installed package face-recognition-models."""
    choose: Annotated[Literal["largest", "all"], Option("", PHOTOS, "--faces")] = "largest"
    """Which faces of a photo get a mask: the largest one, or all that are found and usable. The others stay bare."""
    search: Literal["thorough", "quick"] = "thorough"
    """How `mesh` searches for all faces of a photo. `thorough`: in all views, also rotated ones. `quick`: once a face
    is found, only in the views that are needed to see faces of `min_size`; 3 to 6 times as fast."""
    min_size: Annotated[float, Field(ge=8)] = 29.0
    """Shortest side of a face's bounding box, in pixels of the photo; smaller faces are skipped as `tiny_face`. The
    default lets faces of 32 pixels pass, whose boxes are measured to a tenth."""
    max_yaw: Annotated[float, Field(gt=0, le=90)] = 70.0
    """Largest absolute yaw, in degrees; heads that turn further are skipped as `profile`."""
    cache: str = "auto"
    """Folder of the landmark cache. `auto`: the user's cache folder. `off`: no cache."""


class CropSettings(Section):
    """Size, frame and border of the crop."""

    size: Annotated[CropSide, Option("PX", OUTPUT)] = 256
    """Side of the square crop in pixels, 64 to 1024; 0 keeps the photo as it is, without resampling. Crops of 112
    pixels are aligned as ArcFace's only with `--align arcface`."""
    align: Annotated[Align, Option("", OUTPUT)] = "ffhq"
    """Frame of the crop around a face. `ffhq`: upright, from above the hair to the neck. `arcface`: five points of the
    face on ArcFace's template, as face recognisers are trained; they expect `--size 112 --border constant`, which it
    does not set. `none`: the square of `ffhq`, not rotated."""
    border: Annotated[Literal["reflect", "constant"], Option("", OUTPUT)] = "reflect"
    """What fills the crop outside the photo: the mirrored photo, or black. The map is 0 there."""


class PictureSettings(Section):
    """User's image as a texture."""

    path: str
    """The file; a relative path starts at the working directory."""
    tile: bool = False
    """Repeat the image over the mask; otherwise it fills the mask once."""


class MaskSettings(Section):
    """Masks, and how they are worn."""

    masks: Annotated[str, Option("SPEC", MASKS, default="all except the flat blocks")] = (
        "surgical:4,urethane:3,cloth:3,pleated:1,kn95:1.5,n95:1,ffp2:.7,cloth2:.7,bandana:.5,gaiter:.4,"
        "duckbill:.3,scarf:.2,respirator:.2,clear:.1"
    )
    """SPEC: comma list of `family[-texture][-colour][@strength][:weight]`; `bare` is a face without a mask."""
    wear: Annotated[str, Option("WEAR", MASKS)] = "correct:.85,nose:.08,chin:.03,below-mouth:.04"
    """WEAR: comma list of `state:weight`; states are `correct`, `nose`, `chin`, `below-mouth`."""
    share: Annotated[float, Field(ge=0, le=1), Option("F", MASKS)] = 1.0
    """Fraction of the faces that wear a mask of SPEC; the others stay bare."""
    balance: Annotated[bool, Option("", MASKS)] = False
    """Keep the shares of SPEC, WEAR and `share` exactly within each shard; otherwise they are drawn, exact on
    average."""
    per_face: Annotated[int, Field(ge=1, le=1000), Option("K", MASKS)] = 1
    """Number of masks per face (K)."""
    templates: Annotated[str, Option("FOLDER", MASKS)] = ""
    """Folder with mask templates of your own, one folder each, used beside the built-in ones; see docs/masks.md."""
    replace: bool = False
    """A template of your own may have the name of a built-in one and replace it."""
    pictures: dict[Name, Annotated[PictureSettings, BeforeValidator(_texture)]] = {}
    """Images of your own as textures, `name = "path"` or `name = { path = "path", tile = true }`: `cloth-name`."""


class ShardSettings(Section):
    """Storage of samples."""

    shard_size: Annotated[int, Field(ge=1), Option("N", OUTPUT)] = 1000
    """Largest number of photos planned per shard; the shard holds K triplets of each, minus the skipped photos."""
    readers: Annotated[Readers, Option("N", OUTPUT)] = 4
    """Number of shards that a split has at least, so that as many loader workers can read it; fewer if the split has
    less than 4 photos for each."""
    format: Annotated[Literal["jpg", "png", "webp"], Option("", OUTPUT)] = "jpg"
    """Encoding of `masked` and `gt`; `png` and `webp` are lossless."""
    quality: Annotated[int, Field(ge=50, le=100)] = 95
    """JPEG quality."""


class RunSettings(Section):
    """Execution of a run. The bytes of a data set do not depend on it."""

    out: Annotated[str, Option("DIR", OUTPUT, default="data/shards/NAME")] = ""
    """Target folder; empty: `data/shards/NAME`."""
    jobs: Annotated[Jobs | None, Option("J", RUN, default="one per core")] = None
    """Number of worker processes."""
    shards: Annotated[
        str,
        Field(pattern=r"^([0-9]{1,9}::[0-9]{1,9})?$"),
        AfterValidator(_slice),
        Option("i::k", RUN, default="all"),
    ] = ""
    """This machine's slice of the shards, `i::k` with 0 <= i < k; empty: all."""
    extend: Annotated[bool, Option("", RUN)] = False
    """Add shards with more photos to an existing data set."""
    overwrite: Annotated[bool, Option("", RUN)] = False
    """Replace an existing data set."""
    retry_failed: Annotated[bool, Option("", RUN)] = False
    """Try photos again that were set aside because they crashed their worker."""
    video: Annotated[bool, Option("", PHOTOS)] = False
    """The source is a video, or a folder of videos: take photos from it, and write it with masks as well."""
    max_failures: Annotated[float, Field(ge=0, le=1), Option("SHARE", RUN)] = 0.05
    """Exit with code 3 if more than this fraction of the photos fails, that is, is skipped not for its faces."""
    by: Annotated[
        tuple[str, ...],
        BeforeValidator(as_texts),
        Option("utkface|FILE.csv|tone", RUN, default="what the source states"),
    ] = ()
    """Groups of people by which the yield is counted: `utkface` for the attributes in its file names; a CSV file with a
    column `photo` and one per attribute, or CelebA's list of attributes; `tone` counts the skin tones of the photos
    with a sample. Repeatable. The result is in dataset.json and the card."""

    @property
    def slice(self) -> tuple[int, int]:
        """This machine's slice as (i, k): every k-th shard from the i-th on; (0, 1) for all."""
        if not self.shards:
            return 0, 1
        first, step = self.shards.split("::")
        return int(first), int(step)


class GenSettings(Section):
    """Settings of `unmask gen-data`."""

    source: SourceSettings = Field(default_factory=SourceSettings)
    faces: FaceSettings = Field(default_factory=FaceSettings)
    crop: CropSettings = Field(default_factory=CropSettings)
    masks: MaskSettings = Field(default_factory=MaskSettings)
    shards: ShardSettings = Field(default_factory=ShardSettings)
    run: RunSettings = Field(default_factory=RunSettings)
    seed: Annotated[Seed, Option("N", COMMON)] = 0
    """Seed of all random choices, together with each sample's key."""

    def conflicts(self) -> Iterator[str]:
        """Finds values that do not fit each other, which no single field can see.

        Yields:
            One message per conflict.
        """
        source, run = self.source, self.run
        if source.val + source.test >= 1:
            yield f"source.val + source.test: must leave something to train on; got {source.val} + {source.test}"
        if self.crop.align == "arcface" and self.crop.size == 0:
            yield "crop.align (--align): arcface aligns a crop, but with crop.size (--size) 0 there is none; give 112"
        if run.extend and run.overwrite:
            yield "run.extend (--extend) and run.overwrite (--overwrite): choose one"
