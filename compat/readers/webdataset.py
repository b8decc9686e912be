# /// script
# requires-python = ">=3.11"
# dependencies = ["webdataset==1.0.2", "torch==2.13.0", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "webdataset"
# kind = "loader"
# ///
"""webdataset, whose layout the shards have, in one process and with the workers of PyTorch's DataLoader."""

from collections.abc import Callable, Iterator

import webdataset
from loader_tools import braces, to_sample
from reader_tools import Data, Sample, Way, run
from torch.utils.data import DataLoader

RGB = {"samples": "right", "images": "right, uint8 h w 3", "labels": "right"}


def read(split: str, how: str, suffix: str = "jpg") -> Callable[[Data], Iterator[Sample]]:
    def samples(data: Data) -> Iterator[Sample]:
        shards = webdataset.WebDataset(braces(data, split, suffix), shardshuffle=False)
        for row in shards.decode(how):
            yield to_sample(row["__key__"], row)

    return samples


def load(split: str, workers: int) -> Callable[[Data], Iterator[Sample]]:
    def samples(data: Data) -> Iterator[Sample]:
        shards = webdataset.WebDataset(braces(data, split), shardshuffle=False).decode("pil")
        for row in DataLoader(shards, batch_size=None, num_workers=workers):
            yield to_sample(row["__key__"], row)

    return samples


def read_folder(data: Data) -> Iterator[Sample]:
    for row in webdataset.WebDataset(str(data.data_set()), shardshuffle=False).decode("pil"):
        yield to_sample(row["__key__"], row)


LINE = 'WebDataset("DIR/{split}-{{000000..000003}}.tar", shardshuffle=False)'
TRAIN, VAL = LINE.format(split="train"), LINE.format(split="val")
FLOAT = "right, float32 3 h w / 255"
THREE = {"map": "right, uint8 h w 3", "parts": "right, uint8 h w 3"}

WAYS = [
    Way(f'{TRAIN}.decode("pil")', read("train", "pil"), RGB | THREE, split="train"),
    Way(f'{TRAIN}.decode("rgb8")', read("train", "rgb8"), RGB | THREE, split="train"),
    Way(f'{TRAIN}.decode("rgb8")', read("train", "rgb8", "webp"), RGB | THREE, split="train", suffix="webp"),
    Way(
        f'{TRAIN}.decode("torchrgb")',
        read("train", "torchrgb"),
        RGB | {"images": FLOAT, "map": FLOAT, "parts": FLOAT},
        split="train",
    ),
    Way(f"DataLoader({VAL}, num_workers=2)", load("val", 2), RGB | THREE, split="val"),
    Way(f"DataLoader({VAL}, num_workers=4)", load("val", 4), RGB | THREE, split="val"),
    Way(
        'WebDataset("DIR")',
        read_folder,
        {"samples": "refused"},
        split="train",
        note="name the shards, not the folder",
    ),
]

run(WAYS, "webdataset")
