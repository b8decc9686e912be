"""Verdicts: what a reader returned, compared with the data set."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compat.expected import Expected
from compat.judge_faces import judge_boxes, judge_mask

MASK_VALUES = {"map": (0, 255), "parts": (0, 1, 2, 3)}
TOLERANCE = 2.0  # mean difference in grey levels of a lossy image; decoders interpolate chroma differently
BLANK = "right, blank"  # verdict on a mask without a covered pixel
SHOWN = 6  # values named of a wrong array


@dataclass(frozen=True)
class _Scale:
    """Representation of the values 0 to 255: `name` in the table; value * gain + offset is the reader's."""

    name: str
    gain: float
    offset: float = 0.0


PLAIN = _Scale("", 1.0)
SCALES = (
    PLAIN,
    _Scale(" / 255", 1 / 255),
    _Scale(" / 127.5 - 1", 1 / 127.5, -1.0),
)


def judge_way(way: dict[str, Any], folder: Path, expected: Expected) -> dict[str, str]:
    """Judges everything that one way of reading returned.

    Args:
        way: the entry of a reader's report.
        folder: where the arrays of this way lie.
        expected: the samples of the data set that was read.

    Returns:
        A verdict per member (`map`, `parts`, `images`, `labels`, `boxes`, `mask`) that came or was expected, and for
        `samples` if the way reads a split: "right, FORM", "wrong, SEEN" or "refused: ERROR".
    """
    verdicts: dict[str, list[str]] = {}
    for line in way["values"]:
        member = "images" if line["member"] in ("masked", "gt") else line["member"]
        verdicts.setdefault(member, []).append(_judge_value(line, folder, expected, way))
    judged = {member: _one_verdict(each) for member, each in verdicts.items()}
    if way["split"]:
        judged["samples"] = _judge_keys(way, expected)
    absent = f"refused: {way['failed']}" if way["failed"] else "wrong, nothing came"
    return judged | {member: absent for member in way["expect"] if member not in judged}


def is_as_expected(verdict: str, expectation: str) -> bool:
    """Returns whether a verdict is the expected one, or begins with it: "refused" expects any error."""
    return verdict == expectation or verdict.startswith((f"{expectation},", f"{expectation}:"))


def _one_verdict(verdicts: list[str]) -> str:
    """Returns the verdict of all samples; if they differ, the first that is not right, with its number."""
    verdicts = [verdict for verdict in verdicts if verdict != BLANK] or verdicts
    if len(set(verdicts)) == 1:
        return verdicts[0]
    bad = [verdict for verdict in verdicts if not verdict.startswith("right")]
    if not bad:
        return "right, " + " or ".join(sorted({verdict.removeprefix("right, ") for verdict in verdicts}))
    if all(verdict.startswith("wrong") for verdict in bad):  # wrong values differ from sample to sample
        bad.sort(key=len, reverse=True)
    return bad[0] if len(bad) == len(verdicts) else f"{bad[0]} ({len(bad)} of {len(verdicts)})"


def _judge_keys(way: dict[str, Any], expected: Expected) -> str:
    wanted, seen = sorted(expected.keys(way["split"])), sorted(way["keys"])
    if wanted == seen and not way["failed"]:
        return f"right, {len(seen)}"
    if way["failed"]:
        return f"refused: {way['failed']}"
    twice = len(seen) - len(set(seen))
    return f"wrong, {len(set(seen) & set(wanted))} of {len(wanted)} samples" + f", {twice} twice" * bool(
        twice
    )


def _judge_value(line: dict[str, Any], folder: Path, expected: Expected, way: dict[str, Any]) -> str:
    key, member = line["key"], line["member"]
    if "refused" in line:
        return f"refused: {line['refused']}"
    if "odd" in line:
        return f"wrong, {line['odd']}"
    if key not in expected.samples:
        return f"wrong, unknown key {key}"
    if member == "labels":
        return judge_labels(line["labels"], expected.labels(key))
    raw = (folder / line["raw"]).read_bytes()
    array = np.frombuffer(raw, np.dtype(line["dtype"])).reshape(line["shape"])
    if member == "boxes":
        return judge_boxes(array, expected.boxes(key))
    if member == "mask":
        return judge_mask(array, expected.array(key, "parts"))
    if way["compare"] == "set":
        return judge_values(array, MASK_VALUES[member])
    return judge_array(array, expected.array(key, member), member, lossy=expected.lossy)


