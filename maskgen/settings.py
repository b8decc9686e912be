"""Every setting of `unmask gen-data`: default, bound, unit, meaning. Frozen; only builders read them.

Sections that decide the bytes of a data set (`source`, `faces`, `crop`, `masks`, `shards`, `seed`) are hashed
into it; `run` only decides how it is made.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """A group of settings: frozen, unknown keys refused, docstrings under the fields are their help."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def conflicts(self) -> Iterator[str]:
        """Yield what is wrong between fields, which no single field can see: one message each."""
        yield from ()


class SourceSettings(Section):
    """Which photos."""

    src: str = ""
    """Where photos come from: `celeba`, a folder, a zip or tar, an LFW tree, or a folder of shards."""
    root: str = "data/celeba"
    """Where `--src celeba` looks."""
    n: Annotated[int, Field(ge=1)] | None = None
    """Photos to take, in a seeded hash order of their ids; none means all."""
    people: Literal["auto", "folders"] = "auto"
    """Who is seen, where the source has no list of it: `folders`, the name of the folder that a photo lies in; `auto`,
    the same if the photo is named after it as LFW's are, else nobody knows."""
    split: Literal["auto", "official", "hash"] = "auto"
    """`official`: the source's own; `hash`: by a hash of the identity; `auto`: official where there is one."""
    val: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of identities that go to validation in a hash split."""
    test: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of identities that go to the test part in a hash split."""
    max_pixels: Annotated[int, Field(ge=4096)] = 100_000_000
    """A photo whose header promises more is skipped before memory is taken."""
    background: Annotated[int, Field(ge=0, le=255)] = 255
    """Grey level, 0-255, laid under transparent photos."""


class FaceSettings(Section):
    """How faces are found and chosen."""

    landmarks: Literal["auto", "mesh", "dlib", "fan", "celeba"] = "auto"
    """Backend that finds faces and their points; `auto` takes the source's own points where it has some, and the
    first that works of `mesh`, `dlib`, `fan`."""
    dlib: Literal["hog", "cnn"] = "hog"
    """How `dlib` looks for faces: `hog` is quick, `cnn` finds more and takes a hundred times as long."""
    models: str = ""
    """Folder of dlib's model files; empty: those of the installed package face-recognition-models."""
    choose: Literal["largest", "all"] = "largest"
    """Which faces of a photo wear a mask: the largest, or all that are found and fit for one."""
    min_size: Annotated[float, Field(ge=8)] = 32.0
    """Shortest side of a face's box, in pixels of the photo; smaller faces are skipped."""
    max_yaw: Annotated[float, Field(gt=0, le=90)] = 70.0
    """Degrees; heads turned further are skipped as `profile`."""
    cache: str = "auto"
    """Folder of the landmark cache; `auto` is the user's cache folder, `off` is none."""


def _size(value: int) -> int:
    if value != 0 and not 64 <= value <= 1024:
        raise ValueError("must be 0 (the source's own grid) or 64 to 1024")
    return value


CropSide = Annotated[int, AfterValidator(_size)]


class CropSettings(Section):
    """The frame of a sample."""

    size: CropSide = 256
    """Side of the square crop in pixels, 64 to 1024; 0 keeps the photo as it is, no resampling."""
    border: Literal["reflect", "constant"] = "reflect"
    """What fills the crop outside the photo: the photo mirrored, or black. The map is 0 there."""


class PictureSettings(Section):
    """A picture of your own as a texture."""

    path: str
    """The file; from the working directory if it is relative."""
    tile: bool = False
    """Repeat it over the mask; otherwise it fills the mask once."""


def _picture(value: object) -> object:
    """A path alone is a picture that fills the mask once."""
    return {"path": value} if isinstance(value, str) else value


Name = Annotated[str, Field(pattern=r"^[a-z0-9]+$")]


