"""Trivial baselines against known answers."""

import numpy as np
import pytest
import torch

from unmasknet.metrics import baselines
from unmasknet.metrics.baselines import MeanFace


def hole() -> torch.Tensor:
    map = torch.zeros(1, 1, 16, 16)
    map[..., 8:, 4:12] = 1
    return map


def test_mean_fill_is_the_mean_of_the_visible_pixels() -> None:
    photo = torch.full((1, 3, 16, 16), 0.25)
    photo = torch.where(hole() > 0, torch.tensor(0.9), photo)
    assert torch.allclose(baselines.mean_fill(photo, hole()), torch.tensor(0.25))


def test_masked_input_is_left_as_it_is() -> None:
    photo = torch.rand(1, 3, 16, 16)
    assert torch.equal(baselines.masked_input(photo, hole()), photo)


def test_telea_continues_a_flat_colour_and_leaves_the_rest() -> None:
    photo = torch.full((1, 3, 16, 16), 100 / 255)
    masked = torch.where(hole() > 0, torch.tensor(1.0), photo)
    filled = baselines.telea(masked, hole())
    assert torch.allclose(filled, photo, atol=3 / 255)  # rounding of its weights


def test_mean_face_and_its_variance_equal_numpys() -> None:
    crops = torch.rand(7, 3, 6, 6)
    face = baselines.mean_face([crops[:4], crops[4:]])
    assert face is not None
    assert np.allclose(face.mean.numpy(), crops.numpy().mean(0), atol=1e-6)
    assert np.allclose(face.variance.numpy(), crops.numpy().var(0).mean(0, keepdims=True), atol=1e-6)
    assert baselines.mean_face([]) is None


@pytest.mark.parametrize("gain", [0.5, 1.3])
def test_mean_face_takes_the_gain_of_the_visible_face(gain: float) -> None:
    mean = torch.rand(3, 16, 16) * 0.7
    face = MeanFace(mean, torch.zeros(1, 16, 16))
    photo = torch.where(hole() > 0, torch.tensor(0.0), gain * mean[None])
    assert torch.allclose(face(photo, hole()), gain * mean[None], atol=1e-5)


def test_mean_face_weights_pixels_of_low_variance_more() -> None:
    mean = torch.full((3, 16, 16), 0.5)
    variance = torch.full((1, 16, 16), 0.1)
    variance[:, :4] = 0.0
    photo = torch.full((1, 3, 16, 16), 1.0)
    photo[:, :, :4] = 0.5  # gain 1 on the skin, 2 elsewhere
    assert MeanFace(mean, variance)(photo, hole()).mean().item() == pytest.approx(0.5, abs=0.03)


def test_baselines_work_where_the_photos_are() -> None:
    face = baselines.mean_face([torch.rand(4, 3, 16, 16)])
    assert face is not None
    photo, hole = torch.empty(2, 3, 16, 16, device="meta"), torch.empty(2, 1, 16, 16, device="meta")
    assert face(photo, hole).device.type == "meta"  # stands for any device but the CPU


def test_mean_face_is_left_out_where_there_are_no_training_crops() -> None:
    assert list(baselines.baselines(None)) == ["masked input", "mean fill", "telea"]
