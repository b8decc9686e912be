"""What is scored: held-out samples of a data set, drawn by a hash, made to fit, in their order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from maskgen.dataset.reader import DataSet, Encoded, posed, worn
from maskgen.errors import InputError
from maskgen.seeds import hash64
from maskgen.types import Plane, RGBImage
from unmasknet.maps import ImageBatch, MapBatch
from unmasknet.metrics.identity import Points, four_points

SCORED = ("test", "val")  # splits in the order in which `auto` asks for them


@dataclass(frozen=True)
class EvalSample:
    """A sample at the size of the evaluation: `masked` and `truth` RGB, `hole` 0 or 1, `parts` 0 to 3.

    `points` are eyes and corners of the mouth in its pixels, None where its landmarks do not tell.
    """

    key: str
    masked: RGBImage
    truth: RGBImage
    hole: Plane
    parts: Plane
    points: Points | None
    labels: dict[str, Any]

    @property
    def person(self) -> str:
        """Who is seen; the photo's own name where nobody knows."""
        return str(self.labels["identity"] or self.labels["source"])

    @property
    def family(self) -> str:
        """The mask's family."""
        return str(worn(self.labels)["family"])

    @property
    def wear(self) -> str:
        """How the mask is worn."""
        return str(worn(self.labels)["wear"])

    @property
    def yaw(self) -> float:
        """Degrees by which the head is turned, either way."""
        return abs(float(posed(self.labels)[0]))

    @property
    def share(self) -> float:
        """Share of the picture that is hidden."""
        return float(self.hole.mean())


@dataclass(frozen=True)
class SampleBatch:
    """Cases as tensors: pictures RGB in [0, 1], `hole` 1 where hidden, `parts` as in the data set."""

    masked: ImageBatch
    truth: ImageBatch
    hole: MapBatch
    parts: MapBatch


def choose(data: DataSet, split: str, n: int | None, seed: int) -> tuple[str, list[str]]:
    """The split that is scored, and the keys drawn from it in their order of drawing.

    Args:
        data: the data set.
        split: its name, or "auto".
        n: how many, all if none.
        seed: of the draw.

    Raises:
        InputError: there is nothing to score.
    """
    for name in SCORED if split == "auto" else (split,):
        keys = [encoded.key for encoded in data.samples(split=name)]
        if keys:
            return name, sorted(keys, key=lambda key: hash64("eval", seed, key))[:n]
    wanted = " or ".join(SCORED) if split == "auto" else split
    held = ", ".join(sorted({record.split for record in data.records if record.count})) or "no samples"
    raise InputError(
        f"{data.folder}: there is nothing to score: no sample of {wanted}, it holds {held}. "
        "Make a data set with held-out photos (gen-data --set source.test=.1), or name another --split"
    )


def read_samples(data: DataSet, split: str, keys: Sequence[str], size: int) -> Iterator[EvalSample]:
    """The cases of `keys` in the order of the shards, `size` pixels wide and high.

    Raises:
        InputError: a shard or a sample cannot be read.
    """
    for encoded in data.samples(set(keys), split=split):
        yield make_sample(encoded, size)


def make_sample(encoded: Encoded, size: int) -> EvalSample:
    """A sample cut to its middle square and resampled; a pixel of a smaller map is 1 where half of it was."""
    pixels = encoded.decode()
    height, width = pixels["gt"].shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = slice(top, top + side), slice(left, left + side)
    faces = encoded.labels["faces"]
    points = four_points(faces[0]["landmarks"], faces[0]["scheme"]) if faces else None
    if points is not None:
        points = (points - (left, top) + 0.5) * (size / side) - 0.5
    return EvalSample(
        encoded.key,
        fitted(pixels["masked"][square], size),
        fitted(pixels["gt"][square], size),
        (fitted(pixels["map"][square] * np.uint8(255), size) >= 128).astype(np.uint8),
        cv2.resize(pixels["parts"][square], (size, size), interpolation=cv2.INTER_NEAREST_EXACT),
        points,
        encoded.labels,
    )


def fitted(pixels: RGBImage | Plane, size: int) -> Any:
    """A square picture or plane at another size: pixels averaged when it shrinks, cubic when it grows."""
    if pixels.shape[0] == size:
        return np.ascontiguousarray(pixels)
    way = cv2.INTER_AREA if size < pixels.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(pixels, (size, size), interpolation=way)


def stack(samples: Sequence[EvalSample], device: torch.device) -> SampleBatch:
    """Cases of one size as tensors on a device."""
    return SampleBatch(
        to_tensor([sample.masked for sample in samples], device),
        to_tensor([sample.truth for sample in samples], device),
        torch.from_numpy(np.stack([sample.hole for sample in samples])[:, None]).float().to(device),
        torch.from_numpy(np.stack([sample.parts for sample in samples])[:, None]).float().to(device),
    )


def to_tensor(images: Sequence[RGBImage], device: torch.device) -> ImageBatch:
    """Pictures of one size as `b 3 h w` in [0, 1]."""
    pixels = torch.from_numpy(np.stack(images)).to(device)
    return pixels.permute(0, 3, 1, 2).float() / 255


def to_images(tensor: Tensor) -> list[RGBImage]:
    """The way back: `b 3 h w` in [0, 1] as RGB pictures, rounded."""
    pixels = (tensor.detach().float().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [np.ascontiguousarray(one) for one in pixels]


def in_batches(samples: Iterable[EvalSample], count: int) -> Iterator[list[EvalSample]]:
    """Cases in lists of `count`, the last one shorter."""
    stream = iter(samples)
    while batch := list(islice(stream, count)):
        yield batch
