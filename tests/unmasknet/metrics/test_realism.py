"""Known answers of the scores of detail, tone, seam and leaking colour."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from unmasknet.metrics import realism


def noise(seed: int = 0, side: int = 96) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((1, 3, side, side), np.float32)) * 0.5 + 0.25


def hole(side: int = 96) -> torch.Tensor:
    map = torch.zeros(1, 1, side, side)
    map[..., 30:80, 20:76] = 1
    return map


def filled(image: torch.Tensor, colour: tuple[float, float, float]) -> torch.Tensor:
    flat = torch.tensor(colour).view(1, 3, 1, 1)
    return torch.where(hole() > 0, flat, image)


@pytest.mark.parametrize("band", realism.BANDS)
def test_detail_is_one_for_the_truth_half_for_half_the_contrast_and_zero_for_a_flat_image(band):
    real, map = noise(), hole()
    assert realism.detail(real, real, map, band).item() == pytest.approx(1)
    assert realism.detail(real / 2, real, map, band).item() == pytest.approx(0.5, abs=1e-4)
    flat = torch.full_like(real, 0.5)
    assert realism.detail(flat, real, map, band).item() == pytest.approx(0, abs=1e-4)


def test_a_blur_lowers_the_finest_band_most():
    real, map = noise(), hole()
    blurred = torch.nn.functional.avg_pool2d(real, 5, 1, 2)
    ratios = [realism.detail(blurred, real, map, band).item() for band in realism.BANDS]
    assert ratios[0] < ratios[1] < ratios[2] < 1.01
    assert ratios[0] < 0.6


def test_detail_counts_the_inside_of_the_hole_alone():
    real, map = noise(), hole()
    outside = torch.where(map > 0, real, torch.zeros_like(real))
    ratio = realism.detail(outside, real, map, (0.3, 0.6)).item()
    assert ratio == pytest.approx(1, abs=0.02)


def test_detail_is_undefined_for_a_small_hole_and_for_a_flat_truth():
    small = torch.zeros(1, 1, 96, 96)
    small[..., 40:50, 40:50] = 1
    assert torch.isnan(realism.detail(noise(), noise(), small, (1.0, 2.0))).all()
    flat = torch.full((1, 3, 96, 96), 0.5)
    assert torch.isnan(realism.detail(flat, flat, hole(), (1.0, 2.0))).all()


def test_a_seam_raises_the_gradient_at_the_border_alone():
    ramp = torch.linspace(0.2, 0.8, 96).view(1, 1, 1, 96).expand(1, 3, 96, 96).contiguous()
    assert realism.seam(ramp, ramp, hole()).item() == pytest.approx(1)
    assert realism.seam(torch.where(hole() > 0, ramp + 0.1, ramp), ramp, hole()).item() > 3
    far = ramp.clone()
    far[..., 50:60, 40:50] += 0.3  # inside the hole, away from its border
    assert realism.seam(far, ramp, hole()).item() == pytest.approx(1)
    assert torch.isnan(realism.seam(ramp, ramp, torch.zeros(1, 1, 96, 96))).all()


def test_the_mean_colour_is_cielab_as_in_scikit_image():
    image = noise(3)
    wanted = rgb2lab(image[0].permute(1, 2, 0).numpy())[hole()[0, 0].numpy() > 0].mean(0)
    assert realism.mean_lab(image, hole())[0].numpy() == pytest.approx(
        wanted, abs=0.15
    )  # OpenCV interpolates in tables


def test_tone_is_the_distance_of_the_mean_colours_in_the_hole():
    image = noise()
    one, other = (0.8, 0.6, 0.5), (0.7, 0.6, 0.6)
    wanted = np.linalg.norm(rgb2lab(np.array([[one]])) - rgb2lab(np.array([[other]])))
    assert realism.tone(filled(image, one), filled(image, other), hole()).item() == pytest.approx(
        wanted, abs=0.3
    )
    assert realism.tone(image, image, hole()).item() == 0
    assert torch.isnan(realism.tone(image, image, torch.zeros(1, 1, 96, 96))).all()


def test_leak_is_the_way_from_the_skin_to_the_mask():
    image = noise()
    skin, mask = filled(image, (0.8, 0.6, 0.5)), filled(image, (0.3, 0.5, 0.8))
    assert realism.leak(skin, skin, mask, hole()).item() == pytest.approx(0, abs=1e-6)
    assert realism.leak(mask, skin, mask, hole()).item() == pytest.approx(1, abs=1e-6)
    part = realism.leak(0.7 * skin + 0.3 * mask, skin, mask, hole()).item()
    assert 0.2 < part < 0.4
    assert torch.isnan(realism.leak(skin, skin, skin, hole())).all()
