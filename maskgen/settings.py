"""Settings of the commands of maskgen: defaults, bounds, units, descriptions. Frozen; only builders read them.

A setting is declared once. The field gives its name, type, default and bounds; the docstring below it is its help; an
`Option` in its annotation adds it to the command line. `--help`, `--print-config` and `docs/commands.md` are generated
from these declarations.

The sections that decide the bytes of a data set (`source`, `faces`, `crop`, `masks`, `shards`, `seed`) are part of its
hash. The section `run` only decides how it is made.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

MAX_PHOTO_PIXELS = 100_000_000  # a photo whose header promises more is refused before memory is allocated
PHOTO_BACKGROUND = 255  # grey level, 0-255, behind transparent photos

# Headings of `--help`.
COMMON, PHOTOS, MASKS, OUTPUT, RUN = "Every command", "Photos and faces", "Masks", "Output", "Run"


@dataclass(frozen=True)
class Option:
    """Command-line option of a setting: the properties that its field does not have.

    Attributes:
        metavar: placeholder of the value in `--help`; "" takes the choices or the type of the field.
        panel: heading in `--help` below which the option is listed.
        flag: flag such as "--faces", or name of a positional argument such as "DIR"; "" is `--` and the field's name.
        default: text of the default in `--help`; "" takes the field's own default, if it has one.
        required: for a setting that may not stay empty, a text that says how to give it.
    """

    metavar: str = ""
    panel: str | None = None
    flag: str = ""
    default: str = ""
    required: str = ""


@cache
def _field_docstrings(module: str) -> dict[str, dict[str, str]]:
    """Reads the docstrings below the fields of a module's classes: class -> field -> text; empty without source."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError):
        return {}
    return {
        part.name: {
            field.target.id: inspect.cleandoc(text.value.value)
            for field, text in pairwise(part.body)
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
            if isinstance(text.value.value, str)
        }
        for part in tree.body
        if isinstance(part, ast.ClassDef)
    }


class Section(BaseModel):
    """Group of settings: frozen; unknown keys are refused; docstrings below the fields are their help."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Takes the docstrings below the fields as their descriptions.

        pydantic's own option for this reads the source once per class, which doubles the time of `unmask --help`.
        """
        for name, text in _field_docstrings(cls.__module__).get(cls.__name__, {}).items():
            cls.model_fields[name].description = text

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_nul(cls, value: Any) -> Any:
        """Refuses NUL characters, which no path can hold and no other text needs."""
        inside = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        texts = inside if isinstance(inside, (list, tuple)) else [inside]
        if any(isinstance(text, str) and "\0" in text for text in texts):
            raise ValueError("must not hold a NUL character")
        return value

    def conflicts(self) -> Iterator[str]:
        """Finds values that do not fit each other, which no single field can see.

        Yields:
            One message per conflict.
        """
        yield from ()


def _crop_side(value: int) -> int:
    if value != 0 and not 64 <= value <= 1024:
        raise ValueError("must be 0 (the source's own grid) or 64 to 1024")
    return value


def _slice(value: str) -> str:
    first, _, step = value.partition("::")
    if value and not int(first) < int(step):
        raise ValueError("must be i::k with 0 <= i < k")
    return value


def as_texts(value: object) -> object:
    """Converts one text to a tuple of it, or of none if it is empty."""
    return ((value,) if value else ()) if isinstance(value, str) else value


def _texture(value: object) -> object:
    """Converts a bare path to the settings of an image that fills the mask once."""
    return {"path": value} if isinstance(value, str) else value


Name = Annotated[str, Field(pattern=r"^[a-z0-9]+$")]
CropSide = Annotated[int, AfterValidator(_crop_side)]
Jobs = Annotated[int, Field(ge=1, le=1024)]
Readers = Annotated[int, Field(ge=1, le=1024)]
Seed = Annotated[int, Field(ge=0)]
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

    source: SourceSettings = SourceSettings()
    faces: FaceSettings = FaceSettings()
    crop: CropSettings = CropSettings()
    masks: MaskSettings = MaskSettings()
    shards: ShardSettings = ShardSettings()
    run: RunSettings = RunSettings()
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


class Command(Section):
    """Settings that the smaller commands have in common."""

    seed: Annotated[Seed, Option("N", COMMON)] = 0
    """Seed of random choices."""


class DataSetCommand(Command):
    """Settings that commands on an existing data set have in common."""

    dir: Annotated[
        str, Option(flag="DIR", required="name the data set: the folder with the .tar files in it")
    ] = ""
    """The data set: the folder with the .tar files in it."""


class DemoSettings(Command):
    """Settings of `unmask demo`."""

    out: Annotated[str, Option("DIR")] = "unmask-demo"
    """Folder for the data set, the contact sheet and the report."""


class PreviewSettings(DataSetCommand):
    """Settings of `unmask preview`."""

    n: Annotated[int, Field(ge=1, le=1000), Option("N")] = 36
    """Number of samples to show."""
    out: Annotated[str, Option("DIR", default="DIR")] = ""
    """Folder for `preview.png` and `preview.html`; empty: the data set's own folder."""


