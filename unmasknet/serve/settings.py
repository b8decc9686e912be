"""Every setting of `unmask serve`: default, bound, unit, meaning."""

from typing import Annotated, Literal

from pydantic import Field

from maskgen.command_settings import Command
from maskgen.section import Option


class ServeSettings(Command):
    """Settings of `unmask serve`."""

    weights: Annotated[tuple[str, ...], Option("RUN")] = ("released",)
    """Run folders or weight files: a segmenter's and a generator's, or an .onnx file; `released`: the included ones."""
    runtime: Annotated[Literal["auto", "torch", "onnx", "opencv"], Option()] = "auto"
    """Runtime of the networks: `torch`; `onnx` or `opencv` with a file of `unmask export`; `auto`: the first of them
    that is installed and can read the weights."""
    device: Annotated[str, Option("auto|cpu|cuda")] = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, `mps`."""
    host: Annotated[str, Option("ADDRESS")] = "127.0.0.1"
    """Address to listen on. Any but a loopback address admits others on the network, without a password."""
    port: Annotated[int, Field(ge=0, le=65535), Option("N")] = 8000
    """Port to listen on; 0: any free port."""
    names: tuple[str, ...] = ()
    """Further host names under which browsers may open this page, such as that of a proxy in front of it."""
    max_bytes: Annotated[int, Field(ge=1024)] = 40_000_000
    """Largest photo, in bytes of its file."""
    max_pixels: Annotated[int, Field(ge=4096)] = 51_000_000  # the 8160 x 6144 of phones
    """Largest photo, in pixels; checked in its header before memory is allocated."""
    max_samples: Annotated[int, Field(ge=1, le=16)] = 4
    """Largest number of results per photo."""
    decode_seconds: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """Longest time to decode one photo, in a process of its own, which is then replaced."""
    decoders: Annotated[int, Field(ge=1, le=64)] = 4
    """Largest number of these processes, and of photos that wait decoded; a second one is started when it is needed."""
    restorers: Annotated[int, Field(ge=1, le=16)] = 2
    """Photos restored at once, each with networks of its own. One address has all but one of them, so that another one
    need not wait for a photo in work."""
    queue: Annotated[int, Field(ge=1, le=1000)] = 64
    """Photos accepted at once, including those being restored; further ones are asked to try again later."""
    queue_bytes: Annotated[int, Field(ge=1024)] = 256_000_000
    """Total bytes of the photos that arrive or wait."""
    seconds: Annotated[float, Field(gt=0, le=3600)] = 20.0
    """Longest time that a client may take to send a request's head, a photo, or to accept a part of the response."""
