"""Both networks as one step: computes maps and results from masked photos of any size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from maskgen.errors import InputError, UsageError
from unmasknet.maps import ImageBatch, MapBatch, binary, composite, grown
from unmasknet.models.generator import Generator
from unmasknet.models.load import Trained, load_trained
from unmasknet.models.released import expanded
from unmasknet.models.segmenter import Segmenter
from unmasknet.settings import REFERENCE_SIDE


@dataclass(frozen=True)
class Restorer:
    """Segmenter and generator, either of which may be missing."""

    segmenter: Trained[Any] | None
    generator: Trained[Any] | None
    names: tuple[str, ...]

    @property
    def size(self) -> int | None:
        """Image side that the generator was trained at, in pixels; without a generator, that of the segmenter."""
        trained = self.generator or self.segmenter
        return trained.settings.data.size if trained else None

    @property
    def parameters(self) -> dict[str, int]:
        """Number of parameters of each network."""
        nets = {"segmenter": self.segmenter, "generator": self.generator}
        return {name: _count(trained.net) for name, trained in nets.items() if trained}

    def probabilities(self, photo: ImageBatch) -> MapBatch:
        """Computes the probability that each pixel is mask, with the segmenter at its own size."""
        assert self.segmenter is not None
        net = self.segmenter.net
        assert isinstance(net, Segmenter)
        side = self.segmenter.settings.data.size
        return resized(torch.sigmoid(self._finite("segmenter", net(resized(photo, side)))), photo.shape[-1])

    def predicted(self, photo: ImageBatch) -> tuple[MapBatch, MapBatch]:
        """Computes the map, thresholded and cleaned at the segmenter's own size, and the probabilities."""
        assert self.segmenter is not None
        net = self.segmenter.net
        assert isinstance(net, Segmenter)
        logits = self._finite("segmenter", net(resized(photo, self.segmenter.settings.data.size)))
        clean = net.clean(logits, self.segmenter.threshold)
        side = photo.shape[-1]
        return binary(resized(clean, side), 0.5), resized(torch.sigmoid(logits), side)

    def restored(self, photo: ImageBatch, map: MapBatch) -> ImageBatch:
        """Computes the generator's image at its own size, scaled to the photo's, not composited."""
        assert self.generator is not None
        net = self.generator.net
        assert isinstance(net, Generator)
        side = self.generator.settings.data.size
        small = binary(resized(map, side), 1e-3) if side != map.shape[-1] else map
        made = self._finite("generator", net(resized(photo, side), small))
        return resized(made, photo.shape[-1]).clamp(0, 1)

    def _finite(self, network: str, computed: Tensor) -> Tensor:
        """Returns what a network computed.

        Raises:
            InputError: a value is NaN or infinite, which a comparison or a clip would hide.
        """
        if not torch.isfinite(computed).all():
            raise InputError(
                f"{', '.join(self.names)}: the {network} computed NaN or infinity; its weights are damaged or its "
                "training failed. Copy them again, or take others"
            )
        return computed

    def unmasked(self, photo: ImageBatch, grow: int) -> tuple[ImageBatch, MapBatch]:
        """Restores photos with both networks.

        Args:
            photo: masked photos.
            grow: dilation of the predicted map in pixels at a side of 256.

        Returns:
            The restored photos, and the map that was filled.
        """
        map = widened(self.predicted(photo)[0], grow)
        return composite(self.restored(photo, map), photo, map), map


def widened(map: MapBatch, pixels: int) -> MapBatch:
    """Dilates a map by `pixels` at a side of 256."""
    return grown(map, round(pixels * map.shape[-1] / REFERENCE_SIDE))


def resized(images: Tensor, side: int) -> Tensor:
    """Resizes square images or maps to another side."""
    if images.shape[-1] == side and images.shape[-2] == side:
        return images
    return interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False)


def load_restorer(weights: Sequence[str], device: torch.device) -> Restorer:
    """Loads the networks of runs or weight files: at most one of each stage.

    Raises:
        UsageError: two are of the same stage.
        InputError: a file cannot be read.
        MissingError: released weights are requested, but this version ships none.
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