def judge_array(array: np.ndarray, wanted: np.ndarray, member: str, *, lossy: bool = False) -> str:
    """Compares pixel by pixel.

    Args:
        array: as the reader returned it, of any type and order of axes.
        wanted: uint8, h w for masks, h w 3 (RGB) for images.
        member: map, parts, masked or gt.
        lossy: images are compared with a tolerance.

    Returns:
        The verdict.
    """
    form = f"{array.dtype} {_axes(array.shape, wanted.shape)}"
    is_mask = member in MASK_VALUES
    plane = _as_plane(array, wanted.shape[:2]) if is_mask else _as_rgb(array, wanted.shape[:2])
    if is_mask and plane is not None and not wanted.any() and not plane.any():
        return BLANK  # zeros are zeros in every scale
    if plane is None:
        return f"wrong, {form}{_values(array) if is_mask else ''}"
    close = TOLERANCE if lossy and not is_mask else 0.0
    for scale in SCALES if array.dtype.kind == "f" else (PLAIN,):
        if _apart((plane.astype(np.float64) - scale.offset) / scale.gain, wanted) <= close + 0.01:
            return f"right, {form}{scale.name}"
    if member == "map" and np.array_equal(plane, (wanted > 0).astype(plane.dtype)):
        return f"right, {form}" + " 0 and 1" * (array.dtype != bool)
    if not is_mask and _apart(plane[..., ::-1].astype(np.float64), wanted) <= close + 0.01:
        return f"wrong, {form}, red and blue swapped"
    return f"wrong, {form}{_values(array) if is_mask else ''}"


def judge_values(array: np.ndarray, allowed: tuple[int, ...]) -> str:
    """Judges a mask that was transformed: only values of the data set may come, in one of the scales."""
    form = f"{array.dtype}"
    values = np.unique(array).astype(np.float64)
    for scale in SCALES if array.dtype.kind == "f" else (PLAIN,):
        if np.isclose(values[:, None], np.array(allowed) * scale.gain + scale.offset, atol=1e-5).any(1).all():
            return f"right, {form}{scale.name}"
    if set(values) <= {0.0, 1.0} and allowed == MASK_VALUES["map"]:
        return f"right, {form}" + " 0 and 1" * (array.dtype != bool)
    return f"wrong, {form}{_values(array)}"


def judge_labels(labels: Any, wanted: Any) -> str:
    """Compares labels: every name and value, floats to single precision."""
    different = sorted(_differences(labels, wanted))
    return f"wrong, other {different[0]}" if different else "right"


def _differences(seen: Any, wanted: Any, name: str = "labels") -> Iterable[str]:
    if isinstance(wanted, dict):
        if not isinstance(seen, dict) or set(seen) != set(wanted):
            yield name
            return
        for key, value in wanted.items():
            yield from _differences(seen[key], value, f"{name}.{key}")
    elif isinstance(wanted, list):
        if not isinstance(seen, list) or len(seen) != len(wanted):
            yield name
            return
        for one, other in zip(seen, wanted, strict=True):
            yield from _differences(one, other, name)
    elif isinstance(wanted, float):
        if not isinstance(seen, int | float) or not np.isclose(seen, wanted, rtol=1e-6, atol=1e-6):
            yield name
    elif type(seen) is not type(wanted) or seen != wanted:
        yield f"{name} ({json.dumps(seen)[:40]})"


def _apart(plane: np.ndarray, wanted: np.ndarray) -> float:
    """Returns the largest difference of masks, where each pixel counts, and the mean difference of images."""
    difference = np.abs(plane - wanted)
    return float(difference.max() if wanted.ndim == 2 else difference.mean())


def _as_plane(array: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
    """Returns a mask as h w; None if it has another size, or channels that differ."""
    squeezed = np.squeeze(array)
    if squeezed.shape == size:
        return squeezed
    channels = _channels_last(squeezed, size)
    if channels is None or (channels[..., :3] != channels[..., :1]).any():
        return None
    if channels.shape[2] == 4 and len(np.unique(channels[..., 3])) != 1:
        return None
    return channels[..., 0]


def _as_rgb(array: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
    channels = _channels_last(np.squeeze(array), size)
    return None if channels is None else channels[..., :3]


def _channels_last(array: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
    if array.ndim == 3 and array.shape[:2] == size and array.shape[2] in (3, 4):
        return array
    if array.ndim == 3 and array.shape[1:] == size and array.shape[0] in (3, 4):
        return np.moveaxis(array, 0, -1)
    return None


def _axes(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """Returns the axes of an array: `h` and `w` for the sides of the image, numbers for the others."""
    sides = ["w", "h"]
    names = [sides.pop() if sides and length == wanted[0] else str(length) for length in shape]
    return " ".join(names) or "scalar"


def _values(array: np.ndarray) -> str:
    values = np.unique(array)
    shown = " ".join(f"{value:.3g}" for value in values[:SHOWN])
    return f", values {shown}" + " ..." * (len(values) > SHOWN)
