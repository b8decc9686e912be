import re

import pytest

from maskgen import assets
from maskgen.errors import InputError, MissingError


def test_assets_of_a_checkout_are_found_from_any_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert assets.asset("models/models.toml").is_file()


def test_a_missing_file_is_named():
    with pytest.raises(MissingError, match=r"models/none\.bin"):
        assets.asset("models/none.bin")


def test_assets_inside_a_wheel_come_first(tmp_path, monkeypatch):
    (tmp_path / "maskgen/_assets").mkdir(parents=True)
    (tmp_path / "assets").mkdir()
    monkeypatch.setattr(assets, "PACKAGE", tmp_path / "maskgen")
    assert assets.assets_root.__wrapped__() == tmp_path / "maskgen/_assets"


def test_an_installation_without_assets_says_how_to_fix_it(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "PACKAGE", tmp_path / "maskgen")
    with pytest.raises(MissingError, match="pip install"):
        assets.assets_root.__wrapped__()


@pytest.mark.parametrize("name", ["face_detection_short_range", "face_landmark"])
def test_model_files_have_the_recorded_hash(name):
    file = assets.model_file(name)
    assert re.fullmatch(r"[0-9a-f]{64}", file.digest)
    assert file.path.suffix == ".tflite"


def test_a_model_file_with_one_bit_flipped_is_refused(tmp_path):
    file = assets.model_file("face_landmark")
    data = bytearray(file.path.read_bytes())
    data[1000] ^= 1
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        assets.check_model(damaged, file.digest)
