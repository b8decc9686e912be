"""Exported module: from a masked face to a restored one, built only from operations that a file can contain.

`Find` is the segmenter and the cleaning of its map; `Fill` is the generator and the compositing of its image. Both take
images of any size and resize them as the evaluation does.
"""

import copy

import torch
from torch import Tensor, nn

from unmasknet.export.fourier import without_fft
from unmasknet.export.resize import Resize, interpolated
from unmasknet.maps import ImageBatch, MapBatch, composite, grown
from unmasknet.models.segmenter import Segmenter, open_map
from unmasknet.models.two_stage import Restorer
from unmasknet.settings import REFERENCE_SIDE

FOUND, FILLED = ("probability", "map"), ("restored", "composited")
TOUCHED = 1e-3  # a pixel at the generator's size is hidden if more than this fraction of it is
HALF = 0.5 - 1e-4  # a map's pixel that is half covered counts as covered, whatever a runtime's rounding


class Find(nn.Module):
    """Segmentation: computes probabilities and map of a photo.

    Args:
        segmenter: the network.
        side: in pixels, at which it was trained.
        threshold: probability above which a pixel is mask.
        grow: dilation of the map, in pixels at a side of 256.
        resize: the function that resizes images.
    """

    def __init__(
        self, segmenter: Segmenter, side: int, threshold: float, grow: int, resize: Resize = interpolated
    ):
        super().__init__()
        self.segmenter, self.resize = segmenter, resize
        self.side, self.threshold = side, threshold
        self.opening = round(segmenter.opening * side / REFERENCE_SIDE)
        self.reach = round(grow * side / REFERENCE_SIDE)

    def forward(self, photo: ImageBatch) -> tuple[MapBatch, MapBatch]:
        """Computes the probability that a pixel is mask, and the map, cleaned and dilated, 0 or 1."""
        logits = self.segmenter(self.resize(photo, self.side, self.side))
        # same as Segmenter.clean, whose rounding of the radius cannot be traced
        found = (torch.sigmoid(logits) > self.threshold).to(logits.dtype)
        clean = grown(open_map(found, self.opening), self.reach)
        height, width = photo.shape[-2:]
        map = (self.resize(clean, height, width) > HALF).to(photo.dtype)
        return self.resize(torch.sigmoid(logits), height, width), map


class Fill(nn.Module):
    """Restoration: computes the generator's image, and the photo with its hole filled from it.

    Args:
        generator: the network, or one that computes the same.
        side: in pixels, at which it was trained.
        resize: the function that resizes images.
    """

    def __init__(self, generator: nn.Module, side: int, resize: Resize = interpolated):
        super().__init__()
        self.generator, self.resize = generator, resize
        self.side = side

    def forward(self, photo: ImageBatch, map: MapBatch) -> tuple[ImageBatch, ImageBatch]:
        """Computes the generator's image and the composited one, 0-1."""
        small = (self.resize(map, self.side, self.side) > TOUCHED).to(photo.dtype)
        made = self.generator(self.resize(photo, self.side, self.side), small)
        height, width = photo.shape[-2:]
        restored = self.resize(made, height, width).clamp(0, 1)
        return restored, composite(restored, photo, map)


class Pipeline(nn.Module):
    """Segmentation followed by restoration, or only one of them."""

    def __init__(self, find: Find | None, fill: Fill | None):
        super().__init__()
        self.find, self.fill = find, fill

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs of `forward`."""
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

    def exportable(self, resize: Resize) -> "Pipeline":
        """Returns the same pipeline in evaluation mode, without Fourier transforms, resizing by `resize`."""
        find, fill = self.find, self.fill
        if find:
            find = copy.copy(find)
            find.resize = resize
        if fill:
            side = fill.side
            net = without_fft(fill.generator, torch.zeros(1, 3, side, side), torch.zeros(1, 1, side, side))
            fill = Fill(net, side, resize)
        return Pipeline(find, fill).eval()


def build_pipeline(restorer: Restorer, grow: int) -> Pipeline:
    """Builds the pipeline of trained networks; `grow`: pixels at a side of 256 by which maps are dilated."""
    segm, gan = restorer.segmenter, restorer.generator
    find = Find(segm.net, segm.settings.data.size, segm.threshold, grow) if segm else None
    return Pipeline(find, Fill(gan.net, gan.settings.data.size) if gan else None).eval()
