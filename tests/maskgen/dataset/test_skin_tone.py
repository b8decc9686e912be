"""Skin tone: known colours come back, whatever hides parts of the face."""

import numpy as np
import pytest

from maskgen.dataset.skin_tone import CLASSES, OUTLINES, _lab, measure_tone, skin_regions, tone_class
from maskgen.types import Face
from tests.helpers.faces import astronaut, detector, mean_face, turned

SIDE = 400  # pixels; the mean face lies in the middle
FACE = mean_face()


def srgb(lightness: float, a: float, b: float) -> np.ndarray:
    """Converts CIELAB (D65) to sRGB, 0-255, by scikit-image."""
    from skimage.color import lab2rgb

    return np.rint(lab2rgb(np.array([[[lightness, a, b]]]))[0, 0] * 255).astype(np.uint8)


def painted(ita: float, b: float = 16.0, a: float = 12.0) -> np.ndarray:
    """Paints a plane in a skin colour of a known angle, with a little noise."""
    image = np.tile(srgb(50 + b * np.tan(np.radians(ita)), a, b), (SIDE, SIDE, 1)).astype(np.float64)
    noise = np.random.default_rng(1).normal(0, 2, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def filled(image: np.ndarray, points: tuple[int, ...], colour: object, grown: int = 0) -> np.ndarray:
    import cv2

    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(FACE.landmarks[list(points)].astype(np.int32)), 1)
    out = image.copy()
    out[cv2.dilate(mask, np.ones((2 * grown + 1,) * 2)) > 0] = colour
    return out


@pytest.mark.parametrize("ita", [-55.0, -30.0, -5.0, 12.0, 30.0, 42.0, 58.0, 66.0])
@pytest.mark.parametrize("b", [10.0, 16.0])
def test_a_known_skin_colour_comes_back_within_a_degree(ita: float, b: float) -> None:
    from skimage.color import rgb2lab

    tone = measure_tone(painted(ita, b), FACE.landmarks, FACE.scheme)
    colour = rgb2lab(srgb(50 + b * np.tan(np.radians(ita)), 12.0, b)[None, None])[0, 0]  # rounded to 8 bits
    assert tone is not None
    assert tone.ita == pytest.approx(np.degrees(np.arctan((colour[0] - 50) / colour[2])), abs=0.5)
    assert tone.ita == pytest.approx(ita, abs=1.1)  # with the rounding of the paint
    assert (tone.lightness, tone.a, tone.b) == pytest.approx(colour, abs=0.6)


@pytest.mark.parametrize("scheme", ["dlib68", "celeba5"])
def test_other_landmarks_lead_to_the_same_skin(scheme: str) -> None:
    eyes_and_mouth = [FACE.landmarks[[33, 133]].mean(0), FACE.landmarks[[263, 362]].mean(0)]
    corners = [FACE.landmarks[61], FACE.landmarks[291]]
    if scheme == "celeba5":
        points = np.array([*eyes_and_mouth, FACE.landmarks[4], *corners])
    else:
        points = np.zeros((68, 2), np.float32)
        points[36:42], points[42:48] = eyes_and_mouth
        points[48], points[54] = corners
    image = np.full((SIDE, SIDE, 3), 127, np.uint8)
    for outline in OUTLINES.values():
        image = filled(image, outline, painted(25.0)[0, 0], grown=3)
    by_mesh, by_points = (
        measure_tone(image, *of) for of in ((FACE.landmarks, FACE.scheme), (points, scheme))
    )
    assert by_mesh is not None
    assert by_points is not None
    assert by_points.ita == pytest.approx(by_mesh.ita, abs=1)
    both = [skin_regions(image, *of) for of in ((FACE.landmarks, FACE.scheme), (points, scheme))]
    for name in OUTLINES:
        one, other = (regions[name] for regions in both)
        assert (one & other).sum() / (one | other).sum() > 0.75
    assert measure_tone(image, points[:3], "unknown") is None


