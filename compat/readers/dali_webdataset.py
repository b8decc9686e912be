# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "nvidia-dali-cuda120==2.4.0", "numpy==2.4.6", "astunparse==1.6.3", "gast==0.7.0", "six==1.17.0",
#   "packaging==26.2", "wheel==0.46.3",
# ]
# [tool.compat]
# reader = "NVIDIA DALI, readers.webdataset"
# kind = "loader"
# ///
"""DALI's reader of webdataset shards, with its decoders on the CPU."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from loader_tools import MEMBERS, keys_in_order, parse_labels
from nvidia.dali import fn, pipeline_def, types
from reader_tools import RIGHT, Data, Sample, Way, run


@pipeline_def(batch_size=1, num_threads=1, device_id=None)
def read_members(paths: list[str], ext: list[str]):
    """Returns the members as DALI decodes them: images to RGB, map and parts to grey, the labels as bytes."""
    masked, gt, maps, parts, labels = fn.readers.webdataset(paths=paths, ext=ext, name="reader")
    rgb = [fn.decoders.image(each, device="cpu", output_type=types.RGB) for each in (masked, gt)]
    grey = [fn.decoders.image(each, device="cpu", output_type=types.GRAY) for each in (maps, parts)]
    return (*rgb, *grey, labels)


@pipeline_def(batch_size=1, num_threads=1, device_id=None)
def read_bytes(paths: list[str], ext: list[str]):
    """Returns the members as bytes."""
    return tuple(fn.readers.webdataset(paths=paths, ext=ext, name="reader"))


def outputs(pipe: Any) -> Iterator[list[np.ndarray]]:
    """Yields the outputs of each sample of an epoch."""
    pipe.build()
    for _ in range(pipe.reader_meta("reader")["epoch_size"]):
        yield [np.array(each[0]) for each in pipe.run()]


def read(split: str, suffix: str = "jpg") -> Callable[[Data], Iterator[Sample]]:
    ext = [f"masked.{suffix}", f"gt.{suffix}", "map.png", "parts.png", "json"]

    def samples(data: Data) -> Iterator[Sample]:
        shards = data.shards(split, suffix)
        pipe = read_members([str(path) for path in shards], ext)
        for key, values in zip(keys_in_order(shards), outputs(pipe), strict=True):
            *images, labels = values
            yield {"key": key, "labels": parse_labels(labels)} | dict(zip(MEMBERS, images, strict=True))

    return samples


def read_last_suffix(data: Data) -> Iterator[Sample]:
    shards = data.shards("train")
    pipe = read_bytes([str(path) for path in shards], ["jpg", "png"])
    for key, (image, mask) in zip(keys_in_order(shards), outputs(pipe), strict=True):
        yield {"key": key, "masked": image, "map": mask}


def read_folder(data: Data) -> Iterator[Sample]:
    for values in outputs(read_bytes([str(data.data_set())], ["masked.jpg", "map.png"])):
        yield {"key": "", "masked": values[0]}


EXT = 'ext=["masked.{}", "gt.{}", "map.png", "parts.png", "json"]'
PLANES = RIGHT | {"map": "right, uint8 h w 1", "parts": "right, uint8 h w 1"}
EMPTY = {"samples": "right", "images": "wrong, uint8 0", "map": "wrong, uint8 0"}

WAYS = [
    Way(
        f"fn.readers.webdataset(paths=TARS, {EXT.format('jpg', 'jpg')})", read("train"), PLANES, split="train"
    ),
    Way(
        f"fn.readers.webdataset(paths=TARS, {EXT.format('webp', 'webp')})",
        read("train", "webp"),
        PLANES,
        split="train",
        suffix="webp",
    ),
    Way(
        'fn.readers.webdataset(paths=TARS, ext=["jpg", "png"])',
        read_last_suffix,
        EMPTY,
        split="train",
        note="give the whole name after the key: `masked.jpg`; `jpg` matches no member, and DALI then returns empty "
        "tensors, without an error",
    ),
    Way(
        'fn.readers.webdataset(paths="DIR", ext=["masked.jpg", "map.png"])',
        read_folder,
        {"samples": "refused", "images": "refused"},
        split="train",
        note="name the shards, not the folder",
    ),
]

run(WAYS, "nvidia-dali-cuda120")
