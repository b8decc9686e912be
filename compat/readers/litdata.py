# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "litdata==0.2.76", "torch==2.13.0", "torchvision==0.28.0", "pillow==13.0.0", "numpy==2.4.6", "polars==2.1.0",
#   "pyarrow==25.0.1",
# ]
# [tool.compat]
# reader = "LitData"
# kind = "loader"
# ///
"""LitData: shards converted to its own chunks, as bytes and as arrays, and the Parquet export as it is."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import litdata
import numpy as np
import torchvision_import  # noqa: F401 - litdata imports torchvision later
from litdata.streaming.item_loader import ParquetLoader
from loader_tools import from_columns, open_image, parse_labels, to_plain, to_sample
from reader_tools import RIGHT, Data, Sample, Way, run


def decode_shard(path: str) -> Iterator[dict[str, Any]]:
    """Yields the samples of a shard with arrays."""
    for row in litdata.iter_webdataset_tar(path):
        images = {
            name: np.array(open_image(value))
            for name, value in row.items()
            if name.endswith((".jpg", ".png"))
        }
        yield {"key": row["__key__"], "json": row["json"]} | images


def convert(
    split: str, function: Callable[[str], Iterator[Any]], target: str, *, is_decoded: bool
) -> Callable:
    def samples(data: Data) -> Iterator[Sample]:
        litdata.optimize(
            fn=function,
            inputs=[str(path) for path in data.shards(split)],
            output_dir=str(Path(target).absolute()),
            chunk_bytes="64MB",
            num_workers=1,
        )
        for row in litdata.StreamingDataset(str(Path(target).absolute())):
            key = to_plain(row["key"] if is_decoded else row["__key__"])
            images = {
                name: value if is_decoded else open_image(value)
                for name, value in row.items()
                if name.endswith((".jpg", ".png"))
            }
            yield to_sample(key, images, labels="") | {"labels": parse_labels(row["json"])}

    return samples


def read_parquet(data: Data) -> Iterator[Sample]:
    folder = str(Path("parquet").absolute())
    shutil.copytree(
        data.export("parquet") / "data", folder
    )  # other readers refuse LitData's index.json there
    litdata.index_parquet_dataset(folder, num_workers=1)
    for row in litdata.StreamingDataset(folder, item_loader=ParquetLoader()):
        if row["split"] == "train":
            yield from_columns(row)


WAYS = [
    Way(
        "litdata.optimize(fn=litdata.iter_webdataset_tar, inputs=TARS, ...)",
        convert("train", litdata.iter_webdataset_tar, "as-bytes", is_decoded=False),
        RIGHT,
        split="train",
    ),
    Way(
        "litdata.optimize(fn=decode_shard, inputs=TARS, ...)",
        convert("val", decode_shard, "as-arrays", is_decoded=True),
        RIGHT,
        split="val",
    ),
    Way(
        'StreamingDataset("EXPORT/data", item_loader=ParquetLoader())',
        read_parquet,
        RIGHT,
        split="train",
        note="`index_parquet_dataset` writes `index.json` beside the files, which pandas and PyArrow then refuse: "
        "give it a copy",
    ),
]

if __name__ == "__main__":
    run(WAYS, "litdata")
