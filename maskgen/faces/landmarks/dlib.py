"""Backend `dlib`: its HOG or CNN face detector, its shape predictor for 68 points, and the mesh fitted to them.

The model files are not shipped, because of their licence. They are found, by path, in the installed package
`face-recognition-models`, or in a folder named by the settings.
"""

import hashlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from maskgen.errors import InputError, MissingError, Skip
from maskgen.extras import install_line
from maskgen.faces.landmarks.points68_to_mesh import face_of_points
from maskgen.reading import WEIGHT_BYTES, read_regular_file
from maskgen.types import Face, RGBImage

PACKAGE = "face_recognition_models"
POINTS_FILE = "shape_predictor_68_face_landmarks.dat"
CNN_FILE = "mmod_human_face_detector.dat"
LONGEST = 1600  # pixels of the longer side; larger photos are shrunk first; here the CNN needs 3 GB of memory

FaceDetector = Literal["hog", "cnn"]
Found = list[tuple[Any, float]]  # dlib's rectangle in pixels of the searched image, score 0-1


class DlibDetector:
    """Detector of faces with dlib. Use one per thread.

    Args:
        detector: dlib's face detector: "hog", the faster one, or "cnn".
        models: folder of the model files, "" for those of the package.
        every_look: search for small faces beside large ones too.

    Raises:
        MissingError: dlib or a model file is missing.
        InputError: a model file is damaged.
    """

    def __init__(self, detector: FaceDetector = "hog", models: str = "", every_look: bool = False) -> None:
        try:
            import dlib
        except ImportError as error:
            raise MissingError(f"dlib cannot be loaded ({error}). {install_line('dlib')}") from error
        self._dlib = dlib
        self._every_look = every_look
        folder = model_folder(models)
        self._points, digest = _load(dlib.shape_predictor, folder / POINTS_FILE)
        self._detector = detector
        if detector == "cnn":
            self._cnn, cnn_digest = _load(dlib.cnn_face_detection_model_v1, folder / CNN_FILE)
            detector_name = f"cnn-{cnn_digest[:8]}"
        else:
            self._hog, detector_name = dlib.get_frontal_face_detector(), "hog"
        search = "every-look" if every_look else "first-look"
        self.name = f"dlib-{search}-{dlib.__version__}-{detector_name}-points68-{digest[:8]}"

    def detect(self, pixels: RGBImage) -> list[Face] | Skip:
        """Detects faces, largest first. See `Detector`."""
        height, width = pixels.shape[:2]
        scale = min(1.0, LONGEST / max(height, width))
        shrunk = (
            pixels
            if scale == 1
            else cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        )
        found = [] if self._every_look else self._find(shrunk, 0)
        found = found or self._find(shrunk, 1)
        made = [self._face(pixels, self._grown(box, 1 / scale), score) for box, score in found]
        faces = [face for face in made if isinstance(face, Face)]
        if not faces:
            return Skip("bad_landmarks", str(made[0])) if made else Skip("no_face")
        return sorted(faces, key=lambda face: (face.box[0] - face.box[2]) * (face.box[3] - face.box[1]))

    def _find(self, pixels: RGBImage, doublings: int) -> Found:
        """Finds faces after doubling the image's size so many times: HOG needs 80 pixels, the CNN 40."""
        if self._detector == "cnn":
            return [
                (find.rect, float(np.clip(find.confidence, 0, 1))) for find in self._cnn(pixels, doublings)
            ]
        boxes, scores, _ = self._hog.run(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), doublings, 0.0)
        return [(box, float(1 - np.exp(-score))) for box, score in zip(boxes, scores, strict=True)]

    def _grown(self, box: Any, scale: float) -> Any:
        sides = (box.left(), box.top(), box.right(), box.bottom())
        return self._dlib.rectangle(*(round(side * scale) for side in sides))

    def _face(self, pixels: RGBImage, box: Any, score: float) -> Face | str:
        """Builds the face of a box, or says why its points are implausible."""
        shape = self._points(pixels, box)
        points = np.array([(point.x, point.y) for point in shape.parts()], np.float64)
        return face_of_points(points, score, *pixels.shape[:2])


def model_folder(given: str) -> Path:
    """Finds dlib's model files.

    The package is located but not imported: its code needs modules that Python no longer has.

    Raises:
        MissingError: no folder was given, and the package is not installed.
    """
    if given:
        return Path(given).expanduser()
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingError(
            "dlib's model files are missing: neither is the package face-recognition-models installed, nor a folder "
            f"given with --set faces.models=FOLDER. {install_line('dlib')}"
        )
    return Path(spec.submodule_search_locations[0]) / "models"


def _load(read: Callable[[str], Any], path: Path) -> tuple[Any, str]:
    """Loads a model, and computes the SHA-256 of its file in hex."""
    try:
        digest = hashlib.sha256(read_regular_file(path, WEIGHT_BYTES)).hexdigest()
    except OSError as error:
        raise MissingError(
            f"{path}: dlib's model file cannot be read ({error.strerror}). It comes with pip install "
            "face-recognition-models; a download from dlib.net must be unpacked with bunzip2"
        ) from error
    try:
        return read(str(path)), digest
    except RuntimeError as error:
        raise InputError(f"{path}: dlib cannot read this model file ({error}). Download it again") from error
