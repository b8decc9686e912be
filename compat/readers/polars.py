# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "pandas==3.1.1", "polars==2.1.0", "duckdb==2.0.1", "pyarrow==25.0.1", "daft==0.7.26", "pillow==13.0.0",
#   "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "Polars"
# kind = "loader"
# ///
"""Polars, on the Parquet files of `unmask unpack --layout parquet`."""

from collections.abc import Iterator

import polars
from loader_tools import from_columns
from reader_tools import RIGHT, Data, Sample, Way, run


def read(data: Data) -> Iterator[Sample]:
    for row in polars.read_parquet(data.export("parquet") / "data/train-*.parquet").iter_rows(named=True):
        yield from_columns(row)


def scan(data: Data) -> Iterator[Sample]:
    table = polars.scan_parquet(data.export("parquet") / "data/*.parquet").filter(
        polars.col("split") == "val"
    )
    for row in table.collect().to_dicts():
        yield from_columns(row)


WAYS = [
    Way('polars.read_parquet("EXPORT/data/train-*.parquet")', read, RIGHT, split="train"),
    Way(
        'polars.scan_parquet("EXPORT/data/*.parquet").filter(polars.col("split") == "val")',
        scan,
        RIGHT,
        split="val",
    ),
]

if __name__ == "__main__":
    run(WAYS, "polars")
