"""Speed of `RandomFaceMask`: against MaskTheFace on the same aligned crops, and inside a DataLoader of two workers.

    python -m benchmarks.transform --src lfw.tar --masktheface CHECKOUT [--n 200] [--rounds 5]

Crops: faces of the source, aligned to ArcFace's template at 112 pixels, landmarks known. insightface's own
`MaskRenderer` cannot take part: it reads `BFM.mat` and `BFM_UV.mat`, a 3-D face model that is neither in its package
nor may be passed on. So MaskTheFace's `mask_face` stands for the tools of today, given its 68 points, without its
detection. Both run in this process, turn by turn, and each time is CPU time of one core.

Loader: the JPEG files of the source, a quarter of them enlarged to 720 pixels as a camera's photos are, or the aligned
crops as JPEG files; decoded by Pillow, resized to 112 pixels if they are larger, then masked at p = .3 with cached
landmarks or not, flipped at random, as normalised float tensors, in batches of 128 by two workers, turn by turn.

MaskTheFace needs `imutils`, `tqdm`, `requests` and `dotmap`, which are imported or replaced by nothing: only its
drawing runs. Memory: proportional set size of the loader's workers with masks and without.
"""

import argparse
import io
import json
import os
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from maskgen.errors import Skip
from maskgen.faces.arcface import SIDE, arcface_matrix, five_points
from maskgen.faces.landmarks import build_detector
from maskgen.faces.landmarks.points68_to_mesh import ON_MESH
from maskgen.seeds import hash64
from maskgen.settings import FaceSettings, SourceSettings
from maskgen.sources import build_source
from maskgen.transforms import RandomFaceMask

P = 0.3
LARGE = 720
TYPES = ("surgical", "cloth", "N95", "KN95")  # of MaskTheFace, one after the other


def read_photos(src: str, n: int) -> list[bytes]:
    """Reads the files of the first n photos of a source, in the hash order of their names."""
    source = build_source(SourceSettings(src=src))
    files = (source.read(ref) for ref in sorted(source.refs(), key=lambda ref: hash64(0, ref.id))[:n])
    return [file for file in files if not isinstance(file, Skip)]


