"""Every setting of `unmask serve`: default, bound, unit, meaning."""

from typing import Annotated, Literal

from pydantic import Field

from maskgen.settings import Command, Option


class ServeSettings(Command):
    """Settings of `unmask serve`."""

    weights: Annotated[tuple[str, ...], Option("RUN")] = ("released",)
    """Run folders or weight files: a segmenter's and a generator's, or one .onnx file; `released` are ours."""
    runtime: Annotated[Literal["auto", "torch", "onnx", "opencv"], Option()] = "auto"
    """What computes: `torch`; `onnx` or `opencv` with a file of `unmask export`; `auto`: the first of them that is
    installed and can read the weights."""
    device: Annotated[str, Option("auto|cpu|cuda")] = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, `mps`."""
    host: Annotated[str, Option("ADDRESS")] = "127.0.0.1"
    """Address to listen on. Any but a loopback one lets others on the network in, without a password."""
    port: Annotated[int, Field(ge=0, le=65535), Option("N")] = 8000
    """Port to listen on; 0: any that is free."""
    names: tuple[str, ...] = ()
    """Further names under which browsers may call this page, such as one that a proxy in front of it has."""
    max_bytes: Annotated[int, Field(ge=1024)] = 20_000_000
    """The largest photo taken, in bytes of its file."""
    max_pixels: Annotated[int, Field(ge=4096)] = 24_000_000
    """The largest photo taken, in pixels; its header is looked at before memory is taken."""
    max_samples: Annotated[int, Field(ge=1, le=16)] = 4
    """The most pictures that may be asked for of one photo."""
    queue: Annotated[int, Field(ge=1, le=1000)] = 64
    """Photos taken at once, the one in work included; further ones are told to come again."""
    queue_bytes: Annotated[int, Field(ge=1024)] = 256_000_000
    """Bytes that photos may take up while they wait, all together."""
    seconds: Annotated[float, Field(gt=0, le=3600)] = 20.0
    """The longest that a client may take for its request's head, for its photo, or to take a part of the answer."""
