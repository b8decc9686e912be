"""Restored samples of a data set, for the tools that draw results."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from maskgen.dataset.reader import DataSet
from maskgen.types import RGBImage
from unmasknet.evaluation.samples import EvalSample, in_batches, read_samples, stack, to_images
from unmasknet.export.settings import ExportSettings
from unmasknet.metrics import image as image_metrics
from unmasknet.models.two_stage import Restorer

BATCH = 16
GROW = ExportSettings().grow


@dataclass(frozen=True)
class Face:
    """Sample and its restoration.

    Attributes:
        case: the sample.
        map: predicted map as a black and white image.
        restored: restored image.
        psnr: PSNR inside the hole in dB.
    """

    case: EvalSample
    map: RGBImage
    restored: RGBImage
    psnr: float

    @property
    def pictures(self) -> tuple[RGBImage, ...]:
        """Masked image, predicted map, restored image, ground truth."""
        return self.case.masked, self.map, self.restored, self.case.truth


def restored_faces(data: DataSet, split: str, keys: Sequence[str], restorer: Restorer) -> Iterator[Face]:
    """Restores the samples of `keys`, in the order of the shards."""
    assert restorer.size is not None
    for cases in in_batches(read_samples(data, split, keys, restorer.size), BATCH):
        batch = stack(cases, torch.device("cpu"))
        with torch.inference_mode():
            result, found = restorer.unmasked(batch.masked, GROW)
            scores = image_metrics.psnr(result, batch.truth, batch.map).tolist()
        maps = to_images(found.expand(-1, 3, -1, -1))
        for case, map, picture, score in zip(cases, maps, to_images(result), scores, strict=True):
            yield Face(case, map, picture, score)
