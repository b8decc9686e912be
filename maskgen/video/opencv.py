"""Decoding with OpenCV if PyAV is not installed: the same frames, but no audio, HDR or wide gamut.

OpenCV does not report where a stream's clock begins, so times are counted from the first frame. It does not report
colour tags either, and converts by them what it cannot: HDR is clipped, colours of wide gamuts are ten levels off, and
where it cannot convert at all it returns memory that was never filled. So the tags are read from the file, and such
clips are refused.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from maskgen.errors import InputError
from maskgen.extras import install_line
from maskgen.types import RGBImage
from maskgen.video.base import Moment
from maskgen.video.colours import BT601, BT709, HDR, LINEAR, MATRICES, UNTAGGED, WIDE, Colours
from maskgen.video.container_tags import colours_in_container
from maskgen.video.probe import FORMATS
from maskgen.video.sps import H264, HEVC, colours_in

OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
SETS = {b"h264": H264, b"avc1": H264, b"H264": H264, b"hevc": HEVC, b"hvc1": HEVC, b"hev1": HEVC}
DEEP = (b"\n", b"\x0c", b"\x0e", b"\x10")  # last character of FFmpeg's codes of pixel formats: bits
SIDES = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)

Matrix = Float64[ndarray, "3 3"]


class CvClip:
    """Clip decoded by OpenCV. See `Clip`.

    Raises:
        InputError: the file cannot be opened, or has colours that OpenCV would misread.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        self._path = path
        with _only_files():
            settings = [cv2.CAP_PROP_N_THREADS, threads] if threads else []
            self._capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG, settings)
        if not self._capture.isOpened():
            raise InputError(
                f"{path}: cannot be opened as a video. It may be audio only, or cut before its index; "
                f"with PyAV the message is more exact: {install_line('video')}"
            )
        try:
            self._correction = self._check_colours()
        except InputError:
            self.close()
            raise
        self.backend = f"opencv-{cv2.__version__}"
        self.begin, self.damaged, self.tone_mapped = 0.0, 0, ""
        self._rate = self._capture.get(cv2.CAP_PROP_FPS)
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.duration = float(count / self._rate) if self._rate > 0 and count > 0 else 0.0

    def _check_colours(self) -> Matrix | None:
        """Refuses clips that OpenCV would misread, and returns the correction for those of a guessed matrix."""
        inside = colours_in_container(self._path)
        kind = SETS.get(self._number(cv2.CAP_PROP_FOURCC))
        tags = colours_in(self._parameter_sets(), kind) if kind else inside
        deep = self._number(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)[3:] in DEEP
        if tags is None and inside is None and deep:
            raise self._refusal("it may be HDR, which OpenCV cannot tell")
        for colours in (tags, inside):
            if colours and (problem := _misread(colours)):
                raise self._refusal(f"OpenCV would misread its colours ({problem})")
        named = next((c.matrix for c in (tags, inside) if c and c.matrix in MATRICES), None)
        width, height = (int(self._capture.get(side)) for side in SIDES)
        if kind is None or named or UNTAGGED.known(width, height).matrix == BT601:
            return None
        return rgb_of(BT709) @ np.linalg.inv(rgb_of(BT601))

    def _number(self, name: int) -> bytes:
        """Reads a property that is a code of four characters."""
        return int(self._capture.get(name)).to_bytes(5, "little", signed=True)[:4]

    def _parameter_sets(self) -> bytes:
        """Reads the stream's parameter sets, which OpenCV returns in place of a frame once one was grabbed."""
        index = self._capture.get(cv2.CAP_PROP_CODEC_EXTRADATA_INDEX)
        done, data = self._capture.retrieve(flag=int(index))
        return data.tobytes() if done and data is not None else b""

    def _refusal(self, why: str) -> InputError:
        return InputError(f"{self._path}: {why}. Install PyAV, which reads it: {install_line('video')}")

    def close(self) -> None:
        """Closes the file."""
        self._capture.release()

    def moments(self, start: float = 0.0) -> Iterator[Moment]:  # noqa: ARG002 (all frames are numbered)
        """Implements `Clip`; always starts at the first frame."""
        index, last = 0, -np.inf
        while self._capture.grab():
            time = float(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            if time > last:
                # The frame must be retrieved now: the next grab replaces it.
                frame = _Fetched(self._capture, self._path, self._correction)
                yield Moment(index, time, time + (1 / self._rate if self._rate > 0 else 0.0), frame)
                index, last = index + 1, time


class _Fetched:
    """Frame that was grabbed last, retrieved immediately."""

    def __init__(self, capture: cv2.VideoCapture, path: Path, correction: Matrix | None) -> None:
        done, self._bgr = capture.retrieve()
        if not done or self._bgr is None:
            raise InputError(
                f"{path}: a frame cannot be converted to RGB. Install PyAV: {install_line('video')}"
            )
        self._correction = correction
        across, down = capture.get(cv2.CAP_PROP_SAR_NUM), capture.get(cv2.CAP_PROP_SAR_DEN)
        self._ratio = across / down if across > 0 and down > 0 else 1.0

    def __call__(self) -> RGBImage:
        pixels = cv2.cvtColor(self._bgr, cv2.COLOR_BGR2RGB)
        if self._correction is not None:
            pixels = cv2.convertScaleAbs(
                np.maximum(cv2.transform(pixels.astype(np.float32), self._correction), 0)
            )
        if abs(self._ratio - 1) < 1e-3:
            return pixels
        width = max(1, round(pixels.shape[1] * self._ratio))
        return cv2.resize(pixels, (width, pixels.shape[0]), interpolation=cv2.INTER_LINEAR)


def _misread(colours: Colours) -> str:
    """Names the tag by which OpenCV would convert wrongly; "" if there is none."""
    if colours.problem:
        return colours.problem
    if colours.hdr or colours.transfer == LINEAR:
        return HDR.get(colours.transfer, "linear light")
    return f"wide gamut, {WIDE[colours.primaries]}" if colours.primaries in WIDE else ""


def rgb_of(matrix: int) -> Matrix:
    """Returns the matrix Y, Cb, Cr -> R, G, B; Y is 0 to 1, Cb and Cr are -0.5 to 0.5."""
    red, blue = MATRICES[matrix]
    green = 1 - red - blue
    return np.array(
        [
            [1, 0, 2 - 2 * red],
            [1, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
            [1, 2 - 2 * blue, 0],
        ]
    )


@contextmanager
def _only_files() -> Iterator[None]:
    """Restricts OpenCV's FFmpeg to video containers in local files."""
    kept = os.environ.get(OPTIONS)
    os.environ[OPTIONS] = f"protocol_whitelist;file|format_whitelist;{FORMATS}"
    try:
        yield
    finally:
        if kept is None:
            del os.environ[OPTIONS]
        else:
            os.environ[OPTIONS] = kept
