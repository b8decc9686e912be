"""Losses: ranges, known values, and a lower loss for a better image."""

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


def hidden() -> torch.Tensor:
    """Map whose middle quarter is hidden."""
    map = torch.zeros(3, 1, SIDE, SIDE)
    map[:, :, 8:24, 8:24] = 1
    return map


def noisy(sigma: float) -> torch.Tensor:
    return (truth() + sigma * torch.randn(3, 3, SIDE, SIDE)).clamp(0, 1)


RECONSTRUCTION = {
    "l1_whole": (lambda image: losses.l1_whole(image, truth()), 1.0),
    "l1_hole": (lambda image: losses.l1_hole(image, truth(), hidden()), 1.0),
    "ssim": (lambda image: losses.ssim_loss(image, truth()), 2.0),
}


@pytest.mark.parametrize("name", RECONSTRUCTION)
def test_a_better_image_has_a_lower_loss_within_its_range(name):
    loss, limit = RECONSTRUCTION[name]
    values = [loss(noisy(sigma)) for sigma in (0.0, 0.05, 0.2, 0.8)]
    assert torch.allclose(values[0], torch.zeros(3), atol=1e-5)
    assert all((a < b).all() for a, b in pairwise(values))
    assert all((v >= -1e-5).all() and (v <= limit).all() for v in values)
    assert (loss(1 - truth()) <= limit).all()


@pytest.mark.parametrize("name", RECONSTRUCTION)
def test_a_step_down_the_gradient_lowers_the_loss(name):
    loss, _ = RECONSTRUCTION[name]
    image = noisy(0.3).requires_grad_()
    before = loss(image).sum()
    (gradient,) = torch.autograd.grad(before, image)
    assert loss((image - 0.01 * gradient / gradient.abs().max()).clamp(0, 1)).sum() < before


def test_l1_hole_counts_only_the_hole_and_l1_whole_all_pixels():
    image = truth().clone()
    image[:, :, 8:24, 8:24] = (image[:, :, 8:24, 8:24] + 0.5) % 1
    wrong = (image - truth()).abs().sum(dim=(1, 2, 3))
    torch.testing.assert_close(losses.l1_hole(image, truth(), hidden()), wrong / (3 * 256))
    torch.testing.assert_close(losses.l1_whole(image, truth()), wrong / (3 * SIDE * SIDE))
    outside = torch.where(hidden() > 0, truth(), 1 - truth())
    assert losses.l1_hole(outside, truth(), hidden()).max() == 0
    assert losses.l1_hole(1 - truth(), truth(), torch.zeros(3, 1, SIDE, SIDE)).max() == 0


def test_ssim_equals_that_of_scikit_image():
    a, b = noisy(0.1), noisy(0.3)
    for i in range(3):
        _, full = structural_similarity(
            a[i].permute(1, 2, 0).numpy().astype(np.float64),
            b[i].permute(1, 2, 0).numpy().astype(np.float64),
            channel_axis=2, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True,
        )  # fmt: skip
        expected = full[5:-5, 5:-5].mean()
        assert losses.ssim(a, b)[i].item() == pytest.approx(expected, abs=1e-5)


def test_ssim_of_an_image_and_its_negative_is_negative():
    x = torch.rand(3, 3, SIDE, SIDE)
    assert (losses.ssim(x, 1 - x) < 0).all()
    assert (losses.ssim(x, 1 - x) >= -1).all()


def test_map_losses_fall_as_the_prediction_improves():
    correct = (hidden() * 2 - 1) * 3
    for loss in (losses.bce, losses.dice):
        good, undecided, bad = (loss(logits, hidden()) for logits in (correct, 0 * correct, -correct))
        assert (good < undecided).all()
        assert (undecided < bad).all()
        assert (good >= 0).all()
    torch.testing.assert_close(losses.bce(0 * correct, hidden()), torch.full((3,), math.log(2)))
    assert losses.dice(correct * 99, hidden()).max() < 1e-5
    assert losses.dice(-correct * 99, hidden()).min() > 0.99


def test_dice_of_two_empty_maps_is_perfect():
    empty = torch.zeros(3, 1, SIDE, SIDE)
    assert losses.dice(empty - 99, empty).max() < 1e-5


@pytest.mark.parametrize(
    ("kind", "undecided_d", "undecided_g"), [("hinge", 2.0, 0.0), ("bce", 2 * math.log(2), math.log(2))]
)
def test_adversarial_losses_of_discriminator_and_generator_oppose_each_other(kind, undecided_d, undecided_g):
    discriminator_loss, generator_loss = losses.ADVERSARIAL[kind]
    zero, high, low = (torch.full((3, 1, 4, 4), value) for value in (0.0, 3.0, -3.0))
    assert discriminator_loss(zero, zero)[0].item() == pytest.approx(undecided_d)
    assert generator_loss(zero)[0].item() == pytest.approx(undecided_g)
    assert (
        discriminator_loss(high, low)[0]
        < discriminator_loss(zero, zero)[0]
        < discriminator_loss(low, high)[0]
    )
    assert generator_loss(high)[0] < generator_loss(zero)[0] < generator_loss(low)[0]
    assert discriminator_loss(high, low)[0] >= 0


def test_feature_matching_is_zero_for_equal_features_and_has_a_gradient_only_for_the_fake():
    real = [torch.rand(3, 4, 8, 8, requires_grad=True), torch.rand(3, 8, 4, 4, requires_grad=True)]
    fake = [(r.detach() + 0.1).requires_grad_() for r in real]
    assert losses.feature_matching(real, real).max() == 0
    values = losses.feature_matching(fake, real)
    torch.testing.assert_close(values, torch.full((3,), 0.1))
    values.sum().backward()
    assert all(f.grad is not None for f in fake)
    assert all(r.grad is None for r in real)


def test_losses_of_a_batch_equal_those_of_its_samples():
    """So losses over parts of a batch, and over ranks, add up to the same."""
    image, logits = noisy(0.3), torch.randn(3, 1, SIDE, SIDE)
    cases = {
        "l1_hole": lambda s: losses.l1_hole(image[s], truth()[s], hidden()[s]),
        "ssim": lambda s: losses.ssim(image[s], truth()[s]),
        "bce": lambda s: losses.bce(logits[s], hidden()[s]),
        "dice": lambda s: losses.dice(logits[s], hidden()[s]),
        "hinge": lambda s: losses.hinge_d(logits[s], logits[s] * 2),
    }
    for loss in cases.values():
        torch.testing.assert_close(loss(slice(None)), torch.cat([loss(slice(i, i + 1)) for i in range(3)]))
