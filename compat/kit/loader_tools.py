"""What the scripts of data-set loaders import besides `reader_tools`: names of members, images, plain Python labels."""

import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reader_tools import Data, Sample

MEMBERS = ("masked", "gt", "map", "parts")
LABELS = ("source", "identity", "split", "faces", "seed", "hole", "valid", "terms")  # columns of an export


def braces(data: Data, split: str, suffix: str = "jpg") -> str:
    """Returns the shards of a split in the notation of webdataset, such as `DIR/train-{000000..000003}.tar`."""
    last = len(data.shards(split, suffix)) - 1
    return f"{data.data_set(suffix)}/{split}-{{000000..{last:06d}}}.tar"


def to_sample(key: Any, row: Mapping[str, Any], *, labels: str = "json") -> Sample:
    """Returns a sample of a row whose keys are the names of members, such as `map.png`.

    Args:
        key: of the sample.
        row: values by name; names may also be in capitals, or have a dot or an underscore before the suffix.
        labels: name of the labels; "" if the row has none.
    """
    sample: Sample = {"key": to_plain(key)}
    for name, value in row.items():
        member = name.strip(".").replace("_", ".").split(".")[0]
        if member in MEMBERS:
            sample[member] = value
    if labels:
        sample["labels"] = to_plain(row[labels])
    return sample


def to_plain(value: Any) -> Any:
    """Returns labels as Python's own types: arrays become lists, scalars numbers, bytes text; no number changes."""
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # arrays and scalars of NumPy, torch, JAX
        return to_plain(value.tolist())
    if hasattr(value, "numpy"):  # TensorFlow
        return to_plain(value.numpy())
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value.decode("utf-8") if isinstance(value, bytes | bytearray) else value


def parse_labels(content: Any) -> Any:
    """Returns the labels of a `KEY.json` whose content is given as bytes or text."""
    return json.loads(bytes(content) if not isinstance(content, str) else content)


def open_image(content: bytes) -> Any:
    """Opens an encoded image with Pillow, which the script must pin."""
    from PIL import Image

    return Image.open(io.BytesIO(content))


def from_file(name: str, content: bytes) -> Sample:
    """Returns what a file of a sample holds: an image, or the labels.

    Args:
        name: name of the file after the key, such as `map.png` or `json`.
        content: its bytes.
    """
    if name == "json":
        return {"labels": json.loads(content)}
    return {name.split(".")[0]: open_image(content)}


def from_columns(row: Mapping[str, Any]) -> Sample:
    """Returns the sample of a row of a Parquet file: structures for the images, and a column for each label."""
    labels = {name: to_plain(row[name]) for name in LABELS}
    images = {name: open_image(bytes(row[name]["bytes"])) for name in MEMBERS}
    return {"key": row["key"], "labels": labels} | images


def keys_in_order(shards: list[Path]) -> Iterator[str]:
    """Yields the keys of shards in their order, for readers that do not return the key."""
    for shard in shards:
        with tarfile.open(shard) as tar:
            yield from dict.fromkeys(name.split(".", 1)[0] for name in tar.getnames())


def without_card(data: Data) -> Path:
    """Returns a copy of the data set without README.md, as of somebody who copied the shards and what lies beside."""
    copy = Path(tempfile.mkdtemp(dir=data.root.parent)) / "copy"
    shutil.copytree(data.data_set(), copy, ignore=shutil.ignore_patterns("README.md"))
    return copy
