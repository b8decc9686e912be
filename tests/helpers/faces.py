"""Faces for tests: the mean face in any pose, and the real photo that scikit-image contains."""

from functools import cache

import numpy as np

from maskgen.faces.canonical_head import canonical_head
from maskgen.faces.landmarks import build_detector
from maskgen.settings import FaceSettings
from maskgen.types import Face, Pose


def rotation_of(pose):
    """Computes the rotation from a frontal head to a pose, axis by axis as the docstring of `Pose` defines it."""
    yaw, pitch, roll = np.radians([pose.yaw, pose.pitch, pose.roll])
    up = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    right = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    clockwise = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return clockwise @ right @ up


def face_from(mesh, scheme="mesh468"):
    mesh = np.asarray(mesh, np.float32)
    (x0, y0), (x1, y1) = mesh[:, :2].min(0), mesh[:, :2].max(0)
    return Face((float(x0), float(y0), float(x1), float(y1)), mesh[:, :2].copy(), scheme, mesh, 0.9)


def turned(yaw=0, pitch=0, roll=0):
    return Pose(float(yaw), float(pitch), float(roll))


FRONTAL = turned()


def mean_face(pose=FRONTAL, eyes=60.0, centre=(200.0, 180.0)):
    """Returns the mean face in a pose; its eyes are `eyes` pixels apart, with their midpoint at `centre`."""
    mesh = canonical_head().mesh @ rotation_of(pose).T * eyes + [*centre, 0]
    return face_from(mesh)


@cache
def astronaut():
    """Returns a 512 x 512 photo of one frontal face, with the eyes near (204, 101) and (247, 103)."""
    import skimage.data

    pixels = skimage.data.astronaut()
    pixels.setflags(write=False)
    return pixels


@cache
def detector(choose="largest"):
    return build_detector(FaceSettings(choose=choose))
