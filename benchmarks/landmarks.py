"""Measures the agreement of the landmark backends: a table, and a sheet of the masks that each of them places.

    python benchmarks/landmarks.py LFW --n 300 --sheet sheet.png

A distance is the mean over the 468 points of a face to those of `mesh`, in eye distances; the lower face, where a mask
lies, is also given alone. Times are CPU times on one core, after decoding. A backend that is not installed is left out
and reported. The sheet shows the photos: share it only as far as their terms allow.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from maskgen.errors import MissingError, Skip
from maskgen.faces.canonical_head import canonical_head, umeyama
from maskgen.faces.landmarks import Detector, build_detector
from maskgen.images.contact_sheet import Block, Tile, draw_sheet
from maskgen.rendering.triplet import build_tools, set_stage, wear_mask
from maskgen.seeds import hash64
from maskgen.settings import CropSettings, FaceSettings, GenSettings, MaskSettings, SourceSettings
from maskgen.sources import build_source, load
from maskgen.types import Face, Photo, Triplet

BACKENDS = {"mesh": {}, "dlib": {}, "dlib cnn": {"dlib": "cnn"}, "fan": {}}
LOWER = 0.3  # head units below the eyes; the lower face starts here
SAME = 0.4  # eye distances; backends that differ more have found different faces
SIDE = 128  # pixels; side of the crops on the sheet


@dataclass
class Tally:
    """Results of one backend."""

    found: int = 0
    other: int = 0
    seconds: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    low_gaps: list[float] = field(default_factory=list)


def photos(src: str, count: int) -> Iterator[Photo]:
    """Yields `count` photos of a source, selected by a hash."""
    settings = SourceSettings(src=src)
    source = build_source(settings)
    for ref in sorted(source.refs(), key=lambda ref: hash64("benchmark", ref.id))[:count]:
        photo = load(source, ref, settings)
        if isinstance(photo, Photo):
            yield photo


def detectors(skip: list[str]) -> dict[str, Detector]:
    """Builds the backends that work on this machine."""
    found = {}
    for name, more in BACKENDS.items():
        try:
            if name not in skip:
                found[name] = build_detector(FaceSettings(landmarks=name.split()[0], **more))
        except MissingError as error:
            print(f"{name}: left out: {error}")
    return found


def compare(tally: Tally, face: Face, truth: Face) -> None:
    """Adds the distances of one backend's points from another's to a tally."""
    head = canonical_head()
    scale, _, _ = umeyama(head.mesh[head.steady].astype(float), truth.mesh[head.steady].astype(float))
    gaps = np.linalg.norm((face.mesh - truth.mesh)[:, :2], axis=1) / scale
    if gaps.mean() > SAME:
        tally.other += 1
    else:
        tally.gaps.append(float(gaps.mean()))
        tally.low_gaps.append(float(gaps[head.mesh[:, 1] > LOWER].mean()))


def tile(photo: Photo, faces: dict[str, Face]) -> Tile:
    """Draws the same mask on a photo, placed by each backend in its own crop."""
    tools = build_tools(
        GenSettings(
            crop=CropSettings(size=SIDE),
            masks=MaskSettings(masks="surgical,n95,cloth", wear="correct"),
            faces=FaceSettings(cache="off"),
        )
    )
    made = []
    for face in faces.values():
        triplet = wear_mask(set_stage(photo.pixels, face, tools), tools, hash64(photo.ref.id) >> 1)
        if isinstance(triplet, Triplet):
            made.append(triplet.masked)
    return Tile(tuple(made), (photo.ref.id.rpartition("/")[2][:28],))


def main() -> None:
    """Runs the backends on the photos, prints the table, and writes the sheet."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("src")
    options.add_argument("--n", type=int, default=300)
    options.add_argument("--skip", nargs="*", default=[], choices=BACKENDS)
    options.add_argument("--sheet", type=Path)
    options.add_argument("--on-sheet", type=int, default=50)
    given = options.parse_args()
    cv2.setNumThreads(1)
    backends = detectors(given.skip)
    tallies = {name: Tally() for name in backends}
    tiles: list[Tile] = []
    count = 0
    for photo in photos(given.src, given.n):
        count += 1
        faces: dict[str, Face] = {}
        for name, detector in backends.items():
            began = time.process_time()
            found = detector.detect(photo.pixels)
            tallies[name].seconds.append(time.process_time() - began)
            if not isinstance(found, Skip):
                tallies[name].found += 1
                faces[name] = found[0]
        for name, face in faces.items():
            if "mesh" in faces and name != "mesh":
                compare(tallies[name], face, faces["mesh"])
        shown = {name: faces[name] for name in ("mesh", "dlib") if name in faces}
        if given.sheet and len(shown) == 2 and len(tiles) < given.on_sheet:
            tiles.append(tile(photo, shown))
    print("| backend | finds | another face | mean distance | 95 % below | lower face | ms, median |")
    print("|---|---|---|---|---|---|---|")
    for name, tally in tallies.items():
        gaps = (
            (np.mean(tally.gaps), np.percentile(tally.gaps, 95), np.mean(tally.low_gaps))
            if tally.gaps
            else ()
        )
        cells = [f"{value:.3f}" for value in gaps] or ["-"] * 3
        found, time_ms = f"{tally.found / count:.1%}", 1000 * np.median(tally.seconds)
        print(f"| `{name}` | {found} | {tally.other} | {' | '.join(cells)} | {time_ms:.1f} |")
    if given.sheet:
        text = f"{len(tiles)} photos; left placed by mesh, right by dlib's 68 points"
        sheet = draw_sheet("The same mask by two backends", text, [Block("", tuple(tiles), SIDE)])
        Image.fromarray(sheet).save(given.sheet)


if __name__ == "__main__":
    main()
