"""Inception v3 as FID defines it, with the weights file that pytorch-fid and torch-fidelity fetch.

It is TensorFlow's network of 2015-12-05 and differs from torchvision's in three places, as pytorch-fid found: average
pools exclude the padding, the last block pools by maximum, and there are 1,008 classes. Images are resampled to
299 pixels without anti-aliasing and scaled to [-1, 1], as in pytorch-fid.
"""

import hashlib
import io
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, relu

from maskgen.errors import InputError, MissingError
from maskgen.reading import WEIGHT_BYTES, read_regular_file
from unmasknet.maps import ImageBatch

SIDE = 299
DIGEST = "6726825d"  # start of the file's sha256, also part of its name


class InceptionConv(nn.Module):
    """Convolution, normalisation, ReLU."""

    def __init__(
        self,
        inner: int,
        outer: int,
        size: int | tuple[int, int],
        stride: int = 1,
        pad: int | tuple[int, int] = 0,
    ):
        super().__init__()
        self.conv = nn.Conv2d(inner, outer, size, stride, pad, bias=False)
        self.bn = nn.BatchNorm2d(outer, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Computes the activations."""
        return relu(self.bn(self.conv(x)))


def _pooled(x: Tensor) -> Tensor:
    return avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class BlockA(nn.Module):
    """Parallel branches of 1x1, 5x5, double 3x3 and pooling."""

    def __init__(self, inner: int, pool: int):
        super().__init__()
        self.branch1x1 = InceptionConv(inner, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = InceptionConv(inner, 48, 1), InceptionConv(48, 64, 5, pad=2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = (
            InceptionConv(inner, 64, 1),
            InceptionConv(64, 96, 3, pad=1),
        )
        self.branch3x3dbl_3, self.branch_pool = InceptionConv(96, 96, 3, pad=1), InceptionConv(inner, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Computes all branches and concatenates them."""
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, double, self.branch_pool(_pooled(x))], 1)


class BlockB(nn.Module):
    """Reduction from 35 to 17 pixels."""

    def __init__(self, inner: int):
        super().__init__()
        self.branch3x3 = InceptionConv(inner, 384, 3, 2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = (
            InceptionConv(inner, 64, 1),
            InceptionConv(64, 96, 3, pad=1),
        )
        self.branch3x3dbl_3 = InceptionConv(96, 96, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Computes all branches and concatenates them."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, max_pool2d(x, 3, 2)], 1)


class BlockC(nn.Module):
    """7x7 convolutions factored into rows and columns, with `mid` channels."""

    def __init__(self, inner: int, mid: int):
        super().__init__()

        def row(outer: int) -> InceptionConv:
            return InceptionConv(mid, outer, (1, 7), pad=(0, 3))

        def column(outer: int) -> InceptionConv:
            return InceptionConv(mid, outer, (7, 1), pad=(3, 0))

        self.branch1x1 = InceptionConv(inner, 192, 1)
        self.branch7x7_1, self.branch7x7_2 = InceptionConv(inner, mid, 1), row(mid)
        self.branch7x7_3 = column(192)
        self.branch7x7dbl_1, self.branch7x7dbl_2 = InceptionConv(inner, mid, 1), column(mid)
        self.branch7x7dbl_3, self.branch7x7dbl_4 = row(mid), column(mid)
        self.branch7x7dbl_5, self.branch_pool = row(192), InceptionConv(inner, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Computes all branches and concatenates them."""
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(_pooled(x))], 1)


class BlockD(nn.Module):
    """Reduction from 17 to 8 pixels."""

    def __init__(self, inner: int):
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = InceptionConv(inner, 192, 1), InceptionConv(192, 320, 3, 2)
        self.branch7x7x3_1, self.branch7x7x3_2 = (
            InceptionConv(inner, 192, 1),
            InceptionConv(192, 192, (1, 7), pad=(0, 3)),
        )
        self.branch7x7x3_3, self.branch7x7x3_4 = (
            InceptionConv(192, 192, (7, 1), pad=(3, 0)),
            InceptionConv(192, 192, 3, 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Computes all branches and concatenates them."""
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, max_pool2d(x, 3, 2)], 1)


class BlockE(nn.Module):
    """Widest block; of the two in the network, the last one pools by maximum."""

    def __init__(self, inner: int, *, maximum: bool):
        super().__init__()
        self.maximum = maximum
        self.branch1x1, self.branch3x3_1 = InceptionConv(inner, 320, 1), InceptionConv(inner, 384, 1)
        self.branch3x3_2a, self.branch3x3_2b = (
            InceptionConv(384, 384, (1, 3), pad=(0, 1)),
            InceptionConv(384, 384, (3, 1), pad=(1, 0)),
        )
        self.branch3x3dbl_1, self.branch3x3dbl_2 = (
            InceptionConv(inner, 448, 1),
            InceptionConv(448, 384, 3, pad=1),
        )
        self.branch3x3dbl_3a = InceptionConv(384, 384, (1, 3), pad=(0, 1))
        self.branch3x3dbl_3b = InceptionConv(384, 384, (3, 1), pad=(1, 0))
        self.branch_pool = InceptionConv(inner, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Computes all branches and concatenates them."""
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pool = max_pool2d(x, 3, 1, 1) if self.maximum else _pooled(x)
        parts = [self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three)]
        parts += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(pool)]
        return torch.cat(parts, 1)


class Inception(nn.Module):
    """Network up to the 2,048 features that FID compares; layers are named as in the weights file."""

    name = "Inception v3 of 2015-12-05, as pytorch-fid"

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = InceptionConv(3, 32, 3, 2), InceptionConv(32, 32, 3)
        self.Conv2d_2b_3x3, self.Conv2d_3b_1x1 = InceptionConv(32, 64, 3, pad=1), InceptionConv(64, 80, 1)
        self.Conv2d_4a_3x3 = InceptionConv(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = BlockA(192, 32), BlockA(256, 64), BlockA(288, 64)
        self.Mixed_6a, self.Mixed_6b = BlockB(288), BlockC(768, 128)
        self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = BlockC(768, 160), BlockC(768, 160), BlockC(768, 192)
        self.Mixed_7a = BlockD(768)
        self.Mixed_7b, self.Mixed_7c = BlockE(1280, maximum=False), BlockE(2048, maximum=True)
        self.requires_grad_(False)
        self.eval()

    def forward(self, images: ImageBatch) -> Float[Tensor, "b 2048"]:
        """Computes one feature vector per image, RGB in [0, 1]."""
        x = interpolate(images, (SIDE, SIDE), mode="bilinear", align_corners=False) * 2 - 1
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean((2, 3))


def load_inception(path: Path) -> Inception:
    """Loads the network with the standard weights.

    Raises:
        MissingError: the file is missing.
        InputError: the file has other weights.
    """
    if not path.is_file():
        raise MissingError(
            f"inception {path}: no such file; pytorch-fid's releases have it: pt_inception-2015-12-05-{DIGEST}.pth"
        )
    try:
        data = read_regular_file(path, WEIGHT_BYTES)
    except OSError as error:
        raise InputError(f"inception {path}: cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(data).hexdigest()
    if not digest.startswith(DIGEST):
        raise InputError(
            f"inception {path}: its sha256 begins with {digest[:8]}, that of FID's own weights with {DIGEST}; values "
            "computed with other weights are not FID"
        )
    weights = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    net = Inception()
    net.load_state_dict(
        {name: tensor for name, tensor in weights.items() if not name.startswith(("fc.", "AuxLogits."))}
    )
    return net
