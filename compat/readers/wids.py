# /// script
# requires-python = ">=3.11"
# dependencies = ["webdataset==1.0.2", "wids==0.1.11", "torch==2.13.0", "pillow==13.0.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "wids"
# kind = "loader"
# ///
"""wids: shards by the number of a sample, with its index."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import wids
from loader_tools import to_sample
from PIL import Image
from reader_tools import RIGHT, Data, Sample, Way, run


def rows(data: Data, suffix: str) -> wids.ShardListDataset:
    index = f"{suffix}.json"
    program = Path(sys.executable).parent / "widsindex"
    subprocess.run([program, "create", "--output", index, *data.shards("train", suffix)], check=True)
    return wids.ShardListDataset(index)


def read(data: Data) -> Iterator[Sample]:
    found = rows(data, "jpg")
    for number in reversed(range(len(found))):
        yield to_sample(found[number]["__key__"], found[number], labels=".json")


def read_webp(data: Data) -> Iterator[Sample]:
    found = rows(data, "webp")
    for number in range(len(found)):
        yield to_sample(found[number]["__key__"], found[number], labels=".json")


def read_webp_decoded(data: Data) -> Iterator[Sample]:
    found = rows(data, "webp").add_transform(decode_webp)
    for number in range(len(found)):
        yield to_sample(found[number]["__key__"], found[number], labels=".json")


def decode_webp(row: dict) -> dict:
    """Returns the sample with its WebP images decoded; wids leaves them as bytes or streams of bytes."""
    return {name: Image.open(value) if name.endswith(".webp") else value for name, value in row.items()}


WAYS = [
    Way('ShardListDataset("index.json")[number]', read, RIGHT, split="train"),
    Way(
        'ShardListDataset("index.json")[number]',
        read_webp,
        RIGHT | {"images": "wrong, BytesIO"},
        split="train",
        suffix="webp",
        note="decode WebP by a transform, see the line below; or make the data set with `--format png`",
    ),
    Way(
        'ShardListDataset("index.json").add_transform(decode_webp)[number]',
        read_webp_decoded,
        RIGHT,
        split="train",
        suffix="webp",
    ),
]

if __name__ == "__main__":
    run(WAYS, "wids")
