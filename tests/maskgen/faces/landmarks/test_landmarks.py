import numpy as np
import pytest

from maskgen.errors import MissingError, Skip
from maskgen.faces.landmarks import DETECTORS, build_detector
from maskgen.faces.landmarks.crop_windows import tile_looks, window
from maskgen.faces.landmarks.mesh import MeshDetector
from maskgen.faces.landmarks.plausibility import fault_of
from maskgen.faces.landmarks.runtime import Model, load_network
from maskgen.faces.landmarks.topology import eye_centres, mouth_centre
from maskgen.images.resample import carry, inverse, warp
from maskgen.settings import FaceSettings
from tests.helpers.faces import astronaut, detector, mean_face, turned

EYES, MOUTH = np.array([[203.6, 101.4], [246.6, 103.2]]), np.array([223.5, 141])  # annotated by hand


def head():
    """A tight crop of the astronaut's face, 120 x 150."""
    return np.ascontiguousarray(astronaut()[50:200, 160:280])


def test_the_mesh_lies_on_the_eyes_and_the_mouth():
    (face,) = detector().detect(astronaut())
    assert np.abs(np.stack(eye_centres(face.mesh)) - EYES).max() < 4
    assert np.abs(mouth_centre(face.mesh) - MOUTH).max() < 5
    assert face.mesh[1, 2] < face.mesh[234, 2]  # the nose is nearer than the ear
    assert (face.scheme, len(face.landmarks)) == ("mesh468", 468)
    assert 0.5 < face.score <= 1


def test_the_same_pixels_give_the_same_bits():
    first, second = (detector().detect(astronaut())[0] for _ in range(2))
    assert first.mesh.tobytes() == second.mesh.tobytes()
    assert first.score == second.score


@pytest.mark.parametrize("angle", [-90, -50, -20, 20, 50, 90, 179])
def test_a_rotated_photo_gives_the_rotated_mesh(angle):
    (straight,) = detector().detect(astronaut())
    centre = np.array([222.0, 130.0])
    matrix = window(centre, -np.radians(angle), 1.0, 300)
    (turned,) = detector().detect(warp(astronaut(), matrix, 300, "replicate"))
    expected = straight.moved(matrix).mesh[:, :2]
    assert np.sqrt(((turned.mesh[:, :2] - expected) ** 2).sum(1).mean()) < 0.06 * 43  # eye distance 43


@pytest.mark.parametrize("side", [110, 140, 900, 2400])
def test_faces_are_found_from_thumbnails_to_large_photos(side):
    matrix = window(np.array([256.0, 256.0]), 0.0, side / 512, side)
    (face,) = detector().detect(warp(astronaut(), matrix, side, "constant", fine=True))
    assert np.abs(carry(inverse(matrix), mouth_centre(face.mesh)[None])[0] - MOUTH).max() < 6


def test_a_face_that_fills_the_photo_is_found():
    (face,) = detector().detect(head())
    assert np.abs(mouth_centre(face.mesh) - (MOUTH - np.array([160, 50]))).max() < 6


def test_a_small_face_in_a_wide_photo_is_found_in_its_tile():
    wide = np.full((600, 1500, 3), 120, np.uint8)
    wide[300:450, 1200:1320] = head()
    (face,) = detector().detect(wide)
    assert np.abs(mouth_centre(face.mesh) - [1200 + 63.5, 300 + 91]).max() < 6


def test_every_face_is_found_once_and_the_largest_comes_first():
    group = np.full((600, 1500, 3), 120, np.uint8)
    group[20:320, 100:340] = np.repeat(np.repeat(head(), 2, 0), 2, 1)
    group[300:450, 1200:1320] = head()
    faces = detector("all").detect(group)
    assert len(faces) == 2
    assert faces[0].box[0] < 400 < faces[1].box[0]


