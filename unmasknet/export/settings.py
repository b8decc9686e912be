"""Every setting of `unmask export`: default, bound, unit, meaning."""

from typing import Annotated, Literal

from pydantic import Field

from maskgen.settings import Command


class ExportSettings(Command):
    """Settings of `unmask export`."""

    weights: tuple[str, ...] = ()
    """Run folders or weight files: a segmenter's, a generator's, or one of each; `released` are ours."""
    format: Literal["onnx", "torchscript"] = "onnx"
    """`onnx` for ONNX Runtime and whatever reads ONNX; `torchscript` for programs that have torch."""
    out: str = ""
    """The file to write; empty: `unmask.onnx` or `unmask.torchscript.pt` in the working directory."""
    half: bool = False
    """Store weights with 16 bits, onnx only: half the file; they are widened to 32 when it is loaded."""
    grow: Annotated[int, Field(ge=0, le=64)] = 4
    """Pixels at a side of 256 by which the map is widened, so that no rim of the mask is left."""
    data: str = ""
    """A data set whose masked pictures the file is checked on; empty: the built-in photo under several masks."""
