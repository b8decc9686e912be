"""Every setting of `unmask eval recognition`: default, bound, unit, meaning."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from maskgen.command_settings import Command
from maskgen.section import Option, as_texts

ROWS: dict[str, tuple[str, str]] = {  # kind of the gallery image and of the probe image
    "plain-plain": ("plain", "plain"),
    "plain-masked": ("plain", "masked"),
    "masked-masked": ("masked", "masked"),
    "plain-restored": ("plain", "restored"),
    "masked-restored": ("masked", "restored"),
    "plain-reference-restored": ("plain", "reference-restored"),
}
"""Rows of the result, by name."""
NO_WEIGHTS = "none"
NETWORK, PAIRS, OUTPUTS = "Network", "Pairs", "Output"


class RecognitionSettings(Command):
    """Settings of `unmask eval recognition`."""

    data: Annotated[str, Option("DIR", required="name the data set: --data DIR")] = ""
    """The data set: a folder with shards of photos of named people, as gen-data writes it from LFW or with
    --people folders."""
    net: Annotated[str, Option("dlib|FILE.onnx", NETWORK)] = "dlib"
    """Face recognition network: dlib's, or an ONNX file that computes an embedding of an aligned face."""
    net_channels: Annotated[Literal["rgb", "bgr"], Option("", NETWORK)] = "rgb"
    """Order of the channels that the ONNX network takes."""
    net_mean: Annotated[Annotated[float, Field(allow_inf_nan=False)], Option("GREY", NETWORK)] = 127.5
    """Grey level, 0-255, that is subtracted from the ONNX network's input."""
    net_std: Annotated[Annotated[float, Field(gt=0, allow_inf_nan=False)], Option("GREY", NETWORK)] = 127.5
    """Grey levels by which the ONNX network's input is then divided."""
    net_margin: Annotated[float, Field(ge=-0.3, le=1)] = 0.0
    """Fraction of its side by which the crop for the ONNX network is wider than ArcFace's, at each edge."""
    flip: Annotated[bool, Option("", NETWORK)] = False
    """Add the embedding of the mirrored face to each embedding; takes twice as long."""
    landmarks: Annotated[Literal["truth", "found"], Option("", NETWORK)] = "truth"
    """Points by which faces are aligned. `truth`: those of the data set, the same for the plain, the masked and the
    restored image. `found`: those that the face detector finds on each image by itself, as a camera's system would;
    a face that is not found matches nobody."""
    weights: Annotated[tuple[str, ...], Option("RUN")] = ("released",)
    """Run folders or weight files that restore the faces: a segmenter's and a generator's; `released`: the included
    ones; `none`: nothing is restored, and the rows of restored faces are left out."""
    map: Annotated[Literal["predicted", "truth"], Option()] = "predicted"
    """Map for the generator: the one that the segmenter predicts, or the true one of the data set."""
    rows: Annotated[tuple[str, ...], Option("ROW", default="all")] = ()
    """Rows to compute, by name: plain-plain, plain-masked, masked-masked, plain-restored, masked-restored,
    plain-reference-restored. The first part is the gallery's image, the rest the probe's. Repeatable."""
    pairs: Annotated[str, Option("FILE", PAIRS)] = ""
    """List of pairs in the format of LFW's pairs.txt, with its folds; empty: pairs are drawn by `seed`."""
    n: Annotated[Annotated[int, Field(ge=2)] | None, Option("N", PAIRS, default="all")] = None
    """Number of people, drawn by a hash of seed and name."""
    impostors: Annotated[int, Field(ge=0, le=20_000_000), Option("N", PAIRS)] = 200_000
    """Most pairs of two people for the rates of false acceptance, drawn among all people; 0: only the pairs of
    `pairs`, or as many as there are pairs of one person."""
    split: Annotated[Literal["auto", "train", "val", "test", "all"], Option("", PAIRS)] = "auto"
    """Split that is scored; `auto`: test, or val where there is no test; `all`: all of them as one."""
    by: Annotated[tuple[str, ...], BeforeValidator(as_texts), Option("utkface|FILE.csv|tone", PAIRS)] = ()
    """Groups of probes to report separately: `utkface` for the attributes in its file names; a CSV file with a column
    `photo` and one per attribute, or CelebA's list of attributes; `tone` for the skin tone measured in each photo.
    Repeatable. Without it: none."""
    html: Annotated[str, Option("FILE", OUTPUTS)] = ""
    """The page to write; its tables are written beside it as Markdown (.md). Empty: none."""
    scores: Annotated[str, Option("FILE.csv", OUTPUTS)] = ""
    """The CSV file to write with the similarity of each pair in each row. Empty: none."""
    runtime: Annotated[str, Option("auto|torch|onnx|opencv")] = "auto"
    """Runtime of the restoring networks."""
    device: Annotated[str, Option("auto|cpu|cuda")] = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, `mps`: where the restoring networks run."""
    threads: Annotated[int, Field(ge=0, le=1024), Option("N")] = 0
    """CPU threads of the networks; 0: they decide."""
    bootstrap: Annotated[int, Field(ge=0, le=100_000)] = 1000
    """Bootstrap samples of the 95 % intervals; 0: no intervals."""

    def conflicts(self) -> Iterator[str]:
        """Finds unknown rows, and rows of restored faces without weights."""
        for name in self.rows:
            if name not in ROWS:
                yield f"rows: got {name!r}, know {', '.join(ROWS)}"
            elif not self.restores and "restored" in name:
                yield f"rows: {name} needs networks that restore, weights is none"

    @property
    def restores(self) -> bool:
        """Whether masked faces are restored."""
        return self.weights not in ((), (NO_WEIGHTS,))

    @property
    def chosen_rows(self) -> tuple[str, ...]:
        """Names of the rows to compute, in the order of `ROWS`."""
        return tuple(
            name
            for name in ROWS
            if (not self.rows or name in self.rows) and (self.restores or "restored" not in name)
        )
