"""Decoding with OpenCV if PyAV is not installed: the same frames and times, but no audio.

OpenCV does not report where a stream's clock begins, so times are counted from the first frame.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from maskgen.errors import InputError
from maskgen.extras import install_line
from maskgen.types import RGBImage
from maskgen.video.base import Moment
from maskgen.video.probe import FORMATS

OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"


class CvClip:
    """Clip decoded by OpenCV. See `Clip`."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        with _only_files():
            settings = [cv2.CAP_PROP_N_THREADS, threads] if threads else []
            self._capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG, settings)
        if not self._capture.isOpened():
            raise InputError(
                f"{path}: cannot be opened as a video. It may be audio only, or cut before its index; "
                f"with PyAV the message is more exact: {install_line('video')}"
            )
        self.backend = f"opencv-{cv2.__version__}"
        self.begin, self.damaged = 0.0, 0
        self._rate = self._capture.get(cv2.CAP_PROP_FPS)
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.duration = float(count / self._rate) if self._rate > 0 and count > 0 else 0.0

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
                frame = _Fetched(self._capture)
                yield Moment(index, time, time + (1 / self._rate if self._rate > 0 else 0.0), frame)
                index, last = index + 1, time


class _Fetched:
    """Frame that was grabbed last, retrieved immediately."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        done, self._bgr = capture.retrieve()
        across, down = capture.get(cv2.CAP_PROP_SAR_NUM), capture.get(cv2.CAP_PROP_SAR_DEN)
        self._ratio = across / down if done and across > 0 and down > 0 else 1.0

    def __call__(self) -> RGBImage:
        pixels = cv2.cvtColor(self._bgr, cv2.COLOR_BGR2RGB)
        if abs(self._ratio - 1) < 1e-3:
            return pixels
        width = max(1, round(pixels.shape[1] * self._ratio))
        return cv2.resize(pixels, (width, pixels.shape[0]), interpolation=cv2.INTER_LINEAR)


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
