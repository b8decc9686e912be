"""Every setting of `unmask export`: default, bound, unit, meaning."""

from typing import Annotated, Literal

from pydantic import Field

from maskgen.command_settings import Command
from maskgen.section import Option


class ExportSettings(Command):
    """Settings of `unmask export`."""

    weights: Annotated[tuple[str, ...], Option("RUN", required="name the networks: --weights RUN")] = ()
    """Run folders or weight files: a segmenter's, a generator's, or one of each; `released`: the included ones."""
    format: Annotated[Literal["onnx", "torchscript"], Option()] = "onnx"
    """`onnx` for ONNX Runtime and other readers of ONNX; `torchscript` for programs that have torch."""
    out: Annotated[str, Option("FILE", default="unmask.onnx")] = ""
    """File to write; empty: `unmask.onnx` or `unmask.torchscript.pt` in the working directory."""
    half: Annotated[bool, Option()] = False
    """Store weights in 16 bits, onnx only: halves the file; weights are converted to 32 bits when it is loaded."""
    grow: Annotated[int, Field(ge=0, le=64)] = 4
    """Pixels at a side of 256 by which the map is dilated, so that no rim of the mask is left."""
    data: Annotated[str, Option("DIR", default="the built-in photo")] = ""
    """Data set whose masked images the file is checked on; empty: the built-in photo with several masks."""
