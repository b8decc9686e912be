"""Every setting of `unmask run`: default, bound, unit, meaning."""

from typing import Annotated

from pydantic import Field

from maskgen.settings import Command


class RestoreSettings(Command):
    """Settings of `unmask run`."""

    inputs: tuple[str, ...] = ()
    """Photos, folders of them (recursive), videos, or `camera:0`."""
    out: str = "unmasked"
    """Folder of the results."""
    weights: tuple[str, ...] = ("released",)
    """Run folders or weight files: a segmenter's and a generator's, or one of them; `released` are ours."""
    runtime: str = "auto"
    """What computes the networks: `torch`, `onnx` or `opencv`; `auto`: the first of them that is installed and can
    read the weights."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, `mps`."""
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """Cores to use; 0 is as many as the runtime sees fit."""
    samples: Annotated[int, Field(ge=1, le=64)] = 1
    """Plausible pictures of each photo; beyond 1 they and a picture of where they disagree are written as well."""
    strip: bool = False
    """Write photo, map, result, and truth where there is one, side by side."""
    truth: str = ""
    """Folder with the photos without masks under the same names, for `strip`."""
    save_map: bool = False
    """Write the map of each photo."""
    map: str = ""
    """Folder with maps under the photos' names, white where a mask is, in place of the segmenter's."""
    max_failures: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of the inputs that may be unreadable before the command ends with exit code 3."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8001
    """Of the page that shows a camera's pictures where there is no display; 0 takes a free one."""
