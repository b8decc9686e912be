"""Backend `fan`: face-alignment's own API finds faces and their 68 points; the mesh is fitted to them.

Its weights are not shipped, because of their licence. face-alignment keeps them in torch's cache, and downloads missing
files.
"""

import hashlib
import warnings
from importlib import import_module, metadata
from pathlib import Path
from pickle import UnpicklingError

import numpy as np

from maskgen.errors import InputError, MissingError, Skip
from maskgen.extras import install_line
from maskgen.faces.landmarks.points68_to_mesh import face_of_points
from maskgen.types import Face, RGBImage

ORIGIN = "https://www.adrianbulat.com/downloads/python-fan/"
WEIGHTS = ("2DFAN4-11f355bf06.pth.tar", "s3fd-619a316812.pth")  # landmark network, face detector


class FanDetector:
    """Detector of faces with face-alignment, on the CPU. Use one per thread.

    Args:
        fetch: let face-alignment download weights that are not in its cache.

    Raises:
        MissingError: face-alignment is not installed, or its weights are missing and cannot be downloaded.
        InputError: a weights file is damaged.
    """

    def __init__(self, fetch: bool = True) -> None:
        try:
            api = import_module("face_alignment")
            torch = import_module("torch")
        except ImportError as error:
            raise MissingError(f"face-alignment cannot be loaded ({error}). {install_line('fan')}") from error
        torch.set_num_threads(
            1
        )  # a worker has one core, and float sums must not depend on the number of cores
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        if not fetch and not all((folder / name).exists() for name in WEIGHTS):
            raise _missing(folder, "not tried")
        try:
            self._fan = api.FaceAlignment(
                api.LandmarksType.TWO_D, device="cpu", face_detector="sfd", compile=False
            )
        except OSError as error:
            raise _missing(folder, error) from error
        except (RuntimeError, ValueError, KeyError, EOFError, UnpicklingError) as error:
            raise InputError(
                f"{folder}: {' or '.join(WEIGHTS)} cannot be read ({str(error)[:200]}). "
                "Delete the damaged file; it is fetched again"
            ) from error
        digests = [hashlib.sha256((folder / name).read_bytes()).hexdigest()[:8] for name in WEIGHTS]
        version = metadata.version("face-alignment")
        self.name = f"fan-{version}-torch-{torch.__version__}-2dfan-{digests[0]}-s3fd-{digests[1]}"

    def detect(self, pixels: RGBImage) -> list[Face] | Skip:
        """Detects faces, largest first. See `Detector`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns if it finds no face
            points, _, boxes = self._fan.get_landmarks_from_image(pixels, return_bboxes=True)
        if points is None or not len(points):
            return Skip("no_face")
        size = pixels.shape[:2]
        made = [
            face_of_points(np.asarray(each, np.float64)[:, :2], float(np.clip(box[4], 0, 1)), *size)
            for each, box in zip(points, boxes, strict=True)
        ]
        faces = [face for face in made if isinstance(face, Face)]
        if not faces:
            return Skip("bad_landmarks", str(made[0]))
        return sorted(faces, key=lambda face: (face.box[0] - face.box[2]) * (face.box[3] - face.box[1]))


def _missing(folder: Path, error: OSError | str) -> MissingError:
    gone = [name for name in WEIGHTS if not (folder / name).exists()] or list(WEIGHTS)
    links = " and ".join(ORIGIN + name for name in gone)
    return MissingError(
        f"{folder}: face-alignment's weights {' and '.join(gone)} are not there and cannot be fetched ({error}). "
        f"Download {links} on a machine with a network, and put them into that folder"
    )
