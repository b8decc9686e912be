# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "pandas==3.1.1", "polars==2.1.0", "duckdb==2.0.1", "pyarrow==25.0.1", "daft==0.7.26", "pillow==13.0.0",
#   "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "pandas"
# kind = "loader"
# ///
"""pandas, on the Parquet files of `unmask unpack --layout parquet`."""

from collections.abc import Iterator

import pandas
from loader_tools import from_columns
from reader_tools import RIGHT, Data, Sample, Way, run


def read(data: Data) -> Iterator[Sample]:
    table = pandas.read_parquet(data.export("parquet") / "data", filters=[("split", "==", "train")])
    for row in table.to_dict("records"):
        yield from_columns(row)


WAYS = [
    Way(
        """pandas.read_parquet("EXPORT/data", filters=[("split", "==", "train")])""",
        read,
        RIGHT,
        split="train",
    ),
]

if __name__ == "__main__":
    run(WAYS, "pandas")