def test_highlights_shadows_and_beard_do_not_move_the_tone() -> None:
    image = painted(30.0)
    image = filled(image, (50, 101, 36), 255)  # a highlight on one cheek
    image = filled(image, (280, 425, 411), srgb(20, 8, 8))  # a shadow on the other
    image = filled(image, (61, 291, 152, 172, 397), srgb(15, 2, 2))  # a beard
    image = filled(image, (107, 108, 69), 254)
    tone = measure_tone(image, FACE.landmarks, FACE.scheme)
    assert tone is not None
    assert tone.ita == pytest.approx(30.0, abs=2)


@pytest.mark.fault
def test_row664_a_forehead_below_hair_is_left_out() -> None:
    image = filled(painted(45.0), OUTLINES["forehead"], srgb(18, 3, 6), grown=8)
    assert set(skin_regions(image, FACE.landmarks, FACE.scheme)) == {"right cheek", "left cheek"}
    tone = measure_tone(image, FACE.landmarks, FACE.scheme)
    assert tone is not None
    assert tone.ita == pytest.approx(45.0, abs=1)


@pytest.mark.fault
def test_row664_a_cheek_that_is_turned_away_is_left_out() -> None:
    for yaw, seen in (
        (55, "right cheek"),
        (-55, "left cheek"),
    ):  # yaw > 0: the face turns to the viewer's right
        face = mean_face(turned(yaw))
        assert set(skin_regions(painted(30.0), face.landmarks, face.scheme)) == {"forehead", seen}


@pytest.mark.fault
@pytest.mark.parametrize(
    ("colour", "what"),
    [
        ((60, 0, 0), "grey"),
        ((60, 1, 2), "nearly grey"),
        ((60, 5, -20), "blue light"),
        ((60, 40, 8), "purple light"),
        ((12, 3, 6), "black hair"),
    ],
)
def test_row664_grey_photos_and_coloured_light_have_no_tone(colour: tuple[float, ...], what: str) -> None:
    image = np.tile(srgb(*colour), (SIDE, SIDE, 1))
    assert measure_tone(image, FACE.landmarks, FACE.scheme) is None, what


@pytest.mark.fault
def test_row664_a_face_outside_the_photo_or_all_black_has_no_tone() -> None:
    assert measure_tone(painted(30.0), FACE.landmarks + 1e6, FACE.scheme) is None
    for level in (0, 255):
        assert measure_tone(np.full((SIDE, SIDE, 3), level, np.uint8), FACE.landmarks, FACE.scheme) is None


def test_the_regions_of_a_real_face_lie_on_its_skin() -> None:
    face = found_face()
    regions = skin_regions(astronaut(), face.landmarks, face.scheme)
    assert set(regions) == set(OUTLINES)
    for region in regions.values():
        red, green, blue = astronaut()[region].mean(0)
        assert red > green > blue  # her hair is dark brown, her suit orange, the background blue and white
        assert red - blue > 30
    tone = measure_tone(astronaut(), face.landmarks, face.scheme)
    assert tone is not None
    assert tone_class(tone.ita) in ("very light", "light", "intermediate")


def found_face() -> Face:
    faces = detector().detect(astronaut())
    assert isinstance(faces, list)
    return faces[0]


def test_classes_begin_above_their_edges() -> None:
    edges = {55.0: "light", 41.0: "intermediate", 28.0: "tan", 10.0: "brown", -30.0: "dark"}
    assert {ita: tone_class(ita) for ita in edges} == edges
    assert [tone_class(ita + 0.01) for ita in edges] == [name for name, _ in CLASSES[:-1]]
    assert tone_class(-90.0) == "dark"


def test_lab_agrees_with_scikit_image() -> None:
    from skimage.color import rgb2lab

    levels = np.random.default_rng(5).integers(0, 256, (1000, 3)).astype(np.uint8)
    assert np.abs(_lab(levels) - rgb2lab(levels[None])[0]).max() < 0.01


@pytest.mark.fault
@pytest.mark.parametrize(
    ("count", "scheme"), [(5, "mesh468"), (0, "mesh468"), (5, "dlib68"), (4, "celeba5"), (5, "x")]
)
def test_row697_landmarks_of_another_number_than_their_scheme_have_no_tone(count: int, scheme: str) -> None:
    assert measure_tone(astronaut(), np.full((count, 2), 100.0), scheme) is None
