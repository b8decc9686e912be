"""Backends that give 68 points: the fit of the mesh, dlib if it is installed, and a stand-in for face-alignment."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from maskgen.errors import InputError, MissingError, Skip, UsageError
from maskgen.faces.landmarks import AUTO, build_detector
from maskgen.faces.landmarks import dlib as dlib_backend
from maskgen.faces.landmarks.dlib import POINTS_FILE, DlibDetector, model_folder
from maskgen.faces.landmarks.fan import WEIGHTS, FanDetector
from maskgen.faces.landmarks.points68_to_mesh import ON_MESH, _model, face_of_points, fit_mesh
from maskgen.settings import FaceSettings
from tests.helpers.faces import astronaut, detector, rotation_of, turned

EYES = 60.0  # pixels between the eyes


def seen(yaw=0, pitch=0, roll=0, shape=None):
    """Projects the 68 points of the mean head, or of one changed by `shape`, in a pose into a photo of 400 pixels."""
    places = _model().places if shape is None else shape(_model().places)
    return (places @ rotation_of(turned(yaw, pitch, roll)).T * EYES)[:, :2] + [200, 180]


def mesh_at(yaw=0, pitch=0, roll=0):
    from maskgen.faces.canonical_head import canonical_head

    mesh = canonical_head().mesh.astype(np.float64)
    return mesh @ rotation_of(turned(yaw, pitch, roll)).T * EYES + [200, 180, 0]


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0, 0, 0), (25, 0, 0), (-40, 5, 0), (10, -15, 30), (0, 10, -75)]
)
def test_68_points_of_the_mean_face_give_the_whole_mesh(yaw, pitch, roll):
    fitted = fit_mesh(seen(yaw, pitch, roll))
    assert np.abs(fitted - mesh_at(yaw, pitch, roll)).max() < 0.01 * EYES


def test_a_wider_jaw_widens_the_mesh_there_and_leaves_the_eyes():
    def wider(places):
        return places * np.where(places[:, 1:2] > 0.8, [[1.15, 1, 1]], 1)

    mesh, mean = fit_mesh(seen(shape=wider)), fit_mesh(seen())
    jaw, eyes = [172, 397], [33, 133, 362, 263]
    assert np.ptp(mesh[jaw, 0]) > 1.06 * np.ptp(mean[jaw, 0])
    assert np.abs(mesh[eyes] - mean[eyes])[:, :2].max() < 0.04 * EYES


def test_the_outline_of_the_far_cheek_does_not_bend_a_turned_face():
    points = seen(yaw=40)
    points[9:17, 0] += 0.15 * EYES
    assert np.abs(fit_mesh(points) - mesh_at(yaw=40))[:, :2].mean() < 0.03 * EYES


def test_the_correspondence_is_symmetric():
    places = np.array([_model().places[i] for i in range(17)])
    assert np.allclose(places[:, 0], -places[::-1, 0], atol=0.01)
    assert len(ON_MESH) == 68


@pytest.mark.parametrize(
    "points",
    [np.full((68, 2), np.nan), np.zeros((68, 2)), np.repeat(np.arange(68.0)[:, None], 2, 1), seen() + 2000,
     np.random.default_rng(0).uniform(0, 400, (68, 2))],
    ids=["nan", "one-point", "line", "outside", "noise"],
)  # fmt: skip
def test_points_that_cannot_be_a_face_are_refused(points):
    assert isinstance(face_of_points(points, 0.9, 400, 400), str)


def test_a_face_of_68_points_names_its_scheme():
    face = face_of_points(seen(), 0.9, 400, 400)
    assert (face.scheme, face.landmarks.shape, face.mesh.shape) == ("dlib68", (68, 2), (468, 3))
    assert face.mesh[1, 2] < face.mesh[234, 2]


def dlib_or_skip(**kwargs):
    pytest.importorskip("dlib", reason="dlib is not installed")
    try:
        return DlibDetector(**kwargs)
    except MissingError as error:
        pytest.skip(f"no models: {error}")


def test_dlib_and_mesh_agree_on_a_real_face():
    (face,) = dlib_or_skip().detect(astronaut())
    (reference,) = detector().detect(astronaut())
    assert np.linalg.norm(face.mesh - reference.mesh, axis=1).mean() < 0.12 * 43  # pixels between the eyes
    assert face.score > 0.5
    assert isinstance(dlib_or_skip().detect(np.full((200, 200, 3), 90, np.uint8)), Skip)


def test_the_name_differs_by_models_and_search():
    one, other = dlib_or_skip(), dlib_or_skip(every_look=True)
    assert one.name != other.name
    assert "fbdc2cb8" in one.name or "points68-" in one.name


def test_dlib_missing_names_its_packages(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(MissingError, match="pip install 'dlib-bin"):
        DlibDetector()


def test_model_files_missing_name_the_package_and_the_setting(monkeypatch, tmp_path):
    monkeypatch.setattr(dlib_backend, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match=r"face-recognition-models.*faces\.models=FOLDER"):
        model_folder("")
    assert model_folder(str(tmp_path)) == tmp_path


def test_models_are_found_by_path_without_importing_their_package(monkeypatch, tmp_path):
    package = tmp_path / "face_recognition_models"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "face_recognition_models", raising=False)
    assert model_folder("") == package / "models"


def test_a_missing_and_a_damaged_model_file_are_told_apart(tmp_path):
    pytest.importorskip("dlib", reason="dlib is not installed")
    with pytest.raises(MissingError, match=POINTS_FILE):
        DlibDetector(models=str(tmp_path))
    (tmp_path / POINTS_FILE).write_bytes(b"no model")
    with pytest.raises(InputError, match=POINTS_FILE):
        DlibDetector(models=str(tmp_path))


class FakeAlignment:
    """Stand-in for face-alignment's API: its weights cannot be downloaded without a network, nor shipped."""

    found = ()
    error: Exception | None = None

    def __init__(self, landmarks_type, **options):
        assert landmarks_type == 1
        assert options == {"device": "cpu", "face_detector": "sfd", "compile": False}
        if self.error:
            raise self.error

    def get_landmarks_from_image(self, image, detected_faces=None, return_bboxes=False):
        assert return_bboxes
        assert image.dtype == np.uint8
        if not self.found:
            return None, None, None
        boxes = [np.array([0, 0, 400, 400, 0.99], np.float32) for _ in self.found]
        return [points.astype(np.float32) for points in self.found], None, boxes


