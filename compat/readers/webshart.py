# /// script
# requires-python = ">=3.11"
# dependencies = ["webshart==0.4.6", "pillow==13.0.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "webshart"
# kind = "loader"
# ///
"""webshart: files of shards by their position, with its index of the folder."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import webshart
from loader_tools import from_file
from reader_tools import RIGHT, Data, Sample, Way, run


def make_index(data: Data) -> str:
    """Writes webshart's index to a folder beside the data set; its program takes only a full path for a folder."""
    folder = Path("index").absolute()
    folder.mkdir(exist_ok=True)
    program = Path(sys.executable).parent / "webshart"
    options = ["--source", data.data_set(), "--destination", f"{folder}/", "--max-workers", "1"]
    subprocess.run([program, "extract-metadata", *options], check=True)
    return str(folder)


def read_files(data: Data) -> Iterator[Sample]:
    found = webshart.discover_dataset(source=str(data.data_set()), metadata=make_index(data))
    samples: dict[str, Sample] = {}
    for entry in webshart.TarDataLoader(found):
        key, member = entry.path.split(".", 1)
        samples.setdefault(key, {"key": key}).update(from_file(member, bytes(entry.data)))
    yield from samples.values()


def read_without_index(data: Data) -> Iterator[Sample]:
    found = webshart.discover_dataset(source=str(data.data_set()))
    for entry in webshart.TarDataLoader(found):
        yield {"key": entry.path}


WAYS = [
    Way(
        'TarDataLoader(discover_dataset(source="DIR", metadata="INDEX"))',
        read_files,
        RIGHT,
        split="all",
        note="gives files, not samples: join them by the key; its samples are one image and one JSON",
    ),
    Way(
        'discover_dataset(source="DIR")',
        read_without_index,
        {"samples": "refused"},
        split="all",
        note="`webshart extract-metadata --source DIR --destination /full/path/of/INDEX/` first",
    ),
]

if __name__ == "__main__":
    run(WAYS, "webshart")
