"""Check of `unmask unpack --layout yolo` by Ultralytics itself, outside of the tests.

Ultralytics' package is AGPL-3.0, so neither the project nor its tests depend on it. This script installs it into an
environment of its own, lets its own classes read `data.yaml`, images and labels, and compares every box and class with
those of `--layout coco` of the same data set. With --train it also trains a network for one epoch by `yolo`.

    python -m tools.check_ultralytics data/shards/mine [--env FOLDER] [--train]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from maskgen import unpack

ROOT = Path(__file__).parents[1]
VERSION = "8.4.190"
# Its dependencies by name: its own list asks for the OpenCV that needs libGL.
ALONE = (f"ultralytics=={VERSION}", "ultralytics-thop", "ultralytics-platform", "torchvision")
PACKAGES = ("torch", "numpy", "opencv-python-headless", "pillow", "polars", "psutil", "pyyaml", "requests")
PACKAGES += ("matplotlib", "setuptools", "tqdm")

# Where torchvision's compiled part does not fit the installed torch, it is imported without; `nms` is then in Python.
READER = """
import json, sys
import torch
try:
    import torchvision
except RuntimeError:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision.ops
    def nms(boxes, scores, threshold):
        order, kept = scores.argsort(descending=True), []
        while len(order):
            kept.append(int(order[0]))
            over = torchvision.ops.box_iou(boxes[order[:1]], boxes[order[1:]])[0]
            order = order[1:][over <= threshold]
        return torch.tensor(kept, dtype=torch.int64)
    torchvision.ops.nms = nms
from ultralytics import YOLO, settings
from ultralytics.data.dataset import YOLODataset
from ultralytics.data.utils import check_det_dataset
data = check_det_dataset(sys.argv[1])
found = {}
for split in ("train", "val", "test"):
    if data.get(split):
        photos = YOLODataset(img_path=data[split], data=data, task="detect", augment=False)
        for entry in photos.get_labels():
            height, width = entry["shape"]
            rows = []
            for number, (x, y, w, h) in zip(entry["cls"][:, 0].tolist(), entry["bboxes"].tolist()):
                box = [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height]
                rows.append([data["names"][int(number)], *box])
            found[entry["im_file"].rsplit("/", 1)[1]] = rows
json.dump(found, open(sys.argv[2], "w"))
if len(sys.argv) > 3:
    model = YOLO("yolo11n.yaml")
    model.train(data=sys.argv[1], epochs=1, imgsz=160, batch=8, workers=0, device="cpu", plots=False,
                project=sys.argv[3], name="run", amp=False)
"""


def main() -> None:
    """Prints the number of images and boxes that agree; exits with 1 if one does not."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--env", type=Path, help="environment to install into, kept for the next time")
    parser.add_argument("--train", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        python = install(chosen.env or Path(work) / "env")
        folder = Path(work)
        unpack(chosen.data, folder / "yolo", layout="yolo")
        unpack(chosen.data, folder / "coco", layout="coco")
        (folder / "reader.py").write_text(READER)
        command = [python, folder / "reader.py", folder / "yolo/data.yaml", folder / "found.json"]
        # another working directory: data.yaml must lead to the images from everywhere
        subprocess.run([*map(str, command), *([str(folder)] if chosen.train else [])], check=True, cwd=ROOT)
        found = json.loads((folder / "found.json").read_text())
        problems = compare(found, expected(folder / "coco"))
    print(f"{len(found)} images, {sum(map(len, found.values()))} boxes, {len(problems)} differences")
    print("\n".join(problems[:20]))
    sys.exit(bool(problems))


def install(env: Path) -> Path:
    """Makes the environment unless it is there; returns its Python."""
    python = env / "bin/python"
    if not (env / "installed").exists():
        venv.create(env, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "-q", "-c", str(ROOT / "constraints.txt")]
        subprocess.run([*pip, *PACKAGES], check=True)
        subprocess.run([*pip, "--no-deps", *ALONE], check=True)
        (env / "installed").touch()
    return python


def expected(coco: Path) -> dict[str, list[list[object]]]:
    """Returns class, x, y, width and height of each box by image, from the COCO files."""
    boxes: dict[str, list[list[object]]] = {}
    for path in (coco / "annotations").iterdir():
        index = json.loads(path.read_text("utf-8"))
        names = {one["id"]: one["name"] for one in index["categories"]}
        files = {one["id"]: one["file_name"] for one in index["images"]}
        boxes.update((file, []) for file in files.values())
        for one in index["annotations"]:
            boxes[files[one["image_id"]]].append([names[one["category_id"]], *one["bbox"]])
    return boxes


def compare(found: dict[str, list], true: dict[str, list]) -> list[str]:
    """Lists what differs by more than a tenth of a pixel, in any order of the boxes."""
    problems = [f"{name}: not read" for name in true.keys() - found.keys()]
    for name, rows in found.items():
        wanted = sorted(true.get(name, []), key=str)
        pairs = list(zip(sorted(rows, key=lambda row: nearest(row, wanted)), wanted, strict=False))
        same = len(rows) == len(wanted) and all(alike(a, b) for a, b in pairs)
        problems += [] if same else [f"{name}: {rows} for {wanted}"]
    return problems


def nearest(row: list, rows: list[list]) -> int:
    """Returns the place of the row that is most alike."""
    return min(
        range(len(rows)),
        key=lambda n: sum(abs(a - b) for a, b in zip(row[1:], rows[n][1:], strict=True)),
        default=0,
    )


def alike(one: list, other: list) -> bool:
    """Tells whether two rows have one class, and boxes that differ by a tenth of a pixel at most."""
    return one[0] == other[0] and all(abs(a - b) < 0.1 for a, b in zip(one[1:], other[1:], strict=True))


if __name__ == "__main__":
    main()
