# /// script
# requires-python = ">=3.11"
# dependencies = ["pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "Python: tarfile, json, Pillow"
# kind = "loader"
# ///
"""Python's own tarfile: from the start to the end, and one sample by its key."""

import platform
import tarfile
from collections.abc import Iterator

from loader_tools import from_file
from reader_tools import RIGHT, Data, Sample, Way, run


def read_in_order(data: Data) -> Iterator[Sample]:
    """Yields a sample as soon as the next key begins: the members of a sample follow each other."""
    for path in data.shards("train"):
        with tarfile.open(path, "r|") as tar:
            sample: Sample = {}
            for info in tar:
                key, member = info.name.split(".", 1)
                if sample and sample["key"] != key:
                    yield sample
                    sample = {}
                sample |= {"key": key} | from_file(member, tar.extractfile(info).read())
            yield sample


def read_by_name(data: Data) -> Iterator[Sample]:
    """Looks each member up by its name, the last sample first."""
    for path in data.shards("train", "webp"):
        with tarfile.open(path) as tar:
            for key in sorted({name.split(".")[0] for name in tar.getnames()}, reverse=True):
                sample: Sample = {"key": key}
                for member in ("masked.webp", "gt.webp", "map.png", "parts.png", "json"):
                    sample |= from_file(member, tar.extractfile(f"{key}.{member}").read())
                yield sample


WAYS = [
    Way('tarfile.open("DIR/train-000000.tar", "r|")', read_in_order, RIGHT, split="train"),
    Way('tar.extractfile("KEY.map.png")', read_by_name, RIGHT, split="train", suffix="webp"),
]

if __name__ == "__main__":
    run(WAYS, version_text=platform.python_version())
