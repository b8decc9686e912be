"""Validation of the generator on held-out samples, beside the trivial baselines it has to beat."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

import torch
from torch import Tensor

from maskgen.types import RGBImage
from unmasknet.data.batches import Batch
from unmasknet.maps import ImageBatch, composite
from unmasknet.metrics import baselines
from unmasknet.metrics import image as image_metrics
from unmasknet.pictures import sheet
from unmasknet.settings import GanSettings
from unmasknet.training import distributed
from unmasknet.training.task import TrainingProcess
from unmasknet.training.validation_data import HeldOut, moved, read

MEAN_FACE_SAMPLES = 500  # training crops of which the baseline "mean face" is the mean
PAIR_BATCHES = 8  # batches on which the discriminators are validated, of 16 samples or as many as are drawn
BASELINES = ("telea", "mean_face")
SCORES = ("psnr_hole", "ssim_hole", "l1_hole", "psnr_whole", "ssim_whole")

Fill = Callable[[Batch], ImageBatch]  # restores the masked images of a batch


class GanValidation:
    """Held-out samples and the scores of the baselines on them.

    Attributes:
        baseline_scores: PSNR (dB) and SSIM inside the hole of each baseline, such as `telea_psnr_hole`.
    """

    def __init__(self, settings: GanSettings, place: TrainingProcess) -> None:
        """Reads the samples and scores the baselines once.

        Raises:
            InputError: the split holds no sample, or the data cannot be read.
        """
        self.settings, self.device = settings, place.device
        self.held_out = HeldOut(settings, place.ranks)
        self.baseline_scores = self._score_baselines()

    def validate(self, fill: Fill) -> dict[str, float]:
        """Computes the mean scores with the true maps, and by how many dB each baseline is beaten (`over_NAME`)."""
        scores = self._score(fill, self.device)
        over = {
            f"over_{name}": scores["psnr_hole"] - self.baseline_scores[f"{name}_psnr_hole"]
            for name in BASELINES
            if f"{name}_psnr_hole" in self.baseline_scores
        }
        return {**scores, **over}

    def accuracies(
        self,
        discriminators: Sequence[str],
        told_apart: Callable[[Sequence[str], Batch], Mapping[str, Tensor]],
    ) -> dict[str, float]:
        """Computes the accuracy of each discriminator on held-out pairs of truth and result, in [0, 1]; .5 is chance.

        Args:
            discriminators: names of those that take part.
            told_apart: names, batch -> name -> for each sample 1 if the truth was found more real, or 0.
        """
        if not discriminators:
            return {}
        sums = dict.fromkeys([*discriminators, "pairs"], 0.0)  # the same names on a rank without samples
        for batch in islice(self.held_out.on(self.device), PAIR_BATCHES):
            sums["pairs"] += len(batch)
            for name, right in told_apart(discriminators, batch).items():
                sums[name] += float(right.sum())
        sums = distributed.summed(sums, self.device)
        return {f"accuracy_{name}": sums[name] / max(sums["pairs"], 1.0) for name in discriminators}

    def draw(self, fill: Fill) -> RGBImage:
        """Draws the fixed samples: masked photo, map, composited result, truth."""
        batch = moved(self.held_out.shown, self.device)
        result = composite(fill(batch), batch.masked, batch.map)
        return sheet(
            [
                ("masked", batch.masked),
                ("map", batch.map.expand(-1, 3, -1, -1)),
                ("result", result),
                ("truth", batch.gt),
            ]
        )

    def _score_baselines(self) -> dict[str, float]:
        crops = (batch.gt for batch in read(self.settings, self.settings.data.split, MEAN_FACE_SAMPLES))
        face = baselines.mean_face(crops)
        scores: dict[str, float] = {}
        for name, fill in zip(BASELINES, (baselines.telea, face), strict=True):
            if fill is not None:
                own = self._score(_over_photo(fill), torch.device("cpu"))
                scores |= {f"{name}_psnr_hole": own["psnr_hole"], f"{name}_ssim_hole": own["ssim_hole"]}
        return scores

    def _score(self, fill: Fill, device: torch.device) -> dict[str, float]:
        """Computes PSNR (dB), SSIM and L1 in the hole, and PSNR and SSIM of the composited image: means over samples.

        A sample's score that is not finite, such as the PSNR of equal images, is left out of its mean.
        """
        sums = dict.fromkeys([*SCORES, *(f"n {name}" for name in SCORES)], 0.0)
        for batch in self.held_out.on(device):
            result = composite(fill(batch), batch.masked, batch.map)
            everywhere = torch.ones_like(batch.map)
            windows = image_metrics.ssim_map(result, batch.gt)
            values = (
                image_metrics.psnr(result, batch.gt, batch.map),
                image_metrics.over(windows, batch.map),
                image_metrics.l1(result, batch.gt, batch.map),
                image_metrics.psnr(result, batch.gt, everywhere),
                image_metrics.over(windows, everywhere),
            )
            for name, value in zip(SCORES, values, strict=True):
                finite = torch.isfinite(value)
                sums[name] += float(value[finite].sum())
                sums[f"n {name}"] += float(finite.sum())
        sums = distributed.summed(sums, self.device)
        return {name: sums[name] / max(sums[f"n {name}"], 1.0) for name in SCORES}


def _over_photo(fill: baselines.Baseline) -> Fill:
    return lambda batch: fill(batch.masked, batch.map)
