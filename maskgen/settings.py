"""Every setting of `unmask gen-data`: default, bound, unit, meaning. Frozen; only builders read them.

Sections that decide the bytes of a data set (`source`, `faces`, `crop`, `masks`, `shards`, `seed`) are hashed
into it; `run` only decides how it is made.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A group of settings: frozen, unknown keys refused, docstrings under the fields are their help."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SourceSettings(Section):
    """Which photos."""

    src: str = ""
    """Where photos come from: `celeba`, a folder, a zip or tar, an LFW tree, or a folder of shards."""
    root: str = "data/celeba"
    """Where `--src celeba` looks."""
    n: Annotated[int, Field(ge=1)] | None = None
    """Photos to take, in a seeded hash order of their ids; none means all."""
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
    """Backend that finds faces and their points."""
    choose: Literal["largest", "all"] = "largest"
    """Which faces of a photo wear a mask."""
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


class CropSettings(Section):
    """The frame of a sample."""

    size: Annotated[int, AfterValidator(_size)] = 256
    """Side of the square crop in pixels, 64 to 1024; 0 keeps the photo as it is, no resampling."""
    border: Literal["reflect", "constant"] = "reflect"
    """What fills the crop outside the photo: the photo mirrored, or black. The map is 0 there."""


class MaskSettings(Section):
    """What is worn, and how."""

    masks: str = "surgical:4,n95:2,cloth:4"
    """SPEC: comma list of `family[-texture|-#rrggbb][@strength][:weight]`."""
    wear: str = "correct:.85,nose:.08,chin:.03,below-mouth:.04"
    """WEAR: comma list of `state:weight` of `correct`, `nose`, `chin`, `below-mouth`."""
    per_face: Annotated[int, Field(ge=1, le=1000)] = 1
    """Masks for each face (K)."""
    templates: str = ""
    """Folder with templates of your own, beside the built-in ones."""


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


class UnpackSettings(Command):
    """Settings of `unmask unpack`."""

    dir: str = ""
    """The data set."""
    layout: Literal["folders", "strip", "tree"] = "folders"
    """`folders`: masked photos, photos and maps apart; `strip`: the three side by side; `tree`: masked photos
    under their original names."""
    to: str = ""
    """Target folder."""
    names: str = "inputs,outputs,binary_mask"
    """The three folders of `folders`: masked, original, map."""
    split: Literal["", "train", "val", "test"] = ""
    """Only samples of this split; empty is all."""
    overwrite: bool = False
    """Write into a folder that is not empty."""


class MasksSettings(Command):
    """Settings of `unmask masks`."""

    templates: str = ""
    """Folder with templates of your own, beside the built-in ones."""


class DoctorSettings(Command):
    """Settings of `unmask doctor`."""