def align(files: list[bytes]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Cuts the largest face of each photo as recognisers take it; returns crops and their meshes."""
    detector = build_detector(FaceSettings(landmarks="mesh"))
    crops, meshes = [], []
    for file in files:
        pixels = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
        found = detector.detect(pixels)
        if not isinstance(found, Skip):
            matrix = arcface_matrix(five_points(found[0].mesh))
            crops.append(cv2.warpAffine(pixels, matrix, (SIDE, SIDE)))
            meshes.append(found[0].moved(matrix).mesh)
    return crops, meshes


def mask_the_face(checkout: Path) -> Callable[[np.ndarray, np.ndarray, int], Any]:
    """Builds a function that masks a crop, BGR, by MaskTheFace's own functions, from 68 points."""
    for name, needed in {
        "imutils": ("face_utils",),
        "requests": (),
        "dotmap": ("DotMap",),
        "tqdm": ("tqdm",),
    }.items():
        stand_in = types.ModuleType(name)
        for attribute in needed:
            setattr(stand_in, attribute, Settings if attribute == "DotMap" else None)
        sys.modules.setdefault(name, stand_in)
    sys.path.insert(0, str(checkout))
    from utils import aux_functions  # type: ignore[import-not-found]

    options = types.SimpleNamespace(pattern="", pattern_weight=0.5, color="", color_weight=0.5)

    def wear(crop: np.ndarray, points: np.ndarray, nth: int) -> Any:
        landmarks = aux_functions.shape_to_landmarks(points)
        six, angle = aux_functions.get_six_points(landmarks, crop)
        (left, top), (right, bottom) = points.min(0), points.max(0)
        place = top, right, bottom, left
        return aux_functions.mask_face(crop, place, six, angle, options, type=TYPES[nth % len(TYPES)])

    return wear


class Settings(dict):
    """Stand-in for `dotmap.DotMap`: a dict whose keys are attributes."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__  # type: ignore[assignment]


def time_crops(src: str, checkout: Path | None, n: int, rounds: int) -> dict[str, float]:
    """Measures milliseconds of CPU time per crop, turn by turn; the best round of each counts."""
    crops, meshes = align(read_photos(src, n))
    dots = [np.rint([mesh[list(on), :2].mean(0) for on in ON_MESH]).astype(int) for mesh in meshes]
    fives = [five_points(mesh) for mesh in meshes]
    bgr = [np.ascontiguousarray(crop[..., ::-1]) for crop in crops]
    tensors = [torch.from_numpy(crop.transpose(2, 0, 1).copy()) for crop in crops]
    given, template = RandomFaceMask(p=1, cache="off"), RandomFaceMask(p=1, landmarks="arcface", cache="off")
    ways: dict[str, Callable[[int, int], Any]] = {
        "468 points": lambda i, seed: given(crops[i], landmarks=meshes[i], index=seed),
        "68 points": lambda i, seed: given(crops[i], landmarks=dots[i], index=seed),
        "5 points": lambda i, seed: given(crops[i], landmarks=fives[i], index=seed),
        "template": lambda i, seed: template(crops[i], index=seed),
        "template, tensor": lambda i, seed: template(tensors[i], index=seed),
    }
    if checkout:
        other = mask_the_face(checkout)
        ways["MaskTheFace"] = lambda i, seed: other(bgr[i], dots[i], seed)
    best = dict.fromkeys(ways, 1e9)
    with chdir(checkout or "."):
        for turn in range(rounds + 1):
            for name, way in ways.items():
                began = time.process_time()
                for i in range(len(crops)):
                    way(i, i + turn * len(crops))
                took = (time.process_time() - began) / len(crops) * 1000
                best[name] = min(best[name], took) if turn else 1e9  # the first turn warms up
    return {name: round(took, 3) for name, took in best.items()}


class Photos(Dataset):
    """Data set of JPEG files: decoded, resized, masked if there is a transform, flipped, normalised."""

    def __init__(self, files: list[Path], masks: RandomFaceMask | None) -> None:
        self.files, self.masks = files, masks

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        image = Image.open(self.files[index]).convert("RGB")
        if image.size != (SIDE, SIDE):
            image = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        if self.masks:
            image = self.masks(image, index=index)
        if torch.rand(()) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        return pixels.to(torch.float32).div_(255).sub_(0.5).div_(0.5)


def time_loaders(files: list[Path], masks: RandomFaceMask, rounds: int) -> dict[str, float]:
    """Measures images per second of two persistent workers, turn by turn; the best epoch of each counts."""
    loaders = {
        name: DataLoader(
            Photos(files, transform),
            128,
            num_workers=2,
            persistent_workers=True,
            shuffle=True,
            prefetch_factor=4,
        )
        for name, transform in (("bare", None), ("masked", masks))
    }
    best = dict.fromkeys(loaders, 0.0)
    spent = dict.fromkeys(loaders, 1e9)
    with closed_afterwards(loaders):
        for epoch in range(rounds + 1):
            for name, loader in loaders.items():
                masks.set_epoch(epoch)
                before, began = workers_time(), time.perf_counter()
                for _ in loader:
                    pass
                rate = len(files) / (time.perf_counter() - began)
                if epoch:  # the first starts the workers and fills the cache
                    best[name] = max(best[name], rate)
                    spent[name] = min(spent[name], (workers_time() - before) / len(files) * 1000)
        memory = worker_memory()
    return {
        "bare_per_s": round(best["bare"]), "masked_per_s": round(best["masked"]),
        "ratio": round(best["masked"] / best["bare"], 3),
        "bare_cpu_ms": round(spent["bare"], 3), "masked_cpu_ms": round(spent["masked"], 3),
        "cpu_ratio": round(spent["bare"] / spent["masked"], 3), **memory,
    }  # fmt: skip


@contextmanager
def closed_afterwards(loaders: dict[str, DataLoader]) -> Iterator[None]:
    """Ends the workers of the loaders."""
    try:
        yield
    finally:
        loaders.clear()


def children() -> list[int]:
    """Lists the child processes of this one, in the order of their start."""
    return sorted(int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def workers_time() -> float:
    """Sums the CPU seconds of the child processes so far."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in children()]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def worker_memory() -> dict[str, float]:
    """Measures MiB of the workers that no other process shares (USS): the mean of both with masks and without."""
    private = []
    for pid in children():
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        private.append(sum(int(row.split()[1]) for row in rows if row.startswith("Private_")) / 1024)
    return {"bare_uss_mb": round(sum(private[:2]) / 2, 1), "masked_uss_mb": round(sum(private[2:4]) / 2, 1)}


def write_files(files: list[bytes], folder: Path) -> list[Path]:
    """Writes files into a folder."""
    folder.mkdir()
    paths = [folder / f"{nth:06d}.jpg" for nth in range(len(files))]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(file)
    return paths


def enlarged(file: bytes) -> np.ndarray:
    """Decodes a photo and scales its shorter side to `LARGE` pixels, as photos of cameras are larger than LFW's."""
    image = Image.open(io.BytesIO(file)).convert("RGB")
    scale = LARGE / min(image.size)
    return np.asarray(
        image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    )


def jpeg(crop: np.ndarray) -> bytes:
    """Encodes a crop as JPEG at quality 95."""
    kept = io.BytesIO()
    Image.fromarray(crop).save(kept, "JPEG", quality=95)
    return kept.getvalue()


def main() -> None:
    """Prints the results as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--src", required=True)
    parser.add_argument("--masktheface", type=Path, help="a checkout of MaskTheFace")
    parser.add_argument("--n", type=int, default=200, help="crops to time")
    parser.add_argument("--loaded", type=int, default=2000, help="photos in the loader")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    checkout = options.masktheface.resolve() if options.masktheface else None
    result: dict[str, Any] = {"crop_ms": time_crops(options.src, checkout, options.n, options.rounds)}
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        files = read_photos(options.src, options.loaded)
        photos = write_files(files, folder / "photos")
        large = write_files([jpeg(enlarged(file)) for file in files[: options.loaded // 4]], folder / "large")
        crops = write_files([jpeg(crop) for crop in align(files)[0]], folder / "crops")
        detected = RandomFaceMask(p=P, cache=str(folder / "landmarks"))
        every = RandomFaceMask(p=1, cache=str(folder / "landmarks"))
        for path in photos + large:  # fills the cache of landmarks
            every(Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR), index=0)
        result["loader_large"] = time_loaders(large, detected, options.rounds)
        result["loader_photos"] = time_loaders(photos, detected, options.rounds)
        result["loader_crops"] = time_loaders(crops, RandomFaceMask(p=P, landmarks="arcface"), options.rounds)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
