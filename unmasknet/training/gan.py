"""`unmask train gan`: a generator that restores the face behind the mask, and two discriminators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from maskgen.types import RGBImage
from unmasknet.data.batches import Batch
from unmasknet.device import autocast, placed
from unmasknet.maps import ImageBatch
from unmasknet.models.discriminator import build_discriminators
from unmasknet.models.generator import build_generator
from unmasknet.models.load import load_segmenter
from unmasknet.models.two_stage import Restorer
from unmasknet.settings import GanSettings
from unmasknet.training.ema import Ema
from unmasknet.training.gan_losses import GanLosses
from unmasknet.training.gan_validation import GanValidation
from unmasknet.training.optimizer import Optimiser
from unmasknet.training.task import Losses, TrainingProcess

PREDICTED = (
    7  # column of a sample's `chance` that decides on the predicted map; discriminators use the others
)


@dataclass
class _Update:
    """One update in the making.

    Attributes:
        parts: the batch.
        results: the generator's results with their graph, one per part; None to compute them anew for each network.
        discriminators: names of the discriminators that take part.
        lr_scale: fraction of the full learning rate.
        losses: the losses so far, means over the batch.
    """

    parts: Sequence[Batch]
    results: Sequence[ImageBatch] | None
    discriminators: Sequence[str]
    lr_scale: float
    losses: dict[str, Tensor] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Samples in the batch."""
        return sum(len(part) for part in self.parts)

    def log(self, name: str, value: Tensor) -> None:
        """Adds a part's contribution to a loss."""
        self.losses[name] = self.losses[name] + value.detach() if name in self.losses else value.detach()


class GanTask:
    """Generator and discriminators, and how they learn from each other."""

    best_by = "psnr_hole"
    inputs: tuple[int, ...] = (3, 1)

    def __init__(self, settings: GanSettings, place: TrainingProcess) -> None:
        """Builds the networks and reads the held-out samples.

        Raises:
            InputError: the segmenter's run holds no segmenter, or the data cannot be read.
        """
        self.settings, self.device = settings, place.device
        self.generator = placed(build_generator(settings.generator), place.device)
        built = build_discriminators(settings.discriminator)
        self.discriminators = {name: placed(net, place.device) for name, net in built.items()}
        self.nets: dict[str, nn.Module] = {"generator": self.generator, **self.discriminators}
        optimiser = settings.optimiser
        self.optimisers = {
            "generator": Optimiser([self.generator], optimiser.lr, optimiser),
            "discriminators": Optimiser(
                list(self.discriminators.values()), optimiser.lr_discriminator, optimiser
            ),
        }
        self.ema = Ema(self.generator, float(optimiser.ema_images))
        self.losses = GanLosses(settings, self.discriminators, place.device)
        self.segmenter = load_predictor(settings.segmenter, place.device) if settings.segmenter else None
        self.validation = GanValidation(settings, place)
        self.done = 0.0

    def step(self, parts: Sequence[Batch], done: float, lr_scale: float) -> tuple[Losses, bool]:
        """Updates the discriminators that have joined, then the generator."""
        self.done = done
        parts = [self.with_predicted(part) for part in parts]
        results = [self.restored(self.generator, part) for part in parts] if len(parts) == 1 else None
        update = _Update(parts, results, self.joined(done), lr_scale)
        if update.discriminators and not self.step_discriminators(update):
            return update.losses, False
        return update.losses, self.step_generator(update)

    def joined(self, done: float) -> list[str]:
        """Lists the discriminators that take part after a fraction `done` of the steps."""
        loss = self.settings.loss
        starts = {"whole": (loss.whole, loss.whole_from), "region": (loss.region, loss.region_from)}
        return [name for name, (weight, start) in starts.items() if weight > 0 and done >= start]

    def step_discriminators(self, update: _Update) -> bool:
        """Trains the discriminators to tell photos from results; returns whether the update was finite."""
        optimiser = self.optimisers["discriminators"]
        optimiser.begin(update.lr_scale)
        for number, part in enumerate(update.parts):
            with torch.no_grad():
                known = update.results
                fake = known[number].detach() if known else self.restored(self.generator, part)
            for name in update.discriminators:
                loss = self.losses.discriminator(name, fake, part).sum() / update.count
                torch.autograd.backward(loss)
                update.log(f"d_{name}", loss)
        return optimiser.step()

    def step_generator(self, update: _Update) -> bool:
        """Trains the generator to reproduce the truth and to fool the discriminators; returns as above."""
        optimiser = self.optimisers["generator"]
        optimiser.begin(update.lr_scale)
        for net in self.discriminators.values():
            net.requires_grad_(False)
        for number, part in enumerate(update.parts):
            fake = update.results[number] if update.results else self.restored(self.generator, part)
            terms = self.losses.reconstruction(fake, part)
            for name in update.discriminators:
                terms |= self.losses.adversarial(name, fake, part)
            weighted = [
                weight * values.sum() / update.count for weight, values in terms.values() if weight > 0
            ]
            loss = torch.stack(weighted).sum()
            torch.autograd.backward(loss)
            update.log("loss", loss)
            for name, (_, values) in terms.items():
                update.log(name, values.sum() / update.count)
        for net in self.discriminators.values():
            net.requires_grad_(True)
        return optimiser.step()

    def restored(self, net: nn.Module, part: Batch) -> ImageBatch:
        """Computes a generator's image in full precision, in [0, 1]."""
        with autocast(self.device, self.settings.loop.precision):
            result: Tensor = net(part.masked, part.map)
        return result.float()

    @torch.no_grad()
    def with_predicted(self, part: Batch) -> Batch:
        """Replaces the true map by the segmenter's map for a fraction of the samples.

        Each sample's own random number decides, so that the choice does not depend on its part or rank.
        """
        if self.segmenter is None:
            return part
        predicted, _ = self.segmenter.predicted(part.masked)
        chosen = part.chance[:, PREDICTED] < self.settings.predicted
        return replace(part, map=torch.where(chosen.view(-1, 1, 1, 1), predicted, part.map))

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Scores the averaged generator and the discriminators on the held-out samples."""
        scores = self.validation.validate(lambda batch: self.restored(self.ema.net, batch))
        return scores | self.validation.accuracies(self.joined(self.done), self.told_apart)

    def told_apart(self, names: Sequence[str], batch: Batch) -> dict[str, Tensor]:
        """Tells which results of the averaged generator each discriminator tells from the truth; see `GanLosses`."""
        results = self.restored(self.ema.net, batch)
        return {name: self.losses.pairs_told_apart(name, results, batch) for name in names}

    @torch.no_grad()
    def draw(self) -> RGBImage:
        """Draws the fixed samples as the averaged generator restores them."""
        return self.validation.draw(lambda batch: self.restored(self.ema.net, batch))

    def facts(self) -> dict[str, str]:
        """Returns the names of the networks that are not trained, and the baselines' scores."""
        perceptual, face_net = self.losses.perceptual, self.losses.face_net
        return {
            "perceptual": perceptual.name if perceptual is not None else "none",
            "identity": face_net.name if face_net is not None else "none",
            **{name: f"{value:.4f}" for name, value in self.validation.baseline_scores.items()},
        }

    def recall(self, facts: Mapping[str, str]) -> None:
        """Restores nothing: the baselines were scored anew."""


def load_predictor(run: str, device: torch.device) -> Restorer:
    """Loads a trained segmenter, which predicts maps at its own size and threshold.

    Raises:
        InputError: the run holds no segmenter.
    """
    return Restorer(load_segmenter(Path(run), device), None, (run,))
