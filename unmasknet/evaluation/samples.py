"""Samples to score: drawn from a split by a hash, cropped and resampled, in the order of the shards."""

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
from maskgen.types import BARE, Plane, RGBImage
from unmasknet.maps import ImageBatch, MapBatch
from unmasknet.metrics.identity import Points, four_points

SCORED = ("test", "val")  # splits that `auto` tries, in this order


@dataclass(frozen=True)
class EvalSample:
    """Sample at the size of the evaluation.

    Attributes:
        masked: RGB, 0-255.
        truth: RGB, 0-255.
        map: the map, 0 or 1.
        parts: 0 to 3, as in the data set.
        points: eyes and corners of the mouth in pixels; None if the landmarks lack them.
    """

    key: str
    masked: RGBImage
    truth: RGBImage
    map: Plane
    parts: Plane
    points: Points | None
    labels: dict[str, Any]

    @property
    def person(self) -> str:
        """Identity of the person; the photo's id if it is unknown."""
        return str(self.labels["identity"] or self.labels["source"])

    @property
    def is_bare(self) -> bool:
        """Whether no pixel is hidden, so that there is nothing to restore."""
        return not self.map.any()

    @property
    def wears_mask(self) -> bool:
        """Whether the face that the crop was cut for wears a mask."""
        return self.family != BARE.family and not self.is_bare

    @property
    def family(self) -> str:
        """Family of the mask; `bare` without one."""
        return str(worn(self.labels)["family"])

    @property
    def wear(self) -> str:
        """Wear state of the mask; `bare` without one."""
        return str(worn(self.labels)["wear"]) or BARE.family

    @property
    def yaw(self) -> float:
        """Absolute yaw of the head in degrees."""
        return abs(float(posed(self.labels)[0]))

    @property
    def hole_share(self) -> float:
        """Hidden fraction of the image."""
        return float(self.map.mean())


@dataclass(frozen=True)
class SampleBatch:
    """Samples as tensors: images RGB in [0, 1], `map` 1 where hidden, `parts` as in the data set."""

    masked: ImageBatch
    truth: ImageBatch
    map: MapBatch
    parts: MapBatch


def choose(data: DataSet, split: str, n: int | None, seed: int) -> tuple[str, list[str]]:
    """Selects the split to score and draws keys from it, in the order of drawing.

    Args:
        data: the data set.
        split: name of the split, or "auto".
        n: number of keys; None takes all.
        seed: seed of the draw.

    Returns:
        The split, and the keys in the order of drawing.

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
    """Reads the samples of `keys` in the order of the shards, `size` pixels wide and high.

    Raises:
        InputError: a shard or a sample cannot be read.
    """
    for encoded in data.samples(set(keys), split=split):
        yield make_sample(encoded, size)


def make_sample(encoded: Encoded, size: int) -> EvalSample:
    """Crops a sample to its central square and resamples it; map pixels are 1 where at least half was hidden."""
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
    """Resizes a square image or plane: area averaging to shrink, cubic to enlarge."""
    if pixels.shape[0] == size:
        return np.ascontiguousarray(pixels)
    way = cv2.INTER_AREA if size < pixels.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(pixels, (size, size), interpolation=way)


def stack(samples: Sequence[EvalSample], device: torch.device) -> SampleBatch:
    """Stacks samples of one size into tensors on a device."""
    return SampleBatch(
        to_tensor([sample.masked for sample in samples], device),
        to_tensor([sample.truth for sample in samples], device),
        torch.from_numpy(np.stack([sample.map for sample in samples])[:, None]).float().to(device),
        torch.from_numpy(np.stack([sample.parts for sample in samples])[:, None]).float().to(device),
    )


def to_tensor(images: Sequence[RGBImage], device: torch.device) -> ImageBatch:
    """Converts RGB images of one size to `b 3 h w` in [0, 1]."""
    pixels = torch.from_numpy(np.stack(images)).to(device)
    return pixels.permute(0, 3, 1, 2).float() / 255


def to_images(tensor: Tensor) -> list[RGBImage]:
    """Converts `b 3 h w` in [0, 1] back to RGB images, rounded."""
    pixels = (tensor.detach().float().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [np.ascontiguousarray(one) for one in pixels]


def in_batches(samples: Iterable[EvalSample], count: int) -> Iterator[list[EvalSample]]:
    """Yields samples in lists of `count`; the last one may be shorter."""
    stream = iter(samples)
    while batch := list(islice(stream, count)):
        yield batch
