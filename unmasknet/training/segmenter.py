"""`unmask train segm`: a network that predicts the mask map."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from maskgen.types import RGBImage
from unmasknet.data.batches import Batch
from unmasknet.device import autocast, placed
from unmasknet.metrics import image as image_metrics
from unmasknet.models.load import THRESHOLD, read_threshold
from unmasknet.models.segmenter import build_segmenter
from unmasknet.pictures import sheet, tinted
from unmasknet.settings import SegmSettings
from unmasknet.training import distributed, losses
from unmasknet.training.ema import Ema
from unmasknet.training.optimizer import Optimiser
from unmasknet.training.task import TrainingProcess
from unmasknet.training.validation_data import HeldOut, moved

THRESHOLDS = tuple(round(0.1 * tenth, 1) for tenth in range(1, 10))  # candidates at validation


class SegmTask:
    """Segmenter and its training: cross-entropy and Dice loss against the map of mask and straps."""

    best_by = "dice"
    inputs: tuple[int, ...] = (3,)

    def __init__(self, settings: SegmSettings, place: TrainingProcess) -> None:
        self.settings, self.device = settings, place.device
        self.net = placed(build_segmenter(settings.model), place.device)
        self.nets: dict[str, nn.Module] = {"segmenter": self.net}
        self.optimisers = {"segmenter": Optimiser([self.net], settings.optimiser.lr, settings.optimiser)}
        self.ema = Ema(self.net, float(settings.optimiser.ema_images))
        self.held_out = HeldOut(settings, place.ranks)
        self.threshold = THRESHOLD

    def step(self, parts: Sequence[Batch], done: float, lr_scale: float) -> tuple[Mapping[str, Tensor], bool]:  # noqa: ARG002
        """Updates the weights once, with a batch in one or more parts."""
        optimiser, weights = self.optimisers["segmenter"], self.settings.loss
        count = sum(len(part) for part in parts)
        optimiser.begin(lr_scale)
        log: dict[str, Tensor] = {}
        for part in parts:
            target = part.target
            logits = self.logits(self.net, part)
            terms = {"bce": losses.bce(logits, target), "dice_loss": losses.dice(logits, target)}
            loss = weights.bce * terms["bce"] + weights.dice * terms["dice_loss"]
            torch.autograd.backward(loss.sum() / count)
            for name, values in {"loss": loss, **terms}.items():
                log[name] = log.get(name, 0) + values.detach().sum() / count
        return log, optimiser.step()

    def logits(self, net: nn.Module, batch: Batch) -> Tensor:
        """Computes the network's logits in full precision, `b 1 h w`."""
        with autocast(self.device, self.settings.loop.precision):
            logits: Tensor = net(batch.masked)
        return logits.float()

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Computes mean metrics on held-out samples, at the threshold with the best Dice."""
        sums = dict.fromkeys([*map(str, THRESHOLDS), "count"], 0.0)
        found = [(self.logits(self.ema.net, batch), batch) for batch in self.held_out.on(self.device)]
        for logits, batch in found:
            sums["count"] += len(batch)
            for threshold in THRESHOLDS:
                dice, _ = image_metrics.overlap(self.ema.net.clean(logits, threshold), batch.target)
                sums[str(threshold)] += float(dice.sum())
        sums = distributed.summed(sums, self.device)
        self.threshold = max(THRESHOLDS, key=lambda threshold: (sums[str(threshold)], -abs(threshold - 0.5)))
        return {**self.figures(found), "threshold": self.threshold}

    def figures(self, found: Sequence[tuple[Tensor, Batch]]) -> dict[str, float]:
        """Computes loss, Dice, IoU and boundary F at the chosen threshold; `dice_mask` is Dice without the straps."""
        sums = dict.fromkeys(("dice", "iou", "boundary_f", "dice_mask", "loss", "count"), 0.0)
        for logits, batch in found:
            map, target = self.ema.net.clean(logits, self.threshold), batch.target
            dice, iou = image_metrics.overlap(map, target)
            mask_dice = image_metrics.overlap(map, (batch.parts == 3).float(), (batch.parts != 2).float())[0]
            loss = losses.bce(logits, target) + losses.dice(logits, target)
            values = (
                dice,
                iou,
                image_metrics.boundary_f(map, target),
                mask_dice,
                loss,
                torch.ones(len(batch)),
            )
            for name, value in zip(sums, values, strict=True):
                sums[name] += float(value.sum())
        sums = distributed.summed(sums, self.device)
        count = sums.pop("count")
        return {name: value / count for name, value in sums.items()}

    @torch.no_grad()
    def draw(self) -> RGBImage:
        """Draws the fixed samples: masked photo, probabilities, predicted map, true map."""
        batch = moved(self.held_out.shown, self.device)
        logits = self.logits(self.ema.net, batch)
        map = self.ema.net.clean(logits, self.threshold)
        return sheet(
            [
                ("masked", batch.masked),
                ("map", torch.sigmoid(logits).expand(-1, 3, -1, -1)),
                ("result", tinted(batch.masked, map)),
                ("truth", tinted(batch.masked, batch.target)),
            ]
        )

    def facts(self) -> dict[str, str]:
        """Returns the threshold that turns probabilities into a map."""
        return {"threshold": str(self.threshold)}

    def recall(self, facts: Mapping[str, str]) -> None:
        """Restores the threshold that belongs to the weights; the next validation chooses it again."""
        self.threshold = read_threshold(facts, "the checkpoint")
