"""Live restoration of a camera's images; images that arrive during processing are dropped, so nothing is delayed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np

from maskgen.errors import InputError, MissingError
from maskgen.types import RGBImage
from unmasknet.restore.camera_view import Screen
from unmasknet.restore.face_tracks import Follower
from unmasknet.restore.face_window import FaceWindow, windows_of
from unmasknet.restore.faces import FindFaces
from unmasknet.restore.runtimes.base import Networks
from unmasknet.restore.video import SequenceRestorer

PREFIX = "camera:"


@runtime_checkable
class Capture(Protocol):
    """Source of camera images, such as OpenCV's captures."""

    def read(self) -> tuple[bool, Any]:
        """Returns whether there is a next image, and the image as BGR."""

    def release(self) -> None:
        """Releases the camera."""


@dataclass(frozen=True)
class WatchReport:
    """Counts of a camera session. `frames`: shown; `changed`: with a mask; `faces`: the most in one frame."""

    frames: int
    changed: int
    faces: int
    seconds: float


def is_camera(name: str) -> bool:
    """Tells whether an input is a camera, not a file."""
    return name.startswith(PREFIX)


def open_camera(name: str) -> Capture:
    """Opens the camera of a name such as `camera:0`.

    Raises:
        InputError: the name has no number. MissingError: there is no such camera.
    """
    number = name.removeprefix(PREFIX)
    if not number.isdecimal():
        raise InputError(f"{name}: does not name a camera; give its number, as in camera:0")
    capture = cv2.VideoCapture(int(number))
    if not capture.isOpened():
        capture.release()
        raise MissingError(
            f"{name}: this machine has no such camera, or another program uses it; try camera:1"
        )
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # keep only the newest image
    return capture


def watch(
    capture: Capture,
    screen: Screen,
    networks: Networks,
    find_faces: FindFaces,
    clock: Callable[[], float] = time.monotonic,
) -> WatchReport:
    """Shows a camera's images without masks until the camera or the user ends it."""
    follower, restorer = Follower(), SequenceRestorer(networks)
    began = now = clock()
    count = changed = 0
    while (image := _next(capture)) is not None:
        now = clock()
        follower.see(now, image, find_faces(image))
        windows = _windows(follower, now, image)
        restorer.look(now, image, windows)
        shown, masks = restorer.restore(now, image, windows)
        follower.forget(now)
        restorer.forget(now)
        count, changed = count + 1, changed + bool(masks)
        if not screen.show(shown):
            break
    return WatchReport(count, changed, follower.most, round(now - began, 3))


def _next(capture: Capture) -> RGBImage | None:
    there, bgr = capture.read()
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)) if there else None


def _windows(follower: Follower, now: float, image: RGBImage) -> dict[int, FaceWindow]:
    """Returns the windows of the faces that are present or were a moment ago, by number."""
    places = {number: path.place_at(now) for number, path in follower.recent(now).items()}
    return windows_of(places, *image.shape[:2])
