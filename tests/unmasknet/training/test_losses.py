"""Losses: ranges, known values, and that a better picture has a lower loss."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from unmasknet.training import losses

SIDE = 32


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def truth() -> torch.Tensor:
    ramp = torch.linspace(0, 1, SIDE)
    return torch.stack(
        [ramp.expand(SIDE, SIDE), ramp.expand(SIDE, SIDE).T, ramp.flip(0).expand(SIDE, SIDE)]
    ).repeat(3, 1, 1, 1)


def map() -> torch.Tensor:
    found = torch.zeros(3, 1, SIDE, SIDE)
    found[:, :, 8:24, 8:24] = 1
    return found


def worse(by: float) -> torch.Tensor:
    return (truth() + by * torch.randn(3, 3, SIDE, SIDE)).clamp(0, 1)


RECONSTRUCTION = {
    "l1_whole": (lambda picture: losses.l1_whole(picture, truth()), 1.0),
    "l1_hole": (lambda picture: losses.l1_hole(picture, truth(), map()), 1.0),
    "ssim": (lambda picture: losses.ssim_loss(picture, truth()), 2.0),
}


@pytest.mark.parametrize("name", RECONSTRUCTION)
def test_a_better_picture_has_a_lower_loss_within_its_range(name):
    loss, most = RECONSTRUCTION[name]
    values = [loss(worse(by)) for by in (0.0, 0.05, 0.2, 0.8)]
    assert torch.allclose(values[0], torch.zeros(3), atol=1e-5)
    assert all((a < b).all() for a, b in pairwise(values))
    assert all((v >= -1e-5).all() and (v <= most).all() for v in values)
    assert (loss(1 - truth()) <= most).all()


@pytest.mark.parametrize("name", RECONSTRUCTION)
def test_a_step_down_the_gradient_lowers_the_loss(name):
    loss, _ = RECONSTRUCTION[name]
    picture = worse(0.3).requires_grad_()
    before = loss(picture).sum()
    (gradient,) = torch.autograd.grad(before, picture)
    assert loss((picture - 0.01 * gradient / gradient.abs().max()).clamp(0, 1)).sum() < before


def test_l1_counts_the_hole_alone_and_the_whole():
    picture = truth().clone()
    picture[:, :, 8:24, 8:24] = (picture[:, :, 8:24, 8:24] + 0.5) % 1
    wrong = (picture - truth()).abs().sum(dim=(1, 2, 3))
    torch.testing.assert_close(losses.l1_hole(picture, truth(), map()), wrong / (3 * 256))
    torch.testing.assert_close(losses.l1_whole(picture, truth()), wrong / (3 * SIDE * SIDE))
    outside = torch.where(map() > 0, truth(), 1 - truth())
    assert losses.l1_hole(outside, truth(), map()).max() == 0
    assert losses.l1_hole(1 - truth(), truth(), torch.zeros(3, 1, SIDE, SIDE)).max() == 0


def test_ssim_is_scikit_images():
    a, b = worse(0.1), worse(0.3)
    for i in range(3):
        _, full = structural_similarity(
            a[i].permute(1, 2, 0).numpy().astype(np.float64),
            b[i].permute(1, 2, 0).numpy().astype(np.float64),
            channel_axis=2, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True,
        )  # fmt: skip
        expected = full[5:-5, 5:-5].mean()
        assert losses.ssim(a, b)[i].item() == pytest.approx(expected, abs=1e-5)


def test_ssim_of_opposites_is_negative():
    x = torch.rand(3, 3, SIDE, SIDE)
    assert (losses.ssim(x, 1 - x) < 0).all()
    assert (losses.ssim(x, 1 - x) >= -1).all()


def test_map_losses_fall_as_the_map_gets_right():
    right = (map() * 2 - 1) * 3
    for loss in (losses.bce, losses.dice):
        good, undecided, bad = (loss(logits, map()) for logits in (right, 0 * right, -right))
        assert (good < undecided).all()
        assert (undecided < bad).all()
        assert (good >= 0).all()
    torch.testing.assert_close(losses.bce(0 * right, map()), torch.full((3,), math.log(2)))
    assert losses.dice(right * 99, map()).max() < 1e-5
    assert losses.dice(-right * 99, map()).min() > 0.99


def test_dice_of_two_empty_maps_is_perfect():
    empty = torch.zeros(3, 1, SIDE, SIDE)
    assert losses.dice(empty - 99, empty).max() < 1e-5


@pytest.mark.parametrize(
    ("kind", "undecided_d", "undecided_g"), [("hinge", 2.0, 0.0), ("bce", 2 * math.log(2), math.log(2))]
)
def test_adversarial_losses_pull_both_ways(kind, undecided_d, undecided_g):
    judge, fool = losses.ADVERSARIAL[kind]
    zero, high, low = (torch.full((3, 1, 4, 4), value) for value in (0.0, 3.0, -3.0))
    assert judge(zero, zero)[0].item() == pytest.approx(undecided_d)
    assert fool(zero)[0].item() == pytest.approx(undecided_g)
    assert judge(high, low)[0] < judge(zero, zero)[0] < judge(low, high)[0]
    assert fool(high)[0] < fool(zero)[0] < fool(low)[0]
    assert judge(high, low)[0] >= 0


def test_feature_matching_is_zero_for_equal_features_and_pulls_the_fake_alone():
    real = [torch.rand(3, 4, 8, 8, requires_grad=True), torch.rand(3, 8, 4, 4, requires_grad=True)]
    fake = [(r.detach() + 0.1).requires_grad_() for r in real]
    assert losses.feature_matching(real, real).max() == 0
    values = losses.feature_matching(fake, real)
    torch.testing.assert_close(values, torch.full((3,), 0.1))
    values.sum().backward()
    assert all(f.grad is not None for f in fake)
    assert all(r.grad is None for r in real)


def test_losses_of_a_batch_are_those_of_its_samples():
    """So that parts of a batch, and ranks, add up to the same."""
    picture, logits = worse(0.3), torch.randn(3, 1, SIDE, SIDE)
    every = {
        "l1_hole": lambda s: losses.l1_hole(picture[s], truth()[s], map()[s]),
        "ssim": lambda s: losses.ssim(picture[s], truth()[s]),
        "bce": lambda s: losses.bce(logits[s], map()[s]),
        "dice": lambda s: losses.dice(logits[s], map()[s]),
        "hinge": lambda s: losses.hinge_d(logits[s], logits[s] * 2),
    }
    for loss in every.values():
        torch.testing.assert_close(loss(slice(None)), torch.cat([loss(slice(i, i + 1)) for i in range(3)]))
