# /// script
# requires-python = ">=3.11"
# dependencies = ["datasets==5.2.0", "torch==2.13.0", "jax==0.10.2", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "Hugging Face datasets"
# kind = "loader"
# ///
"""Hugging Face `datasets`: the folder with its card, without it, streamed, in the formats of array libraries."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = str(Path("hugging-face").absolute())

from datasets import load_dataset, load_from_disk
from huggingface_hub import DatasetCard
from loader_tools import LABELS, MEMBERS, to_sample, without_card
from reader_tools import RIGHT, Data, Sample, Way, run


def load(
    split: str, form: str = "", suffix: str = "jpg", **options: object
) -> Callable[[Data], Iterator[Sample]]:
    def samples(data: Data) -> Iterator[Sample]:
        rows = load_dataset(str(data.data_set(suffix)), split=split, **options)
        for row in rows.with_format(form) if form else rows:
            yield to_sample(row["__key__"], row)

    return samples


def load_without_card(data: Data) -> Iterator[Sample]:
    copy = without_card(data)
    try:
        for row in load_dataset(str(copy), split="train"):
            yield to_sample(row["__key__"], row)
    finally:
        shutil.rmtree(copy.parent)


def load_saved(data: Data) -> Iterator[Sample]:
    load_dataset(str(data.data_set()), split="val").save_to_disk("saved")
    for row in load_from_disk("saved"):
        yield to_sample(row["__key__"], row)


def load_as_card_says(data: Data) -> Iterator[Sample]:
    """Reads the splits that the card's header names, as the hub's viewer does."""
    card = DatasetCard.load(data.data_set() / "README.md").data
    files = {entry["split"]: entry["path"] for entry in card.configs[0]["data_files"]}
    shards = {split: str(data.data_set() / path) for split, path in files.items()}
    for row in load_dataset("webdataset", data_files=shards, split="val"):
        yield to_sample(row["__key__"], row)


def load_parquet(split: str, **options: object) -> Callable[[Data], Iterator[Sample]]:
    def samples(data: Data) -> Iterator[Sample]:
        for row in load_dataset(str(data.export("parquet")), split=split, **options):
            labels = {name: row[name] for name in LABELS}
            yield {"key": row["key"], "labels": labels} | {name: row[name] for name in MEMBERS}

    return samples


PLANE = {"map": "right, uint8 h w", "parts": "right, uint8 h w"}
CHANNEL_FIRST = RIGHT | {
    "images": "right, uint8 3 h w",
    "map": "right, uint8 1 h w",
    "parts": "right, uint8 1 h w",
}

WAYS = [
    Way('load_dataset("DIR", split="train")', load("train"), RIGHT, split="train"),
    Way('load_dataset("DIR", split="val")', load("val"), RIGHT, split="val"),
    Way(
        'load_dataset("DIR", split="train")',
        load("train", suffix="webp"),
        RIGHT,
        split="train",
        suffix="webp",
    ),
    Way(
        'load_dataset("DIR", split="train", streaming=True)',
        load("train", streaming=True),
        RIGHT,
        split="train",
    ),
    Way('load_dataset("DIR").with_format("numpy")', load("train", "numpy"), RIGHT, split="train"),
    Way('load_dataset("DIR").with_format("torch")', load("train", "torch"), CHANNEL_FIRST, split="train"),
    Way('load_dataset("DIR").with_format("jax")', load("train", "jax"), RIGHT, split="train"),
    Way('load_dataset("DIR", split="train")  # without README.md', load_without_card, RIGHT, split="train"),
    Way('load_dataset("EXPORT", split="train")', load_parquet("train"), RIGHT, split="train"),
    Way(
        'load_dataset("EXPORT", split="val", streaming=True)',
        load_parquet("val", streaming=True),
        RIGHT,
        split="val",
    ),
    Way("save_to_disk, load_from_disk", load_saved, RIGHT, split="val"),
    Way("huggingface_hub.DatasetCard.load, its data_files", load_as_card_says, RIGHT, split="val"),
]

run(WAYS, "datasets")
