"""Every setting of `unmask eval`: default, bound, unit, meaning."""

from typing import Annotated, Literal

from pydantic import Field

from maskgen.settings import Command, Option


class EvalSettings(Command):
    """Settings of `unmask eval`."""

    data: Annotated[str, Option("DIR", required="name the data set: --data DIR")] = ""
    """The data set: a folder with shards, as gen-data writes it."""
    weights: Annotated[tuple[str, ...], Option("RUN")] = ()
    """Run folders or weight files: a generator's, a segmenter's, or one of each; `released` are ours. Without any,
    only what costs nothing and `compare` are scored."""
    map: Annotated[Literal["auto", "truth", "predicted"], Option()] = "auto"
    """Whose map tells the generator what to restore: the data set's, or the segmenter's. `auto`: the segmenter's
    where one is given."""
    compare: Annotated[tuple[str, ...], Option("NAME=DIR")] = ()
    """Other methods as NAME=FOLDER; a picture's name there is its sample's key, as `unmask unpack` names them."""
    labelled: Annotated[tuple[str, ...], Option("DIR")] = ()
    """Folders of photos with hand-made or foreign labels that the segmenter is scored on as well."""
    by: Annotated[str, Option("utkface|FILE.csv")] = ""
    """Groups of people that figures are given for as well: `utkface` for what its file names say, or a CSV file with a
    column `photo` and one for each attribute. Empty: none."""
    scores: Annotated[str, Option("FILE.csv")] = ""
    """The CSV file to write with the scores of each sample. Empty: none."""
    html: Annotated[str, Option("FILE")] = ""
    """The report to write; a Markdown table (.md) and a sheet of pictures (.png) go beside it. Empty: none."""
    split: Annotated[Literal["auto", "train", "val", "test"], Option()] = "auto"
    """Split that is scored; `auto`: test, or val where there is no test."""
    n: Annotated[Annotated[int, Field(ge=1)] | None, Option("N", default="all")] = None
    """Samples to score, drawn by a hash of seed and key; none means all."""
    size: Annotated[Annotated[int, Field(ge=32, le=1024)] | None, Option("PX", default="the generator's")] = (
        None
    )
    """Side in pixels at which pictures are compared; none: the generator's own, else the data's."""
    batch: Annotated[int, Field(ge=1, le=4096)] = 16
    """Samples computed at once."""
    device: Annotated[str, Option("auto|cpu|cuda")] = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, `mps`."""
    grow: Annotated[int, Field(ge=0, le=64)] = 4
    """Pixels at a side of 256 by which a predicted map is grown, so that no rim of the mask is left."""
    train_faces: Annotated[int, Field(ge=0)] = 1000
    """Training photos, at most, that the mean face is made of; 0: no mean face."""
    features: Literal["auto", "on", "off"] = "auto"
    """Perceptual distance, FID and KID by EfficientNet-Lite0; `auto`: where its packages are installed."""
    inception: str = ""
    """File pt_inception-2015-12-05-6726825d.pth, as pytorch-fid and torch-fidelity fetch it: FID and KID by it."""
    brisque: bool = True
    """Whether BRISQUE says how natural the results look."""
    identity: str = "auto"
    """Network that knows people: `auto` (dlib's where it is installed), `dlib`, `off`, or an ArcFace .onnx file."""
    detect: bool = True
    """Whether a face detector looks at the results."""
    bootstrap: Annotated[int, Field(ge=0, le=100_000)] = 1000
    """Bootstrap samples of the 95 % intervals; 0: no intervals."""
