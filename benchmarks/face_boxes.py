"""Comparison of the boxes in detectors' layouts with those of other face detectors, on the photos without masks.

`mtcnn`: MTCNN of facenet-pytorch (MIT), trained on WIDER FACE, independent of this project's face finder. `hog`:
dlib's, whose square boxes go from the brows to the chin by design. Each labelled face is compared with the detection
that overlaps it most; photos in which the other detector finds nothing at all are counted.

    pip install --no-deps facenet-pytorch
    python -m benchmarks.face_boxes shards --detector mtcnn [--n 500] [--prefix lfw/]
"""

import argparse
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from maskgen import open_data_set
from maskgen.dataset.unpack.face_boxes import face_boxes
from maskgen.seeds import hash64

Boxes = list[tuple[float, float, float, float]]
Find = Callable[[np.ndarray], Boxes]


def mtcnn() -> Find:
    """Returns MTCNN, which finds boxes in an image."""
    from benchmarks.mask_detector.network import provide_nms

    provide_nms()
    from facenet_pytorch import MTCNN

    network = MTCNN(keep_all=True, device="cpu")

    def find(pixels: np.ndarray) -> Boxes:
        boxes, _ = network.detect(pixels)
        return [] if boxes is None else [tuple(box) for box in boxes.tolist()]

    return find


def hog() -> Find:
    """Returns dlib's HOG detector, which finds boxes in an image."""
    import dlib

    detector = dlib.get_frontal_face_detector()

    def find(pixels: np.ndarray) -> Boxes:
        found = detector(np.ascontiguousarray(pixels), 1)
        return [(box.left(), box.top(), box.right() + 1, box.bottom() + 1) for box in found]

    return find


def overlap(one: Any, other: Any) -> float:
    """Returns the intersection over union of two boxes x0, y0, x1, y1."""
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def main() -> None:
    """Prints mean and quantiles of the overlap, and the fraction over .6."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="a data set made with --size 0")
    parser.add_argument("--detector", choices=["mtcnn", "hog"], default="mtcnn")
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--prefix", default="", help="only photos whose path starts so")
    args = parser.parse_args()
    find = {"mtcnn": mtcnn, "hog": hog}[args.detector]()
    labelled, mesh, missed = [], [], 0
    samples = (s for s in open_data_set(args.data).samples() if s.labels["source"].startswith(args.prefix))
    for sample in sorted(samples, key=lambda sample: hash64("boxes", sample.key))[: args.n]:
        pixels = sample.decode()["gt"]
        first = sample.labels["faces"][:1]
        boxes, _ = face_boxes(first, pixels.shape[1], pixels.shape[0], 1.0)
        found = find(pixels)
        if not found:
            missed += 1
        elif boxes:
            labelled.append(max(overlap(boxes[0].box, box) for box in found))
            mesh.append(max(overlap([side + 0.5 for side in first[0]["box"]], box) for box in found))
    result = {"detector": args.detector, "faces": len(labelled), "nothing found": missed}
    for name, values in (("box", labelled), ("label box as it is", mesh)):
        result[name] = {
            "mean": round(float(np.mean(values)), 3),
            "5 %": round(float(np.quantile(values, 0.05)), 3),
            "over .6": round(float(np.mean(np.array(values) > 0.6)), 4),
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
