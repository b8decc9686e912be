"""Masks a tree of people: the output has the same folders and file names, for training face recognition."""

from pathlib import Path

import numpy as np
from PIL import Image

from maskgen.dataset.unpack import unpack
from maskgen.generation.pipeline import generate
from maskgen.images.codecs import encode_jpeg
from maskgen.settings import CropSettings, FaceSettings, GenSettings, RunSettings, SourceSettings
from tests.helpers.faces import astronaut


def names(root: Path):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.jpg"))


def test_a_tree_of_people_comes_back_with_masks_under_the_same_names(tmp_path):
    for i, name in enumerate(("Ann_Lee/Ann_Lee_0001", "Ann_Lee/Ann_Lee_0002", "Bo_Ek/Bo_Ek_0001")):
        path = tmp_path / "people" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_jpeg(astronaut()[: 300 + 10 * i, 60:400].copy(), 95))
    settings = GenSettings(
        source=SourceSettings(src=str(tmp_path / "people")),
        crop=CropSettings(size=0),
        faces=FaceSettings(choose="all", cache="off"),
        run=RunSettings(out=str(tmp_path / "set"), jobs=1),
    )
    assert generate(settings).triplets == 3
    report = unpack(tmp_path / "set", tmp_path / "masked", layout="tree")
    assert report.files == 3
    assert names(tmp_path / "masked") == names(tmp_path / "people")
    for name in names(tmp_path / "people"):
        before, after = (
            np.asarray(Image.open(tmp_path / root / name)).astype(int) for root in ("people", "masked")
        )
        changed = (np.abs(before - after).max(-1) > 40).mean()
        assert before.shape == after.shape
        assert 0.01 < changed < 0.2
