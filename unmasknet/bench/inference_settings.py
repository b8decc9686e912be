"""Settings of `unmask bench run`: default, bound, unit, meaning."""

from typing import Annotated

from pydantic import Field

from maskgen.command_settings import Command
from maskgen.section import Option


class BenchRunSettings(Command):
    """Settings of `unmask bench run`."""

    weights: Annotated[tuple[str, ...], Option("RUN")] = ("released",)
    """Run folders and weight files for torch; an exported .onnx file for onnx and opencv; `released` for every
    installed runtime."""
    cores: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Option("A,B")] = (1, 2)
    """Numbers of cores to measure with; numbers above the machine's cores are left out."""
    rounds: Annotated[int, Field(ge=1), Option("N")] = 20
    """Number of timed runs on the photo after loading; the median is reported."""
    photo: Annotated[str, Option("FILE", default="the built-in photo's face, 256 px")] = ""
    """Photo to restore; empty: the crop of 256 pixels around the built-in photo's face, under a mask."""
