"""Settings of `unmask bench run`: default, bound, unit, meaning."""

from typing import Annotated

from pydantic import Field

from maskgen.settings import Command, Option


class BenchRunSettings(Command):
    """Settings of `unmask bench run`."""

    weights: Annotated[tuple[str, ...], Option("RUN")] = ("released",)
    """Run folders and weight files, for torch; an exported .onnx file, for onnx and opencv; `released`, for each
    that is installed."""
    cores: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Option("A,B")] = (1, 2)
    """Numbers of cores to measure on; those that this machine does not have are left out."""
    rounds: Annotated[int, Field(ge=1), Option("N")] = 20
    """Times that the photo is done once all is loaded; the median counts."""
    photo: Annotated[str, Option("FILE", default="the built-in photo's face, 256 px")] = ""
    """The photo to work on; empty: the crop of 256 pixels around the built-in photo's face, under a mask."""
