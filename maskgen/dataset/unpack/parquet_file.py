"""Writer of a Parquet file with the samples of a shard.

Its schema says to Hugging Face `datasets` which columns are images. Bytes depend on the samples and pyarrow's version.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from maskgen.dataset.labels import SHAPE
from maskgen.dataset.unpack.shard_files import PartFile
from maskgen.dataset.unpack.shard_sample import ROLES, ShardSample

# A reader that wants one row decodes its row group. Hugging Face's viewer and Polars want tens of megabytes at most;
# fewer than 100 rows make the overhead of labels noticeable.
GROUP_ROWS, GROUP_BYTES = 100, 32 << 20
_IMAGE = {"_type": "Image"}


class ParquetFile:
    """Writer of one file; rows are held until a row group is full.

    Args:
        path: path of the file.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet

        self._schema = build_schema()
        self._part = PartFile(path)
        with self._part.errors():
            self._writer = pyarrow.parquet.ParquetWriter(
                self._part.file,
                self._schema,
                compression="zstd",
                use_dictionary=["identity", "split", "terms"],
                # of images they would be their first bytes
                write_statistics=["key", "source", "identity", "split"],
                write_page_index=True,
            )
        self._rows: list[dict[str, Any]] = []
        self._held = self._count = 0

    def add(self, sample: ShardSample) -> int:
        """Appends a sample, and returns its row."""
        self._rows.append(_row(sample))
        self._held += sum(map(len, sample.images.values()))
        self._count += 1
        if len(self._rows) >= GROUP_ROWS or self._held >= GROUP_BYTES:
            self._write_group()
        return self._count - 1

    def finish(self) -> None:
        """Writes the rows that are held and the footer, and gives the file its name."""
        self._write_group()
        with self._part.errors():
            self._writer.close()
        self._part.finish()

    def abandon(self) -> None:
        """Deletes the file if it is not finished."""
        with suppress(OSError):  # the footer goes into a file that is deleted, and may not fit on the disk
            self._writer.close()
        self._writer.is_open = False  # else its destructor closes it again, and complains on stderr
        self._part.abandon()

    def _write_group(self) -> None:
        import pyarrow

        if self._rows:
            table = pyarrow.Table.from_pylist(self._rows, schema=self._schema)
            with self._part.errors():
                self._writer.write_table(table, row_group_size=len(self._rows))
        self._rows, self._held = [], 0


def features() -> dict[str, Any]:
    """Returns the columns in the form in which Hugging Face `datasets` stores them, readable by all versions from 2."""
    labels = {name: _feature(shape) for name, shape in SHAPE.items()}
    sizes = {"width": _feature(int), "height": _feature(int)}
    return {"key": _feature(str), **dict.fromkeys(ROLES, _IMAGE), **sizes, **labels}


def build_schema() -> Any:
    """Builds the `pyarrow.Schema` of `features`, which are in its metadata."""
    import pyarrow

    names = features()
    fields = [pyarrow.field(name, _arrow_type(feature)) for name, feature in names.items()]
    about = {"huggingface": json.dumps({"info": {"features": names}})}
    return pyarrow.schema(fields, metadata=about)


def _feature(shape: Any) -> Any:
    """Returns the feature of a label, by its entry in the schema of labels."""
    if isinstance(shape, dict):
        return {name: _feature(inner) for name, inner in shape.items()}
    if isinstance(shape, list):
        # also a box, which is four numbers: a list of fixed length is a type of its own to some readers, not to Parquet
        return [_feature(shape[0])]
    return {"dtype": {str: "string", int: "int64", float: "float64"}[shape], "_type": "Value"}


def _arrow_type(feature: Any) -> Any:
    import pyarrow

    if isinstance(feature, list):
        return pyarrow.list_(_arrow_type(feature[0]))
    if feature == _IMAGE:
        return pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})
    if feature.get("_type") == "Value":
        return pyarrow.type_for_alias(feature["dtype"])
    return pyarrow.struct({name: _arrow_type(inner) for name, inner in feature.items()})


def _row(sample: ShardSample) -> dict[str, Any]:
    suffixes = {"masked": sample.suffix, "gt": sample.suffix}
    images = {
        role: {"bytes": data, "path": f"{sample.key}.{role}.{suffixes.get(role, 'png')}"}
        for role, data in sample.images.items()
    }
    return {"key": sample.key, **images, "width": sample.width, "height": sample.height, **sample.labels}
