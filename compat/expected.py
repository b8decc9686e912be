"""What every reader must find in a data set: its members, read by tarfile and Pillow alone."""

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from maskgen.dataset.unpack.base import LayoutOptions
from maskgen.dataset.unpack.face_boxes import face_boxes


@dataclass
class Expected:
    """The samples of a data set.

    Attributes:
        samples: members' bytes by key and name, such as samples[key]["map"].
        splits: keys by split.
        lossy: whether the images are JPEG.
    """

    samples: dict[str, dict[str, bytes]] = field(default_factory=dict)
    splits: dict[str, list[str]] = field(default_factory=dict)
    lossy: bool = True

    def keys(self, split: str) -> list[str]:
        """Returns the keys of a split, or of all of them for `all`."""
        return list(self.samples) if split == "all" else self.splits[split]

    def array(self, key: str, member: str) -> np.ndarray:
        """Returns the pixels of map or parts (h w) or of masked or gt (h w 3), uint8."""
        with Image.open(io.BytesIO(self.samples[key][member])) as image:
            return np.array(image)

    def boxes(self, key: str) -> np.ndarray:
        """Returns x0, y0, x1, y1 in pixels and the class of each face: 0 with mask, 1 without, 2 worn incorrectly."""
        faces = self.labels(key)["faces"]
        height, width = self.array(key, "map").shape
        found, _ = face_boxes(faces, width, height, LayoutOptions.min_face)
        return np.array([(*each.box, _class_of(faces[each.nth]["mask"])) for each in found]).reshape(-1, 5)

    def labels(self, key: str) -> dict[str, Any]:
        """Returns the labels of a sample."""
        return json.loads(self.samples[key]["json"])


def _class_of(mask: dict[str, Any]) -> int:
    return 1 if mask["family"] == "bare" else 0 if mask["wear"] == "correct" else 2


def read_expected(data_set: Path) -> Expected:
    """Returns all samples of a data set, with the names and bytes that stand in its shards."""
    expected = Expected()
    for shard in sorted(data_set.glob("*.tar")):
        keys: set[str] = set()
        for key, member, data in _members(shard):
            expected.samples.setdefault(key, {})[member.split(".")[0]] = data
            keys.add(key)
            expected.lossy = expected.lossy and member not in ("masked.png", "masked.webp")
        expected.splits.setdefault(shard.name.rsplit("-", 1)[0], []).extend(sorted(keys))
    return expected


def _members(shard: Path) -> Iterator[tuple[str, str, bytes]]:
    with tarfile.open(shard) as tar:
        for info in tar:
            file = tar.extractfile(info)
            assert file is not None, info.name
            key, member = info.name.split(".", 1)
            yield key, member, file.read()
