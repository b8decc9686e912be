"""Video input: decodes common video files to upright RGB frames with the time stamps of their stream.

clip = open_clip(path)                          # refuses playlists, images and audio-only files
for moment, asked in on_screen(clip.moments(), end, Grid(...)):
    moment.time, moment.index, moment.pixels()
"""

import importlib.util
from pathlib import Path

from maskgen.errors import InputError
from maskgen.video.base import Clip, Grid, Moment, even, on_screen
from maskgen.video.container_tags import is_dolby_vision_alone
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


def open_clip(path: Path, threads: int = 0, backend: str = "auto", colours: str = "srgb") -> Clip:
    """Opens a video file.

    Args:
        path: the video file.
        threads: decoder threads; 0 lets the backend choose.
        backend: "pyav", "opencv", or "auto": PyAV if it is installed, else OpenCV.
        colours: "srgb" for photos, or "own" for images that become a video again: these keep the clip's gamut. HDR is
            tone-mapped to the range and gamut of BT.709 in any case.

    Raises:
        InputError: the file is not a video, has no video stream, was cut off before its index, or has colours that
            cannot be converted to RGB.
    """
    check_container(path)
    if is_dolby_vision_alone(path):
        raise InputError(
            f"{path}: its colours cannot be converted: Dolby Vision that only its own decoders show (profile 5). "
            "Convert the clip to BT.709 first"
        )
    if backend == "pyav" or (backend == "auto" and importlib.util.find_spec("av") is not None):
        from maskgen.video.pyav import AvClip

        return AvClip(path, threads, colours)
    from maskgen.video.opencv import CvClip

    return CvClip(path, threads)
