# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "webdataset==1.0.2", "torch==2.13.0", "numpy==2.4.6", "pillow==13.0.0", "opencv-python-headless==5.0.0.93",
#   "jaxtyping==0.3.11", "joblib==1.6.0", "pydantic==2.14.3",
# ]
# [tool.compat]
# reader = "maskgen, of this repository"
# kind = "loader"
# ///
"""maskgen itself: a data set, its shards, and its decoder in pipelines of webdataset."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import webdataset
from loader_tools import braces
from reader_tools import RIGHT, Data, Sample, Way, run
from torch.utils.data import DataLoader

from maskgen import __version__, decode, open_data_set, read_shard


def to_sample(key: str, arrays: dict[str, Any]) -> Sample:
    labels = arrays["json"]
    return {"key": key, "labels": labels} | {name: arrays[name] for name in ("masked", "gt", "map", "parts")}


def open_folder(data: Data) -> Iterator[Sample]:
    for sample in open_data_set(data.data_set()).samples(split="train"):
        yield to_sample(sample.key, sample.decode())


def read_shards(data: Data) -> Iterator[Sample]:
    for path in data.shards("train", "webp"):
        for key, members in read_shard(path):
            yield to_sample(key, decode(members))


def decode_keyed(row: dict[str, Any]) -> dict[str, Any]:
    return decode(row) | {"key": row["__key__"]}


def load(data: Data) -> Iterator[Sample]:
    rows = webdataset.WebDataset(braces(data, "val"), shardshuffle=False).map(decode_keyed)
    for row in DataLoader(rows, batch_size=None, num_workers=2, collate_fn=lambda row: row):
        yield to_sample(row["key"], row)


ZERO_ONE = RIGHT | {"map": "right, uint8 h w 0 and 1"}

WAYS = [
    Way('open_data_set("DIR").samples(split="train")', open_folder, ZERO_ONE, split="train"),
    Way(
        "decode(members) for key, members in read_shard(path)",
        read_shards,
        ZERO_ONE,
        split="train",
        suffix="webp",
    ),
    Way(
        "DataLoader(WebDataset(TARS, shardshuffle=False).map(maskgen.decode), num_workers=2)",
        load,
        ZERO_ONE,
        split="val",
    ),
]

if __name__ == "__main__":
    run(WAYS, version_text=__version__)
