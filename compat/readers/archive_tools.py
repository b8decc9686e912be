# /// script
# requires-python = ">=3.11"
# dependencies = ["pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "GNU tar, bsdtar, 7-Zip"
# kind = "loader"
# ///
"""Programs that unpack archives; they must be on the PATH: tar, bsdtar (Debian: libarchive-tools), 7z (p7zip-full)."""

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from loader_tools import from_file
from reader_tools import RIGHT, Data, Sample, Way, run

VERSIONS = (["tar", "--version"], ["bsdtar", "--version"], ["7z", "i"])


def extract(command: list[str]) -> Callable[[Data], Iterator[Sample]]:
    """Returns the reading of files that a command extracts; SHARD and FOLDER in it are replaced."""

    def samples(data: Data) -> Iterator[Sample]:
        for shard in data.shards("train"):
            with tempfile.TemporaryDirectory() as folder:
                names = {"SHARD": str(shard), "FOLDER": folder, "-oFOLDER": f"-o{folder}"}
                subprocess.run(
                    [names.get(word, word) for word in command], check=True, stdout=subprocess.DEVNULL
                )
                yield from read_files(Path(folder))

    return samples


def read_files(folder: Path) -> Iterator[Sample]:
    """Yields the samples whose members lie as files in a folder."""
    found: dict[str, Sample] = {}
    for path in sorted(folder.rglob("*.*")):
        key, member = path.name.split(".", 1)
        found.setdefault(key, {"key": key}).update(from_file(member, path.read_bytes()))
    yield from found.values()


def version_of(command: list[str]) -> str:
    """Returns the first number with a dot that a program prints about itself."""
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"\d+\.\d+[.\d]*", shown)
    assert found, shown
    return found[0]


WAYS = [
    Way(
        "tar --extract --file DIR/train-000000.tar",
        extract(["tar", "--extract", "--file", "SHARD", "--directory", "FOLDER"]),
        RIGHT,
        split="train",
    ),
    Way(
        "bsdtar -xf DIR/train-000000.tar",
        extract(["bsdtar", "-xf", "SHARD", "-C", "FOLDER"]),
        RIGHT,
        split="train",
    ),
    Way("7z x DIR/train-000000.tar", extract(["7z", "x", "SHARD", "-oFOLDER"]), RIGHT, split="train"),
]

if __name__ == "__main__":
    run(WAYS, version_text=", ".join(version_of(command) for command in VERSIONS))