class MaskSettings(Section):
    """What is worn, and how."""

    masks: str = (
        "surgical:4,urethane:3,cloth:3,pleated:1,kn95:1.5,n95:1,ffp2:.7,cloth2:.7,bandana:.5,gaiter:.4,"
        "duckbill:.3,scarf:.2,respirator:.2,clear:.1"
    )
    """SPEC: comma list of `family[-texture|-#rrggbb][@strength][:weight]`."""
    wear: str = "correct:.85,nose:.08,chin:.03,below-mouth:.04"
    """WEAR: comma list of `state:weight` of `correct`, `nose`, `chin`, `below-mouth`."""
    per_face: Annotated[int, Field(ge=1, le=1000)] = 1
    """Masks for each face (K)."""
    templates: str = ""
    """Folder with templates of your own, a folder each, beside the built-in ones; see docs/masks.md."""
    replace: bool = False
    """Templates of your own may bear the name of a built-in one and take its place."""
    pictures: dict[Name, Annotated[PictureSettings, BeforeValidator(_picture)]] = {}
    """Pictures of your own as textures, `name = "path"` or `name = { path = "path", tile = true }`: `cloth-name`."""


class ShardSettings(Section):
    """How samples are stored."""

    shard_size: Annotated[int, Field(ge=1)] = 1000
    """Photos a shard is planned for; it holds K triplets of each, less the skipped."""
    format: Literal["jpg", "png", "webp"] = "jpg"
    """Encoding of `masked` and `gt`; `png` and `webp` are lossless."""
    quality: Annotated[int, Field(ge=50, le=100)] = 95
    """JPEG quality."""


class RunSettings(Section):
    """How the work is done; no byte of a data set depends on it."""

    out: str = ""
    """Target folder; empty is `data/shards/NAME`."""
    jobs: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Worker processes; none is one a core."""
    shards: Annotated[str, Field(pattern=r"^(\d+::\d+)?$")] = ""
    """This machine's slice of the shards, `i::k`, 0 <= i < k; empty is all."""
    extend: bool = False
    """Add shards for more photos to a data set that is there."""
    overwrite: bool = False
    """Make a data set that is there anew."""
    retry_failed: bool = False
    """Try photos that were set aside as poison once more."""
    video: bool = False
    """The source is a video, or a folder of some; photos are taken out, and it is written with masks on as well."""
    max_failures: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of photos that may fail (be skipped for another reason than their faces) before the exit code is 3."""


class GenSettings(Section):
    """Settings of `unmask gen-data`."""

    source: SourceSettings = SourceSettings()
    faces: FaceSettings = FaceSettings()
    crop: CropSettings = CropSettings()
    masks: MaskSettings = MaskSettings()
    shards: ShardSettings = ShardSettings()
    run: RunSettings = RunSettings()
    seed: Annotated[int, Field(ge=0)] = 0
    """What all random choices are drawn from, with each sample's key."""

    def conflicts(self) -> Iterator[str]:
        """Yield what no single field can see."""
        source, run = self.source, self.run
        if source.val + source.test >= 1:
            yield f"source.val + source.test: must leave something to train on; got {source.val} + {source.test}"
        if run.extend and run.overwrite:
            yield "run.extend (--extend) and run.overwrite (--overwrite): choose one"
        if run.shards:
            i, k = (int(part) for part in run.shards.split("::"))
            if i >= k:
                yield f"run.shards (--shards): i::k needs 0 <= i < k; got {run.shards}"


class Command(Section):
    """What the smaller commands have in common."""

    seed: Annotated[int, Field(ge=0)] = 0
    """What random choices are drawn from."""


class DemoSettings(Command):
    """Settings of `unmask demo`."""

    out: str = "unmask-demo"
    """Folder for the data set, the sheet and the report."""


class PreviewSettings(Command):
    """Settings of `unmask preview`."""

    dir: str = ""
    """The data set."""
    n: Annotated[int, Field(ge=1, le=1000)] = 36
    """Samples to show."""
    out: str = ""
    """Where `preview.png` and `preview.html` go; empty is the data set's own folder."""


