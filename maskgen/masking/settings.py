"""Settings of `unmask mask`, which masks a folder of photos and writes plain files."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from maskgen.section import COMMON, MASKS, OUTPUT, PHOTOS, RUN, Jobs, Option, Section, Seed
from maskgen.settings import (
    MAX_PHOTO_PIXELS,
    PHOTO_BACKGROUND,
    CropSettings,
    FaceSettings,
    GenSettings,
    MaskSettings,
    SourceSettings,
)

MASK_THE_FACE = "Options of MaskTheFace, in place of --masks"


class AnyFaceSettings(FaceSettings):
    """Face detector, and choice of faces: all of them by default."""

    choose: Annotated[Literal["largest", "all"], Option("", PHOTOS, "--faces")] = "all"
    """Which faces of a photo get a mask: the largest one, or all that are found and usable."""
    search: Literal["thorough", "quick"] = "quick"
    """How `mesh` searches for all faces of a photo. `thorough`: in all views, also rotated ones. `quick`: once a face
    is found, only in the views that are needed to see faces of `min_size`; 3 to 6 times as fast."""


class CorrectMaskSettings(MaskSettings):
    """Masks, and how they are worn: correctly by default."""

    wear: Annotated[str, Option("WEAR", MASKS)] = "correct"
    """WEAR: comma list of `state:weight`; states are `correct`, `nose`, `chin`, `below-mouth`."""
    balance: Literal[False] = False
    """Always false: shares are exact within a shard, and there are none here. `gen-data` has `--balance`."""


class FileSettings(Section):
    """Files that are written."""

    out: Annotated[str, Option("DIR", OUTPUT, default="SRC_masked")] = ""
    """Target folder, which gets the masked photos under their own names and folders; empty: SRC with `_masked`."""
    format: Annotated[Literal["own", "jpg", "png", "webp"], Option("", OUTPUT)] = "own"
    """Format of the masked photos. `own`: that of the photo, or the nearest that can be written. `png` and `webp` are
    lossless."""
    quality: Annotated[int, Field(ge=1, le=100), Option("N", OUTPUT)] = 95
    """Quality of JPEG, lossy WebP and AVIF."""
    maps: Annotated[str, Option("DIR", OUTPUT)] = ""
    """Folder for a map of each masked photo, an 8-bit PNG, 255 where a mask changed the photo and else 0; empty: no
    maps."""
    also_original: Annotated[bool, Option("", OUTPUT)] = False
    """Write the photo without masks too, beside the masked one, as `NAME-original`."""
    each: Annotated[bool, Option("", MASKS)] = False
    """Write one masked photo for each entry of SPEC, named after the entry, such as `NAME_surgical`; otherwise each
    face wears one mask that is drawn among the entries."""
    unmasked: Annotated[Literal["drop", "copy"], Option("", OUTPUT)] = "drop"
    """Photos in which no face can be masked. `drop`: not written. `copy`: written without a mask. Either way they are
    counted and listed."""


MaskType = Literal[
    "", "surgical", "surgical_blue", "surgical_green", "N95", "KN95", "cloth", "gas", "inpaint", "empty",
    "random", "all",
]  # fmt: skip


class MaskTheFaceSettings(Section):
    """Options of the program MaskTheFace by their own names. They are translated to SPEC."""

    path: Annotated[str, Option("SRC", MASK_THE_FACE)] = ""
    """Photos to mask, the same as SRC."""
    mask_type: Annotated[MaskType, Option("TYPE", MASK_THE_FACE, "--mask_type")] = ""
    """`surgical`, `surgical_blue`, `surgical_green`, `N95`, `KN95`, `cloth`, `gas`, `inpaint`, `empty`, `random` (one
    of the first seven), or `all` (a photo for each of them). With other options of MaskTheFace, empty is `surgical`."""
    pattern: Annotated[str, Option("FILE", MASK_THE_FACE)] = ""
    """Image of a texture, by its path in MaskTheFace: `masks/textures/check/check_4.jpg`."""
    pattern_weight: Annotated[
        Annotated[float, Field(ge=0, le=1)] | None, Option("W", MASK_THE_FACE, "--pattern_weight", "0.5")
    ] = None
    """How strong the texture is, 0 to 1."""
    color: Annotated[str | None, Option("#RRGGBB", MASK_THE_FACE, default="#0473e2")] = None
    """Colour that is laid over the mask; an empty text leaves the mask's own colour."""
    color_weight: Annotated[
        Annotated[float, Field(ge=0, le=1)] | None, Option("W", MASK_THE_FACE, "--color_weight", "0.5")
    ] = None
    """How strong the colour is, 0 to 1."""
    code: Annotated[str, Option("LIST", MASK_THE_FACE)] = ""
    """Comma list of `TYPE`, `TYPE-#rrggbb` or `TYPE-FILE`, drawn equally often."""
    write_original_image: Annotated[bool, Option("", MASK_THE_FACE, "--write_original_image")] = False
    """The same as `--also-original`."""

    @property
    def chooses_masks(self) -> bool:
        """Whether an option that decides the masks is set."""
        texts = (self.mask_type, self.pattern, self.code)
        return any(texts) or any(
            value is not None for value in (self.color, self.pattern_weight, self.color_weight)
        )


