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

from collections.abc import Iterator

import duckdb
from loader_tools import from_columns
from reader_tools import RIGHT, Data, Sample, Way, run


def select(data: Data) -> Iterator[Sample]:
    found = duckdb.read_parquet(f"{data.export('parquet')}/data/train-*.parquet")
    for row in found.fetchall():
        yield from_columns(dict(zip(found.columns, row, strict=True)))


WAYS = [
    Way('duckdb.read_parquet("EXPORT/data/train-*.parquet")', select, RIGHT, split="train"),
]

if __name__ == "__main__":
    run(WAYS, "duckdb")
