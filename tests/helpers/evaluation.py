"""Synthetic data set and untrained runs, for tests of the evaluation."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from maskgen.dataset import shard_record, shards
from maskgen.settings import ShardSettings
from maskgen.types import BARE, MaskedFace, Triplet
from tests.helpers import small_images
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.models import checkpoint, load
from unmasknet.settings import DataSettings, GanSettings, GeneratorSettings, SegmenterSettings, SegmSettings

SIDE = 64
# eyes, nose, corners of the mouth
POINTS = ((22.0, 24.0), (42.0, 24.0), (32.0, 36.0), (25.0, 44.0), (39.0, 44.0))
QUICK = {"features": "off", "identity": "off", "detect": False, "bootstrap": 50, "device": "cpu"}


def write_split(
    folder: Path,
    split: str,
    count: int,
    *,
    people: int = 4,
    unmasked: Collection[int] = (),
    own_bare: Collection[int] = (),
) -> None:
    """Writes a shard of `count` samples of `people` people, with landmarks of eyes and mouth.

    No face wears a mask in the samples numbered in `unmasked`. In those in `own_bare` only a second face does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{split}-000000"
    with shards.ShardWriter(folder, folder, name, count) as writer:
        for number in range(count):
            origin = shards.Origin(
                f"p{number % people}/{number}.jpg", f"p{number % people}", split, "toy terms"
            )
            drawn = small_images.bare(triplet(number)) if number in unmasked else triplet(number)
            if number in own_bare:
                drawn = replace(drawn, faces=(replace(drawn.faces[0], mask=BARE), *drawn.faces))
            members = shards.encode(drawn, origin, ShardSettings(format="png"))
            writer.add_photo([(f"toy-{split}-{number:03d}", members)])
        size, digest = writer.finish()
    shard_record.write_record(
        folder, shard_record.ShardReport(name, split, count, count, size, digest, "0" * 16)
    )


def triplet(number: int) -> Triplet:
    """Draws a triplet whose mask covers nose to chin."""
    drawn = small_images.drawn_triplet(number)
    worn = drawn.faces[0]
    face = replace(worn.face, landmarks=np.array(POINTS, np.float32), scheme="celeba5")
    parts = np.zeros((SIDE, SIDE), np.uint8)
    parts[32:62, 16:48], parts[34:37, 4:16], parts[62:63, 16:48] = 3, 2, 1
    masked = drawn.gt.copy()
    masked[parts > 0] = 255 - drawn.gt[parts > 0] // 2
    faces = (MaskedFace(face, worn.pose, worn.mask),)
    return replace(drawn, masked=masked, map=(parts > 0).astype(np.uint8), parts=parts, faces=faces)


def write_run(folder: Path, stage: str, side: int = SIDE) -> Path:
    """Writes a run folder with random weights of a very small network."""
    torch.manual_seed(3)
    data = DataSettings(size=side)
    settings: SegmSettings | GanSettings
    if stage == "segm":
        settings = SegmSettings(data=data, model=SegmenterSettings(width=4, max_width=8, depth=2))
    else:
        settings = GanSettings(
            data=data, generator=GeneratorSettings(width=4, max_width=8, depth=2, middle="none")
        )
    folder.mkdir(parents=True, exist_ok=True)
    facts = checkpoint.facts_text(stage=stage, settings=settings.model_dump(mode="json"), threshold="0.5")
    name = {"segm": "segmenter", "gan": "generator"}[stage]
    checkpoint.save_weights(folder / f"{name}.safetensors", load.build(settings).state_dict(), facts)
    return folder


def quick(data: Path, **changes: object) -> EvalSettings:
    """Builds settings that need no optional package."""
    return EvalSettings.model_validate({"data": str(data), **QUICK, **changes})
