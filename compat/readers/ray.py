# /// script
# requires-python = ">=3.11"
# dependencies = ["ray[data]==2.60.0", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "Ray Data"
# kind = "loader"
# ///
"""Ray Data: `read_webdataset` of all shards of a split, of chosen members, of the folder."""

import io
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

os.environ |= {"RAY_DATA_DISABLE_PROGRESS_BARS": "1", "RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}

import numpy as np
import ray
from loader_tools import to_sample
from PIL import Image
from reader_tools import RIGHT, Data, Sample, Way, run

SUFFIXES = ["masked.{}", "gt.{}", "map.png", "parts.png", "json"]


def rows(paths: Any, **options: Any) -> Iterator[dict[str, Any]]:
    """Yields the rows of shards, read with two cores of this machine."""
    if not ray.is_initialized():
        ray.init(num_cpus=2, include_dashboard=False, logging_level=logging.ERROR)
    yield from ray.data.read_webdataset(paths, **options).iter_rows()


def read(split: str, suffix: str = "jpg", *, chosen: bool = False) -> Callable[[Data], Iterator[Sample]]:
    def samples(data: Data) -> Iterator[Sample]:
        options = {"suffixes": [name.format(suffix) for name in SUFFIXES]} if chosen else {}
        for row in rows([str(path) for path in data.shards(split, suffix)], **options):
            yield to_sample(row["__key__"], row)

    return samples


def decode_webp(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row with its WebP images decoded; Ray does the rest."""
    return {
        name: np.asarray(Image.open(io.BytesIO(value))) if name.endswith(".webp") else value
        for name, value in row.items()
    }


def read_decoded(data: Data) -> Iterator[Sample]:
    for row in rows([str(path) for path in data.shards("train", "webp")], decoder=[decode_webp, True]):
        yield to_sample(row["__key__"], row)


def read_last_suffix(data: Data) -> Iterator[Sample]:
    for row in rows([str(path) for path in data.shards("train")], suffixes=["jpg", "png", "json"]):
        yield to_sample(row["__key__"], row)


def read_folder(data: Data) -> Iterator[Sample]:
    try:
        for row in rows(str(data.data_set())):
            yield to_sample(row["__key__"], row)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None  # its own message begins with the address of the machine


WAYS = [
    Way('ray.data.read_webdataset(glob("DIR/train-*.tar"))', read("train"), RIGHT, split="train"),
    Way(
        'ray.data.read_webdataset(glob("DIR/train-*.tar"))',
        read("train", "webp"),
        RIGHT | {"images": "wrong, bytes"},
        split="train",
        suffix="webp",
        note="give a decoder for WebP, see the line below; or make the data set with `--format png`",
    ),
    Way(
        'ray.data.read_webdataset(TARS, suffixes=["masked.jpg", "gt.jpg", "map.png", "parts.png", "json"])',
        read("train", chosen=True),
        RIGHT,
        split="train",
    ),
    Way(
        "ray.data.read_webdataset(TARS, decoder=[decode_webp, True])",
        read_decoded,
        RIGHT,
        split="train",
        suffix="webp",
    ),
    Way(
        'ray.data.read_webdataset(TARS, suffixes=["jpg", "png", "json"])',
        read_last_suffix,
        {
            "samples": "right",
            "labels": "right",
            "images": "wrong, nothing came",
            "map": "wrong, nothing came",
        },
        split="train",
        note="give the whole name after the key: `masked.jpg`; `jpg` matches no member, and the rows then have no "
        "images, without an error",
    ),
    Way(
        'ray.data.read_webdataset("DIR")',
        read_folder,
        {"samples": "refused"},
        split="train",
        note="name the shards, not the folder: of a folder, Ray opens every file as a tar, README.md too",
    ),
]

run(WAYS, "ray")
