"""Images for visual inspection: sheets of samples with captions, and their change over time as a GIF."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from maskgen.types import RGBImage

PAPER, INK = (250, 250, 248), (28, 30, 33)
GAP, HEAD = 4, 22  # pixels; gap between images, height of the line of captions
MIN_SIDE = 128  # pixels; smaller images are enlarged, or no detail would be visible
TINT = (255, 64, 32)  # colour of a map drawn over a photo
GIF_SIDE, GIF_FRAMES, FRAME_MS, LAST_MS = 960, 60, 180, 2500


def sheet(columns: Sequence[tuple[str, Float[Tensor, "n 3 side width"]]]) -> RGBImage:
    """Draws one row per sample and one column, with a caption, per kind of image. RGB in [0, 1]."""
    count, _, height, width = columns[0][1].shape
    scale = max(1, -(-MIN_SIDE // height))
    height, width = height * scale, width * scale
    size = (len(columns) * (width + GAP) + GAP, HEAD + count * (height + GAP))
    canvas = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(canvas)
    for column, (caption, images) in enumerate(columns):
        left = GAP + column * (width + GAP)
        draw.text((left, 4), caption, INK, ImageFont.load_default(13))
        for row, image in enumerate(images):
            tile = Image.fromarray(as_picture(image)).resize((width, height), Image.Resampling.BICUBIC)
            canvas.paste(tile, (left, HEAD + row * (height + GAP)))
    return np.asarray(canvas)


def halves(made: RGBImage, columns: int) -> list[UInt8[np.ndarray, "half w 3"]]:
    """Divides the rows of a `sheet` into an upper and a lower half, both under its captions.

    Args:
        made: a sheet of square images.
        columns: number of its columns.

    Returns:
        The two halves of one height, or the sheet alone if it has fewer than four rows.
    """
    row = (made.shape[1] - GAP) // columns  # a square image and its gap
    count = (made.shape[0] - HEAD) // row
    if count < 4:
        return [made]
    upper = -(-count // 2)
    head, rows = made[:HEAD], made[HEAD : HEAD + count * row]
    first, second = rows[: upper * row], rows[upper * row :]
    blank = np.full((first.shape[0] - second.shape[0], *second.shape[1:]), PAPER, np.uint8)
    return [np.concatenate([head, first]), np.concatenate([head, second, blank])]


def as_picture(picture: Float[Tensor, "3 h w"]) -> RGBImage:
    """Converts RGB in [0, 1] to bytes."""
    pixels = (picture.detach().float().clamp(0, 1) * 255).round().to(torch.uint8)
    return pixels.permute(1, 2, 0).contiguous().cpu().numpy()


def tinted(photo: Float[Tensor, "n 3 h w"], map: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Tints the photo where a map is 1, or in proportion to probabilities."""
    tint = torch.tensor(TINT, device=photo.device).view(1, 3, 1, 1) / 255
    return photo * (1 - 0.55 * map) + tint * 0.55 * map


def png(picture: RGBImage) -> bytes:
    """Encodes an image as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def film(frames: Sequence[tuple[str, Path]]) -> bytes:
    """Encodes images of one size as a GIF with captions; the last frame is shown longest.

    If there are more than `GIF_FRAMES` images, evenly spaced ones are chosen.
    """
    picked = [frames[i] for i in sorted(set(np.linspace(0, len(frames) - 1, GIF_FRAMES).round().astype(int)))]
    stills = [_still(caption, path) for caption, path in picked]
    palette = stills[-1].quantize(255)  # one palette for all frames, or colours would flicker
    stills = [still.quantize(palette=palette, dither=Image.Dither.NONE) for still in stills]
    buffer = io.BytesIO()
    stills[0].save(
        buffer,
        "GIF",
        save_all=True,
        append_images=stills[1:],
        duration=[FRAME_MS] * (len(stills) - 1) + [LAST_MS],
        loop=0,
    )
    return buffer.getvalue()


def _still(caption: str, path: Path) -> Image.Image:
    with Image.open(path) as file:
        still = file.convert("RGB")
    still.thumbnail((GIF_SIDE, GIF_SIDE))
    draw = ImageDraw.Draw(still)
    font = ImageFont.load_default(13)
    room = font.getlength(caption)
    draw.rectangle((still.width - room - 12, 0, still.width, 20), PAPER)
    draw.text((still.width - 6, 4), caption, INK, font, anchor="ra")
    return still
