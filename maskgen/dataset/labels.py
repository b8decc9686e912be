"""Labels of a sample: encoding to JSON, by hand where that is several times faster, and validation."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, SupportsFloat

import numpy as np
from jaxtyping import Float, Int64, UInt8
from numpy import ndarray

from maskgen.native import compiled
from maskgen.types import MaskedFace, Triplet

Kept = dict[int, Any]  # cache: `id` of an array -> its encoded form
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
LARGEST_SEED = 2**31 - 1  # largest integer that JAX and JavaScript's bit operators know
MOST_INTEGER = 2**63 - 1  # seeds of format 1 are below 2^63
MOST_FLOAT = 3e38  # about the largest number of 32 bits
# Schema of the labels. The only entry of a list stands for any number of entries; several entries, for one each.
SHAPE: dict[str, Any] = {
    "source": str,
    "identity": str,
    "split": str,
    "faces": [
        {
            "box": [float, float, float, float],
            "landmarks": [[float, float]],
            "scheme": str,
            "pose": {"yaw": float, "pitch": float, "roll": float},
            "mask": {"family": str, "texture": str, "colour": str, "strength": float, "wear": str},
        }
    ],
    "seed": int,
    "hole": float,
    "valid": float,
    "terms": str,
}


@dataclass(frozen=True)
class Origin:
    """Origin of a photo.

    Attributes:
        source: id of the photo in its source.
        identity: identity of its main face; "" if unknown.
        split: "train", "val" or "test".
        terms: terms of use of the source.
    """

    source: str
    identity: str
    split: str
    terms: str


def encode_labels(triplet: Triplet, origin: Origin, kept: Kept) -> bytes:
    """Encodes the labels of a sample, with the same keys and types in every sample.

    Floats have a decimal point, and text is never null. The identity that a source gives is that of the main face, so
    crops of other faces have none.

    Args:
        triplet: the sample.
        origin: the origin of its photo.
        kept: cache of encoded landmarks.

    Returns:
        JSON in ASCII.
    """
    faces = ",".join(_face_labels(face, kept) for face in triplet.faces)
    labels = {
        "source": _json(printable(origin.source)),
        "identity": _json(printable(origin.identity) if triplet.main else ""),
        "split": _json(origin.split),
        "faces": f"[{faces}]",
        "seed": str(int(triplet.seed) & LARGEST_SEED),
        "hole": _json(number(triplet.hole_share)),
        "valid": _json(number(triplet.valid)),
        "terms": _json(origin.terms),
    }
    return _object(labels).encode("ascii")


def _face_labels(masked: MaskedFace, kept: Kept) -> str:
    face, mask, pose = masked.face, masked.mask, masked.pose
    mask_labels = {
        "family": mask.family,
        "texture": mask.texture,
        "colour": mask.colour,
        "strength": number(mask.strength),
        "wear": mask.wear,
    }
    labels = {
        "box": _json([number(round(value, 2)) for value in face.box]),
        "landmarks": once(kept, face.landmarks, lambda: points_text(face.landmarks)),
        "scheme": _json(face.scheme),
        "pose": _json({"yaw": number(pose.yaw), "pitch": number(pose.pitch), "roll": number(pose.roll)}),
        "mask": _json(mask_labels),
    }
    return _object(labels)


def _json(value: Any) -> str:
    return _ENCODER.encode(value)


def _object(members: Mapping[str, str]) -> str:
    """Builds a JSON object from values that are JSON already."""
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


def once(kept: Kept, array: ndarray, make: Callable[[], Any]) -> Any:
    """Returns the cached result for an array, or calls `make` and caches it; valid while the array exists."""
    if id(array) not in kept:
        kept[id(array)] = make()
    return kept[id(array)]


def points_text(points: Float[ndarray, "n 2"]) -> str:
    """Formats points as JSON with two decimals and equal width, in a tenth of the time that `json` takes."""
    hundredths = np.rint(points.astype(np.float64) * 100).astype(np.int64)
    low, high = int(hundredths.min(initial=0)), int(hundredths.max(initial=0))
    width = int(low < 0) + max(len(str(max(high, -low))), 3) + 1
    text = np.empty((len(points), 2 * width + 4), np.uint8)
    _write_points(hundredths, text)
    return f"[{text.tobytes()[:-1].decode('ascii')}]"


@compiled
def _write_points(hundredths: Int64[ndarray, "n 2"], text: UInt8[ndarray, "n wide"]) -> None:
    """Writes pairs of hundredths into `text` as `[x,y],`, with two decimals and padded with leading blanks."""
    each = (text.shape[1] - 4) // 2
    for (x, y), line in zip((hundredths / 100).tolist(), text, strict=True):
        line[:] = np.frombuffer(f"[{x:{each}.2f},{y:{each}.2f}],".encode("ascii"), np.uint8)


def number(value: SupportsFloat) -> float:
    """Rounds a number to four decimals, so that JSON never shows 1e-05 (no decimal point) or -0.0."""
    return round(float(value), 4) + 0.0


def printable(text: str) -> str:
    r"""Escapes bytes of a file name that are not UTF-8 as \\xNN, so that every reader accepts it."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def odd_labels(labels: object) -> list[str]:
    """Lists the paths of labels that are missing, unknown, of the wrong type or number, or no valid text, sorted."""
    return sorted(set(_odd(labels, SHAPE, "")))


def _odd(value: object, shape: Any, path: str) -> Iterator[str]:
    if isinstance(shape, dict):
        yield from _odd_table(value, shape, path)
    elif isinstance(shape, list):
        yield from _odd_list(value, shape, path)
    elif type(value) is not shape or not _is_valid(value):
        yield path


def _is_valid(value: object) -> bool:
    """Tells whether a number fits, and a text can be written: JSON may hold half of a pair of surrogates."""
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
    return (
        _fit([value]) if isinstance(value, float) else isinstance(value, int) and abs(value) <= MOST_INTEGER
    )


def _fit(values: Sequence[float]) -> bool:
    """Tells whether numbers are finite, and fit into the 32 bits that TFRecord files have for each."""
    return all(map(math.isfinite, values)) and max(map(abs, values), default=0.0) <= MOST_FLOAT


def _odd_table(value: object, shape: dict[str, Any], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield path or "all"
        return
    for name in value.keys() | shape.keys():
        inner = f"{path}.{name}".lstrip(".")
        if name in value and name in shape:
            yield from _odd(value[name], shape[name], inner)
        else:
            yield inner


def _odd_list(value: object, shape: list[Any], path: str) -> Iterator[str]:
    if not isinstance(value, list) or (len(shape) > 1 and len(value) != len(shape)):
        yield path
    elif shape[0] is float:
        if not set(map(type, value)) <= {float} or not _fit(value):
            yield path
    elif shape == [[float, float]] and set(map(type, value)) <= {list}:  # all at once: a sample has hundreds
        if not set(map(len, value)) <= {2}:
            yield path
        yield from _odd_list(list(chain.from_iterable(value)), [float], path)
    else:
        for entry in value:
            yield from _odd(entry, shape[0], path)