class MaskRunSettings(Section):
    """Execution of a run. The bytes of the files do not depend on it."""

    jobs: Annotated[Jobs | None, Option("J", RUN, default="one per core")] = None
    """Number of worker processes."""
    overwrite: Annotated[bool, Option("", RUN)] = False
    """Start anew in a folder that an earlier run has filled, or write into a folder that holds other files; of these,
    files with the same names are replaced."""
    retry_failed: Annotated[bool, Option("", RUN)] = False
    """Try photos again that failed in earlier runs, that is, were not skipped for their faces."""
    max_failures: Annotated[float, Field(ge=0, le=1), Option("SHARE", RUN)] = 0.05
    """Exit with code 3 if more than this fraction of the photos fails, that is, is skipped not for its faces."""
    verbose: Annotated[bool, Option("", MASK_THE_FACE)] = False
    """Also print a line for each photo: its masks, or why it has none."""


class MaskFolderSettings(Section):
    """Settings of `unmask mask`."""

    src: Annotated[str, Option("SRC", PHOTOS, "SRC")] = ""
    """Photos to mask: one photo, a folder with all its subfolders, a zip or tar, or `celeba`."""
    root: Annotated[str, Option("DIR", PHOTOS)] = "data/celeba"
    """Folder in which SRC `celeba` looks."""
    n: Annotated[Annotated[int, Field(ge=1)] | None, Option("N", PHOTOS, default="all")] = None
    """Number of photos to take, in a seeded hash order of their names."""
    max_pixels: Annotated[int, Field(ge=4096)] = MAX_PHOTO_PIXELS
    """Largest photo, in pixels; a photo whose header promises more is skipped before memory is allocated."""
    background: Annotated[int, Field(ge=0, le=255)] = PHOTO_BACKGROUND
    """Grey level, 0-255, behind transparent photos."""
    faces: AnyFaceSettings = Field(default_factory=AnyFaceSettings)
    masks: CorrectMaskSettings = Field(default_factory=CorrectMaskSettings)
    files: FileSettings = Field(default_factory=FileSettings)
    mask_the_face: MaskTheFaceSettings = Field(default_factory=MaskTheFaceSettings)
    run: MaskRunSettings = Field(default_factory=MaskRunSettings)
    seed: Annotated[Seed, Option("N", COMMON)] = 0
    """Seed of all random choices, together with each photo's name."""

    @property
    def source(self) -> str:
        """SRC, or `--path`."""
        return self.src or self.mask_the_face.path

    def conflicts(self) -> Iterator[str]:
        """Finds values that do not fit each other, which no single field can see.

        Yields:
            One message per conflict.
        """
        theirs = self.mask_the_face
        if self.src and theirs.path:
            yield f"mask_the_face.path (--path): SRC is given too, {self.src}; give one of them"
        if theirs.chooses_masks and self.masks.masks != MaskSettings().masks:
            yield (
                "masks.masks (--masks): the masks are also chosen by options of MaskTheFace (--mask_type, --pattern, "
                "--color, --code and their weights); give either --masks or those"
            )
        if theirs.code and (theirs.mask_type or theirs.pattern or theirs.color):
            yield (
                "mask_the_face.code (--code): it chooses type, colour and texture, so MaskTheFace ignores "
                "--mask_type, --color and --pattern beside it; leave them out"
            )
        if (self.files.each or theirs.mask_type == "all") and self.masks.per_face > 1:
            yield "masks.per_face (--per-face): with --each there is one photo for each entry of SPEC; choose one"

    def triplet_settings(self, masks: MaskSettings | None = None) -> GenSettings:
        """Builds the settings of `gen-data` that put the same masks on the same photos.

        Args:
            masks: other settings of the masks than these.

        Returns:
            settings with a crop of size 0.
        """
        return GenSettings(
            source=SourceSettings(
                src=self.source,
                root=self.root,
                n=self.n,
                max_pixels=self.max_pixels,
                background=self.background,
            ),
            faces=FaceSettings(**self.faces.model_dump()),
            crop=CropSettings(size=0),
            masks=MaskSettings(**(masks or self.masks).model_dump()),
            seed=self.seed,
        )
