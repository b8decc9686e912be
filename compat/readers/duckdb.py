# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "pandas==3.1.1", "polars==2.1.0", "duckdb==2.0.1", "pyarrow==25.0.1", "daft==0.7.26", "pillow==13.0.0",
#   "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "DuckDB"
# kind = "loader"
# ///
"""DuckDB, on the Parquet files of `unmask unpack --layout parquet`."""

import io
from collections.abc import Iterator

import duckdb
from loader_tools import from_columns
from PIL import Image
from reader_tools import Data, Sample, Way, run


def decode(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def select(data: Data) -> Iterator[Sample]:
    found = duckdb.read_parquet(f"{data.export('parquet')}/data/train-*.parquet")
    for row in found.fetchall():
        yield from_columns(dict(zip(found.columns, row, strict=True)), decode)


RIGHT = {
    "samples": "right",
    "images": "right, uint8 h w 3",
    "map": "right, uint8 h w",
    "parts": "right, uint8 h w",
    "labels": "right",
}

WAYS = [
    Way('duckdb.read_parquet("EXPORT/data/train-*.parquet")', select, RIGHT, split="train"),
]

if __name__ == "__main__":
    run(WAYS, "duckdb")
