"""Losses of the generator and the discriminators, weighted as the settings say."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from unmasknet.data.batches import Batch
from unmasknet.device import autocast
from unmasknet.maps import ImageBatch, composite, window_over_hole
from unmasknet.models.face_net import build_face_net
from unmasknet.models.perceptual import build_perceptual
from unmasknet.settings import GanSettings
from unmasknet.training import losses
from unmasknet.training.losses import PerSample

Terms = dict[str, tuple[float, PerSample]]  # name of a loss -> its weight, one value per sample


class GanLosses:
    """Losses of one GAN.

    Attributes:
        discriminators: the trained discriminators by name, "whole" and "region".
        perceptual: feature extractor of the perceptual loss, not trained; None if that loss is off.
        face_net: face-recognition network of the identity loss, not trained; None if that loss is off.
    """

    def __init__(
        self, settings: GanSettings, discriminators: Mapping[str, nn.Module], device: torch.device
    ) -> None:
        self.settings, self.device, self.discriminators = settings, device, discriminators
        self.perceptual = build_perceptual(settings.loss)
        if self.perceptual is not None:
            self.perceptual.to(device)
        self.face_net = build_face_net(settings.loss)
        if self.face_net is not None:
            self.face_net.to(device)

    def discriminator(self, name: str, fake: ImageBatch, part: Batch) -> PerSample:
        """Computes a discriminator's loss of telling the truth from the result."""
        loss, _ = losses.ADVERSARIAL[self.settings.loss.adversarial]
        real_logits, _ = self._discriminate(name, part.gt, part)
        fake_logits, _ = self._discriminate(name, fake, part)
        return loss(real_logits, fake_logits)

    def reconstruction(self, fake: ImageBatch, part: Batch) -> Terms:
        """Computes the distances of the result to the truth."""
        weights, truth = self.settings.loss, part.gt
        image = composite(fake, truth, part.map) if weights.measure == "composite" else fake
        terms: Terms = {"l1_hole": (weights.l1_hole, losses.l1_hole(fake, truth, part.map))}
        if weights.l1_whole:
            terms["l1_whole"] = (weights.l1_whole, losses.l1_whole(image, truth))
        if weights.ssim:
            terms["ssim_loss"] = (weights.ssim, losses.ssim_loss(image, truth))
        if self.perceptual is not None:
            terms["perceptual"] = (weights.perceptual, self._perceptual_distance(image, part))
        if self.face_net is not None:
            # in full precision: 16 bits rotate the gradient of a network that takes 0-255 by 40 degrees
            terms["identity"] = (weights.identity, self.face_net(image, truth))
        return terms

    def _perceptual_distance(self, image: ImageBatch, part: Batch) -> PerSample:
        assert self.perceptual is not None
        truth = part.gt
        if self.settings.loss.perceptual_sees == "window":
            image, truth = (window_over_hole(whole, part.map) for whole in (image, truth))
        with autocast(self.device, self.settings.loop.precision):
            return self.perceptual(image, truth).float()

    def adversarial(self, name: str, fake: ImageBatch, part: Batch) -> Terms:
        """Computes the generator's losses of not fooling one discriminator."""
        weights = self.settings.loss
        _, fool_loss = losses.ADVERSARIAL[weights.adversarial]
        logits, features = self._discriminate(name, fake, part)
        weight = weights.whole if name == "whole" else weights.region
        terms: Terms = {f"g_{name}": (weight, fool_loss(logits))}
        if weights.feature_matching:
            with torch.no_grad():
                _, wanted = self._discriminate(name, part.gt, part)
            matching = losses.feature_matching(features, wanted)
            terms[f"features_{name}"] = (weight * weights.feature_matching, matching)
        return terms

    @torch.no_grad()
    def pairs_told_apart(self, name: str, fake: ImageBatch, part: Batch) -> PerSample:
        """Tells for each sample whether a discriminator finds its truth more real than its result.

        Returns:
            1 or 0 per sample; .5 where both are equally real.
        """
        net = self.discriminators[
            name
        ].eval()  # in training mode, its norms would learn from held-out samples
        real_logits, _ = self._discriminate(name, part.gt, part, augment=False)
        fake_logits, _ = self._discriminate(name, fake, part, augment=False)
        net.train()
        margin = (real_logits - fake_logits).mean(dim=(1, 2, 3))
        return (torch.sign(margin) + 1) / 2

    def _discriminate(
        self, name: str, image: ImageBatch, part: Batch, *, augment: bool = True
    ) -> tuple[Tensor, list[Tensor]]:
        """Computes a discriminator's logits and features of an image, in full precision.

        A discriminator that composites the image does so into the truth, not into `part.masked`: a jittered map would
        leave a rim of mask there, which no generator could remove.
        """
        chance = part.chance if augment else None
        with autocast(self.device, self.settings.loop.precision):
            logits, features = self.discriminators[name](image, part.gt, part.map, chance)
        return logits.float(), [feature.float() for feature in features]
