"""Flicker of a restored face in a clip with a synthetic mask, compared with the original clip.

    python -m benchmarks.flicker CLIP --weights SEGM --weights GAN --out FOLDER [--seconds 6]

Flicker is the mean absolute difference of consecutive frames, in grey levels, in the stabilised crop of the face, over
the region hidden by the mask. The reference is the same value of the original clip, over the same region and frames.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from maskgen.config import load_settings
from maskgen.images.resample import warp
from maskgen.progress import no_progress
from maskgen.rendering.triplet import build_tools
from maskgen.settings import GenSettings
from maskgen.types import RGBImage
from maskgen.video import Moment, open_clip
from maskgen.video.masked_clip import mask_film
from maskgen.video.pyav import open_container
from maskgen.video.writer import ClipWriter
from unmasknet.restore.face_tracks import follow
from unmasknet.restore.face_window import at_size
from unmasknet.restore.unmasker import Unmasker
from unmasknet.restore.video import restore_clip

SIDE = 256  # pixels; side of the crop in which flicker is measured
TOUCHED = 8  # grey levels; a pixel that the mask changes by more counts as hidden


def main() -> None:
    """Prints both flicker values, and whether times and sound are preserved."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path)
    parser.add_argument("--weights", action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--masks", default="surgical")
    parser.add_argument("--seconds", type=float, default=6.0)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    worn, middle, restored = (chosen.out / name for name in ("worn.mp4", "masked.mp4", "restored.mp4"))
    plain = chosen.out / "plain.mp4"
    cut_short(chosen.clip, plain, chosen.seconds)
    settings = load_settings(GenSettings, None, [f"masks.masks={chosen.masks}"], [])
    mask_film(plain, worn, build_tools(settings), "flicker", no_progress)
    span = (chosen.seconds / 4, chosen.seconds * 3 / 4)
    put_on(plain, worn, middle, span)
    unmasker = Unmasker.from_pretrained(chosen.weights)
    clip = restore_clip(middle, restored, unmasker.networks, unmasker.find_faces_in_frame, no_progress)
    print(f"{clip.changed} of {clip.frames} frames restored; masked from {span[0]:.1f} to {span[1]:.1f} s")
    print(f"times equal: {times(middle) == times(restored)}; sound equal: {sound(middle) == sound(restored)}")
    own, new = flicker(plain, middle, restored, unmasker, span)
    print(f"flicker in grey levels: original {own:.2f}, restored {new:.2f}, ratio {new / own:.2f}")


def cut_short(source: Path, target: Path, seconds: float) -> None:
    """Writes the first seconds of a clip."""
    with ClipWriter(source, target) as writer:
        for moment, picture in frames(source):
            if moment.time <= seconds:
                writer.write(moment, picture)


def put_on(plain: Path, worn: Path, target: Path, span: tuple[float, float]) -> None:
    """Writes a clip that shows the masked frames during `span`, and the plain frames otherwise."""
    with ClipWriter(plain, target) as writer:
        for (moment, bare), (_, masked) in zip(frames(plain), frames(worn), strict=True):
            writer.write(moment, masked if span[0] <= moment.time < span[1] else bare)


def frames(path: Path) -> Iterator[tuple[Moment, RGBImage]]:
    """Yields times and images, cropped to even sides."""
    for moment in open_clip(path).moments():
        whole = moment.pixels()
        yield moment, np.ascontiguousarray(whole[: whole.shape[0] // 2 * 2, : whole.shape[1] // 2 * 2])


def times(path: Path) -> list[float]:
    """Returns the presentation time of each frame."""
    return [round(moment.time, 4) for moment in open_clip(path).moments()]


def sound(path: Path) -> list[bytes]:
    """Returns the packets of a clip's sound."""
    with open_container(path) as container:
        audio = container.streams.audio
        return [bytes(packet) for packet in container.demux(*audio) if packet.size] if audio else []


def flicker(
    plain: Path, middle: Path, restored: Path, unmasker: Unmasker, span: tuple[float, float]
) -> tuple[float, float]:
    """Computes the flicker of the original and of the restored clip during `span`."""
    path = follow(open_clip(plain), unmasker.find_faces_in_frame, no_progress).paths[0]
    before: list[RGBImage] | None = None
    changes = []
    for (moment, bare), (_, masked), (_, new) in zip(
        frames(plain), frames(middle), frames(restored), strict=True
    ):
        if not span[0] <= moment.time < span[1] or not path.is_there(moment.time):
            continue
        matrix = at_size(path.place_at(moment.time), SIDE)
        crops = [warp(picture, matrix, SIDE, "reflect", fine=True) for picture in (bare, masked, new)]
        hidden = cv2.absdiff(crops[0], crops[1]).max(2) > TOUCHED
        hidden = cv2.morphologyEx(hidden.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0
        if before is not None and hidden.any():
            changes.append([np.abs(crops[k].astype(float) - before[k])[hidden].mean() for k in (0, 2)])
        before = crops
    own, result = np.mean(changes, axis=0)
    return float(own), float(result)


if __name__ == "__main__":
    main()
