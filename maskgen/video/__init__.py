"""Videos in: any usual file to upright RGB frames with the times of its stream.

clip = open_clip(path)                          refuses playlists, pictures, sound alone
for moment, asked in on_screen(clip.moments(), end, Grid(...)):
    moment.time, moment.index, moment.pixels()
"""

import importlib.util
from pathlib import Path

from maskgen.video.base import Clip, Grid, Moment, even, on_screen
from maskgen.video.probe import SUFFIXES, check_container, is_video_name

__all__ = [
    "SUFFIXES",
    "Clip",
    "Grid",
    "Moment",
    "check_container",
    "even",
    "is_video_name",
    "on_screen",
    "open_clip",
]


def open_clip(path: Path, threads: int = 0, backend: str = "auto") -> Clip:
    """Opens a video file.

    Args:
        path: the file.
        threads: for decoding; 0 is as many as the backend sees fit.
        backend: "pyav", "opencv", or "auto": PyAV where it is installed.

    Raises:
        InputError: it is no video, holds no pictures, or was cut before its index.
    """
    check_container(path)
    if backend == "pyav" or (backend == "auto" and importlib.util.find_spec("av") is not None):
        from maskgen.video.pyav import AvClip

        return AvClip(path, threads)
    from maskgen.video.opencv import CvClip

    return CvClip(path, threads)
