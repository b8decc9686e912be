"""Every setting of `unmask eval`: default, bound, unit, meaning."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from maskgen.command_settings import Command
from maskgen.section import Option, as_texts


class EvalSettings(Command):
    """Settings of `unmask eval`."""

    data: Annotated[str, Option("DIR", required="name the data set: --data DIR")] = ""
    """The data set: a folder with shards, as gen-data writes it."""
    weights: Annotated[tuple[str, ...], Option("RUN")] = ()
    """Run folders or weight files: a generator's, a segmenter's, or one of each; `released` names the shipped
    weights. Without any, only trivial baselines and `compare` are scored."""
    map: Annotated[Literal["auto", "truth", "predicted"], Option()] = "auto"
    """Map for the generator: the true one of the data set, or the one that the segmenter predicts. `auto`:
    `predicted` where a segmenter is given."""
    compare: Annotated[tuple[str, ...], Option("NAME=DIR")] = ()
    """Other methods as NAME=FOLDER; an image there is named after its sample's key, as `unmask unpack` does."""
    labelled: Annotated[tuple[str, ...], Option("DIR")] = ()
    """Folders of photos with labels by hand or by others, on which the segmenter is scored as well."""
    by: Annotated[tuple[str, ...], BeforeValidator(as_texts), Option("utkface|FILE.csv|tone")] = ()
    """Groups of people to report separately: `utkface` for the attributes in its file names; a CSV file with a column
    `photo` and one per attribute, or CelebA's list of attributes; `tone` for the skin tone measured in each photo.
    Repeatable. Without it: none."""
    scores: Annotated[str, Option("FILE.csv")] = ""
    """The CSV file to write with the scores of each sample. Empty: none."""
    html: Annotated[str, Option("FILE")] = ""
    """The report to write; a Markdown table (.md) and a sheet of images (.png) are written beside it. Empty: none."""
    split: Annotated[Literal["auto", "train", "val", "test"], Option()] = "auto"
    """Split that is scored; `auto`: test, or val where there is no test."""
    n: Annotated[Annotated[int, Field(ge=1)] | None, Option("N", default="all")] = None
    """Samples to score, drawn by a hash of seed and key; None: all."""
    size: Annotated[Annotated[int, Field(ge=32, le=1024)] | None, Option("PX", default="the generator's")] = (
        None
    )
    """Side in pixels at which images are compared; None: the generator's own, else the data's."""
    batch: Annotated[int, Field(ge=1, le=4096)] = 16
    """Samples per batch."""
    device: Annotated[str, Option("auto|cpu|cuda")] = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, `mps`."""
    threads: Annotated[int, Field(ge=0, le=1024), Option("N")] = 0
    """CPU threads of the networks; 0: torch decides."""
    grow: Annotated[int, Field(ge=0, le=64)] = 4
    """Pixels, at a side of 256, by which a predicted map is dilated to cover the rim of the mask."""
    train_faces: Annotated[int, Field(ge=0)] = 1000
    """Maximum number of training photos for the mean face; 0: no mean face."""
    features: Literal["auto", "on", "off"] = "auto"
    """Perceptual distance, FID and KID by EfficientNet-Lite0; `auto`: where its packages are installed."""
    inception: str = ""
    """Weights file pt_inception-2015-12-05-6726825d.pth for FID and KID, as fetched by pytorch-fid and
    torch-fidelity. Empty: use EfficientNet-Lite0."""
    brisque: bool = True
    """Whether to compute BRISQUE, the naturalness of the results."""
    identity: str = "auto"
    """Face recognition network: `auto` (dlib's where it is installed), `dlib`, `off`, or an ArcFace .onnx file."""
    detect: bool = True
    """Whether to run a face detector on the results."""
    bootstrap: Annotated[int, Field(ge=0, le=100_000)] = 1000
    """Bootstrap samples of the 95 % intervals; 0: no intervals."""
