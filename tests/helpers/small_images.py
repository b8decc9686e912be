"""Small drawn data sets for tests of readers, written by the real encoder without face detection or rendering."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from maskgen.dataset import shard_record, shards
from maskgen.seeds import hash64
from maskgen.settings import ShardSettings
from maskgen.types import BARE, Face, MaskedFace, Plane, Pose, RGBImage, Triplet, WornMask

FAMILIES = ("surgical", "n95", "cloth")
COLOURS = ("#0473e2", "", "#aa2233")


def drawn_photo(number: int, side: int = 64) -> RGBImage:
    """Draws a smooth image, different for each number."""
    ramp = np.linspace(0, 200, side)
    red = ramp[None, :] + 5 * (number % 8)
    return np.dstack(
        np.broadcast_arrays(red, ramp[:, None], np.full((side, side), 9.0 * (number % 20)))
    ).astype(np.uint8)


def drawn_parts(side: int = 64) -> Plane:
    """Draws the parts of a mask in the lower half, with a strap and a shadow."""
    parts = np.zeros((side, side), np.uint8)
    parts[side // 2 : side - 4, side // 4 : -side // 4] = 3
    parts[side // 2 : side // 2 + 3, 4 : side // 4] = 2
    parts[side - 4 : side - 2, side // 4 : -side // 4] = 1
    return parts


def drawn_triplet(number: int, photo: RGBImage | None = None) -> Triplet:
    """Draws a triplet whose mask inverts and darkens the photo; family, wear and pose depend on `number`."""
    photo = drawn_photo(number) if photo is None else photo
    height, width = photo.shape[:2]
    parts = drawn_parts(min(height, width))[:height, :width]
    parts = np.pad(parts, ((0, height - parts.shape[0]), (0, width - parts.shape[1])))
    masked = photo.copy()
    masked[parts > 0] = 255 - photo[parts > 0] // 2
    face = Face(
        (8.0, 8.0, 56.0, 60.0),
        np.array([[20, 30], [44, 30.5]], np.float32),
        "toy2",
        np.zeros((468, 3), np.float32),
        0.9,
    )
    kind = number % len(FAMILIES)
    wear = "nose" if number % 4 == 3 else "correct"
    mask = WornMask(FAMILIES[kind], "check" if kind == 2 else "", COLOURS[kind], 1.0, wear)
    pose = Pose(10.0 * (number % 9) - 40, 5.0 * (number % 5) - 10, 2.0 * (number % 3))
    return Triplet(
        masked, photo, (parts > 0).astype(np.uint8), parts, (MaskedFace(face, pose, mask),), 1.0, number
    )


def bare(triplet: Triplet) -> Triplet:
    """Takes the masks off a triplet: every face is bare, nothing is hidden."""
    nothing = np.zeros_like(triplet.map)
    faces = tuple(replace(face, mask=BARE) for face in triplet.faces)
    return replace(triplet, masked=triplet.gt, map=nothing, parts=nothing, faces=faces)


def write_data_set(
    folder: Path,
    sources: Sequence[str],
    *,
    split: str = "train",
    encoding: str = "jpg",
    skips: Sequence[tuple[str, str, str]] = (),
    photo: RGBImage | None = None,
    size_setting: int = 64,
    strangers: Sequence[str] = (),
    unmasked: Sequence[str] = (),
    number: int = 0,
) -> Path:
    """Writes one shard with a sample per source id and its record; `strangers` get crops of another face.

    Faces of the sources in `unmasked` are bare. `number` is that of the shard in its split.
    """
    folder.mkdir(parents=True, exist_ok=True)
    samples = {}
    for place, source in enumerate([*sources, *strangers]):
        main = place < len(sources)
        key = f"toy-{hash64(source):016x}-f{0 if main else 1}-m0"
        origin = shards.Origin(source, source.split("/")[0] if "/" in source else "", split, "toy terms")
        triplet = replace(drawn_triplet(place, photo), main=main)
        triplet = bare(triplet) if source in unmasked else triplet
        samples[key] = shards.encode(triplet, origin, ShardSettings(format=encoding))
    name = f"{split}-{number:06d}"
    with shards.ShardWriter(folder, folder, name, len(sources)) as writer:
        writer.add_photo((key, samples[key]) for key in sorted(samples))
        size, digest = writer.finish()
    counts = {reason: sum(skip[1] == reason for skip in skips) for reason in {skip[1] for skip in skips}}
    about = {"settings": {"crop": {"size": size_setting}}}
    (folder / "dataset.json").write_text(json.dumps(about))
    report = shard_record.ShardReport(
        name,
        split,
        len(sources) + len(skips),
        len(samples),
        size,
        digest,
        "0" * 16,
        counts,
        tuple(sorted(skips)),
    )
    assert report.sha256 == (
        hashlib.sha256((folder / f"{name}.tar").read_bytes()).hexdigest() if samples else ""
    )
    shard_record.write_record(folder, report)
    return folder
