"""Parts of the training: weight averages, optimiser, signals, devices, logs, curves, images."""

import io
import json
import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from maskgen.errors import MissingError, UsageError
from unmasknet.device import autocast, choose_device
from unmasknet.pictures import film, png, sheet, tinted
from unmasknet.settings import OptimiserSettings
from unmasknet.training.curves import draw_curves
from unmasknet.training.ema import Ema, ema_keep
from unmasknet.training.optimizer import BufferSnapshot, Optimiser, lr_scale
from unmasknet.training.run_folder import RunFolder
from unmasknet.training.signals import catch_signals
from unmasknet.training.tensorboard import EventLog


def test_old_weights_count_half_after_the_half_life():
    assert ema_keep(1000.0, 1000, 10**9) == pytest.approx(0.5)
    assert ema_keep(1000.0, 10, 10**9) ** 100 == pytest.approx(0.5)


def test_half_life_is_shorter_at_the_start_of_a_run():
    assert ema_keep(1000.0, 10, 200) == pytest.approx(0.5)


def test_without_a_half_life_the_average_is_the_network():
    net = nn.Linear(2, 2)
    ema = Ema(net, 0.0)
    with torch.no_grad():
        net.weight += 1
    ema.update(net, 8, 8)
    assert torch.equal(ema.net.weight, net.weight)


def test_average_copies_running_statistics():
    net = nn.BatchNorm2d(2)
    ema = Ema(net, 100.0)
    net(torch.randn(4, 2, 3, 3) + 5)
    ema.update(net, 4, 4000)
    assert torch.equal(ema.net.running_mean, net.running_mean)
    assert not ema.net.training


def test_learning_rate_rises_and_then_falls_towards_zero():
    scales = [lr_scale(step, 100, 0.1, "cosine") for step in range(100)]
    assert scales[0] == pytest.approx(0.1)
    assert max(scales) == pytest.approx(1.0, abs=0.01)
    assert scales.index(max(scales)) in (9, 10)
    assert scales[-1] < 0.01
    assert lr_scale(99, 100, 0.0, "constant") == 1.0


def test_gradients_are_clipped_to_the_norm():
    net = nn.Linear(1, 1, bias=False)
    optimiser = Optimiser([net], 0.1, OptimiserSettings(clip=0.5))
    optimiser.begin(1.0)
    (1000 * net(torch.ones(1, 1))).sum().backward()
    assert optimiser.step()
    assert float(net.weight.grad.norm()) == pytest.approx(0.5, rel=1e-4)


@pytest.mark.fault
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_row29_non_finite_gradient_changes_no_weight(bad):
    net = nn.Linear(1, 1)
    before = net.weight.detach().clone()
    optimiser = Optimiser([net], 0.1, OptimiserSettings())
    optimiser.begin(1.0)
    (bad * net(torch.ones(1, 1))).sum().backward()
    assert not optimiser.step()
    assert torch.equal(net.weight, before)


def test_running_statistics_are_restored_after_a_bad_step():
    net = nn.BatchNorm2d(1)
    before = BufferSnapshot([net])
    net(torch.full((2, 1, 2, 2), float("nan")))
    before.restore()
    assert torch.equal(net.running_mean, torch.zeros(1))


def test_unknown_device_is_a_usage_error():
    with pytest.raises(UsageError, match="quantum"):
        choose_device("quantum")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_missing_gpu_is_refused_with_an_alternative():
    with pytest.raises(MissingError, match="--device auto or cpu"):
        choose_device("cuda")


def test_mixed_precision_multiplies_in_bf16():
    with autocast(torch.device("cpu"), "bf16"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.bfloat16
    with autocast(torch.device("cpu"), "auto"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32


def test_second_signal_has_its_previous_effect():
    received = []
    old = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        with catch_signals() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
            assert (stop.number, received) == (signal.SIGTERM, [])
            os.kill(os.getpid(), signal.SIGTERM)
            assert received == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, old)


def test_tensorboard_reads_the_numbers_of_the_log(tmp_path):
    log = EventLog(tmp_path)
    log.add(300, {"train/loss": 0.25, "train/lr": 1e-3})
    found = EventAccumulator(str(tmp_path)).Reload()
    assert sorted(found.Tags()["scalars"]) == ["train/loss", "train/lr"]
    (loss,) = found.Scalars("train/loss")
    assert (loss.step, loss.value) == (300, 0.25)
    assert found.Scalars("train/lr")[0].value == pytest.approx(1e-3)


def test_tensorboard_reads_the_fixed_samples_of_a_run(tmp_path):
    run = RunFolder(tmp_path, "gan")
    run.begin("", resume=False)
    pictures = {step: np.full((30, 50 + step, 3), step, np.uint8) for step in (0, 200)}
    for step, picture in pictures.items():
        run.save_sample(step, picture)
        run.log("validate", step, {"psnr_hole": 20.0})
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert found.Tags()["images"] == ["samples"]
    assert found.Tags()["scalars"] == ["validate/psnr_hole"]
    events = found.Images("samples")
    assert [event.step for event in events] == [0, 200]
    for event in events:
        expected = pictures[event.step]
        assert (event.width, event.height) == (expected.shape[1], expected.shape[0])
        shown = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))
        assert np.array_equal(shown, expected)


def test_curves_have_a_panel_per_metric():
    points = [(step, 1 / step) for step in range(1, 200)]
    image = draw_curves({"loss": {"train": points, "validate": points[::50]}, "nothing": {"train": []}})
    assert image.shape == (210, 1140, 3)
    assert draw_curves({str(i): {"train": points} for i in range(4)}).shape == (420, 1140, 3)


def test_curves_without_points_or_with_one_point_are_drawn():
    assert draw_curves({}).ndim == 3
    assert draw_curves({"dice": {"validate": [(5, 0.5)]}}).std() > 0


def test_sheet_has_a_row_per_sample_and_enlarges_small_images():
    image = sheet([("a", torch.zeros(3, 3, 64, 64)), ("b", torch.ones(3, 3, 64, 64))])
    assert image.shape == (22 + 3 * 132, 2 * 132 + 4, 3)


def test_tint_changes_only_pixels_inside_the_map():
    photo, map = torch.full((1, 3, 2, 2), 0.5), torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    changed = (tinted(photo, map) != photo).any(1)[0]
    assert changed.tolist() == [[True, False], [False, False]]


def test_animation_of_many_images_stays_short_and_ends_with_the_last(tmp_path):
    frames = []
    for number in range(200):
        path = tmp_path / f"{number:03d}.png"
        path.write_bytes(png(np.full((40, 300, 3), number, np.uint8)))
        frames.append((f"step {number}", path))
    (tmp_path / "a.gif").write_bytes(film(frames))
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 60
        gif.seek(59)
        assert abs(int(np.asarray(gif.convert("RGB"))[30, 20, 0]) - 199) < 4


def test_log_is_json_without_nan_and_can_go_back(tmp_path):
    run = RunFolder(tmp_path, "segm")
    run.begin("", resume=False)
    for step in (1, 2, 3):
        run.log("train", step, {"loss": float("nan") if step == 2 else 0.5, "wait": 0.1})
    with run.metrics.open("ab") as file:
        file.write(b'{"step": 4, "ki')  # the process was killed while writing
    run.go_back(2)
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    assert lines[1]["loss"] is None
    assert run.waiting() == 0.1
