"""The two networks as one step: masked photos in, maps and results out, at any size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from maskgen.errors import UsageError
from unmasknet.maps import ImageBatch, MapBatch, binary, composite, grown
from unmasknet.models.generator import Generator
from unmasknet.models.load import Trained, load_trained
from unmasknet.models.released import expanded
from unmasknet.models.segmenter import Segmenter
from unmasknet.settings import REFERENCE_SIDE


@dataclass(frozen=True)
class Restorer:
    """A segmenter and a generator, either of which may be missing."""

    segmenter: Trained[Any] | None
    generator: Trained[Any] | None
    names: tuple[str, ...]

    @property
    def size(self) -> int | None:
        """Pixels that the generator was trained at, or else the segmenter."""
        trained = self.generator or self.segmenter
        return trained.settings.data.size if trained else None

    @property
    def parameters(self) -> dict[str, int]:
        """Weights of each network."""
        nets = {"segmenter": self.segmenter, "generator": self.generator}
        return {name: _count(trained.net) for name, trained in nets.items() if trained}

    def probabilities(self, photo: ImageBatch) -> MapBatch:
        """Computes the probability of each pixel to be mask, by the segmenter at its own size."""
        assert self.segmenter is not None
        net = self.segmenter.net
        assert isinstance(net, Segmenter)
        side = self.segmenter.settings.data.size
        return resized(torch.sigmoid(net(resized(photo, side))), photo.shape[-1])

    def predicted(self, photo: ImageBatch) -> tuple[MapBatch, MapBatch]:
        """Computes the map, cleaned at the segmenter's own size and threshold, and the probabilities behind it."""
        assert self.segmenter is not None
        net = self.segmenter.net
        assert isinstance(net, Segmenter)
        logits = net(resized(photo, self.segmenter.settings.data.size))
        clean = net.clean(logits, self.segmenter.threshold)
        side = photo.shape[-1]
        return binary(resized(clean, side), 0.5), resized(torch.sigmoid(logits), side)

    def restored(self, photo: ImageBatch, hole: MapBatch) -> ImageBatch:
        """Computes the generator's image, not composited, at its own size."""
        assert self.generator is not None
        net = self.generator.net
        assert isinstance(net, Generator)
        side = self.generator.settings.data.size
        small = binary(resized(hole, side), 1e-3) if side != hole.shape[-1] else hole
        return resized(net(resized(photo, side), small), photo.shape[-1]).clamp(0, 1)

    def unmasked(self, photo: ImageBatch, grow: int) -> tuple[ImageBatch, MapBatch]:
        """Restores photos by both networks; returns them and the hole that was filled; `grow` as in `widened`."""
        hole = widened(self.predicted(photo)[0], grow)
        return composite(self.restored(photo, hole), photo, hole), hole


def widened(hole: MapBatch, pixels: int) -> MapBatch:
    """Dilates a map by `pixels` at a side of 256."""
    return grown(hole, round(pixels * hole.shape[-1] / REFERENCE_SIDE))


def resized(pictures: Tensor, side: int) -> Tensor:
    """Resizes square images or maps to another side."""
    if pictures.shape[-1] == side and pictures.shape[-2] == side:
        return pictures
    return interpolate(pictures, (side, side), mode="bilinear", antialias=True, align_corners=False)


def load_restorer(weights: Sequence[str], device: torch.device) -> Restorer:
    """Loads the networks of some runs: at most one of each kind.

    Raises:
        UsageError: two of a kind. InputError: one cannot be read. MissingError: none are released yet.
    """
    found: dict[str, Trained[Any]] = {}
    for path in expanded(weights):
        trained = load_trained(path, device)
        if trained.stage in found:
            raise UsageError(
                f"--weights {path}: got two runs of train {trained.stage}; give one of each stage at most"
            )
        found[trained.stage] = trained
    return Restorer(found.get("segm"), found.get("gan"), tuple(weights))


def _count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())
