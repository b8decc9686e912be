# /// script
# requires-python = ">=3.11"
# dependencies = ["pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "jq"
# kind = "loader"
# ///
"""jq, which must be on the PATH: the labels of files and of a shard as it prints them."""

import json
import subprocess
from collections.abc import Iterator

from reader_tools import Data, Sample, Way, run

JQ, TAR = "jq", "tar"


def call(*command: object, given: bytes = b"") -> bytes:
    """Returns what a program prints."""
    return subprocess.run(command, input=given, check=True, capture_output=True).stdout


def filter_labels(data: Data) -> Iterator[Sample]:
    """Yields the labels of plain files."""
    for path in sorted((data.root / "jpg-files").glob("*.json")):
        yield {"key": path.name.split(".")[0], "labels": json.loads(call(JQ, "--compact-output", ".", path))}


def filter_shard(data: Data) -> Iterator[Sample]:
    """Yields the labels of a shard, whose JSON members tar writes one after the other."""
    for shard in data.shards("train"):
        names = call(TAR, "--list", "--file", shard).decode().split()
        keys = [name.split(".")[0] for name in names if name.endswith(".json")]
        packed = call(TAR, "--extract", "--to-stdout", "--wildcards", "--file", shard, "*.json")
        lines = call(JQ, "--compact-output", ".", given=packed).splitlines()
        for key, line in zip(keys, lines, strict=True):
            yield {"key": key, "labels": json.loads(line)}


WAYS = [
    Way("jq . KEY.json", filter_labels, {"labels": "right"}),
    Way(
        "tar -xOf DIR/train-000000.tar --wildcards '*.json' | jq .",
        filter_shard,
        {"samples": "right", "labels": "right"},
        split="train",
    ),
]

if __name__ == "__main__":
    run(WAYS, version_text=call(JQ, "--version").decode().strip().removeprefix("jq-"))