class VerifySettings(Command):
    """Settings of `unmask verify`."""

    dir: str = ""
    """The data set."""
    jobs: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Processes; none is one a core where there is enough to check."""


class PackSettings(Command):
    """Settings of `unmask pack`."""

    dir: str = ""
    """Folder (or zip, tar) with the three folders of pictures."""
    to: str = ""
    """The data set to make."""
    names: str = "inputs,outputs,binary_mask"
    """The three folders: masked, original, map. Pictures that belong together have one name."""
    terms: str = ""
    """Terms of use of the photos; the data set carries them."""
    format: Literal["jpg", "png", "webp"] = "jpg"
    """Encoding of `masked` and `gt`; `png` and `webp` are lossless."""
    val: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    """Share of people, or of triplets of nobody known, that go to validation."""
    test: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    """Share that goes to the test part."""
    shard_size: Annotated[int, Field(ge=1)] = 1000
    """Triplets of a shard."""
    jobs: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Worker processes; none is one a core."""
    overwrite: bool = False
    """Make a data set that is there anew."""


class BenchGenSettings(Command):
    """Settings of `unmask bench gen`."""

    src: str = ""
    """Where photos come from, as for `gen-data`."""
    root: str = "data/celeba"
    """Where `--src celeba` looks."""
    n: Annotated[int, Field(ge=1)] = 100
    """Photos to time, in a seeded hash order of their ids."""
    size: CropSide = 256
    """Side of the square crop in pixels, 64 to 1024; 0 keeps the photo as it is."""
    masks: str = MaskSettings().masks
    """SPEC: comma list of `family[-texture|-#rrggbb][@strength][:weight]`."""
    landmarks: Literal["auto", "mesh", "dlib", "fan", "celeba"] = "mesh"
    """Backend that finds faces and their points."""
    models: str = ""
    """Folder of dlib's model files; empty: those of the installed package face-recognition-models."""
    rounds: Annotated[int, Field(ge=1)] = 5
    """How often each photo is timed; the best counts."""
    jobs: Annotated[int, Field(ge=1, le=1024)] = 2
    """Workers whose speed is compared with that of one."""


class UnpackSettings(Command):
    """Settings of `unmask unpack`."""

    dir: str = ""
    """The data set."""
    layout: Literal["folders", "strip", "tree"] = "folders"
    """`folders`: masked photos, photos and maps apart; `strip`: the three side by side; `tree`: masked photos
    under their original names and folders."""
    to: str = ""
    """Target folder."""
    names: str = ""
    """Folders of masked, original and map in `folders`, inputs,outputs,binary_mask if empty; in `tree` folders that
    hold a tree of each, or if empty a tree of the masked alone."""
    split: Literal["", "train", "val", "test"] = ""
    """Only samples of this split; empty is all."""
    overwrite: bool = False
    """Write into a folder that is not empty."""


class MasksSettings(Command):
    """Settings of `unmask masks`."""

    templates: str = ""
    """Folder with templates of your own, beside the built-in ones; see docs/masks.md."""
    replace: bool = False
    """Templates of your own may bear the name of a built-in one and take its place."""


class SheetSettings(MasksSettings):
    """Settings of `unmask masks sheet`."""

    src: str = ""
    """Where photos come from, as for gen-data; empty is the built-in photo, turned."""
    photos: Annotated[int, Field(ge=3, le=100_000)] = 200
    """Photos of the source to look through for faces in front, turned left, turned right."""
    size: Annotated[int, Field(ge=64, le=512)] = 160
    """Side of a picture on the sheet in pixels."""
    out: str = "masks.png"
    """The sheet."""


class CheckSettings(MasksSettings):
    """Settings of `unmask masks check`."""

    out: str = ""
    """The proof picture; empty is `proof.png` in the folder."""


class DraftSettings(Command):
    """Settings of `unmask masks new`."""

    name: str = ""
    """The family's name: small letters and digits."""
    photo: str = ""
    """The mask, flat on a table, from straight above."""
    to: str = "masks"
    """Folder of your own templates; the new one becomes a folder in it."""
    like: str = ""
    """Family whose shell and straps it takes; empty is the one whose outline is the most alike."""
    overwrite: bool = False
    """Write over a template that is there."""


class DoctorSettings(Command):
    """Settings of `unmask doctor`."""