@pytest.fixture
def fan(monkeypatch, tmp_path):
    """Installs a stand-in for face-alignment, with a folder of weights."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for name in WEIGHTS:
        (folder / name).write_bytes(name.encode())
    torch = ModuleType("torch")
    torch.hub = SimpleNamespace(get_dir=lambda: str(tmp_path))
    torch.set_num_threads = lambda count: None
    torch.__version__ = "2"
    api = ModuleType("face_alignment")
    api.LandmarksType = SimpleNamespace(TWO_D=1)
    api.FaceAlignment = type("Alignment", (FakeAlignment,), {})
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "face_alignment", api)
    monkeypatch.setattr("maskgen.faces.landmarks.fan.metadata.version", lambda name: "1.5.0")
    return SimpleNamespace(folder=folder, alignment=api.FaceAlignment)


def photo():
    return np.zeros((400, 400, 3), np.uint8)


def test_fan_gives_faces_largest_first(fan):
    fan.alignment.found = (seen() * 0.5, seen(yaw=20))
    first, second = FanDetector().detect(photo())
    assert first.landmarks[8, 1] == pytest.approx(seen(yaw=20)[8, 1], abs=0.1)
    assert (first.scheme, second.scheme) == ("dlib68", "dlib68")
    assert first.score == pytest.approx(0.99)


def test_fan_without_a_face_or_with_a_broken_one_skips(fan):
    assert FanDetector().detect(photo()) == Skip("no_face")
    fan.alignment.found = (np.full((68, 2), np.nan),)
    assert FanDetector().detect(photo()).reason == "bad_landmarks"


def test_fans_missing_weights_are_named_with_their_folder(fan):
    for name in WEIGHTS:
        (fan.folder / name).unlink()
    fan.alignment.error = OSError("no network")
    with pytest.raises(MissingError) as caught:
        FanDetector()
    assert str(fan.folder) in str(caught.value)
    assert all(f"python-fan/{name}" in str(caught.value) for name in WEIGHTS)


def test_fans_damaged_weights_are_an_input_error(fan):
    fan.alignment.error = RuntimeError("PytorchStreamReader failed")
    with pytest.raises(InputError, match="Delete the damaged file"):
        FanDetector()


def test_fan_missing_names_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "face_alignment", None)
    with pytest.raises(MissingError, match="pip install --no-deps 'face-alignment"):
        build_detector(FaceSettings(landmarks="fan"))


def test_the_names_of_fans_weights_are_face_alignments_own():
    api = pytest.importorskip("face_alignment.api", reason="face-alignment is not installed")
    face_detector = pytest.importorskip("face_alignment.detection.sfd.sfd_detector")
    links = (api.models_urls["2DFAN-4"], face_detector.models_urls["s3fd"])
    assert tuple(Path(link).name for link in links) == WEIGHTS


def test_auto_takes_the_first_backend_that_works(monkeypatch):
    assert build_detector(FaceSettings()).name.startswith("mesh-")

    def missing(*_):
        raise MissingError("gone")

    monkeypatch.setitem(AUTO, "mesh", missing)
    monkeypatch.setitem(AUTO, "dlib", lambda *_: SimpleNamespace(name="dlib", detect=lambda pixels: []))
    assert build_detector(FaceSettings()).name == "dlib"
    monkeypatch.setitem(AUTO, "dlib", missing)
    monkeypatch.setitem(AUTO, "fan", missing)
    with pytest.raises(MissingError, match="mesh: gone"):
        build_detector(FaceSettings())


def test_auto_does_not_fetch_weights(fan):
    (fan.folder / WEIGHTS[0]).unlink()
    fan.alignment.error = AssertionError("would fetch")
    with pytest.raises(MissingError, match="not tried"):
        AUTO["fan"](FaceSettings(), 29.0)


def test_an_unknown_backend_is_a_usage_error():
    with pytest.raises(UsageError, match="choose from auto, mesh"):
        build_detector(FaceSettings().model_copy(update={"landmarks": "eyes"}))
