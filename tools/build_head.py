"""Builds `assets/models/head.npz`, the canonical head for the shape of masks and for head poses.

    python tools/build_head.py LFW_DIR FACE_MESH_CONNECTIONS.py

LFW_DIR is any folder of photos with many frontal faces; the second file is mediapipe's list of mesh connections
(`mediapipe/python/solutions/face_mesh_connections.py`, Apache-2.0), whose consecutive triples are the triangles.

Steps:
1. Find face meshes and keep frontal ones with a closed mouth.
2. Compute their generalised Procrustes median and make it symmetric: the canonical mesh. Frame: origin between the
   eyes, unit the distance of the eye centres, x to the viewer's right, y down, z away from the viewer.
3. Compute the radial map: the distance from a vertical axis through the head at every azimuth and height. Beyond the
   mesh it is extrapolated: straight back past the ears, rounded under the jaw and down the neck.
"""

import re
import sys
from pathlib import Path

import numpy as np
from scipy.interpolate import LinearNDInterpolator
from scipy.ndimage import gaussian_filter

from maskgen.faces.canonical_head import AXIS_Z, AZIMUTHS, HEIGHTS, umeyama
from maskgen.faces.landmarks import build_detector
from maskgen.settings import FaceSettings, SourceSettings
from maskgen.sources import build_source, load

EYES = ([33, 133], [362, 263])  # corners of the eye on the viewer's left and right
LIPS = (13, 14)  # inner lips, upper and lower
NECK_DROP = 0.24  # height below the edge of the jaw over which the surface bends inwards to the neck


def frontal_meshes(folder: str, limit: int = 2500) -> np.ndarray:
    """Finds the meshes of frontal faces with a closed mouth, in units of their interocular distance."""
    settings = SourceSettings(src=folder)
    source, detector = build_source(settings), build_detector(FaceSettings(landmarks="mesh"))
    found = []
    for ref in source.refs()[:: max(1, len(source.refs()) // limit)]:
        photo = load(source, ref, settings)
        faces = detector.detect(photo.pixels) if hasattr(photo, "pixels") else []
        if not isinstance(faces, list) or not faces:
            continue
        mesh = faces[0].mesh
        left, right = (mesh[i].mean(0) for i in EYES)
        unit = np.linalg.norm((right - left)[:2])
        yaw = np.degrees(np.arctan2((right - left)[2], (right - left)[0]))
        if abs(yaw) < 5 and np.linalg.norm(mesh[LIPS[0]] - mesh[LIPS[1]]) < 0.05 * unit:
            found.append(mesh / unit)
    return np.array(found)


def procrustes_median(meshes: np.ndarray) -> np.ndarray:
    """Computes the median shape, upright and with level eyes, in the canonical frame."""
    mean = meshes[0]
    for _ in range(8):
        fits = [(mesh, *umeyama(mesh, mean)) for mesh in meshes]
        mean = np.median(
            [scale * mesh @ rotation.T + offset for mesh, scale, rotation, offset in fits], axis=0
        )
        left, right = (mean[i].mean(0) for i in EYES)
        mean = (mean - (left + right) / 2) / np.linalg.norm(right - left)
        x = (right - left) / np.linalg.norm(right - left)
        z = np.cross(x, [0, 1, 0])
        z /= np.linalg.norm(z)
        mean = mean @ np.stack([x, np.cross(z, x), z]).T
    return mean


def symmetric(mesh: np.ndarray) -> np.ndarray:
    """Averages the mesh with its mirror image."""
    mirrored = mesh * [-1, 1, 1]
    partner = np.linalg.norm(mesh[None] - mirrored[:, None], axis=2).argmin(1)
    assert (partner[partner] == np.arange(len(mesh))).all()
    return (mesh + mirrored[partner]) / 2


def radial_map(mesh: np.ndarray) -> np.ndarray:
    """Computes the radius at each (height, azimuth) of the grids in `maskgen.faces.canonical_head`."""
    azimuth = np.degrees(np.arctan2(mesh[:, 0], AXIS_Z - mesh[:, 2]))
    radius = np.hypot(mesh[:, 0], AXIS_Z - mesh[:, 2])
    grid = np.stack(np.meshgrid(AZIMUTHS, HEIGHTS), axis=-1)
    scale = np.array([1 / 60, 1.0])  # 60 degrees are about one unit of arc, so that triangles are well shaped
    known = LinearNDInterpolator(np.c_[azimuth, mesh[:, 1]] * scale, radius)(grid * scale)
    side = np.interp(np.abs(AZIMUTHS), np.degrees(np.arctan2(1.13, [AXIS_Z + 1, 0.0, -0.6])), [9, 1.13, 1.28])
    for column, angle in enumerate(np.abs(AZIMUTHS)):
        rows = np.flatnonzero(~np.isnan(known[:, column]))
        line = known[:, column]
        if len(rows) < 4:  # beyond the mesh: the side of the head
            line[:] = side[column]
            rows = np.flatnonzero(HEIGHTS < 0.7)  # above the neck, which begins below the ear
        last = rows[-1]
        first = rows[0]
        line[:first] = line[first]
        inner = np.interp(np.arange(first, last + 1), rows, line[rows])
        line[first : last + 1] = inner
        neck = min(np.interp(angle, [0, 45, 90, 130], [0.42, 0.58, 0.80, 0.85]), line[last])
        drop = np.clip((HEIGHTS[last + 1 :] - HEIGHTS[last]) / NECK_DROP, 0, 1)
        line[last + 1 :] = neck + (line[last] - neck) * np.sqrt(1 - drop**2)
    known = (known + known[:, ::-1]) / 2
    return gaussian_filter(known, (0.8, 0.8), mode="nearest")


def main() -> None:
    """Builds the head and writes it to assets/models."""
    folder, connections = sys.argv[1:3]
    text = Path(connections).read_text()
    edges = re.findall(r"\((\d+), (\d+)\)", text[text.index("FACEMESH_TESSELATION") :])
    triangles = np.array([int(start) for start, _ in edges], np.int16).reshape(-1, 3)
    meshes = frontal_meshes(folder)
    mesh = symmetric(procrustes_median(meshes))
    target = Path(__file__).parent.parent / "assets/models/head.npz"
    np.savez_compressed(
        target,
        mesh=mesh.astype(np.float32),
        triangles=triangles,
        radius=radial_map(mesh).astype(np.float32),
    )
    print(f"{target}: {len(meshes)} frontal meshes, chin at {mesh[152, 1]:.2f}, ear at {mesh[454, 0]:.2f}")


if __name__ == "__main__":
    main()
