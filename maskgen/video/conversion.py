"""Conversion between the frames of PyAV and RGB images, by the colour tags of each frame.

swscale's defaults round down and average chroma coarsely: they darken a frame by one grey level, and by two at 10 bits.
With exact rounding it makes the same colours of planes (gbrp) as of pixels (rgb24) in half the time.
"""

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from maskgen.errors import InputError
from maskgen.types import RGBImage
from maskgen.video.colours import RGB, Colours
from maskgen.video.tone_mapping import to_sdr

ROUNDED = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
TO_RGB = ROUNDED | Interpolation.FULL_CHR_H_INT
FROM_RGB = ROUNDED | Interpolation.FULL_CHR_H_INP
SWSCALE = {1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601,
           7: Colorspace.SMPTE240M, 9: Colorspace.BT2020}  # fmt: skip


def colours_of(frame: Any) -> Colours:
    """Returns the colour tags of a frame."""
    return Colours(int(frame.colorspace), int(frame.color_trc), int(frame.color_primaries))


class RgbConverter:
    """Conversion of the frames of one clip to RGB images.

    Args:
        path: the clip, for messages.
        srgb: convert wide gamuts to sRGB, for photos; HDR is tone-mapped in any case.

    Attributes:
        tone_mapped: HDR transfer of the frames that were tone-mapped so far; "" if there was none.
    """

    def __init__(self, path: Path, srgb: bool) -> None:
        self._path, self._srgb = path, srgb
        self.tone_mapped = ""
        self._reformatter = VideoReformatter()

    def shown(self, frame: Any) -> Colours:
        """Returns the tags of the RGB image that a frame becomes."""
        return colours_of(frame).shown(self._srgb)

    def __call__(self, frame: Any) -> RGBImage:
        """Converts a frame.

        Raises:
            InputError: its colours cannot be converted.
        """
        tags = colours_of(frame)
        tags.check(self._path)
        known = tags.known(frame.width, frame.height)
        shown = known.shown(self._srgb)
        if not frame.format.is_rgb:
            frame.colorspace = known.matrix
        try:
            if (shown.transfer, shown.primaries) != (known.transfer, known.primaries):
                self.tone_mapped = known.hdr or self.tone_mapped
                return to_sdr(np.asarray(self._reformatted(frame, "gbrp16le").to_ndarray()), known)
            if frame.format.is_rgb:
                return np.asarray(self._reformatted(frame, "rgb24").to_ndarray())
            return merged(self._reformatted(frame, "gbrp"))
        except (av.FFmpegError, OSError, ValueError) as error:
            what = getattr(error, "strerror", None) or str(error)
            raise InputError(
                f"{self._path}: a frame cannot be converted to RGB: {what}. Convert the clip to BT.709 first"
            ) from error

    def _reformatted(self, frame: Any, pix_fmt: str) -> Any:
        return self._reformatter.reformat(frame, format=pix_fmt, interpolation=TO_RGB)


def merged(frame: Any) -> RGBImage:
    """Makes an image of the three planes of a frame in the format gbrp."""
    green, blue, red = (
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    )
    return cv2.merge([red, green, blue])


def to_yuv(pixels: RGBImage, matrix: int, tags: Colours, reformatter: VideoReformatter) -> Any:
    """Converts an RGB image to a frame in limited range 4:2:0, which every player reads, with its colour tags.

    Args:
        pixels: the image, with even sides.
        matrix: one of `MATRICES`.
        tags: colour tags of the frame.
        reformatter: used for all frames of a clip.
    """
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    frame.colorspace, frame.color_range = RGB, ColorRange.JPEG
    yuv = reformatter.reformat(
        frame,
        format="yuv420p",
        dst_colorspace=SWSCALE[matrix],
        dst_color_range=ColorRange.MPEG,
        interpolation=FROM_RGB,
    )
    put_on(yuv, tags)
    return yuv


def put_on(thing: Any, tags: Colours) -> None:
    """Sets the colour tags of a frame or an encoder, and limited range."""
    thing.color_range = ColorRange.MPEG
    thing.colorspace, thing.color_trc, thing.color_primaries = tags.matrix, tags.transfer, tags.primaries