class VerifySettings(DataSetCommand):
    """Settings of `unmask verify`."""

    jobs: Annotated[Jobs | None, Option("J", default="one per core")] = None
    """Number of processes; by default one per core where there is enough to check."""


class PackSettings(Command):
    """Settings of `unmask pack`."""

    dir: Annotated[str, Option(flag="DIR", required="name the folder that holds the three folders")] = ""
    """Folder (or zip, tar) that holds the three folders of images."""
    to: Annotated[str, Option("DIR", required="name the data set: --to DIR")] = ""
    """The data set to make."""
    names: Annotated[str, Option("A,B,C")] = "inputs,outputs,binary_mask"
    """Names of the three folders: masked, original, map. Images that belong together have the same name."""
    terms: Annotated[str, Option("TEXT")] = ""
    """Terms of use of the photos; the data set carries them."""
    format: Annotated[Literal["jpg", "png", "webp"], Option()] = "jpg"
    """Encoding of `masked` and `gt`; `png` and `webp` are lossless."""
    val: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    """Fraction of the people, or of the triplets where people are unknown, that go to validation."""
    test: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    """Fraction that goes to the test split."""
    shard_size: Annotated[int, Field(ge=1), Option("N")] = 1000
    """Largest number of triplets per shard."""
    readers: Annotated[Readers, Option("N")] = ShardSettings().readers
    """Number of shards that a split has at least, so that as many loader workers can read it; fewer if the split has
    less than 4 triplets for each."""
    jobs: Annotated[Jobs | None, Option("J", default="one per core")] = None
    """Number of worker processes."""
    overwrite: Annotated[bool, Option()] = False
    """Replace an existing data set."""
    max_failures: Annotated[float, Field(ge=0, le=1), Option("SHARE")] = 0.05
    """Exit with code 3 if more than this fraction of the triplets is skipped."""


class BenchGenSettings(Command):
    """Settings of `unmask bench gen`."""

    src: Annotated[
        str, Option("SRC", PHOTOS, required="name the photos: --src FOLDER, --src photos.zip, --src celeba")
    ] = ""
    """Source of the photos, as for `gen-data`."""
    root: Annotated[str, Option("DIR", PHOTOS)] = "data/celeba"
    """Folder in which `--src celeba` looks."""
    n: Annotated[int, Field(ge=1), Option("N", PHOTOS)] = 100
    """Number of photos to time, in a seeded hash order of their ids."""
    size: Annotated[CropSide, Option("PX", OUTPUT)] = 256
    """Side of the square crop in pixels, 64 to 1024; 0 keeps the photo as it is."""
    masks: Annotated[str, Option("SPEC", MASKS, default="all except the flat blocks")] = MaskSettings().masks
    """SPEC: comma list of `family[-texture][-colour][@strength][:weight]`."""
    landmarks: Backend = "mesh"
    """Landmark backend: finds faces and their points."""
    models: str = ""
    """Folder of dlib's model files; empty: those of the installed package face-recognition-models."""
    rounds: Annotated[int, Field(ge=1), Option("N", RUN)] = 5
    """How often each photo is timed; the best time counts."""
    jobs: Annotated[Jobs, Option("J", RUN)] = 2
    """Number of workers whose speed is compared with that of one."""


class UnpackSettings(DataSetCommand):
    """Settings of `unmask unpack`."""

    layout: Annotated[
        Literal[
            "folders",
            "strip",
            "tree",
            "yolo",
            "coco",
            "voc",
            "classes",
            "identities",
            "rec",
            "parquet",
            "mds",
            "tfrecord",
        ],
        Option(),
    ] = "folders"
    """`folders`: masked photos, originals and maps in one folder each. `strip`: the three side by side in one image.
    `tree`: masked photos under their original names and folders. `yolo`, `coco`, `voc`: masked photos with boxes of all
    faces. `classes`: masked crops in a folder per class. `identities`: masked crops in a folder per person. `rec`: the
    same as .rec and .idx, as InsightFace reads them. `parquet`, `mds`, `tfrecord`: all images and labels in few large
    files, for Hugging Face and readers of tables, MosaicML Streaming, TensorFlow."""
    to: Annotated[str, Option("DIR", required="name the target: --to DIR")] = ""
    """Target folder."""
    names: Annotated[str, Option("A,B,C")] = ""
    """Folders of masked, original and map. In `folders`, empty means inputs,outputs,binary_mask. In `tree`, they hold a
    tree of each; empty means a single tree of the masked photos."""
    classes: Annotated[str, Option("A,B,C", default="with_mask,without_mask,mask_weared_incorrect")] = ""
    """In `yolo`, `coco`, `voc` and `classes`: names of the classes, in this order. The same name twice makes one class
    of two."""
    class_by: Annotated[Literal["state", "wear"], Option()] = "state"
    """`state`: the three classes above. `wear`: correct, nose, chin, below-mouth, bare."""
    segments: Annotated[
        Literal["", "polygon", "rle", "none"], Option("polygon|rle|none", default="coco: polygon; else none")
    ] = ""
    """Outlines of masks in `coco`; in `yolo`, `polygon` writes labels of masks instead of faces, for `yolo segment`."""
    also_original: Annotated[bool, Option()] = False
    """Also write the photos without masks: in `yolo`, `coco`, `voc` and `classes` as photos of bare faces, in
    `identities` and `rec` beside the masked crops of the same person."""
    min_face: Annotated[float, Field(ge=1, le=10_000), Option("PX")] = 8.0
    """Least shorter side in pixels of a face that gets a box."""
    split: Annotated[Literal["", "train", "val", "test"], Option("train|val|test", default="all")] = ""
    """Only samples of this split; empty: all."""
    overwrite: Annotated[bool, Option()] = False
    """Write into a folder that is not empty."""


