"""Released weights: made from two runs, checked, recorded, and read by name in every runtime."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from maskgen import assets
from maskgen.api import mask_photo
from maskgen.config import read_toml
from maskgen.dataset.reader import open_data_set
from maskgen.demo import run as demo
from maskgen.demo.run import show_restored
from maskgen.errors import InputError, MissingError, Skip, UnmaskError
from tests.helpers.evaluation import quick, write_run, write_split
from tools import release_weights
from tools.release_weights import make_release, record
from unmasknet import Unmasker
from unmasknet.evaluation.evaluate import evaluate
from unmasknet.models import released
from unmasknet.models.checkpoint import load_weights
from unmasknet.models.load import load_generator
from unmasknet.models.released import EXPORTED, NAMES, WEIGHTS, has_released
from unmasknet.restore.runtimes.open import RUNTIMES, open_networks
from unmasknet.restore.strip import restored_strip

SHIPS = pytest.mark.skipif(not has_released(), reason="no weights ship with this version yet")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_split(folder, "test", 6)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory, data):
    """Makes two tiny runs and a release of them."""
    folder = tmp_path_factory.mktemp("release")
    runs = [write_run(folder / stage, stage) for stage in ("segm", "gan")]
    return make_release(*runs, open_data_set(data), 6, folder), runs


@pytest.fixture
def shipped(made, tmp_path, monkeypatch):
    """Installs the release as if it were part of the package; returns its folder."""
    models = tmp_path / "models"
    models.mkdir()
    shutil.copy(assets.asset("models/models.toml"), models)
    record(models / "models.toml", made[0], "1.2.3")
    root = assets.assets_root()
    for path in root.iterdir():
        if path.name != "models":
            (tmp_path / path.name).symlink_to(path)
    for path in (root / "models").iterdir():
        if not (models / path.name).exists():
            (models / path.name).symlink_to(path)
    monkeypatch.setattr(assets, "assets_root", lambda: tmp_path)
    assets.model_file.cache_clear()
    yield models
    assets.model_file.cache_clear()


def test_a_release_is_recorded_with_sizes_and_hashes(made, shipped):
    table = read_toml(shipped / "models.toml")
    assert {"face_landmark", *NAMES} <= table.keys()
    for name in NAMES:
        file = assets.model_file(name)
        assert table[name]["bytes"] == file.path.stat().st_size
        assert table[name]["sha256"] == file.digest
        assert "research" in table[name]["licence"]


def test_a_second_release_replaces_the_first(made, shipped):
    once = (shipped / "models.toml").read_text()
    record(shipped / "models.toml", made[0], "1.2.3")
    assert (shipped / "models.toml").read_text() == once


def test_weights_are_kept_with_16_bits_and_without_this_machine_s_folders(made, tmp_path):
    release, runs = made
    (tmp_path / "g.safetensors").write_bytes(release.files[WEIGHTS["gan"]])
    tensors, facts = load_weights(tmp_path / "g.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    before, after = load_generator(runs[1]), load_generator(tmp_path / "g.safetensors")
    for name, tensor in after.net.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, before.net.state_dict()[name].half().float())
    assert "research" in facts["terms"]


def test_folders_of_the_training_machine_do_not_ship():
    trained = load_generator_of("/home/somebody/shards/lfw", "/home/somebody/runs/segm")
    text = str(release_weights.facts(trained))
    assert "lfw" in text
    assert "segm" in text
    assert "face.onnx" in text
    assert "somebody" not in text


def load_generator_of(data: str, segmenter: str):
    from unmasknet.models.load import Trained
    from unmasknet.settings import GanSettings

    loss = {"identity_net": "/home/somebody/face.onnx", "perceptual_weights": "/home/somebody/vgg.pth"}
    settings = GanSettings.model_validate({"data": {"data": [data]}, "segmenter": segmenter, "loss": loss})
    return Trained(torch.nn.Identity(), "gan", settings, {"stage": "gan", "folder": "/home/somebody"})


def test_both_runtimes_were_compared_and_16_bits_cost_next_to_nothing(made):
    release = made[0]
    assert release.samples == 6
    assert set(release.apart) == {"ONNX Runtime", "OpenCV"}
    assert all(0 < levels < 1 for levels in release.apart.values())
    assert all(release.costs[score] < most for score, most in release_weights.MOST_LOST.items())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"files": {EXPORTED: bytes(41_000_000)}}, "41.0 MB"),
        ({"costs": {"hole PSNR, dB": 0.02, "Dice": 0.0}}, "hole PSNR, dB, the limit is 0.01"),
        ({"costs": {"hole PSNR, dB": 0.0, "Dice": float("nan")}}, "Dice"),
        ({"apart": {"OpenCV": 1.5}}, "OpenCV differs"),
    ],
)
def test_a_release_beyond_the_limits_is_refused(made, change, words):
    with pytest.raises(UnmaskError, match=f"nothing was written: .*{words}"):
        release_weights.check(replace(made[0], **change))


def test_released_weights_are_read_by_every_runtime_and_give_the_same_pixels(shipped):
    crops = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    maps = np.zeros((2, 64, 64), np.uint8)
    maps[:, 30:60, 16:48] = 1
    nets = {runtime: open_networks(["released"], runtime, threads=1) for runtime in RUNTIMES}
    for runtime, net in nets.items():
        assert np.abs(net.hidden(crops) - nets["torch"].hidden(crops)).max() < 1 / 255, runtime
        assert np.abs(net.fill(crops, maps) - nets["torch"].fill(crops, maps)).max() < 1, runtime


def test_the_released_weights_are_the_default(shipped):
    unmasker = Unmasker.from_pretrained()
    assert unmasker.networks.name.endswith("released")
    assert unmasker.networks.generator_side == 64


def test_evaluation_accepts_the_name_released(shipped, data):
    figures = evaluate(quick(data, weights=("released",))).summary
    assert figures["weights"] == ["released"]
    assert figures["parameters"].keys() == {"segmenter", "generator"}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_released_file_with_one_bit_flipped_is_refused(shipped, runtime):
    name = WEIGHTS["gan"] if runtime == "torch" else EXPORTED
    content = bytearray((shipped / name).read_bytes())
    content[len(content) // 2] ^= 1
    (shipped / name).write_bytes(content)
    with pytest.raises(
        InputError, match=rf"{name}: this model file is damaged .* Install unmask again"
    ) as caught:
        open_networks(["released"], runtime)
    assert caught.value.exit_code == 4


def test_a_missing_released_file_is_reported(shipped):
    (shipped / EXPORTED).unlink()
    with pytest.raises(MissingError, match=EXPORTED):
        open_networks(["released"], "opencv")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_without_released_weights_the_message_says_how_to_train_some(monkeypatch, runtime):
    monkeypatch.setattr(released, "has_model", lambda name: False)
    with pytest.raises(MissingError, match="unmask train") as caught:
        open_networks(["released"], runtime)
    assert caught.value.exit_code == 5


def test_the_demo_draws_its_image_with_the_released_weights(shipped):
    strip = show_restored(restored_strip)
    assert strip.startswith(b"\x89PNG")
    assert b"synthetic" in strip


@SHIPS
def test_released_files_are_under_40_mb():
    assert sum(assets.model_file(name).path.stat().st_size for name in NAMES) <= release_weights.MOST_BYTES


@SHIPS
def test_released_files_describe_themselves():
    card = assets.asset("models/MODEL_CARD.md").read_text("utf-8")
    assert all(assets.model_file(name).digest in card for name in NAMES)


@SHIPS
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_released_weights_restore_the_built_in_photo(runtime):
    restore = Unmasker.from_pretrained(runtime=runtime, threads=1)
    errors = []
    for seed in range(4):  # how a mask sits changes the error of one photo by a third
        triplet = mask_photo(demo.sample_photo(), demo.SHOWN_MASK, size=demo.SHOWN_SIDE, seed=seed)
        assert not isinstance(triplet, Skip)
        restored = restore(triplet.masked)
        found, hidden = restored.map == 255, triplet.parts >= 2
        assert 2 * (found & hidden).sum() / (found.sum() + hidden.sum()) > 0.9
        truth = triplet.gt[hidden].astype(float)
        errors.append(
            [np.square(image[hidden] - truth).mean() for image in (triplet.masked, restored.picture)]
        )
    before, after = np.mean(errors, axis=0)
    assert after < before / 3.5
