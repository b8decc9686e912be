"""What is exported: the way from a masked face to a restored one as one module, with nothing that a file cannot hold.

`Find` is the segmenter with what cleans its map, `Fill` the generator with what lays its picture into the photo. Both
take pictures of any size and resize them inside, exactly as the evaluation does.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from unmasknet.export.fourier import without_fft
from unmasknet.maps import ImageBatch, MapBatch, composite, grown
from unmasknet.models.segmenter import Segmenter, open_map
from unmasknet.models.two_stage import Restorer
from unmasknet.settings import REFERENCE_SIDE

FOUND, FILLED = ("probability", "map"), ("restored", "composited")
TOUCHED = 1e-3  # share of a pixel of the generator that must be hidden for all of it to count


class Find(nn.Module):
    """Photo in; probabilities and map out.

    Args:
        segmenter: the network.
        side: pixels that it was trained at.
        threshold: probability from which a pixel is mask.
        grow: pixels at a side of 256 by which the map is widened.
    """

    def __init__(self, segmenter: Segmenter, side: int, threshold: float, grow: int):
        super().__init__()
        self.segmenter = segmenter
        self.side, self.threshold = side, threshold
        self.opening = round(segmenter.opening * side / REFERENCE_SIDE)
        self.reach = round(grow * side / REFERENCE_SIDE)

    def forward(self, photo: ImageBatch) -> tuple[MapBatch, MapBatch]:
        """Computes the probability of each pixel to be mask, and the map, cleaned and dilated, 0 or 1."""
        logits = self.segmenter(_resized(photo, self.side, self.side))
        # as Segmenter.clean, whose radius a tracer cannot round
        found = (torch.sigmoid(logits) > self.threshold).to(logits.dtype)
        clean = grown(open_map(found, self.opening), self.reach)
        height, width = photo.shape[-2:]
        map = (_resized(clean, height, width) > 0.5).to(photo.dtype)
        return _resized(torch.sigmoid(logits), height, width), map


class Fill(nn.Module):
    """Photo and map in; the restored picture, and the photo with its hole filled out of it.

    Args:
        generator: the network, or one that computes the same.
        side: pixels that it was trained at.
    """

    def __init__(self, generator: nn.Module, side: int):
        super().__init__()
        self.generator = generator
        self.side = side

    def forward(self, photo: ImageBatch, map: MapBatch) -> tuple[ImageBatch, ImageBatch]:
        """Computes the generator's image and the composited one, 0-1."""
        hole = (_resized(map, self.side, self.side) > TOUCHED).to(photo.dtype)
        made = self.generator(_resized(photo, self.side, self.side), hole)
        height, width = photo.shape[-2:]
        restored = _resized(made, height, width).clamp(0, 1)
        return restored, composite(restored, photo, map)


class Pipeline(nn.Module):
    """Both, one after the other; or the one that is there."""

    def __init__(self, find: Find | None, fill: Fill | None):
        super().__init__()
        self.find, self.fill = find, fill

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what `forward` gives."""
        return (*(FOUND if self.find else ()), *(FILLED if self.fill else ()))

    def forward(self, photo: ImageBatch, map: MapBatch | None = None) -> tuple[Tensor, ...]:
        """Computes all outputs. `map` is needed only if there is no segmenter."""
        found: tuple[MapBatch, ...] = ()
        if self.find:
            found = self.find(photo)
            map = found[1]
        if self.fill is None:
            return found
        assert map is not None
        return (*found, *self.fill(photo, map))

    def exportable(self) -> "Pipeline":
        """Returns the same pipeline without Fourier transforms, in evaluation mode."""
        fill = self.fill
        if fill:
            side = fill.side
            net = without_fft(fill.generator, torch.zeros(1, 3, side, side), torch.zeros(1, 1, side, side))
            fill = Fill(net, side)
        return Pipeline(self.find, fill).eval()


def build_pipeline(restorer: Restorer, grow: int) -> Pipeline:
    """Builds the pipeline of trained networks; `grow`: pixels at a side of 256 by which maps are dilated."""
    segm, gan = restorer.segmenter, restorer.generator
    find = Find(segm.net, segm.settings.data.size, segm.threshold, grow) if segm else None
    return Pipeline(find, Fill(gan.net, gan.settings.data.size) if gan else None).eval()


def _resized(pictures: Float[Tensor, "b c _ _"], height: Any, width: Any) -> Float[Tensor, "b c _ _"]:
    """Pictures at another size, whose sides are symbols and no numbers while the module is exported."""
    return interpolate(pictures, (height, width), mode="bilinear", antialias=True, align_corners=False)
