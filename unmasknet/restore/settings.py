"""Every setting of `unmask run`: default, bound, unit, meaning."""

from typing import Annotated, Literal

from pydantic import Field

from maskgen.command_settings import Command
from maskgen.section import OUTPUT, RUN, Option


class RestoreSettings(Command):
    """Settings of `unmask run`."""

    inputs: Annotated[
        tuple[str, ...], Option(flag="INPUT...", required="name a photo, a folder, a video or camera:0")
    ] = ()
    """Photos, folders of them (recursive), videos, or `camera:0`."""
    out: Annotated[str, Option("DIR", OUTPUT)] = "unmasked"
    """Folder of the results."""
    weights: Annotated[tuple[str, ...], Option("RUN", RUN)] = ("released",)
    """Run folders or weight files: a segmenter's and a generator's, or one of them; `released`: the included ones."""
    runtime: Annotated[str, Option("auto|torch|onnx|opencv", RUN)] = "auto"
    """Runtime of the networks: `torch`, `onnx` or `opencv`; `auto`: the first of them that is installed and can read
    the weights."""
    device: Annotated[str, Option("auto|cpu|cuda", RUN)] = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, `mps`."""
    threads: Annotated[int, Field(ge=0, le=1024), Option("N", RUN)] = 0
    """Cores to use; 0: the runtime decides."""
    reference: Annotated[tuple[str, ...], Option("PHOTO", OUTPUT)] = ()
    """Another photo of the same person, without a mask, or a folder of them: the hidden part of one face per photo is
    taken from it. It must be the same person; several may be given."""
    expression: Annotated[Literal["reference", "neutral"], Option("", OUTPUT)] = "reference"
    """Mouth of a face restored by a reference: as in the reference, or closed."""
    force: Annotated[bool, Option("", OUTPUT)] = False
    """Use references that seem to show another person."""
    samples: Annotated[int, Field(ge=1, le=64), Option("K", OUTPUT)] = 1
    """Number of plausible results per photo; above 1, all of them and an image of their differences are written."""
    strip: Annotated[bool, Option("", OUTPUT)] = False
    """Write photo, map, result and, if there is one, the truth, side by side."""
    truth: Annotated[str, Option("DIR", OUTPUT)] = ""
    """Folder of the photos without masks, under the same names, for `strip`."""
    save_map: Annotated[bool, Option("", OUTPUT)] = False
    """Write the map of each photo."""
    map: Annotated[str, Option("DIR", OUTPUT)] = ""
    """Folder of maps under the photos' names, white where a mask is, to use instead of the segmenter."""
    max_failures: Annotated[float, Field(ge=0, le=1), Option("SHARE", RUN)] = 0.05
    """Exit with 3 if more than this fraction of the inputs cannot be used."""
    port: Annotated[int, Field(ge=0, le=65535), Option("N", RUN)] = 8001
    """Port of the page that shows a camera's images if there is no display; 0: any free port."""
