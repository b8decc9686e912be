"""Layout `mds`: shards of MosaicML Streaming, a folder per split.

    train/index.json        files, columns and their encodings
    train/shard.00000.mds   samples, at most 64 MB
    README.md               how to read it

Splits without samples have no folder.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from maskgen.dataset.reader import Encoded
from maskgen.dataset.shard_record import SPLITS
from maskgen.dataset.unpack.base import Contents, File, LayoutFacts, LayoutOptions
from maskgen.dataset.unpack.mds_file import INDEX, LIMIT, MdsWriter
from maskgen.dataset.unpack.shard_files import left_behind
from maskgen.dataset.unpack.shard_notes import mds_notes
from maskgen.dataset.unpack.shard_sample import ShardSample, ShardSamples


class Mds:
    """Layout of Streaming's shards. See `StreamLayout`."""

    accepts: frozenset[str] = frozenset()
    strangers = True

    def __init__(self, _: LayoutOptions) -> None:
        self._samples = ShardSamples()
        self._folder, self._about = Path(), dict[str, Any]()
        self._writers: dict[str, MdsWriter] = {}
        self._open = ExitStack()

    def prepare(self, folder: Path, contents: Contents) -> None:
        """Checks that the folder holds no splits of another export.

        Raises:
            UsageError: it does.
        """
        wanted = {name.rpartition("-")[0] for name in contents.shards}
        others = [split for split in SPLITS if split not in wanted and (folder / split / INDEX).exists()]
        if others:
            raise left_behind(folder, [f"{split}/" for split in others], "it")
        self._folder, self._about = folder, contents.about

    def append(self, sample: Encoded) -> list[str]:
        """Appends a sample, and returns its folder and number, such as `train:12`.

        Raises:
            InputError: a member is missing or damaged, or the images have several formats.
        """
        entry = self._samples.read(sample)
        split = entry.labels["split"]
        if split not in self._writers:
            writer = MdsWriter(self._folder / split, _columns(entry), LIMIT)
            self._writers[split] = self._open.enter_context(writer)
        return [f"{split}:{self._writers[split].add(_values(entry))}"]

    def closing(self) -> list[File]:
        """Ends the shards, and returns their indexes and notes on how to read them."""
        indexes = [(f"{split}/{INDEX}", writer.finish()) for split, writer in self._writers.items()]
        notes = mds_notes(self._about, self._samples.counts, self._samples.suffix)
        return [*indexes, ("README.md", notes.encode("utf-8"))]

    def abandon(self) -> None:
        """Removes unfinished shards."""
        self._open.close()

    def facts(self) -> LayoutFacts:
        """Returns the number of files."""
        return LayoutFacts(files=sum(writer.files for writer in self._writers.values()))


def _columns(sample: ShardSample) -> dict[str, str]:
    """Returns the encodings of the columns. Streaming decodes `jpeg` and `png` to Pillow images; WebP stays bytes."""
    image = {"jpg": "jpeg", "png": "png"}.get(sample.suffix, "bytes")
    images = {"masked": image, "gt": image, "map": "png", "parts": "png"}
    texts = dict.fromkeys(("key", "source", "identity", "split", "terms"), "str")
    numbers = {"width": "int", "height": "int", "seed": "int", "hole": "float64", "valid": "float64"}
    return {**images, **texts, **numbers, "faces": "json"}


def _values(sample: ShardSample) -> dict[str, object]:
    return {
        "key": sample.key,
        "width": sample.width,
        "height": sample.height,
        **sample.images,
        **sample.labels,
    }
