"""`maskgen.mask_photo`: one photo in memory."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import maskgen
from maskgen import api
from maskgen.errors import InputError, Skip, UsageError
from maskgen.images.codecs import encode_lossless
from tests.helpers.faces import astronaut


def test_the_mask_lies_on_the_face():
    triplet = maskgen.mask_photo(astronaut(), masks="surgical-#0473e2")
    assert (triplet.gt == astronaut()).all()
    assert triplet.parts[141, 224] == 3
    assert (triplet.masked != triplet.gt).any(-1)[triplet.map == 0].sum() == 0
    assert triplet.faces[0].mask.family == "surgical"


def test_arrays_pillow_images_paths_and_bytes_give_the_same_result(tmp_path):
    data = encode_lossless(astronaut(), "png")
    (tmp_path / "a.png").write_bytes(data)
    given = [astronaut(), Image.fromarray(astronaut()), tmp_path / "a.png", str(tmp_path / "a.png"), data]
    made = [maskgen.mask_photo(image, seed=3).masked for image in given]
    assert all((one == made[0]).all() for one in made)


def test_the_result_depends_on_seed_masks_and_size():
    one = maskgen.mask_photo(astronaut(), "cloth,n95", size=128, seed=1)
    assert one.masked.shape == (128, 128, 3)
    assert (one.masked == maskgen.mask_photo(astronaut(), "cloth,n95", size=128, seed=1).masked).all()
    assert (one.masked != maskgen.mask_photo(astronaut(), "cloth,n95", size=128, seed=2).masked).any()


def test_two_seeds_share_one_detector(monkeypatch):
    built = []
    build = api.build_tools
    monkeypatch.setattr(api, "build_tools", lambda settings: built.append(settings) or build(settings))
    api._tools.cache_clear()
    one, two = (maskgen.mask_photo(astronaut(), "cloth", size=64, seed=seed) for seed in (1, 2))
    assert len(built) == 1
    assert one.seed != two.seed


def test_grey_photos_are_accepted():
    grey = astronaut().mean(-1).astype(np.uint8)
    assert maskgen.mask_photo(grey).map.any()


def test_with_faces_all_every_face_wears_a_mask():
    double = np.hstack([astronaut()[:300, 60:380], astronaut()[:300, 60:380]])
    assert len(maskgen.mask_photo(double, faces="all").faces) == 2


def test_a_photo_without_a_face_gives_a_skip_with_the_reason():
    assert maskgen.mask_photo(np.full((100, 100, 3), 90, np.uint8)) == Skip("no_face")
    assert maskgen.mask_photo(b"nothing").reason == "unreadable"


def test_invalid_images_and_arguments_are_refused(tmp_path):
    for image in (
        astronaut() / 255,
        astronaut()[..., 0, 0],
        np.zeros((0, 5, 3), np.uint8),
        tmp_path / "none.jpg",
    ):
        with pytest.raises(InputError):
            maskgen.mask_photo(image)
    with pytest.raises(InputError, match="nosuch"):
        maskgen.mask_photo(astronaut(), "nosuch")
    for wrong in ({"size": 7}, {"faces": "some"}, {"landmarks": "eyes"}, {"seed": -1}):
        with pytest.raises(UsageError) as error:
            maskgen.mask_photo(astronaut(), **wrong)
        assert str(error.value).startswith(f"mask_photo: {next(iter(wrong))}: ")
        assert "pydantic" not in str(error.value)


def test_the_api_page_imports_from_the_two_packages_only():
    page = (Path(__file__).parents[2] / "docs/api.md").read_text("utf-8")
    imports = re.findall(r"^from (\S+) import (.+)$", page, re.M)
    assert imports
    for package, names in imports:
        assert package in ("maskgen", "unmasknet")
        assert set(names.split(", ")) <= set(__import__(package).__all__)
    for name in re.findall(r"`maskgen\.(\w+)", page):
        assert hasattr(maskgen, name)