@pytest.mark.parametrize("shape", [(600, 1500), (1500, 600), (512, 512)])
def test_tiles_cover_the_whole_photo(shape):
    covered = np.zeros(shape, bool)
    for look in tile_looks(*shape, 128):
        (x0, y0), (x1, y1) = carry(inverse(look), np.array([[-0.5, -0.5], [127.5, 127.5]], np.float32))
        rows = slice(max(0, round(float(y0))), round(float(y1)) + 1)
        covered[rows, max(0, round(float(x0))) : round(float(x1)) + 1] = True
    assert covered.all()


def test_no_face_is_found_in_noise_stripes_and_a_flat_field():
    rng = np.random.default_rng(0)
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[::8] = 255
    for pixels in (
        rng.integers(0, 256, (256, 256, 3), np.uint8),
        stripes,
        np.full((256, 256, 3), 180, np.uint8),
    ):
        assert detector().detect(pixels) == Skip("no_face")


def test_no_face_is_found_in_photos_without_people():
    import skimage.data

    for name in ("coffee", "chelsea", "rocket", "hubble_deep_field", "immunohistochemistry"):
        pixels = np.ascontiguousarray(getattr(skimage.data, name)())
        assert isinstance(detector().detect(pixels), Skip), name


def test_both_runtimes_give_the_same_mesh_under_different_names():
    pytest.importorskip("ai_edge_litert", reason="no wheel of ai-edge-litert for this machine")
    litert, opencv = MeshDetector(runtime="litert"), MeshDetector(runtime="opencv")
    one, other = litert.detect(astronaut())[0], opencv.detect(astronaut())[0]
    assert np.abs(one.mesh - other.mesh).max() < 0.1
    assert litert.name != opencv.name


def test_a_runtime_that_is_not_installed_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(MissingError, match="pip install ai-edge-litert"):
        load_network(Model(tmp_path / "any.tflite", ("a",), 8, "constant", 1.0), "litert")


def test_loading_a_network_writes_nothing_to_the_terminal(capfd):
    MeshDetector()
    assert capfd.readouterr() == ("", "")


def test_every_backend_of_the_settings_is_known_and_names_tell_searches_apart():
    assert set(DETECTORS) == {"auto", "mesh", "dlib", "fan", "celeba"}
    names = {build_detector(FaceSettings(landmarks=name)).name for name in ("auto", "mesh", "celeba")}
    assert len(names | {detector("all").name}) == 4


FIVE = tuple(
    (float(x), float(y)) for x, y in [*EYES, (224, 122), (210, 141), (240, 142)]
)  # annotated by hand


@pytest.mark.parametrize("landmarks", ["celeba", "auto"])
def test_five_points_of_the_source_place_the_mesh_without_a_search(landmarks, monkeypatch):
    def searched(*_):
        raise AssertionError("searched")

    guided = build_detector(FaceSettings(landmarks=landmarks))
    monkeypatch.setattr(guided, "detect", searched)
    (face,) = guided.detect_at(astronaut(), FIVE)
    (found,) = detector().detect(astronaut())
    assert np.abs(face.mesh - found.mesh).mean() < 0.03 * 43


def test_wrong_points_of_the_source_are_refused_or_followed_by_a_search():
    wrong = tuple((x + 250, y + 250) for x, y in FIVE)
    outcome = build_detector(FaceSettings(landmarks="celeba")).detect_at(astronaut(), wrong)
    assert isinstance(outcome, Skip)
    assert outcome.reason == "bad_landmarks"
    assert build_detector(FaceSettings()).detect_at(astronaut(), wrong)[0].mesh.tobytes() == (
        detector().detect(astronaut())[0].mesh.tobytes()
    )
    for points in (((1.0, 1.0),) * 5, FIVE[:2]):
        assert isinstance(
            build_detector(FaceSettings(landmarks="celeba")).detect_at(astronaut(), points), Skip
        )


def test_celeba_finds_no_face_without_points_of_the_source():
    assert build_detector(FaceSettings(landmarks="celeba")).detect(astronaut()).reason == "no_face"


@pytest.mark.parametrize(
    "pose", [turned(0, 0, 0), turned(70, 0, 0), turned(-60, 20, 170), turned(0, -40, 90)]
)
def test_a_face_in_any_pose_passes_the_check(pose):
    assert fault_of(mean_face(pose), 400, 400) == ""
