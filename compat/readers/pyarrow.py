# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "pandas==3.1.1", "polars==2.1.0", "duckdb==2.0.1", "pyarrow==25.0.1", "daft==0.7.26", "pillow==13.0.0",
#   "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "PyArrow"
# kind = "loader"
# ///
"""PyArrow, on the Parquet files of `unmask unpack --layout parquet`."""

from collections.abc import Iterator

from loader_tools import from_columns
from pyarrow import dataset
from reader_tools import RIGHT, Data, Sample, Way, run


def read(data: Data) -> Iterator[Sample]:
    files = dataset.dataset(data.export("parquet") / "data", format="parquet")
    for batch in files.to_batches(filter=dataset.field("split") == "train"):
        for row in batch.to_pylist():
            yield from_columns(row)


WAYS = [
    Way(
        'pyarrow.dataset.dataset("EXPORT/data").to_batches(filter=field("split") == "train")',
        read,
        RIGHT,
        split="train",
    ),
]

if __name__ == "__main__":
    run(WAYS, "pyarrow")
