"""Segmenter trained on a layer that is the photo itself, re-encoded, must not find that layer.

If it did, it would have learned the artefacts of data set generation instead of masks.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut

from maskgen.dataset import shard_record, shards
from maskgen.images import codecs
from maskgen.settings import ShardSettings
from maskgen.types import Plane, RGBImage, Triplet
from unmasknet.data.batches import open_batches
from unmasknet.models.segmenter import build_segmenter
from unmasknet.settings import AugmentSettings, DataSettings, SegmenterSettings, SegmSettings
from unmasknet.training import losses

SIDE, STEPS = 64, 80
AUGMENT = AugmentSettings(rotate=0, zoom=0, shift=0, colour=0, jpeg=1.0)  # only the second JPEG encoding


def re_encoded(photo: RGBImage) -> RGBImage:
    layer = codecs.decode(codecs.encode_jpeg(photo, 75), max_pixels=1 << 20, background=255)
    assert isinstance(layer, np.ndarray)
    return layer


def a_little_darker(photo: RGBImage) -> RGBImage:
    return cv2.subtract(photo, (24, 24, 24, 0))


def write_split(folder: Path, split: str, count: int, layer_of) -> None:
    rng = np.random.default_rng(count)
    with shards.ShardWriter(folder, folder, f"{split}-000000", count) as writer:
        for number in range(count):
            triplet = drawn(rng, layer_of)
            origin = shards.Origin(str(number), str(number), split, "")
            members = shards.encode(triplet, origin, ShardSettings())
            writer.add_photo([(f"p{number:04d}-01234567-f0-m0", members)])
        size, digest = writer.finish()
    report = shard_record.ShardReport(f"{split}-000000", split, count, count, size, digest, "0" * 16)
    shard_record.write_record(folder, report)


def drawn(rng: np.random.Generator, layer_of) -> Triplet:
    """Returns a crop of a photo with an ellipse of the layer at a random place."""
    top, left = rng.integers(0, 512 - 96, 2)
    photo = cv2.resize(
        astronaut()[top : top + 96, left : left + 96], (SIDE, SIDE), interpolation=cv2.INTER_AREA
    )
    map: Plane = np.zeros((SIDE, SIDE), np.uint8)
    centre, axes = rng.integers(14, 50, 2).tolist(), rng.integers(8, 22, 2).tolist()
    cv2.ellipse(map, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    masked = np.where(map[:, :, None] > 0, layer_of(photo), photo).astype(np.uint8)
    return Triplet(masked, photo, map, map * 3, (), 1.0, 0)


def found(folder: Path, layer_of) -> float:
    """Returns the ROC area of a trained segmenter, minus that of maps for other photos (the position alone)."""
    for split, count in (("train", 200), ("val", 48)):
        write_split(folder, split, count, layer_of)
    data = DataSettings(size=SIDE, batch=8, lanes=1, workers=0, shuffle=100)
    settings = SegmSettings(data=data, augment=AUGMENT)
    torch.manual_seed(0)
    net = build_segmenter(SegmenterSettings(width=8, max_width=16, depth=2, convs=1))
    adam = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _, batch in zip(
        range(STEPS), open_batches([str(folder)], "train", settings, train=True), strict=False
    ):
        adam.zero_grad()
        losses.bce(net(batch.masked), batch.target).mean().backward()
        adam.step()
    with torch.no_grad():
        batches = list(open_batches([str(folder)], "val", settings, train=False))
        logits = torch.cat([net(batch.masked) for batch in batches]).flatten(1)
    target = torch.cat([batch.target for batch in batches]).flatten(1)
    return roc_area(logits, target) - roc_area(logits.roll(7, dims=0), target)


def roc_area(scores: torch.Tensor, target: torch.Tensor) -> float:
    ranks = scores.flatten().argsort().argsort().double()
    hidden = target.flatten() > 0
    count, rest = int(hidden.sum()), int((~hidden).sum())
    return (float(ranks[hidden].sum()) - count * (count - 1) / 2) / (count * rest)


@pytest.mark.parametrize(
    ("layer_of", "least", "most"), [(re_encoded, -0.03, 0.03), (a_little_darker, 0.08, 1.0)]
)
def test_a_segmenter_learns_a_visible_layer_but_not_a_re_encoded_photo(layer_of, least, most, tmp_path):
    assert least < found(tmp_path, layer_of) < most
