"""A camera's pictures without masks, as they come: what cannot keep up is left out, not late."""

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
from unmasknet.restore.video import Steadier

PREFIX = "camera:"


@runtime_checkable
class Capture(Protocol):
    """What a camera is here: OpenCV's captures are some."""

    def read(self) -> tuple[bool, Any]:
        """Reads an image as BGR, and whether there is one."""

    def release(self) -> None:
        """Lets go of the camera."""


@dataclass(frozen=True)
class Watched:
    """What was seen. `frames`: shown; `changed`: those with a mask; `faces`: the most in one frame."""

    frames: int
    changed: int
    faces: int
    seconds: float


def is_camera(name: str) -> bool:
    """Tells whether an input is a camera and no file."""
    return name.startswith(PREFIX)


def open_camera(name: str) -> Capture:
    """Opens the camera of a name such as `camera:0`.

    Raises:
        InputError: the name is none. MissingError: there is no such camera.
    """
    number = name.removeprefix(PREFIX)
    if not number.isdecimal():
        raise InputError(f"{name}: is no camera; give its number, as in camera:0")
    capture = cv2.VideoCapture(int(number))
    if not capture.isOpened():
        capture.release()
        raise MissingError(
            f"{name}: this machine has no such camera, or another program has it; try camera:1"
        )
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest picture, not those that wait
    return capture


def watch(
    capture: Capture,
    screen: Screen,
    networks: Networks,
    find_faces: FindFaces,
    clock: Callable[[], float] = time.monotonic,
) -> Watched:
    """Shows a camera's pictures without masks until it gives no more, or the user wants no more."""
    follower, steadier = Follower(), Steadier(networks)
    began = now = clock()
    count = changed = 0
    while (picture := _next(capture)) is not None:
        now = clock()
        follower.see(now, picture, find_faces(picture))
        windows = _windows(follower, now, picture)
        steadier.look(now, picture, windows)
        shown, masks = steadier.restore(now, picture, windows)
        follower.forget(now)
        steadier.forget(now)
        count, changed = count + 1, changed + bool(masks)
        if not screen.show(shown):
            break
    return Watched(count, changed, follower.most, round(now - began, 3))


def _next(capture: Capture) -> RGBImage | None:
    there, bgr = capture.read()
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)) if there else None


def _windows(follower: Follower, now: float, picture: RGBImage) -> dict[int, FaceWindow]:
    """Lists the windows of the faces that are there or were a moment ago."""
    places = {number: path.place_at(now) for number, path in follower.recent(now).items()}
    return windows_of(places, *picture.shape[:2])
