# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "mosaicml-streaming==0.13.0", "torch==2.13.0", "torchvision==0.28.0", "pillow==13.0.0", "numpy==2.1.3",
# ]
# [tool.compat]
# reader = "MosaicML Streaming"
# kind = "loader"
# ///
"""MosaicML Streaming, on the shards of `unmask unpack --layout mds`; maps rewritten with its encoding `ndarray`."""

from collections.abc import Iterator

import numpy as np
import torchvision_import  # noqa: F401 - before streaming, which imports torchvision
from loader_tools import LABELS, MEMBERS, to_plain
from reader_tools import RIGHT, Data, Sample, Way, run
from streaming import MDSWriter, StreamingDataset
from torch.utils.data import DataLoader


def to_streamed(row: dict) -> Sample:
    labels = {name: to_plain(row[name]) for name in LABELS}
    return {"key": row["key"], "labels": labels} | {name: row[name] for name in MEMBERS}


def read(data: Data) -> Iterator[Sample]:
    for row in StreamingDataset(local=str(data.export("mds")), split="train", shuffle=True, batch_size=1):
        yield to_streamed(row)


def load(data: Data) -> Iterator[Sample]:
    rows = StreamingDataset(local=str(data.export("mds")), split="val", batch_size=1)
    for row in DataLoader(rows, batch_size=None, num_workers=2):
        yield to_streamed(row)


def write_arrays(data: Data) -> Iterator[Sample]:
    """Rewrites map and parts with the encoding `ndarray`, which takes no 1-bit maps, and reads them."""
    columns = {"key": "str", "map": "ndarray", "parts": "ndarray"}
    with MDSWriter(out="arrays", columns=columns) as writer:
        for row in StreamingDataset(local=str(data.export("mds")), split="val", batch_size=1):
            writer.write({"key": row["key"], "map": np.array(row["map"]), "parts": np.array(row["parts"])})
    for row in StreamingDataset(local="arrays", batch_size=1):
        yield {"key": row["key"], "map": row["map"], "parts": row["parts"]}


WAYS = [
    Way(
        'StreamingDataset(local="EXPORT", split="train", shuffle=True, batch_size=1)',
        read,
        RIGHT,
        split="train",
    ),
    Way(
        'DataLoader(StreamingDataset(local="EXPORT", split="val", batch_size=1), num_workers=2)',
        load,
        RIGHT,
        split="val",
    ),
    Way(
        'MDSWriter(columns={"map": "ndarray", "parts": "ndarray"})',
        write_arrays,
        {"samples": "right", "map": "right, uint8 h w", "parts": "right, uint8 h w"},
        split="val",
    ),
]

if __name__ == "__main__":
    run(WAYS, "mosaicml-streaming")
