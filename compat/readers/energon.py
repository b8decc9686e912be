# /// script
# requires-python = ">=3.11"
# dependencies = ["megatron-energon==7.4.1", "torch==2.13.0", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "Megatron Energon"
# kind = "loader"
# ///
"""Megatron Energon: `energon prepare` on the folder, then its loader with the decoder that it has by default."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from loader_tools import to_sample
from megatron.energon import (
    Cooker,
    DefaultTaskEncoder,
    SampleDecoder,
    WorkerConfig,
    get_savable_loader,
    get_val_dataset,
    stateless,
)
from reader_tools import RIGHT, Data, Sample, Way, run

PREPARED = Path("prepared")  # energon writes its index into the data set, here into a copy
PREPARE = [
    *("prepare", "--non-interactive", "--num-workers", "1", "--sample-type", "CrudeWebdataset"),
    *(f"--split-parts={split}:{split}-.*" for split in ("train", "val", "test")),
]


@stateless
def as_it_came(sample: Any) -> dict[str, Any]:
    """Returns a sample as energon's decoder made it."""
    return dict(sample)


class Encoder(DefaultTaskEncoder):
    """Encoder that changes nothing: one sample per batch."""

    cookers = (Cooker(as_it_came),)

    @stateless
    def batch(self, samples: list[dict[str, Any]]) -> dict[str, Any]:
        """Returns the only sample."""
        return samples[0]


class PilEncoder(Encoder):
    """The same with Pillow's images instead of tensors."""

    decoder = SampleDecoder(image_decode="pil")


def prepare(data: Data) -> Path:
    """Returns the copy with energon's index."""
    if not PREPARED.exists():
        shutil.copytree(data.data_set(), PREPARED)
        energon = Path(sys.executable).parent / "energon"
        subprocess.run([energon, *PREPARE, PREPARED], check=True)
    return PREPARED


def read(split: str, encoder: type[Encoder], workers: int = 0) -> Callable[[Data], Iterator[Sample]]:
    def samples(data: Data) -> Iterator[Sample]:
        rows = get_val_dataset(
            prepare(data),
            split_part=split,
            worker_config=WorkerConfig(rank=0, world_size=1, num_workers=workers),
            batch_size=1,
            task_encoder=encoder(),
        )
        for row in get_savable_loader(rows):
            yield to_sample(row["__key__"].rsplit("/", 1)[-1], row)

    return samples


LINE = 'get_val_dataset("DIR", split_part="{}", ...)'
TENSOR = "right, float32 3 h w / 255"
RGB = "right, uint8 h w 3"

WAYS = [
    Way(
        LINE.format("train"),
        read("train", Encoder),
        RIGHT | {"images": TENSOR, "map": TENSOR, "parts": TENSOR},
        split="train",
    ),
    Way(
        LINE.format("val") + ', decoder = SampleDecoder(image_decode="pil"), 2 workers',
        read("val", PilEncoder, 2),
        RIGHT | {"images": RGB, "map": RGB, "parts": RGB},
        split="val",
    ),
]

if __name__ == "__main__":
    run(WAYS, "megatron-energon")
