"""Verdicts of the compatibility test: what is right, wrong and refused, and that one wrong pixel is seen."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from compat.expected import Expected
from compat.judge import is_as_expected, judge_array, judge_labels, judge_values, judge_way

SIDE = 32
PARTS = np.random.default_rng(0).integers(0, 4, (SIDE, SIDE)).astype(np.uint8)
MAP = np.where(PARTS > 0, 255, 0).astype(np.uint8)
PHOTO = np.random.default_rng(1).integers(20, 230, (SIDE, SIDE, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("array", "verdict"),
    [
        (PARTS, "right, uint8 h w"),
        (PARTS[None, :, :, None], "right, uint8 1 h w 1"),
        (np.repeat(PARTS[..., None], 3, 2), "right, uint8 h w 3"),
        (np.repeat(PARTS[None], 3, 0).astype(np.float32) / 255, "right, float32 3 h w / 255"),
        (PARTS.astype(np.int64), "right, int64 h w"),
        (PARTS * np.uint8(85), "wrong, uint8 h w, values 0 85 170 255"),
        (PARTS.T, "wrong, uint8 h w, values 0 1 2 3"),
        (PARTS[:-1], "wrong, uint8 31 h, values 0 1 2 3"),
        (PARTS > 0, "wrong, bool h w, values 0 1"),
    ],
)
def test_parts_are_right_only_if_each_class_has_its_value(array, verdict):
    assert judge_array(array, PARTS, "parts") == verdict


@pytest.mark.parametrize(
    ("array", "verdict"),
    [
        (MAP, "right, uint8 h w"),
        (MAP > 0, "right, bool h w"),
        ((MAP > 0).astype(np.uint8), "right, uint8 h w 0 and 1"),
        (MAP.astype(np.float32) / 127.5 - 1, "right, float32 h w / 127.5 - 1"),
        (255 - MAP, "wrong, uint8 h w, values 0 255"),
        (np.dstack([MAP, MAP, MAP, np.full_like(MAP, 255)]), "right, uint8 h w 4"),
        (np.dstack([MAP, MAP, PARTS]), "wrong, uint8 h w 3, values 0 1 2 3 255"),
    ],
)
def test_map_may_be_0_and_1_but_not_inverted(array, verdict):
    assert judge_array(array, MAP, "map") == verdict


def test_one_wrong_pixel_of_a_map_is_seen():
    seen = MAP.copy()
    seen[5, 7] ^= 255
    assert judge_array(seen, MAP, "map").startswith("wrong")


def test_lossy_images_have_a_tolerance_and_lossless_ones_none():
    near, far = PHOTO + np.uint8(1), PHOTO + np.uint8(6)
    assert judge_array(near, PHOTO, "masked", lossy=True) == "right, uint8 h w 3"
    assert judge_array(far, PHOTO, "masked", lossy=True) == "wrong, uint8 h w 3"
    assert judge_array(near, PHOTO, "masked") == "wrong, uint8 h w 3"
    assert judge_array(PHOTO[..., ::-1], PHOTO, "gt") == "wrong, uint8 h w 3, red and blue swapped"


def test_a_transformed_mask_may_hold_no_value_between():
    assert judge_values(PARTS[3:9], (0, 1, 2, 3)) == "right, uint8"
    assert judge_values(np.array([[0.0, 0.5]]), (0, 255)).startswith("wrong")


@pytest.mark.parametrize(
    ("labels", "verdict"),
    [
        ({"seed": 2**31 - 1, "hole": 0.25, "faces": [{"box": [1, 2]}]}, "right"),
        ({"seed": float(2**31), "hole": 0.25, "faces": [{"box": [1, 2]}]}, "wrong, other labels.seed"),
        ({"seed": 2**31 - 1, "hole": 0.26, "faces": [{"box": [1, 2]}]}, "wrong, other labels.hole"),
        ({"seed": 2**31 - 1, "hole": 0.25, "faces": []}, "wrong, other labels.faces"),
        ({"seed": 2**31 - 1}, "wrong, other labels"),
        ("text", "wrong, other labels"),
    ],
)
def test_labels_are_compared_value_by_value(labels, verdict):
    wanted = {"seed": 2**31 - 1, "hole": 0.25, "faces": [{"box": [1, 2]}]}
    assert judge_labels(labels, wanted).startswith(verdict)


def _png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png")
    return file.getvalue()


def _expected():
    sample = {"map": _png(MAP), "parts": _png(PARTS), "json": json.dumps({"seed": 1}).encode()}
    blank = sample | {"map": _png(np.zeros_like(MAP)), "parts": _png(np.zeros_like(PARTS))}
    return Expected({"a": sample, "b": sample, "bare": blank}, {"train": ["a", "b", "bare"]})


def _way(folder, values, **changes):
    """Returns the report of a way that read these maps, by key."""
    lines = []
    for number, (key, array) in enumerate(values):
        line = {"key": key, "member": "map"}
        if isinstance(array, str):
            line["refused"] = array
        else:
            (folder / f"{number}.raw").write_bytes(array.tobytes())
            line |= {"raw": f"{number}.raw", "dtype": str(array.dtype), "shape": list(array.shape)}
        lines.append(line)
    keys = [key for key, _ in values]
    way = {"values": lines, "keys": keys, "split": "train", "compare": "values", "failed": "", "expect": {}}
    return way | changes


def test_the_form_of_a_mask_without_covered_pixels_does_not_count(tmp_path):
    binary = (MAP > 0).astype(np.uint8)
    way = _way(tmp_path, [("a", binary), ("b", binary), ("bare", np.zeros_like(MAP))])
    assert judge_way(way, tmp_path, _expected()) == {"map": "right, uint8 h w 0 and 1", "samples": "right, 3"}


def test_a_lost_a_repeated_and_an_unknown_sample_are_seen(tmp_path):
    way = _way(tmp_path, [("a", MAP), ("a", MAP)])
    assert judge_way(way, tmp_path, _expected())["samples"] == "wrong, 1 of 3 samples, 1 twice"
    way = _way(tmp_path, [("a", MAP), ("train", MAP)])
    assert judge_way(way, tmp_path, _expected())["map"] == "wrong, unknown key train (1 of 2)"


def test_one_wrong_sample_among_right_ones_is_the_verdict(tmp_path):
    way = _way(tmp_path, [("a", MAP), ("b", MAP * 0)])
    assert judge_way(way, tmp_path, _expected())["map"] == "wrong, uint8 h w, values 0 (1 of 2)"
    way = _way(tmp_path, [("a", MAP), ("b", "ValueError: no")])
    assert judge_way(way, tmp_path, _expected())["map"] == "refused: ValueError: no (1 of 2)"


def test_a_reader_that_fails_or_gives_nothing_is_not_right(tmp_path):
    way = _way(tmp_path, [], failed="OSError: no shards", expect={"map": "refused"})
    assert judge_way(way, tmp_path, _expected()) == {
        "samples": "refused: OSError: no shards",
        "map": "refused: OSError: no shards",
    }
    way = _way(tmp_path, [], split="", expect={"map": "right, uint8 h w"})
    assert judge_way(way, tmp_path, _expected()) == {"map": "wrong, nothing came"}


def test_an_expectation_names_the_verdict_and_may_leave_out_its_end():
    assert is_as_expected("refused: ValueError: no", "refused")
    assert is_as_expected("wrong, uint8 h w, values 0 1", "wrong")
    assert not is_as_expected("right, uint8 h w 3", "right, uint8 h w")
    assert not is_as_expected("refused: ValueError: no", "right")
