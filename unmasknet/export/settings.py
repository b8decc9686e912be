"""Every setting of `unmask export`: default, bound, unit, meaning."""

from typing import Annotated, Literal

from pydantic import Field

from maskgen.settings import Command, Option


class ExportSettings(Command):
    """Settings of `unmask export`."""

    weights: Annotated[tuple[str, ...], Option("RUN", required="name the networks: --weights RUN")] = ()
    """Run folders or weight files: a segmenter's, a generator's, or one of each; `released` are ours."""
    format: Annotated[Literal["onnx", "torchscript"], Option()] = "onnx"
    """`onnx` for ONNX Runtime and whatever reads ONNX; `torchscript` for programs that have torch."""
    out: Annotated[str, Option("FILE", default="unmask.onnx")] = ""
    """The file to write; empty: `unmask.onnx` or `unmask.torchscript.pt` in the working directory."""
    half: Annotated[bool, Option()] = False
    """Store weights with 16 bits, onnx only: half the file; they are widened to 32 when it is loaded."""
    grow: Annotated[int, Field(ge=0, le=64)] = 4
    """Pixels at a side of 256 by which the map is widened, so that no rim of the mask is left."""
    data: Annotated[str, Option("DIR", default="the built-in photo")] = ""
    """A data set whose masked pictures the file is checked on; empty: the built-in photo under several masks."""
