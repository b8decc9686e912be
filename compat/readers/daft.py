# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "pandas==3.1.1", "polars==2.1.0", "duckdb==2.0.1", "pyarrow==25.0.1", "daft==0.7.26", "pillow==13.0.0",
#   "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "Daft"
# kind = "loader"
# ///
"""Daft, on the Parquet files of `unmask unpack --layout parquet`, with Pillow and with its own decoder."""

from collections.abc import Callable, Iterator

import daft
from loader_tools import from_columns
from reader_tools import MASKS, RIGHT, Data, Sample, Way, run


def table(data: Data) -> daft.DataFrame:
    return daft.read_parquet(str(data.export("parquet") / "data/train-*.parquet"))


def read(data: Data) -> Iterator[Sample]:
    for row in table(data).to_pylist():
        yield from_columns(row)


def decode_masks(**options: object) -> Callable[[Data], Iterator[Sample]]:
    """Returns a way that reads map and parts with the decoder of Daft."""

    def samples(data: Data) -> Iterator[Sample]:
        masks = [daft.col(name).get("bytes").decode_image(**options).alias(name) for name in MASKS]
        yield from table(data).select(daft.col("key"), *masks).to_pylist()

    return samples


PLANE = {"samples": "right", "map": "right, uint8 h w 1", "parts": "right, uint8 h w 1"}
THREE = {"samples": "right", "map": "right, uint8 h w 3", "parts": "right, uint8 h w 3"}
WAYS = [
    Way('daft.read_parquet("EXPORT/data/train-*.parquet")', read, RIGHT, split="train"),
    Way('col("map").get("bytes").decode_image(mode="L")', decode_masks(mode="L"), PLANE, split="train"),
    Way('col("map").get("bytes").decode_image()', decode_masks(), THREE, split="train"),
]

if __name__ == "__main__":
    run(WAYS, "daft")
