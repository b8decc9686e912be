"""Discriminators that see detail, their accuracy on held-out pairs, and the warning about those that do not learn."""

import json

import pytest
import torch

from tests.helpers.training import settings, train, write_data
from unmasknet.maps import window_over_hole, window_side
from unmasknet.models import checkpoint
from unmasknet.models.discriminator import build_discriminators, high_passed
from unmasknet.settings import DiscriminatorSettings
from unmasknet.training import distributed, launch
from unmasknet.training.report import CHANCE_ROWS, at_chance, run_page
from unmasknet.training.run_folder import RunFolder

SHARP = {
    "width": 4, "layers": 2, "kernel": 3, "first_stride": 1, "spectral": False, "augment": False,
    "region_sees": "window", "region_high_pass": 5, "region_map": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


def hole(top: int, bottom: int, left: int, right: int, side: int = 32) -> torch.Tensor:
    map = torch.zeros(1, 1, side, side)
    map[..., top:bottom, left:right] = 1
    return map


def test_the_window_is_centred_on_the_hole_and_lies_in_the_image():
    rows = torch.arange(32.0).view(1, 1, 32, 1).expand(-1, 3, -1, 32)
    columns = rows.transpose(2, 3)
    side = window_side(32)
    assert side == 20
    for map, top, left in (
        (hole(10, 20, 12, 22), 5, 7),
        (hole(28, 32, 0, 4), 12, 0),
        (hole(0, 0, 0, 0), 6, 6),
    ):
        assert torch.equal(window_over_hole(rows, map), rows[..., top : top + side, :side])
        assert torch.equal(window_over_hole(columns, map), columns[..., :side, left : left + side])


def test_each_sample_of_a_batch_has_its_own_window():
    images = torch.rand(2, 3, 32, 32)
    maps = torch.cat([hole(0, 4, 0, 4), hole(28, 32, 28, 32)])
    together = window_over_hole(images, maps)
    apart = [window_over_hole(images[i : i + 1], maps[i : i + 1]) for i in range(2)]
    assert torch.equal(together, torch.cat(apart))


def test_a_high_passed_image_has_no_tone():
    flat = torch.rand(2, 3, 1, 1).expand(-1, -1, 16, 16)
    assert high_passed(flat, 5).abs().max() < 1e-5
    image = torch.rand(2, 3, 16, 16)
    assert torch.allclose(high_passed(image + 0.3, 5), high_passed(image, 5), atol=1e-5)
    assert high_passed(image, 5).std() > image.std()


@pytest.mark.parametrize("sees", ["composite", "crop", "window"])
def test_a_filter_has_an_odd_side(sees):
    with pytest.raises(ValueError, match=r"region_high_pass 4: .* such as 5"):
        DiscriminatorSettings(region_sees=sees, region_high_pass=4)
    net = build_discriminators(DiscriminatorSettings(width=4, region_sees=sees, region_high_pass=31))[
        "region"
    ]
    images = torch.rand(1, 3, 64, 64)
    assert net(images, images, hole(20, 40, 20, 40, 64), None)[0].shape[:2] == (1, 1)


def test_tone_does_not_move_the_region_discriminator_and_detail_does():
    net = build_discriminators(DiscriminatorSettings(**SHARP))["region"]
    image, map = torch.rand(1, 3, 32, 32) * 0.5, hole(10, 26, 8, 24)
    logits, features = net(image, image, map)
    lighter, _ = net(image + 0.2, image + 0.2, map)
    assert torch.allclose(logits, lighter, atol=1e-5)
    softer = torch.nn.functional.avg_pool2d(image, 3, 1, 1)
    assert not torch.allclose(logits, net(softer, image, map)[0], atol=1e-3)
    assert [f.shape[-1] for f in features] == [20, 10, 10]  # the first layer keeps the finest detail


def test_every_validation_has_the_accuracy_of_the_discriminators_that_joined(data, tmp_path):
    chosen = settings("gan", data, discriminator=SHARP, loss={"whole_from": 0.0, "region_from": 0.5})
    train("gan", chosen, tmp_path)
    rows = [row for row in RunFolder(tmp_path, "gan").rows() if row["kind"] == "validate"]
    assert [row["step"] for row in rows] == [3, 6]
    assert "accuracy_region" not in rows[0]
    assert all(0 <= row["accuracy_whole"] <= 1 for row in rows)
    assert 0 <= rows[1]["accuracy_region"] <= 1


def test_a_discriminator_with_time_to_learn_tells_results_from_photos(data, tmp_path):
    """The generator's results are blurred after a few steps; the discriminator sees that on held-out pairs."""
    chosen = settings(
        "gan", data, discriminator=SHARP, loss={"whole": 0.0, "region_from": 0.0, "region": 0.01},
        optimiser={"lr_discriminator": 5e-3}, loop={"steps": 40, "validate_every": 40},
    )  # fmt: skip
    train("gan", chosen, tmp_path)
    (row,) = [row for row in RunFolder(tmp_path, "gan").rows() if row["kind"] == "validate"]
    assert row["accuracy_region"] > 0.9


def test_a_discriminator_at_chance_is_reported_with_the_run(data, tmp_path):
    chosen = settings(
        "gan", data, loss={"whole_from": 0.0, "region": 0.0},
        optimiser={"lr_discriminator": 1e-9}, loop={"validate_every": 2},
    )  # fmt: skip
    report = train("gan", chosen, tmp_path)
    folder = RunFolder(tmp_path, "gan")
    rows = [row for row in folder.rows() if row["kind"] == "validate"]
    assert len(rows) == CHANCE_ROWS
    assert bool(report.warnings) == (max(row["accuracy_whole"] for row in rows) < 0.6)
    for row in rows:
        row["accuracy_whole"] = 0.55
    (warning,) = at_chance(rows)
    assert "whole" in warning
    folder.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "near chance" in run_page(folder)
    rows[-1]["accuracy_whole"] = 0.7
    assert at_chance(rows) == []


@pytest.mark.parametrize("part", ["whole", "window"])
def test_the_perceptual_distance_compares_the_whole_image_or_the_window(data, part, monkeypatch):
    from unmasknet.training import gan_losses

    seen = []

    class Distance(torch.nn.Module):
        name = "fake"

        def forward(self, images, truth):
            seen.append((images.shape[-1], truth.shape[-1]))
            return (images - truth).square().mean(dim=(1, 2, 3))

    monkeypatch.setattr(gan_losses, "build_perceptual", lambda _: Distance())
    chosen = settings("gan", data, loss={"perceptual_sees": part})
    losses = gan_losses.GanLosses(chosen, {}, torch.device("cpu"))
    from unmasknet.data.batches import open_batches

    batch = next(open_batches(chosen.data.data, "train", chosen, train=True))
    losses.reconstruction(torch.rand_like(batch.gt), batch)
    assert seen == [(20, 20) if part == "window" else (32, 32)]


def test_auto_precision_is_chosen_at_the_start_and_kept_when_the_run_is_resumed(data, tmp_path, monkeypatch):
    chosen = settings("segm", data, loop={"precision": "auto", "steps": 2, "validate_every": 2})
    monkeypatch.setattr(launch, "choose_precision", lambda _: "bf16")
    train("segm", chosen, tmp_path)
    monkeypatch.setattr(launch, "choose_precision", lambda _: "fp32")
    longer = settings("segm", data, loop={"precision": "auto", "steps": 4, "validate_every": 2})
    train("segm", longer, tmp_path, resume=True)
    facts = checkpoint.load(tmp_path / "checkpoints" / "last.pt")["facts"]
    assert json.loads(facts["settings"])["loop"]["precision"] == "bf16"


def test_ranks_with_and_without_the_checkpoint_exchange_the_same_messages(data, tmp_path, monkeypatch):
    chosen = settings("segm", data, loop={"precision": "auto"})
    train("segm", chosen, tmp_path)
    sent = []
    monkeypatch.setattr(distributed, "largest", lambda value, _: sent.append(value) or value)
    for state in (checkpoint.load_run(tmp_path / "checkpoints" / "last.pt"), None):
        launch.with_precision(chosen, torch.device("cpu"), state)
    assert len(sent) == 2
