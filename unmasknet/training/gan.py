"""`unmask train gan`: a network that restores the face behind the mask. Set up, step, validate, draw."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from maskgen.types import RGBImage
from unmasknet.data.batches import Batch
from unmasknet.device import autocast, placed
from unmasknet.maps import composite
from unmasknet.metrics import baselines
from unmasknet.metrics import image as image_metrics
from unmasknet.models.discriminator import build_discriminators
from unmasknet.models.face_net import build_face_net
from unmasknet.models.generator import build_generator
from unmasknet.models.load import load_segmenter
from unmasknet.models.perceptual import build_perceptual
from unmasknet.models.two_stage import Restorer
from unmasknet.pictures import sheet
from unmasknet.settings import GanSettings
from unmasknet.training import distributed, losses
from unmasknet.training.ema import Ema
from unmasknet.training.optimizer import Optimiser
from unmasknet.training.task import TrainingProcess
from unmasknet.training.validation_data import HeldOut, moved, read

PREDICTED = 7  # place in a sample's `chance`: does it get the segmenter's map? Discriminators use the others
MEAN_FACE_SAMPLES = 500  # training crops that the baseline "mean face" is the mean of

Terms = dict[str, Tensor]


class GanTask:
    """Generator and discriminators, and how they learn from each other."""

    best_by = "psnr_hole"
    inputs: tuple[int, ...] = (3, 1)

    def __init__(self, settings: GanSettings, place: TrainingProcess) -> None:
        self.settings, self.device = settings, place.device
        self.generator = placed(build_generator(settings.generator), place.device)
        judges = build_discriminators(settings.discriminator)
        self.judges = {name: placed(net, place.device) for name, net in judges.items()}
        self.nets: dict[str, nn.Module] = {"generator": self.generator, **self.judges}
        optimiser = settings.optimiser
        self.optimisers = {
            "generator": Optimiser([self.generator], optimiser.lr, optimiser),
            "discriminators": Optimiser(list(self.judges.values()), optimiser.lr_discriminator, optimiser),
        }
        self.ema = Ema(self.generator, float(optimiser.ema_images))
        self.perceptual = build_perceptual(settings.loss)
        if self.perceptual is not None:
            self.perceptual.to(place.device)
        self.face_net = build_face_net(settings.loss)
        if self.face_net is not None:
            self.face_net.to(place.device)
        self.finder = find_masks(settings.segmenter, place.device) if settings.segmenter else None
        self.held_out = HeldOut(settings, place.ranks)
        self.to_beat = self.score_baselines()

    def step(self, parts: Sequence[Batch], done: float, lr_share: float) -> tuple[Mapping[str, Tensor], bool]:
        """Updates the discriminators that have joined, then the generator."""
        joined = self.joined(done)
        parts = [self.with_predicted(part) for part in parts]
        fakes = [self.restored(self.generator, part) for part in parts] if len(parts) == 1 else None
        log: Terms = {}
        if joined and not self.step_judges(joined, parts, fakes, lr_share, log):
            return log, False
        return log, self.step_generator(joined, parts, fakes, lr_share, log)

    def joined(self, done: float) -> list[str]:
        """Lists the discriminators that take part after a fraction of the steps."""
        loss = self.settings.loss
        starts = {"whole": (loss.whole, loss.whole_from), "region": (loss.region, loss.region_from)}
        return [name for name, (weight, start) in starts.items() if weight > 0 and done >= start]

    def step_judges(
        self,
        names: Sequence[str],
        parts: Sequence[Batch],
        fakes: Sequence[Tensor] | None,
        lr_share: float,
        log: Terms,
    ) -> bool:
        """Teaches the discriminators photos from results."""
        optimiser, count = self.optimisers["discriminators"], sum(len(part) for part in parts)
        judge_loss, _ = losses.ADVERSARIAL[self.settings.loss.adversarial]
        optimiser.begin(lr_share)
        for number, part in enumerate(parts):
            with torch.no_grad():
                fake = fakes[number].detach() if fakes else self.restored(self.generator, part)
            for name in names:
                real_logits, _ = self.judged(name, part.gt, part.gt, part)
                fake_logits, _ = self.judged(name, fake, part.gt, part)
                loss = judge_loss(real_logits, fake_logits).sum() / count
                torch.autograd.backward(loss)
                _note(log, f"d_{name}", loss)
        return optimiser.step()

    def step_generator(
        self,
        names: Sequence[str],
        parts: Sequence[Batch],
        fakes: Sequence[Tensor] | None,
        lr_share: float,
        log: Terms,
    ) -> bool:
        """Teaches the generator the truth, and to pass for a photo."""
        optimiser, count = self.optimisers["generator"], sum(len(part) for part in parts)
        optimiser.begin(lr_share)
        for judge in self.judges.values():
            judge.requires_grad_(False)
        for number, part in enumerate(parts):
            fake = fakes[number] if fakes else self.restored(self.generator, part)
            terms = self.reconstruction(fake, part)
            for name in names:
                terms |= self.adversarial(name, fake, part)
            weighted = [weight * values.sum() / count for weight, values in terms.values() if weight > 0]
            loss = torch.stack(weighted).sum()
            torch.autograd.backward(loss)
            _note(log, "loss", loss)
            for name, (_, values) in terms.items():
                _note(log, name, values.sum() / count)
        for judge in self.judges.values():
            judge.requires_grad_(True)
        return optimiser.step()

    def reconstruction(self, fake: Tensor, part: Batch) -> dict[str, tuple[float, Tensor]]:
        """Computes the distance of the result to the truth: name -> weight, one value per sample."""
        weights, truth = self.settings.loss, part.gt
        seen = composite(fake, part.gt, part.map) if weights.measure == "composite" else fake
        terms = {"l1_hole": (weights.l1_hole, losses.l1_hole(fake, truth, part.map))}
        if weights.l1_whole:
            terms["l1_whole"] = (weights.l1_whole, losses.l1_whole(seen, truth))
        if weights.ssim:
            terms["ssim_loss"] = (weights.ssim, losses.ssim_loss(seen, truth))
        if self.perceptual is not None:
            with autocast(self.device, self.settings.loop.precision):
                terms["perceptual"] = (weights.perceptual, self.perceptual(seen, truth).float())
        if self.face_net is not None:
            # in full precision: 16 bits turn the gradient of a network that takes 0-255 by 40 degrees
            terms["identity"] = (weights.identity, self.face_net(seen, truth))
        return terms

    def adversarial(self, name: str, fake: Tensor, part: Batch) -> dict[str, tuple[float, Tensor]]:
        """Computes a discriminator's losses of the result: name -> weight, one value per sample."""
        weights = self.settings.loss
        _, fool_loss = losses.ADVERSARIAL[weights.adversarial]
        # laid into the truth, not into `masked`: a jittered map leaves a rim of mask that no generator could remove
        logits, features = self.judged(name, fake, part.gt, part)
        weight = weights.whole if name == "whole" else weights.region
        terms = {f"g_{name}": (weight, fool_loss(logits))}
        if weights.feature_matching:
            with torch.no_grad():
                _, wanted = self.judged(name, part.gt, part.gt, part)
            terms[f"features_{name}"] = (
                weight * weights.feature_matching,
                losses.feature_matching(features, wanted),
            )
        return terms

    def restored(self, net: nn.Module, part: Batch) -> Tensor:
        """Computes the network's image in full precision, `b 3 h w` in [0, 1]."""
        with autocast(self.device, self.settings.loop.precision):
            result: Tensor = net(part.masked, part.map)
        return result.float()

    def judged(self, name: str, picture: Tensor, photo: Tensor, part: Batch) -> tuple[Tensor, list[Tensor]]:
        """Computes a discriminator's logits and features, in full precision."""
        with autocast(self.device, self.settings.loop.precision):
            logits, features = self.judges[name](picture, photo, part.map, part.chance)
        return logits.float(), [feature.float() for feature in features]

    @torch.no_grad()
    def with_predicted(self, part: Batch) -> Batch:
        """Replaces the true map by the segmenter's, for a fraction of the batch.

        Which ones is their own chance, the same in whichever part or rank they are.
        """
        if self.finder is None:
            return part
        found, _ = self.finder.predicted(part.masked)
        chosen = part.chance[:, PREDICTED] < self.settings.predicted
        return replace(part, map=torch.where(chosen.view(-1, 1, 1, 1), found, part.map))

    def score_baselines(self) -> dict[str, float]:
        """Scores Telea's inpainting and the mean face on the held-out samples: once, for comparison."""
        crops = (batch.gt for batch in read(self.settings, self.settings.data.split, MEAN_FACE_SAMPLES))
        face = baselines.mean_face(crops)
        scores: dict[str, float] = {}
        for name, fill in {"telea": baselines.telea, "mean_face": face}.items():
            if fill is not None:
                figures = self.score(_over_photo(fill), torch.device("cpu"))
                scores |= {
                    f"{name}_psnr_hole": figures["psnr_hole"],
                    f"{name}_ssim_hole": figures["ssim_hole"],
                }
        return scores

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Means over held-out samples, with the true maps; and by how many dB each baseline is beaten."""
        figures = self.score(lambda batch: self.restored(self.ema.net, batch), self.device)
        over = {
            f"over_{name}": figures["psnr_hole"] - self.to_beat[f"{name}_psnr_hole"]
            for name in ("telea", "mean_face")
            if f"{name}_psnr_hole" in self.to_beat
        }
        return {**figures, **over}

    def score(self, fill: Callable[[Batch], Tensor], device: torch.device) -> dict[str, float]:
        """Computes PSNR in dB and SSIM inside the hole, and of the whole composited image; means over samples."""
        names = ("psnr_hole", "ssim_hole", "l1_hole", "psnr_whole", "ssim_whole")
        sums = dict.fromkeys([*names, *(f"n {name}" for name in names)], 0.0)
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
            for name, value in zip(names, values, strict=True):
                sound = torch.isfinite(value)
                sums[name] += float(value[sound].sum())
                sums[f"n {name}"] += float(sound.sum())
        sums = distributed.summed(sums, self.device)
        return {name: sums[name] / max(sums[f"n {name}"], 1.0) for name in names}

    @torch.no_grad()
    def draw(self) -> RGBImage:
        """Draws the fixed samples: masked photo, map, composited result, truth."""
        batch = moved(self.held_out.shown, self.device)
        result = composite(self.restored(self.ema.net, batch), batch.masked, batch.map)
        return sheet(
            [
                ("masked", batch.masked),
                ("map", batch.map.expand(-1, 3, -1, -1)),
                ("result", result),
                ("truth", batch.gt),
            ]
        )

    def facts(self) -> dict[str, str]:
        """Returns the fixed networks' names and the baselines' scores."""
        return {
            "perceptual": self.perceptual.name if self.perceptual is not None else "none",
            "identity": self.face_net.name if self.face_net is not None else "none",
            **{name: f"{value:.4f}" for name, value in self.to_beat.items()},
        }

    def recall(self, facts: Mapping[str, str]) -> None:
        """Restores nothing: the baselines were scored anew."""


def find_masks(run: str, device: torch.device) -> Restorer:
    """Computes maps by a trained segmenter at its own size and threshold, as it will be used.

    Raises:
        InputError: the run has none.
    """
    return Restorer(load_segmenter(Path(run), device), None, (run,))


def _over_photo(fill: baselines.Baseline) -> Callable[[Batch], Tensor]:
    return lambda batch: fill(batch.masked, batch.map)


def _note(log: Terms, name: str, value: Tensor) -> None:
    """Adds a part's share of a number to the step's."""
    log[name] = log[name] + value.detach() if name in log else value.detach()
