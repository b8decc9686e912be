"""Draws the README's images from the built-in photo: `python tools/draw_readme.py`.

`docs/images/families.jpg`: every mask family on one face. `docs/images/triplet.jpg`: photo, masked photo, parts.
"""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from maskgen.assets import asset
from maskgen.images.codecs import decode
from maskgen.images.contact_sheet import paint_parts
from maskgen.masks.library import built_in
from maskgen.rendering.triplet import build_tools, make_triplets
from maskgen.settings import CropSettings, FaceSettings, GenSettings, MaskSettings
from maskgen.types import Photo, PhotoRef, Triplet

IMAGES = Path(__file__).parent.parent / "docs/images"
PLAIN = ("none", "oval", "rectangle")  # flat blocks, not shown


def wear(spec: str, seed: int, size: int) -> Triplet:
    """Draws a mask of `spec` on the built-in photo."""
    pixels = decode(asset("demo/astronaut.jpg").read_bytes(), max_pixels=10**7, background=255)
    settings = GenSettings(
        masks=MaskSettings(masks=spec, wear="correct"), crop=CropSettings(size=size), seed=seed,
        faces=FaceSettings(landmarks="mesh", cache="off"),
    )  # fmt: skip
    samples = make_triplets(Photo(PhotoRef("astronaut.jpg"), pixels, "0"), build_tools(settings), "astronaut")
    return samples[0][1]


def labelled(picture: np.ndarray, text: str) -> np.ndarray:
    """Writes a label into the corner of an image."""
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).text(
        (9, 6), text, "#282828", ImageFont.load_default(17), stroke_width=2, stroke_fill="white"
    )
    return np.asarray(image)


def save(name: str, picture: np.ndarray) -> None:
    """Writes an image of the documentation."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(IMAGES / name), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])


def main() -> None:
    """Draws both images."""
    names = [name for name in built_in().families if name not in PLAIN]
    tiles = [labelled(wear(name, seed, 232).masked, name) for seed, name in enumerate(names)]
    save("families.jpg", np.vstack([np.hstack(tiles[i : i + 7]) for i in range(0, len(tiles), 7)]))
    triplet = wear("surgical-#a9cfe4", 3, 400)
    save("triplet.jpg", np.hstack([triplet.gt, triplet.masked, paint_parts(triplet.parts)]))


if __name__ == "__main__":
    main()
