"""Layout `parquet`: one Parquet file per shard, as Hugging Face `datasets`, pandas, Polars and DuckDB read it.

    data/train-000000.parquet   a row per sample: key, four images, labels
    README.md                   data-set card with the files of each split

The files lie in a folder of their own, because readers of a folder of Parquet files refuse others beside them.
"""

from pathlib import Path
from typing import Any

from maskgen.dataset.reader import Encoded
from maskgen.dataset.unpack.base import Contents, File, LayoutFacts, LayoutOptions
from maskgen.dataset.unpack.parquet_file import ParquetFile
from maskgen.dataset.unpack.shard_files import clear_folder
from maskgen.dataset.unpack.shard_notes import parquet_card
from maskgen.dataset.unpack.shard_sample import ShardSamples
from maskgen.extras import require

FOLDER = "data"


class Parquet:
    """Layout of a Parquet file per shard. See `StreamLayout`.

    Raises:
        MissingError: pyarrow is not installed.
    """

    accepts: frozenset[str] = frozenset()
    strangers = True

    def __init__(self, _: LayoutOptions) -> None:
        require("--layout parquet", "parquet", "pyarrow")
        self._samples = ShardSamples()
        self._folder, self._about, self._shard = Path(), dict[str, Any](), ""
        self._file: ParquetFile | None = None
        self._shards: list[str] = []

    def prepare(self, folder: Path, contents: Contents) -> None:
        """Checks that the folder holds no Parquet files of other shards.

        Raises:
            UsageError: it does.
        """
        clear_folder(folder, FOLDER, "*.parquet", {f"{name}.parquet" for name in contents.shards})
        self._folder, self._about = folder / FOLDER, contents.about

    def append(self, sample: Encoded) -> list[str]:
        """Appends a sample, and returns its file and row, such as `data/train-000000.parquet:12`.

        Raises:
            InputError: a member is missing or damaged, or the images have several formats.
        """
        entry = self._samples.read(sample)
        if entry.shard != self._shard:
            self._end_shard()
            self._shard = entry.shard
            self._shards.append(entry.shard)
        if self._file is None:
            self._file = ParquetFile(self._folder / f"{entry.shard}.parquet")
        return [f"{FOLDER}/{entry.shard}.parquet:{self._file.add(entry)}"]

    def closing(self) -> list[File]:
        """Ends the last file, and returns the card."""
        self._end_shard()
        card = parquet_card(self._about, self._shards, self._samples.counts)
        return [("README.md", card.encode("utf-8"))]

    def abandon(self) -> None:
        """Removes the unfinished file."""
        if self._file is not None:
            self._file.abandon()

    def facts(self) -> LayoutFacts:
        """Returns the number of files."""
        return LayoutFacts(files=len(self._shards))

    def _end_shard(self) -> None:
        if self._file is not None:
            self._file.finish()
            self._file = None