class MakeRecSettings(Command):
    """Settings of `unmask make-rec`."""

    sources: Annotated[
        tuple[str, ...], Option(flag="SRC...", required="name the photos: unmask make-rec FOLDER --to DIR")
    ] = ()
    """Photos of people: folders, archives, `.rec` files, as for gen-data."""
    to: Annotated[str, Option("DIR", required="name the target: --to DIR")] = ""
    """Target folder."""
    people: Annotated[Literal["auto", "folders"], Option()] = "auto"
    """How to infer identities where a source has no list of them. `folders`: each folder is one person. `auto`: the
    same where photos are named after their folder."""
    overwrite: Annotated[bool, Option()] = False
    """Write into a folder that is not empty."""


class PairsSettings(DataSetCommand):
    """Settings of `unmask pairs`."""

    out: Annotated[str, Option("FILE")] = "pairs.txt"
    """The file of pairs."""
    split: Annotated[Literal["train", "val", "test", "all"], Option()] = "test"
    """Split whose people make the pairs."""
    folds: Annotated[int, Field(ge=1, le=1000), Option("N")] = 10
    """Number of folds; no person is in two of them."""
    per_fold: Annotated[
        Annotated[int, Field(ge=1)] | None, Option("N", default="as many as every fold has, at most 300")
    ] = None
    """Pairs of one person per fold, and as many of two people."""
    form: Annotated[Literal["auto", "lfw", "list", "bin"], Option()] = "auto"
    """`lfw`: LFW's `pairs.txt`, for photos that are named as LFW's are. `list`: photo, photo, 1 or 0. `auto`: `lfw`
    where all names fit. `bin`: the images too, as InsightFace reads them while it trains."""
    sides: Annotated[Literal["plain-plain", "plain-masked", "masked-masked"], Option()] = "plain-masked"
    """Images of the first and the second photo of a pair in `bin`."""


class MasksSettings(Command):
    """Settings of `unmask masks list`."""

    templates: Annotated[str, Option("FOLDER", MASKS)] = ""
    """Folder with mask templates of your own, used beside the built-in ones; see docs/masks.md."""
    replace: bool = False
    """A template of your own may have the name of a built-in one and replace it."""


class SheetSettings(MasksSettings):
    """Settings of `unmask masks sheet`."""

    src: Annotated[str, Option("SRC", default="the built-in photo")] = ""
    """Source of faces that wear the masks, as for gen-data; empty: the built-in photo, rotated."""
    photos: Annotated[int, Field(ge=3, le=100_000)] = 200
    """Number of photos of the source in which to look for faces: frontal, turned left, turned right."""
    size: Annotated[int, Field(ge=64, le=512), Option("PX")] = 160
    """Side of an image on the sheet, in pixels."""
    out: Annotated[str, Option("FILE.png")] = "masks.png"
    """The contact sheet."""


class CheckSettings(MasksSettings):
    """Settings of `unmask masks check`."""

    templates: Annotated[str, Option(flag="FOLDER", required="name the folder that holds your templates")] = (
        ""
    )
    """Folder with mask templates of your own; see docs/masks.md."""
    out: Annotated[str, Option("FILE.png", default="FOLDER/proof.png")] = ""
    """The proof image; empty: `proof.png` in the folder."""


class DraftSettings(Command):
    """Settings of `unmask masks new`."""

    name: Annotated[str, Option(flag="NAME", required="name the new family")] = ""
    """Name of the new family: lowercase letters and digits."""
    photo: Annotated[str, Option(flag="PHOTO", required="name the photo of the mask")] = ""
    """Photo of the mask: flat on a table, from straight above."""
    to: Annotated[str, Option("FOLDER")] = "masks"
    """Folder of your own templates; the new one becomes a folder in it."""
    like: Annotated[str, Option("FAMILY", default="the most similar outline")] = ""
    """Family whose shell and straps the new one takes; empty: the family with the most similar outline."""
    overwrite: Annotated[bool, Option()] = False
    """Overwrite an existing template."""


class DoctorSettings(Command):
    """Settings of `unmask doctor`."""

    root: Annotated[str, Option("DIR", default="data/celeba")] = ""
    """Folder in which CelebA's photos and lists are checked; empty: `data/celeba`, if it exists."""
